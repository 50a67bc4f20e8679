"""The signer's keys, sealed in one file, and what is derived from them.

    root, artifact, licence, recall, audit   Ed25519; public halves in trust.json, by role
    mac master                               → a device's artifact key (HKDF; salt: key id)
    fingerprint master                       → an organisation's fingerprint key of an epoch

Keys are made once by `pyvorin-server init` and leave this process only as signatures, MACs, or a
device's own keys sealed to that device (HPKE).
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pyvorin_wire.envelope import Sign
from pyvorin_wire.licence import device_artifact_key_info, hkdf
from pyvorin_wire.trust import Role

from pyvorin_server.kit.sealing import KeyProvider, read_secret, write_secret

_PLACE = "file|signer-ring||"
_FINGERPRINT_INFO = b"pyvorin organisation fingerprint key v1\0"


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """An Ed25519 key with the id its public half has in trust.json."""

    key_id: str
    private: Ed25519PrivateKey

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def signers(self) -> dict[str, Sign]:
        """Return this key in the form `pyvorin_wire.envelope.sign` takes."""
        return {self.key_id: self.private.sign}


@dataclass(frozen=True, slots=True, repr=False)
class SignerKeys:
    """All keys of the signer."""

    by_role: Mapping[Role, SigningKey]
    mac_key_id: str
    mac_master: bytes
    fingerprint_master: bytes

    def device_artifact_key(self, licence_id: str, device_id: str) -> bytes:
        """Return the 32-byte HMAC key of one device."""
        info = device_artifact_key_info(licence_id, device_id)
        return hkdf(self.mac_master, info=info, salt=self.mac_key_id.encode())

    def fingerprint_key(self, organisation_id: str, epoch: int) -> bytes:
        """Return the 32-byte fingerprint key of an organisation in an epoch."""
        info = _FINGERPRINT_INFO + organisation_id.encode() + b"\0%d" % epoch
        return hkdf(self.fingerprint_master, info=info)


def create_keys(path: Path, keys: KeyProvider) -> SignerKeys:
    """Make all keys and seal them into a new file. Raises `KeyFileError` if it exists."""
    ring = {
        "seeds": {role.value: os.urandom(32).hex() for role in Role},
        "mac_master": os.urandom(32).hex(),
        "fingerprint_master": os.urandom(32).hex(),
    }
    write_secret(path, keys.seal(json.dumps(ring).encode(), _PLACE))
    return _from_ring(ring)


def load_keys(path: Path, keys: KeyProvider) -> SignerKeys:
    """Read the sealed file. Raises `KeyFileError` or `SealError`."""
    return _from_ring(json.loads(keys.open(read_secret(path), _PLACE)))


def key_id_of(public: bytes) -> str:
    """Return the id of an Ed25519 public key: `ed25519-` and 16 hex digits of its SHA-256."""
    return "ed25519-" + hashlib.sha256(public).hexdigest()[:16]


def verify_ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether the signature is good; never raises for a malformed one."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _from_ring(ring: dict[str, Any]) -> SignerKeys:
    by_role = {}
    for role in Role:
        private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(ring["seeds"][role.value]))
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        by_role[role] = SigningKey(key_id_of(public), private)
    master = bytes.fromhex(ring["mac_master"])
    mac_key_id = "mac-" + hashlib.sha256(b"pyvorin mac key id\0" + master).hexdigest()[:16]
    return SignerKeys(by_role, mac_key_id, master, bytes.fromhex(ring["fingerprint_master"]))
