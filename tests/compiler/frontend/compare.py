"""Run a function under CPython and by its IR, and compare everything that can be seen.

Where the IR gives up, CPython goes on from the frame state, in the original bytecode: a code object
is made that first loads the locals and the stack. So a wrong frame state shows as a wrong answer.
"""

import contextlib
import copy
import io
import runpy
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import CO_GENERATOR
from pathlib import Path
from types import CellType, CodeType, FunctionType
from typing import Any

from pyvorin.frontend.build import build_function
from pyvorin.frontend.consumers import consumed
from pyvorin.frontend.variables import nested
from pyvorin.ir.interp import NULL, UNBOUND, Body, Left, Machine
from pyvorin.ir.model import Op
from pyvorin.ir.verify import verify
from pyvorin_runtime.bytecode import Instruction, assemble, decode
from pyvorin_wire.outcome import encode_outcome

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.py"))


@dataclass(frozen=True, eq=False)
class Program:
    """A module's names, and the IR of every function of it that has one."""

    names: dict[str, Any]
    bodies: dict[CodeType, Body]


@dataclass(frozen=True)
class Case:
    """One call of one function of a program."""

    program: Program
    name: str
    args: tuple[Any, ...]

    @property
    def function(self) -> FunctionType:
        return self.program.names[self.name]


def load(path: Path) -> Program:
    return program(runpy.run_path(str(path), run_name=path.stem))


def program(names: dict[str, Any]) -> Program:
    functions = [x for x in names.values() if isinstance(x, FunctionType)]
    built = {function: build_function(function).function for function in functions}
    bodies = {f.__code__: Body(ir, f) for f, ir in built.items() if ir is not None}
    for function in functions:
        bodies |= _expressions(function.__code__, names)
    for body in bodies.values():
        verify(body.function)
    return Program(names, bodies)


def _expressions(code: CodeType, names: dict[str, Any]) -> dict[CodeType, Body]:
    """The generator expressions in a function that are consumed in place."""
    bodies: dict[CodeType, Body] = {}
    for place, inner in nested(code):
        consumer = consumed(code).get(place)
        ir = build_function(inner, 0, consumer).function if consumer else None
        if ir is not None:
            cells = tuple(CellType() for _ in inner.co_freevars)
            bodies[inner] = Body(ir, FunctionType(inner, names, closure=cells or None))
        bodies |= _expressions(inner, names)
    return bodies


def corpus_cases() -> Iterator[tuple[str, Case]]:
    for path in CORPUS:
        module = load(path)
        for number, (name, args) in enumerate(module.names["CASES"]):
            yield f"{path.stem}-{number}-{name}", Case(module, name, args)


def under_python(case: Case) -> bytes:
    return observe(lambda args: case.function(*args), case.args)


def by_ir(case: Case, force: Callable[[Op], bool] | None = None) -> bytes:
    machine = Machine(case.program.bodies, force=force)
    return observe(lambda args: _finish(machine, case, args), case.args)


def observe(call: Callable[[tuple[Any, ...]], Any], args: tuple[Any, ...]) -> bytes:
    """Everything seen of a call: value or exception, arguments afterwards, output."""
    args = copy.deepcopy(args)
    out = io.StringIO()
    value, error = None, None
    with contextlib.redirect_stdout(out):
        try:
            value = call(args)
        except Exception as raised:
            error = raised.with_traceback(None)
    return encode_outcome(
        value=value, error=error, arguments=(args, {}), stdout=out.getvalue().encode()
    )


def _finish(machine: Machine, case: Case, args: tuple[Any, ...]) -> Any:
    result = machine.call(case.function, args, {})
    return resume(result) if isinstance(result, Left) else result


def resume(left: Left) -> Any:
    """Go on under CPython where the IR gave up."""
    stack = list(left.stack)
    if left.inner is not None:  # the caller repeats its call, of something that resumes the callee
        inner = left.inner
        if inner.body.function.consumer:
            stack[-1] = _generator(inner, stack[-1])
        else:
            stack[_callee_index(left)] = lambda *args, **kwargs: resume(inner)
    source = left.body.source
    code = resume_code(source.__code__, left.offset, left.locals, tuple(stack), left.error)
    return FunctionType(code, source.__globals__)()


def _generator(left: Left, unstarted: Any) -> Iterator[Any]:
    """What gives the items again that a consumer has taken, and then the rest; `unstarted` has the
    cells.
    """
    source, held = left.body.source, unstarted.gi_frame.f_locals
    cells = tuple(CellType(held[name]) for name in source.__code__.co_freevars)
    stack = list(left.stack)
    if left.inner is not None:
        inner = left.inner
        if inner.body.function.consumer:
            stack[-1] = _generator(inner, stack[-1])
        else:
            stack[_callee_index(left)] = lambda *args, **kwargs: resume(inner)
    *local, taken = left.locals
    code = resume_code(source.__code__, left.offset, tuple(local), tuple(stack), left.error)
    yield from (item for item in taken if item is not UNBOUND)
    yield from FunctionType(code, source.__globals__, closure=cells or None)()


def _callee_index(left: Left) -> int:
    """Where the callable lies on the stack: above a NULL up to 3.12, below one since 3.13."""
    since_313 = sys.version_info >= (3, 13)
    above = len(left.op.operands) - 1 + (since_313 and bool(left.op.attrs["kwnames"]))
    return len(left.stack) - 1 - above - since_313


def resume_code(
    code: CodeType,
    offset: int,
    local: tuple[Any, ...],
    stack: tuple[Any, ...],
    error: Exception | None = None,
) -> CodeType:
    """The code with a prologue that loads locals and stack and jumps to `offset`, or, with `error`,
    to a place in front of it that raises this.
    """
    constants = list(code.co_consts)
    bytecode = decode(code)
    target = bytecode.by_offset()[offset]
    free = len(code.co_freevars)
    prologue = [Instruction("COPY_FREE_VARS", free)] if free else []
    if code.co_flags & CO_GENERATOR:
        prologue += [Instruction("RETURN_GENERATOR"), Instruction("POP_TOP")]
    prologue.append(Instruction("RESUME", 0))

    def load(value: Any) -> Instruction:
        constants.append(value)
        return Instruction("LOAD_CONST", len(constants) - 1)

    for index, value in enumerate(local):
        if value is not UNBOUND:
            prologue += [load(value), Instruction("STORE_FAST", index)]
    for value in stack:
        prologue.append(Instruction("PUSH_NULL") if value is NULL else load(value))
    if error is not None:
        around = Instruction("JUMP_FORWARD", 0, target)
        raising = [around, load(error), Instruction("RAISE_VARARGS", 1)]
        at = bytecode.instructions.index(target)
        bytecode.instructions[at:at] = raising
        for handler in bytecode.handlers:
            handler.first = raising[0] if handler.first is target else handler.first
            handler.end = raising[0] if handler.end is target else handler.end
        target = raising[1]
    prologue.append(Instruction("JUMP_FORWARD", 0, target))
    bytecode.instructions[:0] = prologue
    return assemble(
        bytecode,
        code,
        co_consts=tuple(constants),
        co_argcount=0,
        co_kwonlyargcount=0,
        co_posonlyargcount=0,
        co_stacksize=code.co_stacksize + len(stack) + 1,
    )
