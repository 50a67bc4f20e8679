"""The support library: the run-time support as an object file, compiled once and used by every
artifact.

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
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite

from pyvorin.backend.dialect import declarations, functions, inlines, translate
from pyvorin.backend.layouts import Layout
from pyvorin.backend.object import compile_text
from pyvorin.backend.support import assume, enter, frames, numbers, start
from pyvorin.backend.text import Text

SUPPORT = (numbers, frames, assume, enter, start)
HOT = (numbers, enter)
_LEVEL = 2  # LLVM's; functions that run rarely say themselves that they need none


@dataclass(frozen=True, slots=True)
class Library:
    """The object file, and what a module's own text starts with to use it: JSON of `Text`'s
    fields.
    """

    object: bytes
    start: Mapping[str, Any]

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
        kept = _compile(layout, cpu)
        _write(key, kept)
    return kept


def _compile(layout: Layout, cpu: str) -> Library:
    results = {name: kind for module in SUPPORT for name, kind in functions(module)}
    whole = Text(results=dict(results))
    for module in SUPPORT:
        translate(module, layout, whole, module in HOT)
    words, whole.words = whole.words, {}
    outside = "".join(f"@{name} = external hidden global i64\n" for name in words)
    compiled = compile_text(whole.render() + outside, _LEVEL, cpu)
    begin = Text(results=results, shared=set(words), words=dict(words))
    for module in SUPPORT:
        inlined = {name for name, _ in functions(module) if module in HOT} | inlines(module)
        translate(module, layout, begin, True, "available_externally hidden", inlined)
        begin.definitions += [line + "\n" for line in declarations(module, inlined)]
    fields = asdict(begin)
    fields["defined"], fields["shared"] = sorted(begin.defined), sorted(begin.shared)
    return Library(compiled, fields)


# ---- the cache ---------------------------------------------------------------------------------
def _key(layout: Layout, cpu: str) -> str:
    """Names everything that the object file depends on."""
    digest = hashlib.sha256(repr((layout, cpu, _LEVEL, llvmlite.__version__)).encode())
    here = Path(__file__).parent
    for path in sorted([*here.glob("*.py"), *here.glob("support/*.py")]):
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
    except OSError:
        return None
    digest, content = data[:32], data[32:]
    if hashlib.sha256(content).digest() != digest:
        return None
    size = int.from_bytes(content[:8], "big")
    return Library(content[8 : 8 + size], json.loads(content[8 + size :]))


def _write(key: str, made: Library) -> None:
    """Keep it if that is possible; whole or not at all."""
    folder = _folder()
    if folder is None:
        return
    content = len(made.object).to_bytes(8, "big") + made.object + json.dumps(made.start).encode()
    try:
        handle, name = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(content).digest() + content)
        os.replace(name, folder / key)
    except OSError:
        return
