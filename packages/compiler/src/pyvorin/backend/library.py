"""The support library: the run-time support as an object file, compiled once and used by every
artifact, with the blob of the runtime package that each artifact carries.

    SUPPORT modules  --dialect-->  LLVM text  --LLVM-->  object file      kept, see below
                                        \\-> hot functions' text           for inlining into bodies

Compiling it takes longer than compiling a program, and it depends only on the minor version, the
processor level and this package. It is kept in the process, and as a file in the user's private
cache folder, where a wrong or foreign file counts as none. A process without such a folder (a jail)
compiles it when it starts to wait for work: `library` before the first job.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import llvmlite
import pyvorin_runtime
from pyvorin_runtime.embed import bundle

from pyvorin.backend.layouts import Layout
from pyvorin.backend.text import Text

_KEPT = 64  # files in the cache; the one that was not used for longest goes first


class Library(NamedTuple):
    """The object file, and what a module's own text starts with to use it: JSON of `Text`'s
    fields. `bundle`: the runtime package.
    """

    object: bytes
    start: Mapping[str, Any]
    bundle: bytes

    def text(self) -> Text:
        """A text in which the library's functions are declared, the hot ones for inlining."""
        fresh: dict[str, Any] = {
            name: dict(value) if isinstance(value, dict) else list(value)
            for name, value in self.start.items()
        }
        fresh["defined"] = set(fresh["defined"])
        fresh["shared"] = set(fresh["shared"])
        return Text(**fresh)


@cache
def library(layout: Layout, cpu: str) -> Library:
    """The library for an interpreter and a processor level."""
    key = _key(layout, cpu)
    kept = _read(key)
    if kept is None:
        from pyvorin.backend.supporting import compile_support  # seldom, and slow to import

        kept = Library(*compile_support(layout, cpu), bundle())
        _write(key, kept)
    return kept


# ---- the cache ---------------------------------------------------------------------------------
def _key(layout: Layout, cpu: str) -> str:
    """Names everything that the object file depends on."""
    digest = hashlib.sha256(repr((layout, cpu, llvmlite.__version__)).encode())
    here = Path(__file__).parent
    runtime = Path(pyvorin_runtime.__file__).parent
    for path in sorted([*here.glob("*.py"), *here.glob("support/*.py"), *runtime.glob("*.py")]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _folder() -> Path | None:
    """The private cache folder, or None where there is none or it is not this user's alone."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(base) / "pyvorin" / "support"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat(follow_symlinks=False)
    except OSError:
        return None
    private = stat.S_ISDIR(status.st_mode) and not status.st_mode & 0o022
    return folder if private and status.st_uid == os.geteuid() else None


def _read(key: str) -> Library | None:
    folder = _folder()
    if folder is None:
        return None
    try:
        data = (folder / key).read_bytes()
        os.utime(folder / key)
    except OSError:
        return None
    digest, content = data[:32], data[32:]
    if hashlib.sha256(content).digest() != digest:
        return None
    parts = []
    for _ in range(2):
        size = int.from_bytes(content[:8], "big")
        parts.append(content[8 : 8 + size])
        content = content[8 + size :]
    return Library(parts[0], json.loads(content), parts[1])


def _write(key: str, made: Library) -> None:
    """Keep it if that is possible; whole or not at all."""
    folder = _folder()
    if folder is None:
        return
    parts = (made.object, made.bundle)
    content = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    content += json.dumps(made.start).encode()
    try:
        handle, name = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(content).digest() + content)
        os.replace(name, folder / key)
        kept = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
        for old in kept[:-_KEPT]:
            old.unlink()
    except OSError:
        return
