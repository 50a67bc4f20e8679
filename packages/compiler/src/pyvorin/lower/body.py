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

from collections.abc import Callable, Iterator
from typing import NamedTuple

from pyvorin.frontend import variables
from pyvorin.frontend.build import Header, entry_variables, header_state
from pyvorin.infer.flow import CONTAINER, Flow
from pyvorin.infer.methods import receiver_of
from pyvorin.infer.program import Program
from pyvorin.ir.dominance import Dominance
from pyvorin.ir.model import (
    Block,
    Edge,
    Entry,
    FrameState,
    Function,
    Maybe,
    Op,
    Rep,
    Value,
    uncelled,
)
from pyvorin.lower.arrays import arrays
from pyvorin.lower.builder import VIRTUAL_KINDS, Builder
from pyvorin.lower.entries import drop_useless
from pyvorin.lower.fuse import fuse
from pyvorin.lower.held import CannotLower, Held, fixed
from pyvorin.lower.hoist import hoist
from pyvorin.lower.swaps import swap
from pyvorin.types import (
    BIG,
    BOTTOM,
    NONE,
    NUM,
    OBJECTS,
    SEQUENCE_OF,
    UNBUILT,
    Callee,
    Items,
    Iter,
    Kind,
    Obj,
    Range,
    Type,
    reps,
)

Way = tuple[tuple[str, int], ...]
_ENTRY_CLASS = {**OBJECTS, BIG: "int", NONE: "NoneType"}


class Body(NamedTuple):
    """A typed body and what it relies on: globals, attributes of modules (global name, attribute),
    native callees.
    """

    function: Function
    globals: frozenset[str]
    attributes: frozenset[tuple[str, str]]
    callees: frozenset[tuple[str, int]]
    unlowered: tuple[Unlowered, ...]


class Unlowered(NamedTuple):
    """A place from which only the interpreter goes on: bytecode offset and reason."""

    offset: int
    reason: str


def lower_body(flow: Flow, program: Program, variant: str, headers: bool) -> Body:
    """Lower a function with the predicted types; with `headers` the body can also be entered at
    loop headers.
    """
    low = _Lowering(flow, program, variant)
    function = low.run(headers)
    drop_useless(function)
    fuse(function)
    swap(function)
    hoist(function)
    arrays(function, flow.source.code.co_consts)
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
        self.found: dict[Value, object] = {}  # place in a dict → what was looked up
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
        # Once, but where a block is only come to from further down: frames enter the loop there.
        while not self.blocks.keys() <= self.at_end.keys():
            for block in dominance.order:
                if block.label in self.blocks and block.label not in self.at_end:
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
        code = self.flow.source.code
        shared = variables.shared(code)
        for number, param in zip(entry_variables(code), block.params, strict=True):
            place = "cell" if number in shared else "local"
            type_ = self.flow.type(param)
            cls = _ENTRY_CLASS.get(type_) if isinstance(type_, Kind) else None
            if is_iterating(type_):
                slots += [(place, number, *part) for part in _fields(type_)]
            else:
                slots.append((place, number, cls) if cls else (place, number))
        self.function.entries.append(Entry(-1, target, slots))

    def _enter_header(self, header: Header) -> bool:
        """An entry from a running frame: what the frame holds, taken as what the header's
        parameters should be.
        """
        types = [self.flow.type(param) for param in header.block.params]
        slots_and_types = list(zip(header.slots, types, strict=True))
        if not all(_can_arrive(header, slot, type_) for slot, type_ in slots_and_types):
            return False
        entry = self.function.new_block(f"osr{header.offset}")
        slots: list[tuple[object, ...]] = []
        self.block, self.offset = entry, header.offset
        self.held = {}
        for param, slot, type_ in zip(header.block.params, header.slots, types, strict=True):
            self.held[param.id] = self._arrive(entry, slots, slot, type_)
        state = header_state(header, self.flow.source.code)
        unbound = [
            (value, bound) for value, bound in _maybes(state) if self.flow.type(value) is BOTTOM
        ]
        try:
            for _, bound in unbound:
                free = self.emit("i1.not", self.held[bound.id].parts[0])
                self.emit("guard", free, state=state, reason="unexpected local")
            for param, type_ in zip(header.block.params, types, strict=True):
                if isinstance(type_, Callee):
                    known = self.emit("const.obj", source=type_.source)
                    same = self.emit("obj.same", self.held[param.id].parts[0], known)
                    self.emit("guard", same, state=state, reason=f"expected {type_.name}")
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
        if is_iterating(type_):
            arriving = _arriving(type_)
            pairs = zip(reps(arriving), _fields(arriving), strict=True)
            return Held(arriving, tuple(parameter(rep, *slot, *field) for rep, field in pairs))
        if type_ is NUM:
            return Held(Obj(frozenset(("int", "float"))), (parameter(Rep.OBJ, kind, number),))
        if type_ is BOTTOM or isinstance(type_, Callee):
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
            self.emit("poll", state=header_state(header, self.flow.source.code))
        stop = self.flow.stops.get(generic.label)
        try:
            for op in generic.ops:
                self.offset = op.offset
                if op is stop:
                    raise CannotLower(f"{op.name.removeprefix('py.')} on these operands")
                self._lower(op)
        except CannotLower as why:
            self.unlowered.append(Unlowered(op.offset, str(why)))
            self.end("leave", state=_state(op), reason=str(why))
        self.at_end[generic.label] = self.held

    def _lower(self, op: Op) -> None:
        place = CONTAINER.get(op.name)
        if place is not None:
            row = LOWER_OF_CLASS.get((op.name, receiver_of(self.held[op.operands[place].id].type)))
            if row is not None:
                row(self, op)
                return
        LOWER[op.name](self, op)

    @property
    def loops(self) -> set[Block]:
        """The typed blocks of loop headers, which have ways in that are not lowered yet."""
        return {self.blocks[label] for label in self.headers if label in self.blocks}

    def edge(self, edge: Edge) -> Edge:
        """The typed edge of a generic one."""
        target = self._block(edge.block)
        args: list[Value] = []
        try:
            for param, arg in zip(edge.block.params, edge.args, strict=True):
                args += self._as_param(self.held[arg.id], self.flow.type(param), None)
        except CannotLower as why:
            return Edge(self._leaving_at(edge, str(why)))
        return Edge(target, args)

    def _leaving_at(self, edge: Edge, why: str) -> Block:
        """A block that leaves where an edge goes, with what its source holds: for a value that the
        target cannot take, as an iterator over something else than it expects.
        """
        header = self.headers.get(edge.block.label)
        state = edge.block.ops[0].state
        if header is not None:
            state = header_state(header, self.flow.source.code)
        if state is None:
            raise CannotLower(why)
        pairs = zip(edge.block.params, edge.args, strict=True)
        outside, held = self.block, self.held
        self.held = {**held, **{param.id: held[arg.id] for param, arg in pairs}}
        self.block = self.function.new_block("stuck")
        self.unlowered.append(Unlowered(self.offset, why))
        self.end("leave", state=state, reason=why)
        made, self.block, self.held = self.block, outside, held
        return made

    def _as_param(self, held: Held, type_: Type, state: FrameState | None) -> tuple[Value, ...]:
        if type_ is BOTTOM or type_ is NONE or isinstance(type_, Callee):
            return ()
        return self.convert(held, type_, state).parts

    # ---- values ----------------------------------------------------------------------------------
    def take(self, value: Value, type_: Type, state: FrameState | None) -> Held:
        """A generic value as `type_`; what a guard finds out about it is remembered."""
        held = self.held[value.id]
        if isinstance(held.type, Obj) and not isinstance(type_, Obj) and type_ is not BIG:
            kept = self.flow.is_kept(value, held.type)
            held = self.unbox(held, type_, state)
            if not kept:
                self.held[value.id] = held
        return self.convert(held, type_, state)

    def put(self, value: Value, held: Held) -> None:
        """Say how a generic value is held: as inference says, or more precisely."""
        self.held[value.id] = held


