"""CPython, for what the reference interpreter leaves to it: from there up to the next loop header.

    left                                  locals and stack of a frame that gave up at an instruction
    Interpreter(…).go_on(left, …)         the call's result, or what it raises,
                                          or `Reached`: a header, and values for its parameters

The original bytecode runs, with a prologue that fills the frame and jumps to the instruction, and
with an exit in front of each loop header:

    prologue   locals := …; stack := …; jump to the instruction, or raise what it raised
    …
      exit     if hook(): return the header's stack and shared cells
      header   …

The hook reads the locals. A loop of which enough was seen before has an iterator in its hook's
place that always says no, and costs next to nothing. The frame ends at a header, and a later one
goes on from where it was: a program could notice by looking at frames, which matters little for a
recording.
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from inspect import CO_GENERATOR
from types import CellType, CodeType, FunctionType
from typing import Any, Protocol

from pyvorin_runtime.bytecode import MINOR, Bytecode, Instruction, assemble, decode
from pyvorin_runtime.merge import asking, drop_below, redirect

from pyvorin.frontend import variables
from pyvorin.frontend.build import Header, header_state
from pyvorin.ir.interp import NULL, UNBOUND, Body, Left, Passes, Reached, consumed_by
from pyvorin.ir.model import Block, FrameState


class Limits(Protocol):
    """How much of a loop is to be seen."""

    refusals: Iterator[None]
    """Says no every time, and raises once it was asked too often in one recorded call."""

    def has_enough(self, passes: int) -> bool:
        """Whether more than so many passes need not be seen: CPython does the others."""


_LOAD_CELL = "LOAD_CLOSURE" if MINOR < (3, 13) else "LOAD_FAST"


class _Frame(list[Any]):
    """What a prologue fills a frame with. Hashable, because code objects hash their constants."""

    __slots__ = ()
    __hash__ = object.__hash__  # type: ignore[assignment]  # list says None, this is the point


@dataclass(eq=False, slots=True)
class _Hook:
    """Asked in front of a header: yes, unless enough was seen of the loop. Keeps the locals of the
    frame that asks. `spent`: enough was seen already.
    """

    header: Header
    limits: Limits
    spent: bool
    passes: Passes = field(default_factory=Counter)
    locals: dict[str, Any] = field(default_factory=dict)
    asked: bool = False

    def __iter__(self) -> Iterator[None]:
        return self

    def __next__(self) -> None:
        label = self.header.block.label
        if self.limits.has_enough(self.passes[label] + 1):
            return next(self.limits.refusals)
        self.locals = dict(sys._getframe(1).f_locals)
        self.asked = True


@dataclass(slots=True)
class Interpreter:
    """Goes on with frames of functions whose loop headers are known, by code object."""

    headers: Mapping[CodeType, Sequence[Header]]
    limits: Limits
    _made: dict[tuple[Any, ...], _Resuming] = field(default_factory=dict)
    _states: dict[Block, FrameState] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for code, headers in self.headers.items():
            self._states |= {header.block: header_state(header, code) for header in headers}

    def takes(self, block: Block, passes: Passes) -> FrameState | None:
        """See `ir.interp.Rest`."""
        state = self._states.get(block)
        if state is None:
            return None
        passes[block.label] += 1
        if not self.limits.has_enough(passes[block.label]):
            return None
        next(self.limits.refusals, None)
        return state

    def go_on(self, left: Left, arguments: Sequence[Any], passes: Passes) -> Any:
        """See `ir.interp.Rest`."""
        code = left.body.code
        if left.body.function.consumer:
            return self._consume(left, arguments)
        bound = tuple(value is not UNBOUND for value in left.locals)
        shape = "".join("0" if value is NULL else "v" for value in left.stack)
        headers = self.headers.get(code, ())
        spent = tuple(self.limits.has_enough(passes[h.block.label] + 1) for h in headers)
        key = code, left.offset, bound, shape, left.error is not None, spent
        if key not in self._made:
            pairs = zip(headers, spent, strict=True)
            hooks = [_Hook(header, self.limits, seen) for header, seen in pairs]
            self._made[key] = _Resuming(left, bound, shape, hooks)
        return self._made[key].run(left, _closure(left, arguments), passes)

    def _consume(self, left: Left, arguments: Sequence[Any]) -> Any:
        """The same for a generator expression: give the rest of it to the real consumer."""
        taken, local = left.locals[-1], left.locals[:-1]
        left = replace(left, locals=local)
        bound = tuple(value is not UNBOUND for value in local)
        resuming = _Resuming(left, bound, "v" * len(left.stack), [])
        rest = resuming.run(left, _closure(left, arguments), Counter())
        return consumed_by(left.body.function.consumer, itertools.chain(_known(taken), rest))


def _known(items: Iterable[Any]) -> Iterator[Any]:
    return (item for item in items if item is not UNBOUND)


def _closure(left: Left, arguments: Sequence[Any]) -> tuple[CellType, ...]:
    return tuple(map(CellType, arguments[len(arguments) - len(left.body.code.co_freevars) :]))


class _Resuming:
    """A code object that starts at one instruction, with one set of bound locals and one shape of
    the stack, and ends at loop headers.
    """

    def __init__(self, left: Left, bound: tuple[bool, ...], shape: str, hooks: list[_Hook]) -> None:
        code = left.body.code
        self.frame = _Frame()
        self.hooks = [hook for hook in hooks if not hook.spent]
        self._constants: list[Any] = [*code.co_consts, self.frame]
        self.refuses = len(self.hooks) < len(hooks)
        bytecode = decode(code)
        target = bytecode.by_offset()[left.offset]
        if left.error is not None:
            target = self._raise(bytecode, target, len(left.locals) + len(left.stack))
        self._add_exits(bytecode, code, hooks)
        bytecode.instructions[:0] = self._prologue(code, bound, shape, target)
        deepest = max([len(shape), *(len(hook.header.stack) for hook in hooks)])
        self.code = assemble(
            bytecode,
            code,
            co_consts=tuple(self._constants),
            co_argcount=0,
            co_kwonlyargcount=0,
            co_posonlyargcount=0,
            co_stacksize=code.co_stacksize + 2 * deepest + len(bound) + 3,
        )

    def run(self, left: Left, closure: tuple[CellType, ...], passes: Passes) -> Any:
        """Run the rest of a call; see `Interpreter.go_on`."""
        self.frame[:] = [*left.locals, *left.stack, left.error]
        code, names = self.code, left.body.source.__globals__
        if self.refuses:
            always = [
                c.limits.refusals if isinstance(c, _Hook) and c.spent else c for c in code.co_consts
            ]
            code = code.replace(co_consts=tuple(always))
        function = FunctionType(code, names, closure=closure or None)
        outer = [hook.passes for hook in self.hooks]  # of a call that runs meanwhile
        try:
            for hook in self.hooks:
                hook.passes = passes
            result = function()
        finally:
            for hook, before in zip(self.hooks, outer, strict=True):
                hook.passes = before
        for hook in self.hooks:
            if hook.asked:
                hook.asked = False
                return Reached(hook.header.block, _entering(left.body, hook, result))
        return result

    def _constant(self, value: Any) -> Instruction:
        self._constants.append(value)
        return Instruction("LOAD_CONST", len(self._constants) - 1)

    def _item(self, place: int) -> list[Instruction]:
        """What loads an item of `frame`."""
        whole = Instruction("LOAD_CONST", self._constants.index(self.frame))
        return [whole, self._constant(place), Instruction("BINARY_SUBSCR")]

    def _prologue(
        self, code: CodeType, bound: tuple[bool, ...], shape: str, target: Instruction
    ) -> list[Instruction]:
        free = len(code.co_freevars)
        out = [Instruction("COPY_FREE_VARS", free)] if free else []
        if code.co_flags & CO_GENERATOR:
            out += [Instruction("RETURN_GENERATOR"), Instruction("POP_TOP")]
        out.append(Instruction("RESUME", 0))
        for place, is_bound in enumerate(bound):
            if is_bound:
                out += [*self._item(place), Instruction("STORE_FAST", place)]
        for depth, kind in enumerate(shape):
            null = [Instruction("PUSH_NULL")]
            out += null if kind == "0" else self._item(len(bound) + depth)
        return [*out, Instruction("JUMP_FORWARD", target=target)]

    def _raise(self, bytecode: Bytecode, target: Instruction, place: int) -> Instruction:
        """Put an instruction that raises in front of the one that raised, for the same handler."""
        around = Instruction("JUMP_FORWARD", target=target)
        raising = [around, *self._item(place), Instruction("RAISE_VARARGS", 1)]
        at = bytecode.instructions.index(target)
        bytecode.instructions[at:at] = raising
        for handler in bytecode.handlers:
            handler.first = around if handler.first is target else handler.first
            handler.end = around if handler.end is target else handler.end
        return raising[1]

    def _add_exits(self, bytecode: Bytecode, code: CodeType, hooks: list[_Hook]) -> None:
        at = bytecode.by_offset()
        exits = {at[hook.header.offset]: self._exit(hook, code) for hook in hooks}
        redirect(bytecode, {header: instructions[0] for header, instructions in exits.items()})
        out: list[Instruction] = []
        for instruction in bytecode.instructions:
            out += exits.get(instruction, [])
            out.append(instruction)
        bytecode.instructions = out

    def _exit(self, hook: _Hook, code: CodeType) -> list[Instruction]:
        """Return a tuple of the stack's values and the shared cells, if the hook says yes."""
        stack = hook.header.stack
        values = [depth for depth, kind in enumerate(stack) if kind == "v"]
        out = [Instruction("COPY", len(stack) - depth + n) for n, depth in enumerate(values)]
        cells = sorted(variables.shared(code))
        out += [Instruction(_LOAD_CELL, number) for number in cells]
        out.append(Instruction("BUILD_TUPLE", len(values) + len(cells)))
        ask, refused = asking(self._constant(hook))
        out += [*ask, Instruction("POP_TOP"), *drop_below(stack), Instruction("RETURN_VALUE")]
        return [*out, *refused, Instruction("POP_TOP")]


def _entering(body: Body, hook: _Hook, result: tuple[Any, ...]) -> list[Any]:
    """Values for the parameters of a header's block: of locals, stack and cells."""
    names = variables.names(body.code)
    cells = sorted(variables.shared(body.code))
    on_stack = len(result) - len(cells)
    values = iter(result[:on_stack])
    shared = dict(zip(cells, result[on_stack:], strict=True))
    found: list[Any] = []
    for kind, number in hook.header.slots:
        if kind == "stack":
            found.append(next(values))
        elif kind == "bound":
            found.append(names[number] in hook.locals)
        elif number in shared:
            found.append(shared[number])
        else:
            found.append(hook.locals.get(names[number], UNBOUND))
    return found
