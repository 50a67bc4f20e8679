"""A device of the service, and an installation to talk to: what the service's tests are written
with.

`Device` speaks the wire formats as a client does (keys, request signatures, tokens, claims), over
real TLS to a real `pyvorin-server up`. `raw` sends exactly what it is given, for attacks.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.client
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from pyvorin_wire import api, canonical, envelope, fingerprint, httpsig, licence, platform
from pyvorin_wire import trust as trust_format
from pyvorin_wire.delivered import DeliveredKey
from pyvorin_wire.licence import Delivered

SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
SERVER = [sys.executable, "-m", "pyvorin_server"]
ENDED = {"complete", "rejected", "mismatch", "failed", "timeout", "cancelled"}
PATIENCE_S = 600  # for what comes in a second where the machine is free: no test is about waiting


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json().get("code"))


@dataclass
class Installation:
    """An installation in a folder, and its `up` process while it runs."""

    folder: Path
    port: int
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    @property
    def environment(self) -> dict[str, str]:
        own = {f"PYVORIN_SERVER_{name.upper()}": text for name, text in self.settings.items()}
        return {
            **os.environ,
            **own,
            "PYVORIN_SERVER_DATA_DIR": str(self.folder),
            "PYVORIN_SERVER_LISTEN_PORT": str(self.port),
        }

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*SERVER, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=check,
        )

    def start(self) -> None:
        self.process = subprocess.Popen(
            [*SERVER, "up"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=(self.folder.parent / "up.err").open("ab"),
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("ready "):
                return
        raise AssertionError(self.logs())

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def logs(self) -> str:
        found = [path.read_text("utf-8", "replace") for path in self.folder.glob("log/*.log")]
        return "\n".join([*found, (self.folder.parent / "up.err").read_text("utf-8", "replace")])

    def pids(self, name: str) -> list[int]:
        """Process ids of one of the installation's processes."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    if str(self.folder).encode() in words and name.encode() in words:
                        found.append(int(entry.name))
        return found

    def trust(self) -> trust_format.Trust:
        return trust_format.parse((self.folder / "trust.json").read_bytes())

    def issue(self, devices: int = 3) -> tuple[str, str]:
        """Issue a licence; return its id and key."""
        owner = ("--organisation", self.trust().organisation_id)
        asked = ("licence", "issue", *owner, "--devices", str(devices), "--format", "json")
        made = json.loads(self.run(*asked).stdout)
        return made["licence"], made["key"]

    def raw(
        self,
        method: str,
        target: str,
        headers: dict[str, str],
        body: bytes = b"",
        source: str = "",
    ) -> Answer:
        """Send one request over TLS 1.3, verified against trust.json's CA; nothing is added. As a
        `source`, every 127.x.x.x is an address of this machine.
        """
        context = _context(self.trust().ca_pem)
        connection = http.client.HTTPSConnection(
            "127.0.0.1",
            self.port,
            timeout=PATIENCE_S,
            source_address=(source, 0) if source else None,
            context=context,
        )
        try:
            connection.request(method, target, body=body, headers=headers)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()


