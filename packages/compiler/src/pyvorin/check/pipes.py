"""The protocol's two pipes, moved out of the way of user code.

A process that runs user code takes its protocol pipes off descriptors 0 and 1 first. Then reading
standard input gives end of file, and what goes to 1 and 2 by `os.write` or from a C library goes
nowhere, never into the protocol.
"""

from __future__ import annotations

import contextlib
import io
import os
import resource
import sys
from collections.abc import Callable
from typing import BinaryIO, Final, TypeVar

T = TypeVar("T")

OUTPUT_LIMIT: Final = 1 << 20  # characters of output that one call may print
_FILE_LIMIT: Final = 64 << 20  # bytes in any one file that the process writes


def take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The protocol's reader and writer. From now on 0 is empty; 1 and 2 go nowhere."""
    reader, writer = os.dup(0), os.dup(1)  # PEP 446: closed on exec
    nowhere = os.open(os.devnull, os.O_RDWR)
    for target in (0, 1, 2):
        os.dup2(nowhere, target)
    os.close(nowhere)
    return open(reader, "rb"), open(writer, "wb")


def limit_resources(memory_bytes: int) -> None:
    """No core files, capped files, and at most `memory_bytes` of address space beyond what is
    mapped now."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _lower(resource.RLIMIT_FSIZE, _FILE_LIMIT)
    with contextlib.suppress(FileNotFoundError):  # a jail has no /proc, and limits memory itself
        with open("/proc/self/statm", "rb") as statm:
            mapped = int(statm.read().split()[0]) * resource.getpagesize()
        _lower(resource.RLIMIT_AS, mapped + memory_bytes)


def _lower(kind: int, limit: int) -> None:
    soft, hard = resource.getrlimit(kind)
    bounds = [bound for bound in (soft, hard, limit) if bound != resource.RLIM_INFINITY]
    resource.setrlimit(kind, (min(bounds), hard))


class OutputOverflow(BaseException):  # ends a call; it is not an error of the program
    """A call printed more than OUTPUT_LIMIT characters."""


class _CappedText(io.StringIO):
    def write(self, text: str, /) -> int:
        if self.tell() + len(text) > OUTPUT_LIMIT:
            raise OutputOverflow
        return super().write(text)


def captured(action: Callable[[], T]) -> tuple[T, bytes, bytes]:
    """Run `action` with `sys.stdout` and `sys.stderr` replaced; its result and what it printed."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = out, err = _CappedText(), _CappedText()
    try:
        result = action()
    finally:
        sys.stdout, sys.stderr = before
    return result, _utf8(out), _utf8(err)


def _utf8(stream: io.StringIO) -> bytes:
    return stream.getvalue().encode("utf-8", "surrogatepass")
