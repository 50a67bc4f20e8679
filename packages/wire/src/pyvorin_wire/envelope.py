"""Signing: what exactly is signed, and the envelope that carries signatures.

The signed bytes are never the document alone but its DSSE v1 *pre-authentication encoding*, which
names the document's type, so that a signature over a licence can never pass for one over an
artifact:

    pae("t", b"body")  ==  b"DSSEv1 1 t 4 body"

Two users: a MAC (HMAC-SHA256, symmetric, `mac`) and an `Envelope` of public-key signatures
(Ed25519). Signing and verifying are passed in as callables, so this package needs no cryptography
library and no key ever lives here. A key id is a hint for choosing a key, never a reason to trust
one (DSSE, "keyid"): each signature is tried against every accepted key.

What may never change: the PAE, the JSON member names (they are DSSE's own), base64 with padding.
"""

import binascii
from _collections_abc import Callable, Mapping

from pyvorin_wire import canonical
from pyvorin_wire.digest import hmac_sha256, same_bytes
from pyvorin_wire.errors import EnvelopeError
from pyvorin_wire.record import Annotated, Base64, Check, Record, is_base64_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

MAC_BYTES: "Final" = 32

Sign = Callable[[bytes], bytes]
Verify = Callable[[bytes, bytes], bool]
"""(signature, message) → whether this key made it. Must not raise for a malformed signature."""


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE v1 pre-authentication encoding (secure-systems-lab/dsse, protocol.md)."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def mac(key: bytes, payload_type: str, payload: bytes) -> bytes:
    """HMAC-SHA256 over the PAE: 32 bytes."""
    return hmac_sha256(key, pae(payload_type, payload))


def check_mac(key: bytes, payload_type: str, payload: bytes, expected: bytes) -> bool:
    """Whether `expected` is the full 32-byte MAC, compared in constant time."""
    return len(expected) == MAC_BYTES and same_bytes(mac(key, payload_type, payload), expected)


class Signature(Record):
    keyid: Annotated[str, Check(high=128)]
    sig: Base64


class Envelope(Record):
    """A document with signatures, in DSSE's JSON form. `payload` is base64 of the document's exact
    bytes."""

    payloadType: Annotated[str, Check(low=1, high=128)]  # DSSE's own spelling
    payload: Annotated[str, Check(test=is_base64_text, high=32 * 1024 * 1024)]
    signatures: tuple[Signature, ...]

    def to_bytes(self) -> bytes:
        return canonical.dumps(self.to_json())

    @classmethod
    def from_bytes(cls, data: bytes) -> "Envelope":
        return cls.from_json(canonical.loads(data))

    def body(self) -> bytes:
        """The document's bytes, *not yet verified*: for choosing keys or showing, never for
        acting."""
        return unbase64(self.payload)


def sign(payload_type: str, payload: bytes, signers: Mapping[str, Sign]) -> Envelope:
    """Sign the document with each of `signers` (key id → sign)."""
    message = pae(payload_type, payload)
    signatures = tuple(
        Signature(key_id, base64_text(make(message))) for key_id, make in signers.items()
    )
    return Envelope(payload_type, base64_text(payload), signatures)


def verify(envelope: Envelope, payload_type: str, keys: Mapping[str, Verify]) -> bytes:
    """The document's bytes, if it is of `payload_type` and at least one of `keys` (key id → verify)
    signed it.

    Raises EnvelopeError (code `envelope_type` or `envelope_signature`) otherwise.
    """
    signers(envelope, payload_type, keys)
    return envelope.body()


def signers(envelope: Envelope, payload_type: str, keys: Mapping[str, Verify]) -> frozenset[str]:
    """Ids, from `keys`, of all accepted keys that signed. Never empty: raises EnvelopeError
    instead."""
    if envelope.payloadType != payload_type:
        raise EnvelopeError(
            f"signed document is of type {envelope.payloadType}, not {payload_type}",
            code="envelope_type",
        )
    message = pae(payload_type, envelope.body())
    raw = [unbase64(signature.sig) for signature in envelope.signatures[:8]]
    found = frozenset(
        key_id for key_id, check in keys.items() if any(check(one, message) for one in raw)
    )
    if not found:
        raise EnvelopeError("no accepted key signed this document", code="envelope_signature")
    return found


def document(envelope: Envelope, payload_type: str, keys: Mapping[str, Verify]) -> "Any":
    """`verify`, then parse the document as canonical JSON."""
    return canonical.loads(verify(envelope, payload_type, keys))


def base64_text(data: bytes) -> str:
    """Standard base64 with padding, as text."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def unbase64(text: str) -> bytes:
    """Exact inverse of `base64_text`; raises EnvelopeError for anything it would not write."""
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise EnvelopeError("not base64") from error
    if base64_text(data) != text:
        raise EnvelopeError("base64 with stray bits")
    return data