@functools.lru_cache
def _context(ca_pem: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=ca_pem)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Device:
    """One activated (or to be activated) device."""

    def __init__(self, installation: Installation, key: str) -> None:
        self.installation = installation
        self.secret = licence.parse_key(key)
        self.signing = Ed25519PrivateKey.generate()
        self.sealing = X25519PrivateKey.generate()
        self.keys: dict[Delivered, DeliveredKey] = {}
        self.id = ""
        self.organisation = ""
        self._tokens: dict[str, Any] = {}
        self._renew_at = 0.0

    # ---- signing

    @property
    def tokens(self) -> dict[str, Any]:
        """The tokens sent along, or none; as any client, a device renews them in good time."""
        if self._tokens and time.monotonic() > self._renew_at:
            answer = self.fetch_tokens()
            if answer.status == 200:  # a revoked device keeps what it has, to be refused with it
                self.tokens = answer.json()
        return self._tokens

    @tokens.setter
    def tokens(self, found: dict[str, Any]) -> None:
        self._tokens = found
        self._renew_at = time.monotonic() + found.get("expires_in_s", 0) / 2

    def signed(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        created: int | None = None,
        nonce: str | None = None,
        activation: bool = False,
    ) -> dict[str, str]:
        """Return the headers of a signed request."""
        path, _, query = target.partition("?")
        found = {"host": f"127.0.0.1:{self.installation.port}", **(headers or {})}
        if body:
            found.setdefault("content-type", "application/json")
        request = httpsig.Request(method, found["host"], path, query, found, body)
        if activation:
            seed = licence.activation_seed(self.secret)
            make: Callable[[bytes], bytes] = Ed25519PrivateKey.from_private_bytes(seed).sign
            key_id, alg = licence.lookup_hash(self.secret), httpsig.ED25519
        else:
            delivered = self.keys[Delivered.REQUEST_KEY]
            make = httpsig.hmac_signer(bytes.fromhex(delivered.key))
            key_id, alg = delivered.key_id, httpsig.HMAC
        parameters = httpsig.Parameters(
            int(time.time()) if created is None else created,
            secrets.token_urlsafe(httpsig.NONCE_BYTES) if nonce is None else nonce,
            key_id,
            alg,
        )
        return found | httpsig.sign(request, parameters, make)

    def send(
        self, method: str, target: str, record: Any = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a signed request with the access token."""
        body = b"" if record is None else canonical.dumps(record)
        extra = dict(headers or {})
        if self.tokens:
            extra["authorization"] = f"Bearer {self.tokens['access_token']}"
        signed = self.signed(method, target, body, extra)
        return self.installation.raw(method, target, signed, body)

    # ---- activation

    def activation(self) -> tuple[bytes, dict[str, str]]:
        """Return body and headers of an activation request."""
        asked = api.ActivateRequest(
            lookup_hash=licence.lookup_hash(self.secret),
            ed25519=self.signing.public_key().public_bytes_raw().hex(),
            x25519=self.sealing.public_key().public_bytes_raw().hex(),
            platform=platform.running(),
            client_version="0.1.0",
            device_name="a test",
        )
        body = canonical.dumps(asked.to_json())
        return body, self.signed("POST", "/v1/license/activate", body, activation=True)

    def activate(self) -> Answer:
        """Activate, open the delivered keys, fetch tokens."""
        body, headers = self.activation()
        answer = self.installation.raw("POST", "/v1/license/activate", headers, body)
        if answer.status == 200:
            self._open(api.ActivateResponse.from_json(answer.json()))
            self.tokens = self.fetch_tokens().json()
        return answer

    def _open(self, made: api.ActivateResponse) -> None:
        self.id, self.organisation = made.device_id, made.organisation_id
        sealed = {
            Delivered.ARTIFACT_KEY: made.sealed.artifact,
            Delivered.REQUEST_KEY: made.sealed.request,
            Delivered.FINGERPRINT_KEY: made.sealed.fingerprint[0],
        }
        for kind, text in sealed.items():
            info = licence.delivery_info(kind, self.organisation, self.id)
            plain = SUITE.decrypt(envelope.unbase64(text), self.sealing, info=info)
            self.keys[kind] = DeliveredKey.from_bytes(plain)

    def fetch_tokens(self) -> Answer:
        asked = api.TokenRequest(self.id).to_json()
        body = canonical.dumps(asked)
        headers = self.signed("POST", "/v1/auth/token", body)
        return self.installation.raw("POST", "/v1/auth/token", headers, body)

    # ---- compiling

    def compiler(self) -> str:
        """Return the compiler version to fingerprint for."""
        items = self.send("GET", "/v1/targets").json()["items"]
        tag = platform.running().python_tag
        return str(next(item["compiler"] for item in items if item["python_tag"] == tag))

    def request(
        self,
        source: str,
        functions: list[str] | None = None,
        *,
        claimed: str | None = None,
        examples: str | None = None,
        options: dict[str, Any] | None = None,
        bundle: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Return a compile request; `claimed` is the source the fingerprint is of, if not
        `source`.
        """
        names = None if functions is None else tuple(functions)
        asked = api.CompileRequest(
            module="work",
            target=platform.running(),
            source=source,
            path="src/work.py",
            functions=names,
            examples=examples,
            options=options or {},
            bundle=bundle,
        )
        name = self.fingerprint(claimed or source, asked)
        claim = api.Claim(
            name,
            hashlib.sha256(source.encode()).hexdigest(),
            fingerprint.options_digest(asked.all_options()),
            "",
        )
        signature = self.signing.sign(envelope.pae(api.CLAIM_TYPE, claim.signed_bytes()))
        body = asked.to_json()
        body["claim"] = {**claim.to_json(), "signature": envelope.base64_text(signature)}
        return body

    def fingerprint(self, source: str, asked: api.CompileRequest) -> str:
        digest = fingerprint.canonical_digest(
            source,
            asked.functions,
            options=asked.all_options(),
            target=asked.target,
            compiler=self.compiler(),
            bundle=asked.bundle,
        )
        key = self.keys[Delivered.FINGERPRINT_KEY]
        return fingerprint.keyed(bytes.fromhex(key.key), key.epoch, digest)

    def look_up(self, name: str) -> Answer:
        asked = api.CompileRequest("work", platform.running(), fingerprint=name)
        return self.send("POST", "/v1/compile", asked.to_json())

    def wait(self, job_id: str, until: set[str] = ENDED) -> dict[str, Any]:
        """Wait until a job has ended; the service answers as soon as its state changes."""
        give_up = time.monotonic() + PATIENCE_S
        target = f"/v1/compile/jobs/{job_id}"
        view: dict[str, Any] = self.send("GET", target).json()
        while view["state"] not in until:
            assert time.monotonic() < give_up, (view, self.installation.logs()[-4000:])
            view = self.send("GET", f"{target}?state={view['state']}&wait_s=5").json()
        return view

    def build(self, body: dict[str, Any]) -> dict[str, Any]:
        """Compile and wait for the end."""
        accepted = self.send("POST", "/v1/compile", body)
        assert accepted.status in (200, 202), accepted
        return self.wait(accepted.json()["job_id"])
