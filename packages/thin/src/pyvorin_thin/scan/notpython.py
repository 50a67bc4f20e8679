"""Read a source file, or say why it is none: before anything is parsed, hashed or sent.

Refused without hanging or filling memory: links, devices, pipes, folders, files over 1 MiB, binary
files, other encodings than UTF-8 (declared or not), byte-order marks of UTF-16, NUL bytes,
bidirectional control characters (Trojan Source, CVE-2021-42574), lines over 100,000 characters, and
nesting that could crash a parser.
"""

import io
import os
import re
import stat
import tokenize
from typing import Final

from pyvorin_wire.diagnostic import Span

from pyvorin_thin.errors import UsageError

MAX_SOURCE_BYTES: Final = 1 << 20
MAX_LINE: Final = 100_000
MAX_NESTING: Final = 150
_MAGIC: Final = {
    b"\x7fELF": "an ELF object",
    b"PK\x03\x04": "a zip archive",
    b"\x1f\x8b": "a gzip file",
    b"MZ": "a Windows program",
    b"%PDF": "a PDF",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}
_BIDI: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")


def read_source(path: str) -> str:
    """The text of a Python file, line ends as `\\n`. Raises UsageError PYV813."""
    data = _read(path)
    for magic, name in _MAGIC.items():
        if data.startswith(magic):
            raise _refuse(path, f"is {name}")
    if b"\0" in data:
        raise _refuse(path, "holds NUL bytes")
    if path.endswith(".ipynb") or (data.lstrip()[:1] == b"{" and b'"cells"' in data[:20000]):
        raise _refuse(path, "is a notebook; export the cells you want to a .py file")
    text = _decode(path, data)
    if (reason := objection(text)) is not None:
        raise _refuse(path, reason)
    return text


def objection(text: str) -> str | None:
    """Why this text should not be handed to a parser, or None."""
    if _BIDI.search(text):
        return "holds bidirectional control characters, which make code look like something else"
    if any(len(line) > MAX_LINE for line in text.splitlines()):
        return f"has a line over {MAX_LINE} characters"
    if _nesting(text) > MAX_NESTING:
        return f"nests brackets over {MAX_NESTING} deep"
    return None


def _read(path: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        reason = (
            "is a symbolic link" if os.path.islink(path) else f"cannot be read: {error.strerror}"
        )
        raise _refuse(path, reason) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _refuse(path, "is not a regular file")
    with open(descriptor, "rb") as file:
        data = file.read(MAX_SOURCE_BYTES + 1)
    if len(data) > MAX_SOURCE_BYTES:
        raise _refuse(path, f"is larger than {MAX_SOURCE_BYTES} bytes")
    return data


def _decode(path: str, data: bytes) -> str:
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        if "unknown encoding" in str(error.msg):
            raise _refuse(path, f"declares an {error.msg}; save it as UTF-8") from error
        encoding = "utf-8"  # and not valid: decoding says where
    if encoding not in ("utf-8", "utf-8-sig"):
        raise _refuse(path, f"is encoded as {encoding}; save it as UTF-8")
    try:
        return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = f"byte {data[error.start]:#04x} in line {line}"
        raise _refuse(path, f"is not UTF-8 text: {byte}") from error


def _nesting(text: str) -> int:
    """An upper bound of bracket depth, strings not told apart."""
    depth = deepest = 0
    for char in re.findall(r"[()\[\]{}]", text):
        depth = depth + 1 if char in "([{" else max(0, depth - 1)
        deepest = max(deepest, depth)
    return deepest


def unparsable(path: str, error: Exception, source: str) -> UsageError:
    """The refusal of a text that Python's own compiler does not take, with the place it names."""
    if not isinstance(error, SyntaxError):
        return _refuse(path, "is nested too deeply for Python itself, or is no source text")
    refusal = UsageError("PYV813", f"{path} is not valid Python: {error.msg}")
    if error.lineno:
        line, column = error.lineno, max(0, (error.offset or 1) - 1)
        refusal.span, refusal.source = Span(path, line, column, line, column + 1), source
    return refusal


def _refuse(path: str, reason: str) -> UsageError:
    return UsageError("PYV813", f"{path} {reason}")
