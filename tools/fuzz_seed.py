"""Which random programs a test run tries: new ones for every changed compiler, the same ones
whenever that compiler is tested, with or without git. So a failure comes back until it is mended.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("packages/compiler/src", "packages/runtime/src")  # what decides a program's answers


def fuzz_seed(root: Path = ROOT) -> str:
    """The seed of the programs, which leaves seven digits for the number of a program."""
    digest = hashlib.sha256()
    for file in sorted(file for folder in SOURCES for file in (root / folder).rglob("*.py")):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(root).as_posix()} {content}\n".encode())
    return f"{int(digest.hexdigest(), 16) % 10**6}0000000"
