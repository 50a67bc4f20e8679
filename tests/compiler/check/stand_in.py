"""A compiler whose "native" module is Python source: right, or wrong in a chosen place."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pyvorin.options import CompileOptions


@dataclass
class Outcome:
    name: str
    line: int = 1
    verdict: str = "native"
    reason: str = ""
    left: tuple[tuple[int, str], ...] = ()


@dataclass
class Compiled:
    shared_object: bytes | None
    functions: list[Outcome] = field(default_factory=list)
    meta: bytes = b"{}"


Compiler = Callable[..., Compiled]


def stand_in(
    *changes: tuple[str, str],
    rejected: tuple[str, ...] = (),
    calls: list[CompileOptions] | None = None,
) -> Compiler:
    """Compile to the same source with texts replaced. `calls` collects the options it was given."""

    def compiler(
        source: str,
        path: str,
        options: CompileOptions,
        lowered: Callable[[Sequence[str]], None] = lambda native: None,
    ) -> Compiled:
        if calls is not None:
            calls.append(options)
        functions = []
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef) and options.wants(node.name):
                verdict = "rejected" if node.name in rejected else "native"
                reason = "a thing it cannot do" if verdict == "rejected" else ""
                functions.append(Outcome(node.name, node.lineno, verdict, reason))
        for old, new in changes:
            assert old in source, old
            source = source.replace(old, new)
        native = [item.name for item in functions if item.verdict == "native"]
        if native:
            lowered(native)
        return Compiled(source.encode() if native else None, functions)

    return compiler
