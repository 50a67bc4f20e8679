"""A digest of everything in a code object that decides what it does.

The compiler writes it into an artifact; `attach` computes it from the live function and refuses
when they differ: native code made for one bytecode is never put on another. Equal source can have
unequal bytecode (another minor, ``-O``), and equal bytecode unequal behaviour (another constant),
so it covers::

    co_code, as compiled: specialisation and instrumentation read as the original opcodes
    co_exceptiontable
    constants (nested code by its own digest), names, variable names, argument counts, flags

and leaves out what may differ without harm: positions, file name, first line, the name.

The encoding is self-delimiting (a tag, a length, the bytes), so no two different codes encode
alike. Its first bytes name its version; changing anything here means a new one.
"""

from __future__ import annotations

import sys

if sys.version_info >= (3, 12):  # hashlib would load OpenSSL, 4 ms
    from _sha2 import sha256  # type: ignore[import-not-found,unused-ignore]
else:
    from _sha256 import sha256  # type: ignore[import-not-found,unused-ignore]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

_VERSION = b"pyvorin code 1"
_CODE = type((lambda: None).__code__)


def code_digest(code: CodeType) -> str:
    """Return the digest of `code`: 64 hexadecimal digits."""
    return digest_of(_VERSION + _encode(code))


def digest_of(content: bytes) -> str:
    """SHA-256, hexadecimal."""
    return str(sha256(content).hexdigest())


def _encode(value: object) -> bytes:
    kind = type(value)
    if kind is _CODE:
        return _tagged(b"code", _encode(_behaviour(value)))  # type: ignore[arg-type]
    if isinstance(value, tuple):
        return _tagged(b"tuple", b"".join(map(_encode, value)))
    if isinstance(value, frozenset):
        return _tagged(b"frozenset", b"".join(sorted(map(_encode, value))))
    if isinstance(value, str):
        return _tagged(b"str", value.encode("utf-8", "surrogatepass"))
    if isinstance(value, bytes):
        return _tagged(b"bytes", value)
    if isinstance(value, int) and kind is int:
        return _tagged(b"int", hex(value).encode())
    # None, bool, Ellipsis, float, complex: the repr is exact.
    return _tagged(kind.__name__.encode(), repr(value).encode())


def _tagged(tag: bytes, payload: bytes) -> bytes:
    return b"%s %d:%s" % (tag, len(payload), payload)


def _behaviour(code: CodeType) -> tuple[object, ...]:
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    names = (code.co_names, code.co_varnames, code.co_cellvars, code.co_freevars)
    return (code.co_code, code.co_exceptiontable, code.co_consts, *names, *counts)
