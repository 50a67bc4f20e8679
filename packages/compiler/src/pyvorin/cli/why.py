"""`pyvorin why FILE FUNC:LINE`: how one line was compiled: operations, guards, what stays boxed.

For each body of the function: the operations that came from the line, with a mark for those that
may hand over to the interpreter, and the places from which only the interpreter goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from pyvorin.cli import request
from pyvorin.cli.dump import lowered
from pyvorin.errors import RefusedError
from pyvorin.ir.model import Function, Op, Rep
from pyvorin.ir.optable import OPS
from pyvorin.ir.text import write_op
from pyvorin.options import CompileOptions


def run(options: argparse.Namespace) -> int:
    """Print what became of the line."""
    name, line = _place(options.place)
    options.function = [name]
    wanted = request.make(options)
    everything = CompileOptions(inputs=wanted.options.inputs)
    program, bodies, outcomes = lowered(wanted.source, wanted.path, everything)
    for outcome in outcomes:
        if outcome.name == name:
            print(f"`{name}` is not compiled: {outcome.reason}")
            return 1
    if name not in bodies.names():
        print(f"`{name}` is not compiled: nothing calls it and nothing is known of its parameters")
        return 1
    code = program.module.functions[name].code
    offsets = _offsets(code.co_lines(), line)
    if not offsets:
        raise RefusedError(f"`{name}` has no code on line {line}")
    print(f"{wanted.path}:{line}: {wanted.source.splitlines()[line - 1].strip()}")
    for place in sorted({(u.offset, u.reason) for u in bodies.unlowered(name)}):
        if place[0] in offsets:
            print(f"  only the interpreter goes on from here: {place[1]}")
    for body in bodies.of(name):
        for text in _lines(body.function, offsets):
            print(text)
    return 0


def _place(text: str) -> tuple[str, int]:
    name, _, line = text.rpartition(":")
    if not name or not line.isdecimal():
        raise RefusedError(f"`{text}` is not FUNC:LINE, such as total:12")
    return name, int(line)


def _offsets(lines: Iterator[tuple[int, int, int | None]], wanted: int) -> set[int]:
    return {
        offset for start, end, line in lines if line == wanted for offset in range(start, end, 2)
    }


def _lines(function: Function, offsets: set[int]) -> Iterator[str]:
    ops = [op for op in function.ops() if op.offset in offsets]
    if not ops:
        return
    guards = sum(_may_leave(op) for op in ops)
    boxed = sum(value.rep is Rep.OBJ for op in ops for value in op.results)
    entered = (
        "from running frames"
        if any(entry.header >= 0 for entry in function.entries)
        else "by calls"
    )
    yield f"  body `{function.variant}`, entered {entered}:"
    yield f"    {len(ops)} operations, {guards} may leave, {boxed} results are boxed objects"
    for op in ops:
        yield f"    {'leave? ' if _may_leave(op) else '       '}{write_op(op)}"


def _may_leave(op: Op) -> bool:
    return op.state is not None and op.name in OPS and OPS[op.name].deopt
