"""Lower one body: walk the generic blocks in reverse post-order, emitting typed operations with
what inference predicts.

    generic   %7:obj = py.binop %3, %5 {op='+'}        types: %3 INT, %5 INT
    typed     %9:i64 = i64.add %4, %6 [frame state]

A generic value is *held* as typed values (see `lower.held`). What is learned of it by a guard, for
instance that an object is an int, holds in every block that the guard dominates; a block therefore
starts with what its immediate dominator ended with. The position of an iterator that was never
built is such knowledge too: the header's `py.next` advances it, and it dominates every later use.

Where inference has no plan only the interpreter can go on: the block ends in `leave`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyvorin.frontend.build import Header
from pyvorin.infer.flow import Flow
from pyvorin.infer.program import Program
from pyvorin.ir.dominance import Dominance
from pyvorin.ir.model import Block, Edge, Entry, FrameState, Function, Maybe, Op, Rep, Slot, Value
from pyvorin.lower.builder import VIRTUAL_KINDS, Builder
from pyvorin.lower.held import CannotLower, Held, fixed
from pyvorin.types import (
    BIG,
    BOTTOM,
    LIST,
    LIST_ITER,
    NONE,
    NUM,
    STR,
    STR_ITER,
    TUPLE,
    TUPLE_ITER,
    Callee,
    Items,
    Kind,
    Obj,
    Range,
    Type,
    reps,
)

_ENTRY_CLASS = {LIST: "list", STR: "str", TUPLE: "tuple", BIG: "int", NONE: "NoneType"}


@dataclass(frozen=True, slots=True)
class Body:
    """A typed body and what it relies on: globals, attributes of modules (global name, attribute),
    native callees.
    """

    function: Function
    globals: frozenset[str]
    attributes: frozenset[tuple[str, str]]
    callees: frozenset[tuple[str, int]]
    unlowered: tuple[Unlowered, ...]


@dataclass(frozen=True, slots=True)
class Unlowered:
    """A place from which only the interpreter goes on: bytecode offset and reason."""

    offset: int
    reason: str


def lower_body(flow: Flow, program: Program, variant: str, headers: bool) -> Body:
    """Lower a function with the predicted types; with `headers` the body can also be entered at
    loop headers.
    """
    low = _Lowering(flow, program, variant)
    function = low.run(headers)
    return Body(
        function,
        frozenset(low.used_globals),
        frozenset(low.used_attributes),
        frozenset(low.callees),
        tuple(low.unlowered),
    )


class _Lowering(Builder):
    """The state of lowering one body."""

    def __init__(self, flow: Flow, program: Program, variant: str) -> None:
        generic = flow.source.built.function
        assert generic is not None
        result = program.result_rep(flow)
        name, index = flow.source.name, flow.source.index
        super().__init__(Function(name, index, variant, result, nlocals=generic.nlocals))
        self.flow = flow
        self.program = program
        self.generic = generic
        self.blocks: dict[str, Block] = {}
        self.at_end: dict[str, dict[int, Held]] = {}
        self.headers = {header.block.label: header for header in flow.source.built.headers}
        self.used_globals: set[str] = set()
        self.used_attributes: set[tuple[str, str]] = set()
        self.callees: set[tuple[str, int]] = set()
        self.factors: dict[int, tuple[Value, Value]] = {}  # 128-bit product → its 64-bit factors
        self.unlowered: list[Unlowered] = []
        self.number = {h.block.label: i for i, h in enumerate(flow.source.built.headers)}

    def run(self, headers: bool) -> Function:
        """Lower every block that control reaches."""
        start = self.generic.entries[0].block
        roots = [start]
        self._enter_start(start)
        if headers:
            for header in self.headers.values():
                if header.block.label in self.flow.reached and self._enter_header(header):
                    roots.append(header.block)
        dominance = Dominance(Function("", entries=[Entry(0, root) for root in roots]))
        for block in dominance.order:
            if block.label in self.blocks:
                above = dominance.immediate(block)
                self.held = {} if above is None else dict(self.at_end[above.label])
                self._lower_block(block)
        return self.function

    # ---- ways in ---------------------------------------------------------------------------------
    def _enter_start(self, block: Block) -> None:
        """The entry at the start: parameters are converted by the entry stub, so the block itself
        is the entry.
        """
        target = self._block(block)
        slots: list[tuple[object, ...]] = []
        for number, param in enumerate(block.params):
            type_ = self.flow.type(param)
            cls = _ENTRY_CLASS.get(type_) if isinstance(type_, Kind) else None
            slots.append(("local", number, cls) if cls else ("local", number))
        self.function.entries.append(Entry(-1, target, slots))

    def _enter_header(self, header: Header) -> bool:
        """An entry from a running frame: what the frame holds, taken as what the header's
        parameters should be.
        """
        types = [self.flow.type(param) for param in header.block.params]
        if any(isinstance(t, Callee) or (isinstance(t, Range) and not t.iterating) for t in types):
            return False
        entry = self.function.new_block(f"osr{header.offset}")
        slots: list[tuple[object, ...]] = []
        self.block, self.offset = entry, header.offset
        self.held = {}
        for param, slot, type_ in zip(header.block.params, header.slots, types, strict=True):
            self.held[param.id] = self._arrive(entry, slots, slot, type_)
        state = header_state(header, self.generic.nlocals)
        unbound = [
            (value, bound) for value, bound in _maybes(state) if self.flow.type(value) is BOTTOM
        ]
        try:
            for _, bound in unbound:
                free = self.emit("i1.not", self.held[bound.id].parts[0])
                self.emit("guard", free, state=state, reason="unexpected local")
            args = [
                part
                for param, type_ in zip(header.block.params, types, strict=True)
                for part in self._as_param(self.held[param.id], type_, state)
            ]
        except CannotLower:
            self.function.blocks.remove(entry)
            return False
        self.end("br", edges=(Edge(self._block(header.block), args),))
        self.function.entries.append(Entry(self.number[header.block.label], entry, slots))
        return True

    def _arrive(
        self, entry: Block, slots: list[tuple[object, ...]], slot: tuple[str, int], type_: Type
    ) -> Held:
        """Add entry parameters for one slot of a frame; how the value is held on arrival."""

        def parameter(rep: Rep, *description: object) -> Value:
            value = self.function.new_value(rep)
            entry.params.append(value)
            slots.append(description)
            return value

        kind, number = slot
        if isinstance(type_, Range):
            parts = [parameter(Rep.I64, kind, number, name) for name in ("current", "stop", "step")]
            return Held(Range(None, True), tuple(parts))
        if type_ in (LIST_ITER, STR_ITER, TUPLE_ITER):
            sequence = VIRTUAL_KINDS[type_].removesuffix("_iter")
            return Held(
                type_,
                (
                    parameter(Rep.OBJ, kind, number, sequence),
                    parameter(Rep.I64, kind, number, "index"),
                ),
            )
        if type_ is NUM:
            return Held(Obj(frozenset(("int", "float"))), (parameter(Rep.OBJ, kind, number),))
        if type_ is BOTTOM:
            return Held(Obj(), (parameter(Rep.OBJ, kind, number),))
        cls = _ENTRY_CLASS.get(type_)  # type: ignore[arg-type]
        if type_ is NONE:
            parameter(Rep.OBJ, kind, number, cls)
            return fixed(NONE)
        (rep,) = reps(type_)
        return Held(
            type_, (parameter(rep, kind, number, cls) if cls else parameter(rep, kind, number),)
        )

    # ---- blocks ----------------------------------------------------------------------------------
    def _block(self, generic: Block) -> Block:
        """The typed block of a generic one, made on first request with parameters for its types."""
        if generic.label not in self.blocks:
            block = self.function.new_block(generic.label)
            for param in generic.params:
                block.params += [
                    self.function.new_value(rep, param.hint) for rep in reps(self.flow.type(param))
                ]
            self.blocks[generic.label] = block
        return self.blocks[generic.label]

    def _lower_block(self, generic: Block) -> None:
        self.block = self.blocks[generic.label]
        parts = iter(self.block.params)
        for param in generic.params:
            type_ = self.flow.type(param)
            taken = tuple(next(parts) for _ in reps(type_))
            known = type_ is NONE or isinstance(type_, Callee)
            self.held[param.id] = fixed(type_) if known else Held(type_, taken)
        header = self.headers.get(generic.label)
        if header is not None:
            self.offset = header.offset
            self.emit("poll", state=header_state(header, self.generic.nlocals))
        try:
            for op in generic.ops:
                self.offset = op.offset
                LOWER[op.name](self, op)
        except CannotLower as why:
            self.unlowered.append(Unlowered(op.offset, str(why)))
            self.end("leave", state=_state(op), reason=str(why))
        self.at_end[generic.label] = self.held

    def edge(self, edge: Edge) -> Edge:
        """The typed edge of a generic one."""
        target = self._block(edge.block)
        args: list[Value] = []
        for param, arg in zip(edge.block.params, edge.args, strict=True):
            args += self._as_param(self.held[arg.id], self.flow.type(param), None)
        return Edge(target, args)

    def _as_param(self, held: Held, type_: Type, state: FrameState | None) -> tuple[Value, ...]:
        if type_ is BOTTOM or type_ is NONE or isinstance(type_, Callee):
            return ()
        return self.convert(held, type_, state).parts

    # ---- values ----------------------------------------------------------------------------------
    def take(self, value: Value, type_: Type, state: FrameState | None) -> Held:
        """A generic value as `type_`; what a guard finds out about it is remembered."""
        held = self.held[value.id]
        if isinstance(held.type, Obj) and not isinstance(type_, Obj) and type_ is not BIG:
            held = self.unbox(held, type_, state)
            self.held[value.id] = held
        return self.convert(held, type_, state)

    def put(self, value: Value, held: Held) -> None:
        """Say how a generic value is held: as inference says, or more precisely."""
        self.held[value.id] = held


def header_state(header: Header, nlocals: int) -> FrameState:
    """The generic frame state at a loop header."""
    by_slot = dict(zip(header.slots, header.block.params, strict=True))
    locals_: list[Slot] = []
    for number in range(nlocals):
        value = by_slot.get(("local", number))
        bound = by_slot.get(("bound", number))
        locals_.append(Maybe(value, bound) if value is not None and bound is not None else value)
    stack = [by_slot.get(("stack", depth)) for depth in range(len(header.stack))]
    return FrameState(header.offset, tuple(locals_), tuple(stack))


def _maybes(state: FrameState) -> list[tuple[Value, Value]]:
    return [
        (slot.value, slot.bound)
        for slot in state.locals
        if isinstance(slot, Maybe) and isinstance(slot.value, Value)
    ]


def _state(op: Op) -> FrameState:
    assert op.state is not None, op.name
    return op.state


LOWER: dict[str, Callable[[_Lowering, Op], None]] = {}
"""How each generic op is lowered; `lower.ops` fills it."""

Lowering = _Lowering
__all__ = ["LOWER", "Items", "Lowering", "lower_body"]
