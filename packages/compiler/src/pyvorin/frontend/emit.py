"""Turn the steps of one bytecode block into operations of generic IR.

`Unit` is what the blocks of one function share: the function, its code object and, per bytecode
block, the `Layout` that says which parameters the IR block takes. `BlockEmitter` runs one block's
steps on a symbolic frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from pyvorin.frontend.flow import RawBlock
from pyvorin.ir.model import Block, Edge, FrameState, Function, Maybe, Op, Rep, Slot, Value


@dataclass(frozen=True, slots=True)
class Finding:
    """Why bytecode is refused or left to the interpreter. `kind` is a word of the front end,
    `detail` names what.
    """

    kind: str
    detail: str
    offset: int
    line: int


@dataclass(frozen=True, slots=True)
class Truth:
    """A truth value on the symbolic stack: the test of `value`, repeated from `state` if it leaves
    (3.13).
    """

    value: Value
    state: FrameState


Item = Value | Truth | None  # None is a NULL


@dataclass(eq=False, slots=True)
class Layout:
    """An IR block that has parameters, and the symbolic frame they make."""

    raw: RawBlock
    block: Block
    slots: tuple[tuple[str, int], ...]
    locals: list[Slot]
    stack: list[Item]


@dataclass(eq=False, slots=True)
class Unit:
    """One function being built."""

    function: Function
    code: CodeType
    raw: dict[int, RawBlock]
    layouts: dict[int, Layout] = field(default_factory=dict)
    work: list[Layout] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def layout(self, offset: int) -> Layout:
        """The layout of the block at an offset; the first request plans it and queues it for
        emission.
        """
        if offset not in self.layouts:
            self.layouts[offset] = made = self._plan(self.raw[offset])
            self.work.append(made)
        return self.layouts[offset]

    def _plan(self, raw: RawBlock) -> Layout:
        assert raw.entering is not None, raw.offset
        block = self.function.new_block(f"{'loop' if raw.is_header else 'at'}{raw.offset}")
        layout = Layout(raw, block, (), [], [])
        slots: list[tuple[str, int]] = []

        def parameter(kind: str, number: int, rep: Rep, hint: str) -> Value:
            value = self.function.new_value(rep, hint)
            block.params.append(value)
            slots.append((kind, number))
            return value

        for number, bound in enumerate(raw.entering.bound):
            name = self.code.co_varnames[number]
            slot: Slot = None
            if bound != "unbound":
                slot = parameter("local", number, Rep.OBJ, name)
            if bound == "maybe":
                slot = Maybe(slot, parameter("bound", number, Rep.I1, f"{name}?"))
            layout.locals.append(slot)
        for depth, shape in enumerate(raw.entering.shape):
            layout.stack.append(parameter("stack", depth, Rep.OBJ, "") if shape == "v" else None)
        layout.slots = tuple(slots)
        return layout


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where emission stood before an instruction."""

    ops: int
    depth: int
    state: FrameState


