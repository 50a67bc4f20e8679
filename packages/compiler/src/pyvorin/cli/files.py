"""Write the files of one build: all of them whole, or none."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from pyvorin.errors import RefusedError


def write_all(folder: str, files: Mapping[str, bytes]) -> list[str]:
    """Write the files into the folder, made if need be; their paths.

    Each goes to a temporary file first; only when all are on disk are they renamed into place, and
    Ctrl-C waits for that. A full disk or a forbidden folder is a RefusedError and leaves what was
    there before.
    """
    if not files:
        return []
    try:
        with _made(folder), _pending() as pending:
            for name, data in files.items():
                pending.append((_write_aside(folder, data), Path(folder, name)))
            _rename(pending)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        message = f"cannot write to `{folder}`: {reason}"
        raise RefusedError(message, hint="-o DIR chooses another folder", code="PYV703") from None
    return [str(target) for _, target in pending]


@contextlib.contextmanager
def _pending() -> Iterator[list[tuple[str, Path]]]:
    """Temporary files and what they shall be called; none of them outlives the body."""
    pending: list[tuple[str, Path]] = []
    try:
        yield pending
    finally:
        for temporary, _ in pending:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


@contextlib.contextmanager
def _made(folder: str) -> Iterator[None]:
    """The folder exists, and exists no longer if it is new and the body fails."""
    missing = [path for path in (Path(folder), *Path(folder).parents) if not path.exists()]
    try:
        os.makedirs(folder, exist_ok=True)
        yield
    except BaseException:
        for path in missing:
            with contextlib.suppress(OSError):
                path.rmdir()
        raise


def _rename(pending: list[tuple[str, Path]]) -> None:
    """All of them, once it is sure that none is refused."""
    for _, target in pending:
        if target.is_dir():
            raise IsADirectoryError(0, f"`{target.name}` is a directory")
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        for temporary, target in pending:
            os.replace(temporary, target)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _write_aside(folder: str, data: bytes) -> str:
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".pyvorin-")
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o644)
    except BaseException:
        os.unlink(name)
        raise
    return name
