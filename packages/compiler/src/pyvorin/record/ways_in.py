"""Let the recorder run what CPython calls: a way into the reference interpreter, in the function.

    RESUME
    if hook(): return its result        ← put in
    the original bytecode

So a function that is called from a generator, a method, a lambda or a builtin is recorded as one
that recorded code calls. Once the function was recorded often enough, the hook says no and takes
the way out again: the program may call it millions of times more.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import get_ident
from types import CodeType
from typing import Any

from pyvorin_runtime.bytecode import Instruction, assemble, decode
from pyvorin_runtime.merge import asking

from pyvorin.ir.interp import Body, Machine, entered


@contextmanager
def open_ways(
    machine: Machine, bodies: Iterable[Body], known: Callable[[Body], bool]
) -> Iterator[dict[CodeType, Body]]:
    """For a while, let calls of the bodies' functions run by their IR, whoever calls, until they
    are `known`. Gives the code objects that the functions have meanwhile.
    """
    opened = {
        _with_way_in(body, _WayIn(machine, body, known)): body
        for body in bodies
        if not body.code.co_freevars
    }
    for code, body in opened.items():
        body.source.__code__ = code
    try:
        yield opened
    finally:
        for body in opened.values():
            body.source.__code__ = body.code


@dataclass(eq=False, slots=True)
class _WayIn:
    """Asked at the start of a call. A StopIteration of the program counts as a no: CPython runs the
    call once more, and it raises again. Calls of the program's own threads are left alone.
    """

    machine: Machine
    body: Body
    known: Callable[[Body], bool]
    thread: int = field(default_factory=get_ident)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        body = self.machine.body_for(self.body.source) if get_ident() == self.thread else None
        if body is None:
            if self.known(self.body) and self.body.source.__code__ is sys._getframe(1).f_code:
                self.body.source.__code__ = self.body.code
            raise StopIteration
        code, given = body.code, sys._getframe(1).f_locals
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        arguments = [given[name] for name in names]
        return self.machine.run(body, entered(body, body.source, arguments))


def _with_way_in(body: Body, way: _WayIn) -> CodeType:
    code = body.code
    bytecode = decode(code)
    ask, refused = asking(Instruction("LOAD_CONST", len(code.co_consts)))
    start = [ins.name for ins in bytecode.instructions].index("RESUME") + 1
    bytecode.instructions[start:start] = [*ask, Instruction("RETURN_VALUE"), *refused]
    return assemble(
        bytecode,
        code,
        co_consts=(*code.co_consts, way),
        co_stacksize=max(code.co_stacksize, 2),
    )
