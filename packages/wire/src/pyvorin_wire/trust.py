"""`trust.json`: what a client believes before it opens the first connection to a self-hosted
service.

It names the organisation, the service's URLs, the certificate authority, two SPKI pins (current and
backup), and the public keys with the role of each. An administrator hands it over out of band, or
just its `short_digest` (160 bits) to compare; there is no trust on first use.

Updates travel as an Envelope of type TRUST_TYPE signed by a *root* key of the trust that is being
replaced; if the root keys change, a new root key signs too. Version numbers only grow. Where a key
may be used is its role, never its id: a licence key cannot sign an artifact.

What may never change: field names, roles, TRUST_TYPE, the digest.
"""

import base64
import hashlib
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from pyvorin_wire import canonical, envelope
from pyvorin_wire.envelope import Envelope, Verify
from pyvorin_wire.errors import EnvelopeError, TrustError
from pyvorin_wire.record import Annotated, Check, Hex32, Identifier, Record, Seconds

FORMAT: Final = 1
TRUST_TYPE: Final = "application/vnd.pyvorin.trust.v1+json"
MAX_BYTES: Final = 256 * 1024

Ed25519Verify = Callable[[bytes, bytes, bytes], bool]
"""(public key of 32 bytes, signature, message) → whether the signature is good."""


class Role(StrEnum):
    """What a key may sign."""

    ROOT = "root"
    ARTIFACT = "artifact"
    LICENCE = "licence"
    RECALL = "recall"
    AUDIT = "audit"


class TrustedKey(Record):
    key_id: Identifier
    role: Role
    public: Hex32


class Trust(Record):
    """`spki_pins` are lower-case hex SHA-256 of the DER SubjectPublicKeyInfo; one of them must
    match the server's certificate."""

    format: Annotated[int, Check(low=FORMAT, high=FORMAT)]
    organisation_id: Identifier
    organisation: str
    region: Identifier
    version: Annotated[int, Check(low=1, high=2**31)]
    issued_at: Seconds
    expires_at: Seconds
    urls: tuple[Annotated[str, Check(pattern=r"https://[A-Za-z0-9.\-\[\]:]+", high=256)], ...]
    ca_pem: Annotated[str, Check(high=64 * 1024)]
    spki_pins: tuple[Hex32, ...]
    keys: tuple[TrustedKey, ...]

    def to_bytes(self) -> bytes:
        return canonical.dumps(self.to_json())

    def public_keys(self, role: Role) -> dict[str, bytes]:
        """Key id → public key of 32 bytes, of this role."""
        return {key.key_id: bytes.fromhex(key.public) for key in self.keys if key.role == role}

    def verifiers(self, role: Role, verify: Ed25519Verify) -> Mapping[str, Verify]:
        """Keys of this role in the form that `envelope.verify` takes."""
        return {key_id: _bind(verify, public) for key_id, public in self.public_keys(role).items()}

    def short_digest(self) -> str:
        """160 bits of SHA-256 in eight groups of four, for people to compare: `ABCD-EFGH-…`."""
        text = base64.b32encode(hashlib.sha256(self.to_bytes()).digest()[:20]).decode("ascii")
        return "-".join(text[i : i + 4] for i in range(0, 32, 4))


def parse(data: bytes) -> Trust:
    """Read trust.json (white space and key order are free in the file people handle). Raises
    WireError."""
    trust = Trust.from_json(canonical.loads(data, exact=False, max_bytes=MAX_BYTES))
    if len(trust.spki_pins) != 2 or trust.spki_pins[0] == trust.spki_pins[1]:
        raise TrustError("trust.json must hold two different SPKI pins", code="trust_pins")
    if not trust.urls:
        raise TrustError("trust.json names no URL", code="trust_urls")
    if not trust.public_keys(Role.ROOT):
        raise TrustError("trust.json holds no root key", code="trust_keys")
    return trust


def check_current(trust: Trust, now_s: int) -> None:
    """Raise TrustError (code trust_expired) if the trust file has expired."""
    if now_s >= trust.expires_at:
        raise TrustError(
            "the trust file has expired; ask the service's administrator for the new one",
            code="trust_expired",
        )


def check_digest(trust: Trust, digest: str) -> None:
    """Raise TrustError (code trust_digest) unless `digest`, as typed by a person, is this file's
    short digest."""
    if digest.replace("-", "").replace(" ", "").upper() != trust.short_digest().replace("-", ""):
        raise TrustError("the trust file's digest differs from the one given", code="trust_digest")


def sign_update(trust: Trust, signers: Mapping[str, envelope.Sign]) -> Envelope:
    """An update: signed by an old root key, and by a new one if root keys change."""
    return envelope.sign(TRUST_TYPE, trust.to_bytes(), signers)


def accept_update(current: Trust, update: Envelope, verify: Ed25519Verify, now_s: int) -> Trust:
    """The new trust, if it may replace `current`; `current` itself if it is the same version.

    Raises TrustError: trust_signature, trust_rollback, trust_foreign, trust_expired.
    """
    try:
        body = envelope.verify(update, TRUST_TYPE, current.verifiers(Role.ROOT, verify))
        new = parse(body)
        if new.public_keys(Role.ROOT) != current.public_keys(Role.ROOT):
            envelope.verify(update, TRUST_TYPE, new.verifiers(Role.ROOT, verify))
    except EnvelopeError as error:
        raise TrustError(
            "the trust update is not signed by the trusted root", code="trust_signature"
        ) from error
    if new.organisation_id != current.organisation_id:
        raise TrustError("the trust update is for another organisation", code="trust_foreign")
    if new.version < current.version or (new.version == current.version and new != current):
        raise TrustError("the trust update is older than the trust in use", code="trust_rollback")
    check_current(new, now_s)
    return new


def _bind(verify: Ed25519Verify, public: bytes) -> Verify:
    return lambda signature, message: verify(public, signature, message)
