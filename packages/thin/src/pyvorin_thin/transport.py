"""TLS to the service, believed only if it shows a pinned key.

TLS 1.3 only; the trust file's own authority only (the system's store plays no part); the
certificate must be for the host, current, and its SubjectPublicKeyInfo must hash to one of the two
pins. The pin is checked after the handshake and before the first byte of a request. Redirects are
not followed, proxies not used, answers are capped and have a deadline. No option turns any of this
off.

The requests of one command share a connection, as a handshake costs more than most requests; one
that was idle for IDLE_S is not used again, because the service may be closing it just then.
"""

import hashlib
import http.client
import ssl
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from pyvorin_wire.trust import Trust
from pyvorin_wire.value import Value

from pyvorin_thin.errors import ProvenanceError, ServiceError, UsageError

MAX_ANSWER_BYTES: Final = 8 << 20
IDLE_S: Final = 3.0  # below any server's own limit
_CHUNK: Final = 1 << 16


class Answer(Value):
    """An HTTP answer. `headers` has lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """Sends requests to one URL of a trust file, one after the other."""

    def __init__(self, trust: Trust, url: str, timeout_s: float) -> None:
        if url not in trust.urls:
            raise UsageError(
                "PYV870", f"{url} is not one of the URLs in trust.json: {', '.join(trust.urls)}"
            )
        parts = urlsplit(url)
        self.host = parts.hostname or ""
        self.port = parts.port or 443
        self.authority = parts.netloc.lower()
        self.pins = frozenset(trust.spki_pins)
        self.timeout_s = timeout_s
        self.context = _context(trust)
        self._open: http.client.HTTPSConnection | None = None
        self._used_at = 0.0

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection if one is open; the next request opens another."""
        connection = getattr(self, "_open", None)
        self._open = None
        if connection is not None:
            connection.close()

    def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
        *,
        limit: int = MAX_ANSWER_BYTES,
    ) -> Answer:
        """Send one request. Raises ServiceError (PYV830, PYV834) or ProvenanceError (PYV831,
        PYV832)."""
        connection, kept = self._connection(), False
        try:
            if connection.sock is None:
                connection.connect()
                self._check_pin(connection)
            connection.request(
                method, target, body=body or None, headers={"Host": self.authority, **headers}
            )
            answer = self._read(connection, limit)
            kept = True
        except ssl.SSLError as error:
            raise ProvenanceError(
                "PYV832", f"TLS with {self.authority} was refused: {_reason(error)}"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            text = str(error) or type(error).__name__
            raise ServiceError("PYV830", f"{self.authority} cannot be reached: {text}") from error
        finally:
            if kept:
                self._open, self._used_at = connection, time.monotonic()
            else:
                connection.close()
        return answer

    def _connection(self) -> http.client.HTTPSConnection:
        """The open connection if it may be used again, else a new one, not yet connected. It is
        kept only once an answer was read whole.
        """
        connection, self._open = self._open, None
        if connection is not None and time.monotonic() - self._used_at < IDLE_S:
            return connection
        if connection is not None:
            connection.close()
        connection = http.client.HTTPSConnection(
            self.host, self.port, timeout=self.timeout_s, context=self.context
        )
        connection.auto_open = 0  # nothing is sent over a connection whose pin was not checked
        return connection

    def _check_pin(self, connection: http.client.HTTPSConnection) -> None:
        certificate = connection.sock.getpeercert(binary_form=True)
        if certificate is None or spki_digest(certificate) not in self.pins:
            raise ProvenanceError(
                "PYV831", f"the certificate of {self.authority} has none of the pinned keys"
            )

    def _read(self, connection: http.client.HTTPSConnection, limit: int) -> Answer:
        deadline = time.monotonic() + self.timeout_s
        response = connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        if "content-encoding" in headers:
            raise ServiceError(
                "PYV834", "the service compressed its answer, which was not asked for"
            )
        if 300 <= response.status < 400:
            raise ServiceError("PYV834", "the service redirects; redirects are not followed")
        body = bytearray()
        while part := response.read(_CHUNK):
            body += part
            if len(body) > limit:
                raise ServiceError("PYV834", f"the service's answer is over {limit} bytes")
            if time.monotonic() > deadline:
                raise ServiceError("PYV830", "the service answered too slowly")
        declared = headers.get("content-length")
        if declared is not None and declared != str(len(body)):
            raise ServiceError("PYV834", "the service's answer ended early")
        return Answer(response.status, headers, bytes(body))


def _context(trust: Trust) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificate and host name
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(cadata=trust.ca_pem)
    except ssl.SSLError as error:
        raise ProvenanceError(
            "PYV850", "the trust file's certificate authority is malformed"
        ) from error
    return context


def spki_digest(certificate: bytes) -> str:
    """Lower-case hex SHA-256 of a DER certificate's SubjectPublicKeyInfo (RFC 5280, section 4.1).

    Certificate → TBSCertificate → version, serial, algorithm, issuer, validity, subject,
    *subjectPublicKeyInfo*.
    """
    tbs = _contents(_contents(certificate, 0)[0], 0)[0]
    at = 0
    fields: list[bytes] = []
    while at < len(tbs) and len(fields) < 7:
        _, end = _contents(tbs, at)
        fields.append(tbs[at:end])
        at = end
    index = 6 if fields[0][:1] == b"\xa0" else 5
    return hashlib.sha256(fields[index]).hexdigest()


def _contents(data: bytes, at: int) -> tuple[bytes, int]:
    """Contents of the DER element at `at`, and where it ends."""
    length, start = data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    return data[start : start + length], start + length


def _reason(error: ssl.SSLError) -> str:
    return getattr(error, "verify_message", None) or error.reason or "handshake failed"
