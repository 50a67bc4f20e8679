"""The service as the client sees it: signed requests in, checked records out.

Every request is signed (RFC 9421) with the device's request key and carries a nonce used once. When
the service says that the clocks differ, the request is signed again once with the service's time,
and the user is told; certificates and expiry never use that offset. A request that may be sent
twice is retried when the service is briefly away.
"""

import secrets
import sys
import time
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pyvorin_wire import api, canonical, httpsig
from pyvorin_wire.envelope import Envelope, Sign
from pyvorin_wire.errors import WireError
from pyvorin_wire.jobs import ExitCode
from pyvorin_wire.record import Record
from pyvorin_wire.trust import Trust
from pyvorin_wire.value import Value

from pyvorin_thin import recalls
from pyvorin_thin import trust as trusting
from pyvorin_thin.errors import (
    Findings,
    LicenceProblem,
    LimitError,
    ServiceError,
    ThinError,
    UsageError,
)
from pyvorin_thin.keys import Device
from pyvorin_thin.store import MAX_CONTAINER_BYTES
from pyvorin_thin.transport import Answer, Connection

R = TypeVar("R", bound=Record)

RETRIES: Final = 3
_RETRIED: Final = frozenset({502, 503, 504})
_KINDS: Final[dict[ExitCode, type[ThinError]]] = {
    ExitCode.USAGE: UsageError,
    ExitCode.LICENCE: LicenceProblem,
    ExitCode.LIMIT: LimitError,
    ExitCode.FINDINGS: Findings,
}
_CODES: Final = {
    "clock_skew": "PYV833",
    "wrong_region": "PYV836",
    "fingerprint_unknown": "PYV840",
    "not_found": "PYV834",
    "unavailable": "PYV830",
}
_CODE_OF_KIND: Final = {
    LicenceProblem: "PYV821",
    LimitError: "PYV835",
    UsageError: "PYV834",
    Findings: "PYV837",
    ServiceError: "PYV834",
}


class Signer(Value):
    """Who signs a request, and how."""

    keyid: str
    alg: str
    make: Sign


