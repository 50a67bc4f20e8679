"""Secrets at rest: AES-256-GCM records, and where the key that seals them lives.

    record = b"\\x01" ‖ key id (8 bytes) ‖ nonce (12 bytes) ‖ ciphertext ‖ tag (16 bytes)

The associated data names the place a record belongs to (table, column, row, organisation), so a
record copied to another row does not open there. `KeyProvider` is the port behind which the
key-encryption key may live: `FileKeyProvider` keeps it in a 0600 file, a hardware keystore can
take its place. A key opens every record sealed under an id it still holds, and seals with the
newest.
"""

import hashlib
import os
import stat
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pyvorin_server.errors import KeyFileError, SealError

_VERSION = b"\x01"
_KEY_ID_BYTES = 8
_NONCE_BYTES = 12
_HEADER_BYTES = 1 + _KEY_ID_BYTES + _NONCE_BYTES


class KeyProvider(Protocol):
    """Seals and opens records; the only holder of the key-encryption key."""

    def seal(self, plain: bytes, place: str) -> bytes: ...

    def open(self, record: bytes, place: str) -> bytes: ...


class AesKey:
    """One 256-bit key in memory, as a `KeyProvider`."""

    def __init__(self, key: bytes) -> None:
        assert len(key) == 32, len(key)
        self._cipher = AESGCM(key)
        self.id = hashlib.sha256(b"pyvorin key id\x00" + key).digest()[:_KEY_ID_BYTES]

    def seal(self, plain: bytes, place: str) -> bytes:
        """Return the record of `plain`, to be opened only with the same `place`."""
        nonce = os.urandom(_NONCE_BYTES)
        header = _VERSION + self.id + nonce
        return header + self._cipher.encrypt(nonce, plain, self._binding(header, place))

    def open(self, record: bytes, place: str) -> bytes:
        """Return the plain bytes of `record`. Raises `SealError` on another place, key or a
        change.
        """
        if len(record) < _HEADER_BYTES + 16 or record[:1] != _VERSION:
            raise SealError("not a sealed record")
        if record[1 : 1 + _KEY_ID_BYTES] != self.id:
            raise SealError("sealed under a key that is not held here")
        header = record[:_HEADER_BYTES]
        nonce = header[1 + _KEY_ID_BYTES :]
        try:
            return self._cipher.decrypt(nonce, record[_HEADER_BYTES:], self._binding(header, place))
        except InvalidTag:
            raise SealError(f"sealed record does not belong to {place}") from None

    @staticmethod
    def _binding(header: bytes, place: str) -> bytes:
        return header[: 1 + _KEY_ID_BYTES] + place.encode()


class FileKeyProvider:
    """Key-encryption keys in one 0600 file: one line of hex a key, newest last."""

    def __init__(self, path: Path) -> None:
        lines = read_secret(path).decode("ascii").split()
        if not lines:
            raise KeyFileError(f"{path.name} holds no key")
        self._keys = [AesKey(bytes.fromhex(line)) for line in lines]

    @staticmethod
    def create(path: Path) -> "FileKeyProvider":
        """Make a new key file. Raises `KeyFileError` if it exists."""
        write_secret(path, os.urandom(32).hex().encode() + b"\n")
        return FileKeyProvider(path)

    def seal(self, plain: bytes, place: str) -> bytes:
        return self._keys[-1].seal(plain, place)

    def open(self, record: bytes, place: str) -> bytes:
        key_id = record[1 : 1 + _KEY_ID_BYTES]
        for key in self._keys:
            if key.id == key_id:
                return key.open(record, place)
        raise SealError("sealed under a key that is not held here")


def write_secret(path: Path, content: bytes) -> None:
    """Create `path` with mode 0600 and write it through to disk. Raises `KeyFileError` if it
    exists.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        raise KeyFileError(f"{path.name} exists and is not overwritten") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_secret(path: Path) -> bytes:
    """Read a secret file. Raises `KeyFileError` unless it is a plain file that only its owner may
    read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        raise KeyFileError(f"{path.name} is missing; run `pyvorin-server init`") from None
    except OSError as error:
        raise KeyFileError(f"{path.name}: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
            raise KeyFileError(f"{path.name} must be a file with mode 0600")
        if status.st_uid not in (os.geteuid(), 0):
            raise KeyFileError(f"{path.name} belongs to another user")
        return file.read()
