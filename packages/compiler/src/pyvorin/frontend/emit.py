"""Turn the steps of one bytecode block into operations of generic IR.

`Unit` is what the blocks of one function share: the function, its code object and, per bytecode
block, the `Layout` that says which parameters the IR block takes. `BlockEmitter` runs one block's
steps on a symbolic frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, NamedTuple

from pyvorin.frontend import fused, joining, variables
from pyvorin.frontend.consumers import consumed
from pyvorin.frontend.flow import RawBlock
from pyvorin.frontend.opcodes import Instruction
from pyvorin.ir.consumer import KEEPING
from pyvorin.ir.model import Block, Edge, FrameState, Function, Maybe, Op, Rep, Slot, Value, Virtual


class Finding(NamedTuple):
    """Why bytecode is refused or left to the interpreter. `kind` is a word of the front end,
    `detail` names what.
    """

    kind: str
    detail: str
    offset: int
    line: int


class Truth(NamedTuple):
    """A truth value on the symbolic stack: the test of `value`, repeated from `state` if it leaves
    (3.13).
    """

    value: Value
    state: FrameState


class Closure(NamedTuple):
    """Cells on the symbolic stack, by number of their variables: one, or a function's tuple."""

    variables: tuple[int, ...]


Item = Value | Truth | Closure | None  # None is a NULL


@dataclass(eq=False, slots=True)
class Layout:
    """An IR block that has parameters, and the symbolic frame they make."""

    raw: RawBlock
    block: Block
    slots: tuple[tuple[str, int], ...]
    locals: list[Slot]
    stack: list[Item]
    before: Instruction | None = None


@dataclass(eq=False, slots=True)
class Unit:
    """One function being built."""

    function: Function
    code: CodeType
    raw: dict[int, RawBlock]
    layouts: dict[tuple[int, bool], Layout] = field(default_factory=dict)
    work: list[Layout] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    private: frozenset[int] = field(init=False)  # variables in private cells
    names: tuple[str, ...] = field(init=False)  # of variables; the last one is a consumer's own
    consumed: Mapping[int, str] = field(init=False)  # see `frontend.consumers`

    def __post_init__(self) -> None:
        self.private = variables.private(self.code)
        self.names = variables.names(self.code)
        if self.function.consumer in KEEPING:
            self.names += (fused.KEPT,)
        self.consumed = consumed(self.code)

    def layout(self, offset: int, before: Instruction | None = None) -> Layout:
        """The layout of the block at an offset; the first request plans it and queues it for
        emission. `before`: the instruction that its first one is joined with (`_join`); others who
        go there have a block of their own.
        """
        key = offset, before is not None
        if key not in self.layouts:
            self.layouts[key] = made = self._plan(self.raw[offset])
            made.before = before
            self.work.append(made)
        return self.layouts[key]

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
            name = self.names[number]
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


class _Mark(NamedTuple):
    """Where emission stood before an instruction."""

    ops: int
    depth: int
    state: FrameState


