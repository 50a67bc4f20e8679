"""SHA-256 and its HMAC without OpenSSL, which `hashlib` loads and which takes longer than hashing a
megabyte does without it. What is larger goes to OpenSSL.
"""

import sys
from _operator import _compare_digest as same_bytes  # what `hmac.compare_digest` is made of

if sys.version_info >= (3, 12):
    from _sha2 import sha256  # type: ignore[import-not-found,unused-ignore]
else:
    from _sha256 import sha256  # type: ignore[import-not-found,unused-ignore]

__all__ = ["hmac_sha256", "same_bytes", "sha256_bytes", "sha256_text"]

_LARGE = 1 << 20
_BLOCK = 64
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


def sha256_bytes(data: bytes) -> bytes:
    """SHA-256: 32 bytes."""
    if len(data) > _LARGE:
        import hashlib

        return hashlib.sha256(data).digest()
    return bytes(sha256(data).digest())


def sha256_text(data: bytes) -> str:
    """SHA-256 in lower-case hexadecimal: 64 digits."""
    return sha256_bytes(data).hex()


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104): 32 bytes."""
    block = (key if len(key) <= _BLOCK else sha256_bytes(key)).ljust(_BLOCK, b"\0")
    inner = sha256_bytes(block.translate(_INNER) + message)
    return sha256_bytes(block.translate(_OUTER) + inner)