class Service:
    """One service for one device. Holds a connection and an access token for the object's life."""

    def __init__(self, connection: Connection, signer: Signer, device_id: str = "") -> None:
        self._connection = connection
        self._signer = signer
        self._device_id = device_id
        self._token: api.TokenResponse | None = None
        self._offset_s = 0

    def call(
        self,
        method: str,
        target: str,
        body: Record | None,
        answer: type[R],
        *,
        headers: Mapping[str, str] = {},
        repeatable: bool = False,
    ) -> R:
        """Send `body`, check and return the answer. `headers` are further ones (Idempotency-Key);
        `repeatable` says that sending it twice does no harm. Raises ThinError."""
        data = b"" if body is None else canonical.dumps(body.to_json())
        raw = self._send(method, target, data, headers, repeatable=repeatable)
        return _record(raw.body, answer)

    def download(self, artifact_id: str) -> bytes:
        """A container's bytes, not yet verified."""
        target = f"/v1/artifacts/{artifact_id}/download"
        return self._send("GET", target, b"", {}, limit=MAX_CONTAINER_BYTES).body

    def sync(self, trust: Trust, *, always: bool = True) -> None:
        """Fetch the recall list, which is due on every contact, and store it.

        With `always` false it is not fetched if the service says that ours is the newest.
        """
        if not always:
            ours = recalls.load_recall()
            if ours is not None and ours.version == self._fresh_token().recall_version:
                return
        trusting.accept_recall(trust, self.call("GET", "/v1/recall", None, Envelope))

    def _send(
        self,
        method: str,
        target: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        limit: int = 8 << 20,
        repeatable: bool = False,
    ) -> Answer:
        repeatable = (
            repeatable
            or method in ("GET", "PUT")
            or "idempotency-key" in headers
            or target.startswith("/v1/auth/")
        )
        for attempt in range(RETRIES):
            try:
                raw = self._once(method, target, body, headers, limit)
            except ServiceError as error:
                if error.code != "PYV830" or not repeatable or attempt == RETRIES - 1:
                    raise
            else:
                if raw.status not in _RETRIED or not repeatable or attempt == RETRIES - 1:
                    return _successful(raw)
            time.sleep(0.2 * 4**attempt)
        raise AssertionError("unreachable")

    def _once(
        self, method: str, target: str, body: bytes, headers: Mapping[str, str], limit: int
    ) -> Answer:
        raw = self._signed(method, target, body, headers, limit)
        if raw.status == 401 and (problem := _problem(raw)) and problem.code == "clock_skew":
            self._offset_s = (problem.server_time_s or int(time.time())) - int(time.time())
            text = (
                f"pyvorin: this clock differs from the service's by {-self._offset_s:+d} s; "
                f"signing once more"
            )
            print(text, file=sys.stderr)
            raw = self._signed(method, target, body, headers, limit)
        elif raw.status == 401 and self._token is not None and not target.startswith("/v1/auth/"):
            self._token = None  # expired meanwhile
            raw = self._signed(method, target, body, headers, limit)
        return raw

    def _signed(
        self, method: str, target: str, body: bytes, headers: Mapping[str, str], limit: int
    ) -> Answer:
        path, _, query = target.partition("?")
        sent = {"accept": "application/json", **headers}
        if body:
            sent["content-type"] = "application/json"
        if self._signer.alg == httpsig.HMAC and not path.startswith("/v1/auth/"):
            sent["authorization"] = f"Bearer {self._fresh_token().access_token}"
        created = int(time.time()) + self._offset_s
        nonce = secrets.token_urlsafe(httpsig.NONCE_BYTES)
        parameters = httpsig.Parameters(created, nonce, self._signer.keyid, self._signer.alg)
        request = httpsig.Request(method, self._connection.authority, path, query, sent, body)
        sent.update(httpsig.sign(request, parameters, self._signer.make))
        return self._connection.send(method, target, sent, body, limit=limit)

    def _fresh_token(self) -> api.TokenResponse:
        if self._token is None:
            asked = api.TokenRequest(self._device_id)
            self._token = self.call("POST", "/v1/auth/token", asked, api.TokenResponse)
        return self._token


def connect(trust: Trust, device: Device, timeout_s: float) -> Service:
    """The service that this device is activated with."""
    key = bytes.fromhex(device.request_key.key)
    signer = Signer(device.request_key.key_id, httpsig.HMAC, httpsig.hmac_signer(key))
    return Service(Connection(trust, device.url, timeout_s), signer, device.device_id)


def _successful(raw: Answer) -> Answer:
    if 200 <= raw.status < 300:
        return raw
    problem = _problem(raw)
    if problem is None:
        raise ServiceError("PYV834", f"the service answered {raw.status} without saying why")
    _, exit_code = api.PROBLEMS.get(problem.code, (raw.status, ExitCode.SERVICE))
    kind = _KINDS.get(exit_code, ServiceError)
    code = _CODES.get(problem.code) or _CODE_OF_KIND[kind]
    raise kind(code, problem.detail or problem.title, _advice(problem))


def _advice(problem: api.Problem) -> tuple[str, ...]:
    found = []
    if problem.retry_after_s is not None:
        found.append(f"try again in {problem.retry_after_s} s")
    if problem.url:
        found.append(f"the service for your organisation is {problem.url}")
    return tuple(found)


def _problem(raw: Answer) -> api.Problem | None:
    try:
        return api.Problem.from_json(canonical.loads(raw.body, exact=False))
    except WireError:
        return None


def _record(body: bytes, kind: type[R]) -> R:
    try:
        value: Any = canonical.loads(body, exact=False) if body else {}
        return kind.from_json(value)
    except WireError as error:
        raise ServiceError("PYV834", f"the service's answer cannot be used: {error}") from error