class BlockEmitter:
    """Runs the steps of one bytecode block, appending operations to its IR block."""

    def __init__(
        self,
        unit: Unit,
        raw: RawBlock,
        block: Block,
        local: list[Slot],
        stack: list[Item],
        before: Instruction | None = None,
    ) -> None:
        self.unit = unit
        self.raw = raw
        self.block = block
        self.locals = list(local)
        self.stack = list(stack)
        self.ended = False
        self._names = unit.names
        self._shared = variables.shared(unit.code)
        self._marks: list[_Mark] = []
        self._call_state: FrameState | None = None  # state before KW_NAMES, for the call after it
        self._call_names: tuple[str, ...] = ()
        self._before, self._is_second = before, False  # the instruction before, for `_join`

    def run(self) -> None:
        """Emit the block up to its terminator."""
        for number, instruction in enumerate(self.raw.instructions):
            self._instruction = instruction
            self._following = self.raw.instructions[number + 1 : number + 2]
            self.state = FrameState(
                instruction.offset, self._frame_locals(), tuple(map(_slot, self.stack))
            )
            self._marks.append(_Mark(len(self.block.ops), len(self.stack), self.state))
            self._join()
            for step in instruction.steps:
                getattr(self, f"_do_{step.kind.replace('return', 'ret')}")(*step.args)
                if self.ended:
                    return
        self.end("br", edges=[self._edge(self.raw.falls_to, self._joins_next())])

    def _frame_locals(self) -> tuple[Slot, ...]:
        """The variables as a frame has them: captured ones in cells, free ones left out."""
        unit, stack = self.unit, tuple(map(_slot, self.stack))
        return frame_locals(unit.code, unit.function.consumer, unit.private, self.locals, stack)

    def _join(self) -> None:
        """Find the instruction that CPython blames if this one finds its local unbound: on 3.11,
        when the two are joined, the one before. Leaving in front of that one is right whether or
        not they are joined yet.
        """
        before, joined = self._before, self._is_joined(self._instruction)
        self._blamed = self.state
        if joined and before is not None:
            local = len(self._marks) > 1
            self._blamed = (
                self._marks[-2].state
                if local
                else joining.state_before(before, self.state, self.locals)
            )
        self._before, self._is_second = self._instruction, joined

    def _is_joined(self, instruction: Instruction) -> bool:
        """With the one before?"""
        if self._is_second or self._before is None:
            return False
        return joining.is_joined(self._before, instruction)

    def _joins_next(self) -> Instruction | None:
        """The present instruction if it is joined with the first of the next block, where that
        makes a difference.
        """
        after = self.unit.raw[self.raw.falls_to]
        if self._is_joined(after.instructions[0]) and joining.matters(after):
            return self._instruction
        return None

    # ---- operations ------------------------------------------------------------------------------
    def emit(
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
        self.stack += self.emit(name, list(operands), state=self.state, **attrs)

    def _constant(self, source: tuple[str | int, ...]) -> Value:
        return self.emit("py.const", [], source=source)[0]

    def _flag(self, value: bool) -> Value:
        return self.emit("const", [], (Rep.I1,), value=value)[0]

    def _pop(self) -> Value:
        item = self.stack.pop()
        assert isinstance(item, Value), (self._instruction, item)
        return item

    def _pops(self, count: int) -> list[Value]:
        items = [self._pop() for _ in range(count)]
        return items[::-1]

    # ---- ends of blocks --------------------------------------------------------------------------
    def end(
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

    def go_to(self, block: Block) -> None:
        """Emit into another block, within the same instruction."""
        self.block, self.ended = block, False

    def edge_on(self) -> Edge:
        """An edge to the instruction behind the block."""
        return self._edge(self.raw.falls_to)

    def _edge(self, offset: int, before: Instruction | None = None) -> Edge:
        """An edge to the block at `offset`, with the present frame as its arguments."""
        layout = self.unit.layout(offset, before)
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
                return self.emit("py.const", [], source=("singleton", "None"), pad=True)[0]

    def _bound_argument(self, number: int) -> Value:
        match self.locals[number]:
            case Maybe(_, bound):
                return bound
            case slot:
                return self._flag(slot is not None)

    def _leave(self, reason: str, state: FrameState) -> None:
        self.end("leave", state=state, reason=reason)

    def _do_leave(self, reason: str) -> None:
        if reason != "assert":
            finding = Finding(
                "instruction", reason, self._instruction.offset, self._instruction.line
            )
            self.unit.findings.append(finding)
        self._leave(reason, self.state)

    def _do_raise(self, count: int) -> None:
        """Leave where the statement starts: the last place with the stack that the raise leaves
        behind.
        """
        del self.stack[len(self.stack) - count :]
        self._leave_before("raise")

    def _do_ret(self) -> None:
        state, value = self.state, self._pop()
        if self.unit.function.consumer:
            found = fused.result(self)
            if found is None:
                return
            value = found
        self.end("ret", [value], state=state)

    def _do_jump(self, target: int) -> None:
        self.end("br", edges=[self._edge(target)])

    def _do_branch(self, test: str, target: int, keep: bool) -> None:
        top = self.stack[-1]
        if isinstance(top, Truth):
            value, state = top.value, top.state
        else:
            assert isinstance(top, Value), self._instruction
            value, state = top, self.state
        if test in ("none", "not none"):
            none = self._constant(("singleton", "None"))
            (value,) = self.emit("py.is", [value, none], state=state, invert=False)
        (truth,) = self.emit("py.truth", [value], (Rep.I1,), state)
        if keep:
            jumps = self._edge(target)
            self.stack.pop()
        else:
            self.stack.pop()
            jumps = self._edge(target)
        edges = [jumps, self._edge(self.raw.falls_to)]
        if test in ("false", "not none"):
            edges.reverse()
        self.end("condbr", [truth], edges=edges)

    def _do_next(self, exit_offset: int) -> None:
        iterator = self._pop()
        item, more = self.emit("py.next", [iterator], (Rep.OBJ, Rep.I1), self.state)
        leaves = self._edge(exit_offset)
        self.stack += [iterator, item]
        self.end("condbr", [more], edges=[self._edge(self.raw.falls_to), leaves])

    # ---- locals and stack ------------------------------------------------------------------------
    def _do_const(self, source: tuple[str, str | int]) -> None:
        self.stack.append(self._constant(source))

    def _do_load(self, index: int) -> None:
        if index in self._shared:
            cell = self._cell(index)
            if cell is not None:
                self._push("py.deref", cell, name=self._names[index])
            return
        self._check(index)
        if not self.ended:
            value = self.locals[index]
            assert isinstance(value, Value), value
            self.stack.append(value)

    def _check(self, index: int) -> None:
        """Leave the local bound, or leave native code."""
        name = self._names[index]
        match self.locals[index]:
            case None:
                self._leave(f"unbound {name}", self._blamed)
            case Maybe(Value() as value, _):
                (checked,) = self.emit(
                    "py.check", [value], state=self._blamed, name=name, index=index
                )
                checked.hint = name
                self.locals[index] = checked

    def _cell(self, index: int) -> Value | None:
        """The cell of a shared variable; without one that is surely there, leave native code."""
        cell = self.locals[index]
        if isinstance(cell, Value):
            return cell
        self._leave(f"a cell of {self._names[index]} that may not be there", self.state)
        return None

    def _do_store(self, index: int) -> None:
        value = self.stack.pop()
        if index in self._shared:
            assert isinstance(value, Value), (self._instruction, value)
            cell = self._cell(index)
            if cell is not None:
                self.emit("py.store_deref", [cell, value], (), self.state)
            return
        if value is None:  # what `hide` found unbound
            self.locals[index] = None
            return
        assert isinstance(value, Value), (self._instruction, value)
        value.hint = value.hint or self._names[index]
        self.locals[index] = value

    def _do_delete(self, index: int) -> None:
        self._check(index)
        self.locals[index] = None

    def _do_take(self, index: int) -> None:
        slot = self.locals[index]
        assert isinstance(slot, Value), slot
        self.stack.append(slot)
        self.locals[index] = None

    def _do_hide(self, index: int) -> None:
        """Keep a local on the stack while a comprehension uses its slot."""
        slot = self.locals[index]
        if isinstance(slot, Maybe):
            self._do_leave("comprehension over a variable that may be unbound")
            return
        assert slot is None or isinstance(slot, Value), slot
        self.stack.append(slot)
        self.locals[index] = None

    def _do_conceal(self, index: int) -> None:
        self._do_leave("comprehension over a variable that a function inside captures")

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

    def _do_cell(self, index: int) -> None:
        self.stack.append(Closure((index,)))

    def _do_function(self) -> None:
        """A comprehension's function, which is called at once; of others the interpreter's."""
        place = self._constant_index(self._pop())
        closure = (
            self.stack.pop() if self.stack and isinstance(self.stack[-1], Closure) else Closure(())
        )
        code = self.unit.code.co_consts[place]
        assert isinstance(closure, Closure), closure
        bound = [slot for n in closure.variables if isinstance(slot := self.locals[n], Value)]
        simple = len(bound) == len(closure.variables) and not self._shared & {*closure.variables}
        at_once = code.co_name in variables.COMPREHENSIONS or place in self.unit.consumed
        if at_once and simple:
            state = self._mark().state  # there are no cells on the stack yet
            numbers = closure.variables
            self.stack += self.emit(
                "py.function", bound, state=state, const=place, captured=numbers
            )
            return
        line = self._instruction.line
        self.unit.findings.append(
            Finding("instruction", "MAKE_FUNCTION", self._instruction.offset, line)
        )
        self._leave_before(f"making {code.co_name}")

    def _do_closed(self) -> None:
        """The cells went with the function."""

    def _do_begin(self) -> None:
        fused.begin(self)

    def _do_yield(self, *kept: int) -> None:
        fused.take(self)

    def _mark(self) -> _Mark:
        """Where the stack was last as it is now; the present instruction if that was in another
        block.
        """
        depth = len(self.stack)
        found = (mark for mark in reversed(self._marks) if mark.depth == depth)
        return next(found, self._marks[-1])

    def _leave_before(self, reason: str) -> None:
        """Leave where the stack was last as it is now."""
        mark = self._mark()
        del self.block.ops[mark.ops :]
        self._leave(reason, mark.state)

    def _do_binop(self, op: str, inplace: bool) -> None:
        self._push("py.binop", *self._pops(2), op=op, inplace=inplace)

    def _do_unary(self, op: str) -> None:
        self._push("py.unary", self._pop(), op=op)

    def _do_not(self) -> None:
        top = self.stack.pop()
        if isinstance(top, Truth):
            self.stack += self.emit("py.not", [top.value], state=top.state)
        else:
            assert isinstance(top, Value), self._instruction
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
            self.stack.append(Truth(self._pop(), self.state))
        else:
            self._do_leave(f"{self._instruction.name} not followed by its test")

    def _do_is(self, invert: bool) -> None:
        self._push("py.is", *self._pops(2), invert=invert)

    def _do_contains(self, invert: bool) -> None:
        self._push("py.contains", *self._pops(2), invert=invert)

    def _do_getitem(self) -> None:
        self._push("py.getitem", *self._pops(2))

    def _do_setitem(self) -> None:
        value, container, index = self._pops(3)
        self.emit("py.setitem", [container, index, value], (), self.state)

    def _do_setattr(self, name: str) -> None:
        value, instance = self._pops(2)
        self.emit("py.setattr", [instance, value], (), self.state, name=name)

    def _do_delitem(self) -> None:
        self.emit("py.delitem", self._pops(2), (), self.state)

    def _do_slice(self, count: int) -> None:
        self._push("py.slice", *self._pops(count))

    def _do_getslice(self) -> None:
        self._do_slice(2)
        self._do_getitem()

    def _do_setslice(self) -> None:
        self._do_slice(2)
        self._do_setitem()

    def _do_kwnames(self, names: tuple[str, ...]) -> None:
        self._call_state, self._call_names = self.state, names

    def _do_call(self, count: int, names_on_stack: bool) -> None:
        names, state = self._call_names, self._call_state or self.state
        self._call_state, self._call_names = None, ()
        if names_on_stack:
            names = self._constant_tuple(self._pop())
        arguments = self._pops(count)
        pair = [item for item in (self.stack.pop(), self.stack.pop()) if item is not None][::-1]
        operands = [item for item in pair if isinstance(item, Value)] + arguments
        if not fused.call(self, operands):
            self.stack += self.emit("py.call", operands, state=state, kwnames=names)

    def _definition(self, value: Value) -> Op:
        return next(op for op in self.block.ops if value in op.results)

    def _constant_tuple(self, value: Value) -> tuple[str, ...]:
        names = self.unit.code.co_consts[self._constant_index(value)]
        assert isinstance(names, tuple), names
        return names

    def _constant_index(self, value: Value) -> int:
        op = self._definition(value)
        index = op.attrs["source"][1]
        assert isinstance(index, int), op
        return index

    def _do_iter(self) -> None:
        self._push("py.iter", self._pop())

    def _do_tuple(self, count: int) -> None:
        if count and isinstance(self.stack[-1], Closure):
            cells = [self.stack.pop() for _ in range(count)][::-1]
            numbers = [n for item in cells if isinstance(item, Closure) for n in item.variables]
            self.stack.append(Closure(tuple(numbers)))
            return
        self._push("py.tuple", *self._pops(count))

    def _do_list(self, count: int) -> None:
        self._push("py.list", *self._pops(count))

    def _do_totuple(self) -> None:
        self._push("py.totuple", self._pop())

    def _do_set(self, count: int) -> None:
        self._push("py.set", *self._pops(count))

    def _do_dict(self, count: int) -> None:
        self._push("py.dict", *self._pops(2 * count))

    def _do_keyed(self, count: int) -> None:
        """The keys are one constant; each gets a constant of its own."""
        names = self._definition(self._pop()).attrs["source"]
        values = self._pops(count)
        keys = [self._constant((*names, place)) for place in range(count)]
        self._push("py.dict", *[v for pair in zip(keys, values, strict=True) for v in pair])

    def _do_format(self, conversion: str, spec: bool, formats: bool) -> None:
        operands = self._pops(1 + spec)
        self._push("py.format", *operands, conversion=conversion, formats=formats)

    def _do_string(self, count: int) -> None:
        self._push("py.string", *self._pops(count))

    def _do_append(self, depth: int) -> None:
        value = self._pop()
        self.emit("py.append", [self._below(depth), value], (), self.state)

    def _do_extend(self, depth: int) -> None:
        value = self._pop()
        self.emit("py.extend", [self._below(depth), value], (), self.state)

    def _do_setupdate(self, depth: int) -> None:
        value = self._pop()
        self.emit("py.setupdate", [self._below(depth), value], (), self.state)

    def _do_setadd(self, depth: int) -> None:
        value = self._pop()
        self.emit("py.setadd", [self._below(depth), value], (), self.state)

    def _do_mapadd(self, depth: int) -> None:
        key, value = self._pops(2)
        self.emit("py.setitem", [self._below(depth), key, value], (), self.state)

    def _below(self, depth: int) -> Value:
        item = self.stack[-depth]
        assert isinstance(item, Value), (self._instruction, item)
        return item

    def _do_unpack(self, count: int) -> None:
        sequence = self._pop()
        items = self.emit("py.unpack", [sequence], (Rep.OBJ,) * count, self.state)
        self.stack += items[::-1]

    def _do_unpackstar(self, before: int, after: int) -> None:
        sequence = self._pop()
        reps = (Rep.OBJ,) * (before + 1 + after)
        items = self.emit("py.unpackstar", [sequence], reps, self.state, before=before)
        self.stack += items[::-1]


def _slot(item: Item) -> Slot:
    """What a frame state says of an item; nothing leaves while there is a closure on the stack."""
    if isinstance(item, Closure):
        return None
    return item.value if isinstance(item, Truth) else item


def frame_locals(
    code: CodeType,
    consumer: str,
    private: frozenset[int],
    slots: Sequence[Slot],
    stack: tuple[Slot, ...],
) -> tuple[Slot, ...]:
    """The variables as a frame has them: captured ones in cells, free ones left out, and the
    iterator of a comprehension, which by now lies on the stack, in its variable too. Last, for a
    generator expression, the items that stand for those its consumer took.
    """
    found = [
        Virtual("cell", (slot,), number + 1) if number in private else slot
        for number, slot in enumerate(slots[: variables.slots(code)])
    ]
    above = stack if consumer else stack[1:]  # the list that a comprehension builds is the lowest
    called_at_once = consumer or code.co_name in variables.COMPREHENSIONS
    if called_at_once and code.co_varnames[0] == ".0" and above:
        found[0] = above[0] if found[0] is None else found[0]
    if consumer:
        found.append(fused.taken(consumer, slots[len(variables.names(code)) :]))
    return tuple(found)
