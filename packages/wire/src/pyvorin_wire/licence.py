"""Licence keys, licence files, and what activation delivers.

*Licence key* K: 256 random bits, printed once as `pyvk1_` + 52 characters base32 + 6 characters
checksum. K itself is never sent. Derived from it:

    lookup hash      SHA-256("pyvorin licence lookup v1\\0" ‖ K)                        finds the
    licence on the server activation seed  HKDF-SHA256(K, info = "pyvorin activation ed25519 v1"),
    32 bytes   private Ed25519 seed that signs the activation request

*Licence file*: an Envelope of type LICENCE_TYPE, signed with a `licence` key of the trust.

*Delivery*: three secrets, each sealed to the device's X25519 key with HPKE base mode, single shot
(RFC 9180: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM), no AAD, `info =
delivery_info(...)`; the sealed bytes are enc (32 bytes) ‖ ciphertext. Plaintext: canonical JSON of
`delivered.DeliveredKey`. With `cryptography`: `hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256,
hpke.AEAD.AES_256_GCM).encrypt(plaintext, public_key, info=info)`.

What may never change: every label and length here.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from pyvorin_wire import canonical, envelope
from pyvorin_wire.envelope import Envelope, Verify
from pyvorin_wire.errors import EnvelopeError, LicenceError, WireError
from pyvorin_wire.record import Count, Identifier, Record, Seconds

KEY_BYTES: Final = 32
KEY_PREFIX: Final = "pyvk1_"
LICENCE_TYPE: Final = "application/vnd.pyvorin.licence.v1+json"
_BODY_CHARS: Final = 52
_CHECK_CHARS: Final = 6


class Delivered(StrEnum):
    """The secrets that activation delivers; the value is part of the HPKE info label."""

    ARTIFACT_KEY = "artifact"
    REQUEST_KEY = "request"
    FINGERPRINT_KEY = "fingerprint"


class Licence(Record):
    """What the organisation may do. `refresh_after`: contact the service once it has passed;
    `expires_at`: nothing new after it.

    `terms` are shown at activation, e.g. `fallback_events` where the organisation requires them to
    be reported.
    """

    licence_id: Identifier
    organisation_id: Identifier
    plan: Identifier
    features: tuple[Identifier, ...]
    max_devices: Count
    not_before: Seconds
    expires_at: Seconds
    refresh_after: Seconds
    seq: Count
    terms: tuple[Identifier, ...] = ()


def format_key(secret: bytes) -> str:
    """Text of a licence key. `secret` must be 32 random bytes."""
    if len(secret) != KEY_BYTES:
        raise LicenceError("a licence key is 32 bytes", code="licence_key")
    return KEY_PREFIX + _base32(secret)[:_BODY_CHARS] + _checksum(secret)


def parse_key(text: str) -> bytes:
    """The 32 bytes of a typed licence key; white space around it and letter case do not matter.

    Raises LicenceError (licence_key) that never repeats the text.
    """
    cleaned = text.strip().lower()
    body = cleaned.removeprefix(KEY_PREFIX)
    if cleaned == body or len(body) != _BODY_CHARS + _CHECK_CHARS or not body.isascii():
        raise LicenceError(
            "this does not look like a licence key (pyvk1_ and 58 characters)", code="licence_key"
        )
    try:
        secret = base64.b32decode(body[:_BODY_CHARS].upper() + "====")
    except ValueError:
        raise LicenceError(
            "a licence key holds only letters a–z and digits 2–7", code="licence_key"
        ) from None
    if not hmac.compare_digest(format_key(secret), cleaned):
        raise LicenceError(
            "the licence key has a typing error: its checksum does not match", code="licence_key"
        )
    return secret


def lookup_hash(secret: bytes) -> str:
    """64 hex digits that find the licence; not a credential."""
    return hashlib.sha256(b"pyvorin licence lookup v1\0" + secret).hexdigest()


def activation_seed(secret: bytes) -> bytes:
    """Seed (32 bytes) of the Ed25519 key that signs the activation request."""
    return hkdf(secret, info=b"pyvorin activation ed25519 v1")


def delivery_info(kind: Delivered, organisation_id: str, device_id: str) -> bytes:
    """HPKE `info`: a sealed secret opens only for this purpose, organisation and device."""
    return b"\0".join(
        (
            b"pyvorin hpke delivery v1",
            kind.value.encode(),
            organisation_id.encode(),
            device_id.encode(),
        )
    )


def device_artifact_key_info(licence_id: str, device_id: str) -> bytes:
    """HKDF info with which the signer derives a device's artifact key from its master key (salt:
    the key epoch's id)."""
    return b"\0".join((b"pyvorin device artifact key v1", licence_id.encode(), device_id.encode()))


def hkdf(secret: bytes, *, info: bytes, salt: bytes = b"", length: int = 32) -> bytes:
    """HKDF-SHA256 (RFC 5869), extract then expand; `length` at most 8160 bytes."""
    if not 0 < length <= 255 * 32:
        raise LicenceError("HKDF length out of range")
    extracted = hmac.new(salt or bytes(32), secret, hashlib.sha256).digest()
    output = block = b""
    counter = 0
    while len(output) < length:
        counter += 1
        block = hmac.new(extracted, block + info + bytes([counter]), hashlib.sha256).digest()
        output += block
    return output[:length]


def sign_licence(licence: Licence, signers: Mapping[str, envelope.Sign]) -> Envelope:
    return envelope.sign(LICENCE_TYPE, canonical.dumps(licence.to_json()), signers)


def open_licence(signed: Envelope, keys: Mapping[str, Verify]) -> Licence:
    """The licence, if a licence key of the trust signed it. Raises LicenceError (licence_signature,
    licence_malformed)."""
    try:
        return Licence.from_json(envelope.document(signed, LICENCE_TYPE, keys))
    except EnvelopeError as error:
        raise LicenceError(
            "the licence file's signature is not good", code="licence_signature"
        ) from error
    except WireError as error:
        raise LicenceError(
            f"the licence file is malformed: {error}", code="licence_malformed"
        ) from error


def check_current(licence: Licence, now_s: int) -> None:
    """Raise LicenceError (licence_early, licence_expired) unless the licence is valid now."""
    if now_s < licence.not_before:
        raise LicenceError("the licence is not valid yet", code="licence_early")
    if now_s >= licence.expires_at:
        raise LicenceError(
            "the licence has expired; loading built artifacts still works", code="licence_expired"
        )


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode("ascii").rstrip("=").lower()


def _checksum(secret: bytes) -> str:
    return _base32(hashlib.sha256(b"pyvorin licence checksum v1\0" + secret).digest())[
        :_CHECK_CHARS
    ]