def _can_arrive(header: Header, slot: tuple[str, int], type_: Type) -> bool:
    """Can a frame's slot be taken as this type? Of what is never built, an iterator can be read,
    and an alias of a function that has a name compared with that.
    """
    if isinstance(type_, Callee):
        return bool(type_.source) and ("bound", slot[1]) not in header.slots
    return is_iterating(type_) or not isinstance(type_, UNBUILT)


def is_iterating(type_: Type) -> bool:
    """Is it an iterator never built? An entry reads those from the frame."""
    iterator = isinstance(type_, Iter) or type_ in SEQUENCE_OF
    return iterator or (isinstance(type_, Range) and type_.iterating)


def _arriving(type_: Type) -> Type:
    """The type of an iterator that a frame has: the step of a range is read, too."""
    if isinstance(type_, Iter) and type_.kind != "reversed":
        return Iter(type_.kind, tuple(map(_arriving, type_.inner)))
    return Range(None, True) if isinstance(type_, Range) else type_


def _fields(type_: Type, way: Way = ()) -> Iterator[tuple[object, ...]]:
    """The fields that make up an iterator, with the way to the inner one that has it."""
    if isinstance(type_, Range):
        names = ["current", "stop", "step"][: len(reps(type_))]
    elif not isinstance(type_, Iter):
        names = [VIRTUAL_KINDS[type_].removesuffix("_iter"), "index"]
    elif type_.kind == "reversed":
        names = [str(_ENTRY_CLASS[type_.inner[0]]), "back"]  # type: ignore[index]
    else:
        for place, inner in enumerate(type_.inner):
            yield from _fields(inner, (*way, (type_.kind, place)))
        names = ["count"] if type_.kind == "enumerate" else []
    yield from ((name, *way) for name in names)


def _maybes(state: FrameState) -> list[tuple[Value, Value]]:
    return [
        (slot.value, slot.bound)
        for slot in map(uncelled, state.locals)
        if isinstance(slot, Maybe) and isinstance(slot.value, Value)
    ]


def _state(op: Op) -> FrameState:
    assert op.state is not None, op.name
    return op.state


LOWER: dict[str, Callable[[_Lowering, Op], None]] = {}
"""How each generic op is lowered; `lower.ops` fills it."""
LOWER_OF_CLASS: dict[tuple[str, Kind | None], Callable[[_Lowering, Op], None]] = {}
"""The same for one class of container; the modules of families of classes fill it."""

Lowering = _Lowering
__all__ = ["LOWER", "Items", "Lowering", "lower_body"]
