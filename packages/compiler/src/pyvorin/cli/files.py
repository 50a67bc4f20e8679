"""Write the files of one build: all of them whole, or none."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pyvorin.errors import RefusedError


def write_all(folder: str, files: Mapping[str, bytes]) -> list[str]:
    """Write the files into the folder, made if need be; their paths.

    Each goes to a temporary file first; only when all are on disk are they renamed into place. A
    full disk or a forbidden folder is a RefusedError and leaves what was there before.
    """
    pending: list[tuple[str, Path]] = []
    try:
        os.makedirs(folder, exist_ok=True)
        for name, data in files.items():
            pending.append((_write_aside(folder, data), Path(folder, name)))
        for temporary, target in pending:
            os.replace(temporary, target)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RefusedError(f"cannot write to `{folder}`: {reason}") from None
    finally:
        for temporary, _ in pending:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
    return [str(target) for _, target in pending]


def _write_aside(folder: str, data: bytes) -> str:
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".pyvorin-")
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o644)
    except OSError:
        os.unlink(name)
        raise
    return name