class BlockEmitter:
    """Runs the steps of one bytecode block, appending operations to its IR block."""

    def __init__(
        self, unit: Unit, raw: RawBlock, block: Block, local: list[Slot], stack: list[Item]
    ) -> None:
        self.unit = unit
        self.raw = raw
        self.block = block
        self.locals = list(local)
        self.stack = list(stack)
        self.ended = False
        self._marks: list[_Mark] = []
        self._call_state: FrameState | None = None  # state before KW_NAMES, for the call after it
        self._call_names: tuple[str, ...] = ()

    def run(self) -> None:
        """Emit the block up to its terminator."""
        for number, instruction in enumerate(self.raw.instructions):
            self._instruction = instruction
            self._following = self.raw.instructions[number + 1 : number + 2]
            self._state = FrameState(
                instruction.offset, tuple(self.locals), tuple(map(_slot, self.stack))
            )
            self._marks.append(_Mark(len(self.block.ops), len(self.stack), self._state))
            for step in instruction.steps:
                getattr(self, f"_do_{step.kind.replace('return', 'ret')}")(*step.args)
                if self.ended:
                    return
        self._end("br", edges=[self._edge(self.raw.falls_to)])

    # ---- operations ------------------------------------------------------------------------------
    def _emit(
        self,
        name: str,
        operands: list[Value],
        /,
        reps: tuple[Rep, ...] = (Rep.OBJ,),
        state: FrameState | None = None,
        **attrs: Any,
    ) -> list[Value]:
        results = [self.unit.function.new_value(rep) for rep in reps]
        self.block.ops.append(
            Op(name, operands, results, attrs, state, offset=self._instruction.offset)
        )
        return results

    def _push(self, name: str, /, *operands: Value, **attrs: Any) -> None:
        """Emit an operation that may leave before the present instruction; push its result."""
        self.stack += self._emit(name, list(operands), state=self._state, **attrs)

    def _constant(self, source: tuple[str, str | int]) -> Value:
        return self._emit("py.const", [], source=source)[0]

    def _flag(self, value: bool) -> Value:
        return self._emit("const", [], (Rep.I1,), value=value)[0]

    def _pop(self) -> Value:
        item = self.stack.pop()
        assert isinstance(item, Value), (self._instruction, item)
        return item

    def _pops(self, count: int) -> list[Value]:
        items = [self._pop() for _ in range(count)]
        return items[::-1]

    # ---- ends of blocks --------------------------------------------------------------------------
    def _end(
        self,
        name: str,
        operands: list[Value] | None = None,
        /,
        edges: list[Edge] | None = None,
        state: FrameState | None = None,
        **attrs: Any,
    ) -> None:
        self.block.ops.append(
            Op(
                name,
                operands or [],
                attrs=attrs,
                state=state,
                edges=edges or [],
                offset=self._instruction.offset,
            )
        )
        self.ended = True

    def _edge(self, offset: int) -> Edge:
        """An edge to the block at `offset`, with the present frame as its arguments."""
        layout = self.unit.layout(offset)
        return Edge(layout.block, [self._argument(*slot) for slot in layout.slots])

    def _argument(self, kind: str, number: int) -> Value:
        if kind == "local":
            return self._local_argument(number)
        if kind == "bound":
            return self._bound_argument(number)
        value = self.stack[number]
        assert isinstance(value, Value), (self._instruction, value)
        return value

    def _local_argument(self, number: int) -> Value:
        match self.locals[number]:
            case Value() as value:
                return value
            case Maybe(Value() as value, _):
                return value
            case _:
                return self._emit("py.const", [], source=("singleton", "None"), pad=True)[0]

    def _bound_argument(self, number: int) -> Value:
        match self.locals[number]:
            case Maybe(_, bound):
                return bound
            case slot:
                return self._flag(slot is not None)

    def _leave(self, reason: str, state: FrameState) -> None:
        self._end("leave", state=state, reason=reason)

    def _do_leave(self, reason: str) -> None:
        if reason != "assert":
            finding = Finding(
                "instruction", reason, self._instruction.offset, self._instruction.line
            )
            self.unit.findings.append(finding)
        self._leave(reason, self._state)

    def _do_raise(self, count: int) -> None:
        """Leave where the statement starts: the last place with the stack that the raise leaves
        behind.
        """
        depth = len(self.stack) - count
        mark = next(mark for mark in reversed(self._marks) if mark.depth == depth)
        del self.block.ops[mark.ops :]
        self._leave("raise", mark.state)

    def _do_ret(self) -> None:
        self._end("ret", [self._pop()])

    def _do_jump(self, target: int) -> None:
        self._end("br", edges=[self._edge(target)])

    def _do_branch(self, test: str, target: int, keep: bool) -> None:
        top = self.stack[-1]
        if isinstance(top, Truth):
            value, state = top.value, top.state
        else:
            assert top is not None, self._instruction
            value, state = top, self._state
        if test in ("none", "not none"):
            none = self._constant(("singleton", "None"))
            (value,) = self._emit("py.is", [value, none], invert=False)
        (truth,) = self._emit("py.truth", [value], (Rep.I1,), state)
        if keep:
            jumps = self._edge(target)
            self.stack.pop()
        else:
            self.stack.pop()
            jumps = self._edge(target)
        edges = [jumps, self._edge(self.raw.falls_to)]
        if test in ("false", "not none"):
            edges.reverse()
        self._end("condbr", [truth], edges=edges)

    def _do_next(self, exit_offset: int) -> None:
        iterator = self._pop()
        item, more = self._emit("py.next", [iterator], (Rep.OBJ, Rep.I1), self._state)
        leaves = self._edge(exit_offset)
        self.stack += [iterator, item]
        self._end("condbr", [more], edges=[self._edge(self.raw.falls_to), leaves])

    # ---- locals and stack ------------------------------------------------------------------------
    def _do_const(self, source: tuple[str, str | int]) -> None:
        self.stack.append(self._constant(source))

    def _do_load(self, index: int) -> None:
        self._check(index)
        if not self.ended:
            value = self.locals[index]
            assert isinstance(value, Value), value
            self.stack.append(value)

    def _check(self, index: int) -> None:
        """Leave the local bound, or leave native code."""
        name = self.unit.code.co_varnames[index]
        match self.locals[index]:
            case None:
                self._leave(f"unbound {name}", self._state)
            case Maybe(Value() as value, _):
                (checked,) = self._emit(
                    "py.check", [value], state=self._state, name=name, index=index
                )
                checked.hint = name
                self.locals[index] = checked

    def _do_store(self, index: int) -> None:
        value = self._pop()
        value.hint = value.hint or self.unit.code.co_varnames[index]
        self.locals[index] = value

    def _do_delete(self, index: int) -> None:
        self._check(index)
        self.locals[index] = None

    def _do_pop(self) -> None:
        self.stack.pop()

    def _do_copy(self, depth: int) -> None:
        self.stack.append(self.stack[-depth])

    def _do_swap(self, depth: int) -> None:
        self.stack[-1], self.stack[-depth] = self.stack[-depth], self.stack[-1]

    def _do_null(self) -> None:
        self.stack.append(None)

    def _push_shape(self, value: Value, shape: str) -> None:
        self.stack += [value if char == "v" else None for char in shape]

    # ---- computing -------------------------------------------------------------------------------
    def _do_global(self, name: str, shape: str) -> None:
        self._push("py.global", name=name)
        self._push_shape(self._pop(), shape)

    def _do_attr(self, name: str, shape: str) -> None:
        self._push("py.attr", self._pop(), name=name)
        self._push_shape(self._pop(), shape)

    def _do_binop(self, op: str, inplace: bool) -> None:
        self._push("py.binop", *self._pops(2), op=op, inplace=inplace)

    def _do_unary(self, op: str) -> None:
        self._push("py.unary", self._pop(), op=op)

    def _do_not(self) -> None:
        top = self.stack.pop()
        if isinstance(top, Truth):
            self.stack += self._emit("py.not", [top.value], state=top.state)
        else:
            assert top is not None, self._instruction
            self._push("py.not", top)

    def _do_compare(self, op: str, test: bool) -> None:
        self._push("py.compare", *self._pops(2), op=op)
        if test:
            self._do_truth()

    def _do_truth(self) -> None:
        """Keep the operand for the branch or `not` that follows at once, as CPython's compiler
        guarantees.
        """
        consumers = {step.kind for item in self._following for step in item.steps}
        if consumers & {"branch", "not"}:
            self.stack.append(Truth(self._pop(), self._state))
        else:
            self._do_leave(f"{self._instruction.name} not followed by its test")

    def _do_is(self, invert: bool) -> None:
        self.stack += self._emit("py.is", self._pops(2), invert=invert)

    def _do_contains(self, invert: bool) -> None:
        self._push("py.contains", *self._pops(2), invert=invert)

    def _do_getitem(self) -> None:
        self._push("py.getitem", *self._pops(2))

    def _do_setitem(self) -> None:
        value, container, index = self._pops(3)
        self._emit("py.setitem", [container, index, value], (), self._state)

    def _do_kwnames(self, names: tuple[str, ...]) -> None:
        self._call_state, self._call_names = self._state, names

    def _do_call(self, count: int, names_on_stack: bool) -> None:
        names, state = self._call_names, self._call_state or self._state
        self._call_state, self._call_names = None, ()
        if names_on_stack:
            names = self._constant_tuple(self._pop())
        arguments = self._pops(count)
        pair = [item for item in (self.stack.pop(), self.stack.pop()) if item is not None][::-1]
        operands = [item for item in pair if isinstance(item, Value)] + arguments
        self.stack += self._emit("py.call", operands, state=state, kwnames=names)

    def _constant_tuple(self, value: Value) -> tuple[str, ...]:
        op = next(op for op in self.block.ops if value in op.results)
        names = self.unit.code.co_consts[op.attrs["source"][1]]
        assert isinstance(names, tuple), names
        return names

    def _do_iter(self) -> None:
        self._push("py.iter", self._pop())

    def _do_tuple(self, count: int) -> None:
        self.stack += self._emit("py.tuple", self._pops(count))

    def _do_unpack(self, count: int) -> None:
        sequence = self._pop()
        items = self._emit("py.unpack", [sequence], (Rep.OBJ,) * count, self._state)
        self.stack += items[::-1]


def _slot(item: Item) -> Slot:
    return item.value if isinstance(item, Truth) else item
