"""The builder that lowering appends typed operations with: constants, boxing, unboxing,
conversions, frame states.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyvorin.infer.arith import number
from pyvorin.ir.model import (
    Block,
    Const,
    Edge,
    FrameState,
    Function,
    Maybe,
    Op,
    Rep,
    Slot,
    Value,
    Virtual,
)
from pyvorin.ir.optable import OPS
from pyvorin.lower.held import CannotLower, Held, fixed
from pyvorin.types import (
    BIG,
    BOOL,
    BOTTOM,
    CHAR,
    FLOAT,
    INT,
    NONE,
    NUM,
    OBJECTS,
    SEQUENCE_OF,
    STR,
    TUPLE,
    WIDE,
    Callee,
    Items,
    Iter,
    Kind,
    Method,
    Obj,
    Range,
    Slice,
    Type,
    reps,
)

ZERO: dict[Rep, object] = {Rep.I64: 0, Rep.I128: 0, Rep.F64: 0.0, Rep.I1: False, Rep.CHAR: 0}
_BOX = {INT: "box.i64", WIDE: "box.i128", FLOAT: "box.f64", BOOL: "box.i1", CHAR: "box.char"}
_UNBOX = {
    INT: ("obj.unbox_i64", Rep.I64),
    WIDE: ("obj.unbox_i128", Rep.I128),
    FLOAT: ("obj.unbox_f64", Rep.F64),
    BOOL: ("obj.unbox_i1", Rep.I1),
    CHAR: ("obj.unbox_char", Rep.CHAR),
}
VIRTUAL_KINDS: dict[Type, str] = {
    NUM: "num",
    **{iterator: f"{OBJECTS[kind]}_iter" for iterator, kind in SEQUENCE_OF.items()},
}


Source = tuple[str | int, ...]


class Builder:
    """Appends operations to the current block of a typed function.

    `held` is what lowering knows of each generic value, by id. Conversions that may leave take the
    generic frame state to resume from.
    """

    def __init__(self, function: Function) -> None:
        self.function = function
        self.block: Block = None  # type: ignore[assignment]  # set before the first emit
        self.held: dict[int, Held] = {}
        self.offset = -1
        self.ways: dict[Block, list[Block]] = {}  # block → blocks that branch to it so far
        self._constants: dict[tuple[str, Rep, str], Value] = {}  # per block
        self._boxes: dict[
            tuple[str, int], Value
        ] = {}  # (block, value) → the object made of it there

    # ---- operations ------------------------------------------------------------------------------
    def emit(
        self,
        name: str,
        /,
        *operands: Value,
        rep: Rep | None = None,
        state: FrameState | None = None,
        **attrs: Any,
    ) -> Value:
        """Append an operation; `state` (a generic frame state) is converted when the op may leave.

        The result's representation comes from the op table unless `rep` gives it. An op without a
        result returns its last operand.
        """
        row = OPS[name]
        results: list[Value] = []
        if row.results:
            kind = rep or Rep(row.results[0])
            results.append(self.function.new_value(kind))
        typed = self.state(state) if row.deopt and state is not None else None
        assert not row.deopt or typed is not None, name
        self.block.ops.append(Op(name, list(operands), results, attrs, typed, offset=self.offset))
        return results[0] if results else operands[-1] if operands else None  # type: ignore[return-value]

    def const(self, rep: Rep, value: object) -> Value:
        """A constant of a machine representation."""
        if rep is Rep.OBJ:
            return self.emit("const.obj", source=("singleton", "None"))
        key = (self.block.label, rep, repr(value))
        if key not in self._constants:
            self._constants[key] = self.emit("const", rep=rep, value=value)
        return self._constants[key]

    def end(
        self,
        name: str,
        *operands: Value,
        edges: tuple[Edge, ...] = (),
        state: FrameState | None = None,
        **attrs: Any,
    ) -> None:
        """Append a terminator."""
        typed = self.state(state) if state is not None else None
        for edge in edges:
            self.ways.setdefault(edge.block, []).append(self.block)
        self.block.ops.append(Op(name, list(operands), [], attrs, typed, list(edges), self.offset))

    def fork(self, condition: Value) -> tuple[Block, Block]:
        """End the block with a branch to two new blocks."""
        yes, no = self.function.new_block("yes"), self.function.new_block("no")
        self.end("condbr", condition, edges=(Edge(yes), Edge(no)))
        return yes, no

    def meet(self, arms: list[tuple[Block, tuple[Value, ...]]]) -> tuple[Value, ...]:
        """Continue in a new block after the given open blocks, each bringing its values."""
        joined = self.function.new_block("meet")
        joined.params = [self.function.new_value(v.rep) for v in arms[0][1]]
        for block, values in arms:
            self.block = block
            self.end("br", edges=(Edge(joined, list(values)),))
        self.block = joined
        return tuple(joined.params)

    # ---- frame states ----------------------------------------------------------------------------
    def state(self, state: FrameState) -> FrameState:
        """The typed frame state of a generic one, with what is held now."""
        made: dict[Value, Slot] = {}  # a value in several slots is one object
        locals_ = tuple(self._slot(slot, made) for slot in state.locals)
        return FrameState(
            state.offset, locals_, tuple(self._slot(slot, made) for slot in state.stack)
        )

    def _slot(self, slot: Slot, made: dict[Value, Slot]) -> Slot:
        match slot:
            case None:
                return None
            case Maybe(Value() as value, bound):
                held = self.held[value.id]
                flag = self.held[bound.id].parts[0]
                return None if held.type is BOTTOM else Maybe(self.slot_of(held), flag)
            case Value():
                if slot not in made:
                    made[slot] = self.slot_of(self.held[slot.id])
                return made[slot]
            case Virtual("tuple", items, identity):
                return Virtual("tuple", tuple(self._slot(item, made) for item in items), identity)
            case Virtual("cell", (inner,), identity):
                return Virtual("cell", (self._slot(inner, made),), identity)
        raise AssertionError(slot)

    def slot_of(self, held: Held) -> Slot:
        """The frame-state slot that rebuilds a held value."""
        if held.source is not None:
            return Const(held.source)
        type_, parts = held.type, held.parts
        if isinstance(type_, Range):
            step = parts[2] if type_.step is None else self.const(Rep.I64, type_.step)
            return Virtual("range_iter" if type_.iterating else "range", (*parts[:2], step))
        if isinstance(type_, Iter):
            return self._iterator_slot(type_, parts)
        if isinstance(type_, Items):
            return Virtual("tuple", tuple(map(self.slot_of, held.items)), held.identity)
        if isinstance(type_, Callee):
            if type_.kind == "generator":
                return Virtual("generator", tuple(map(self.slot_of, held.items)))
            if type_.kind != "nested":
                return Const(type_.source)
            code = Const(("const", type_.const))
            pairs = zip(type_.captured, held.items, strict=True)
            cells = (Virtual("cell", (self.slot_of(h),), number + 1) for number, h in pairs)
            return Virtual("function", (code, *cells))
        if isinstance(type_, Slice):
            bounds = tuple(map(self.slot_of, held.items))
            return Virtual("slice", (*bounds, Const(("singleton", "None")))[:3], held.identity)
        if isinstance(type_, Method):
            name = Const(("name", type_.name))
            return Virtual("method", (parts[0], name), held.identity)
        if type_ is NONE:
            return Const(("singleton", "None"))
        kind = VIRTUAL_KINDS.get(type_)
        return Virtual(kind, parts) if kind else parts[0]

    def _iterator_slot(self, type_: Iter, parts: tuple[Value, ...]) -> Slot:
        if type_.kind == "reversed":
            return Virtual("reversed", parts)
        slots: list[Slot] = []
        for inner in type_.inner:
            count = len(reps(inner))
            slots.append(self.slot_of(Held(inner, parts[:count])))
            parts = parts[count:]
        return Virtual(type_.kind, (*slots, *parts))

    # ---- constants -------------------------------------------------------------------------------
    def literal(self, value: object, type_: Type, source: Source) -> Held:
        """A constant, with the object it is."""
        if isinstance(type_, Items):
            assert isinstance(value, tuple)
            pairs = enumerate(zip(value, type_.types, strict=True))
            inner = source[:1] == ("const",) and len(source) == 2
            items = [self.literal(v, t, (*source, n) if inner else ()) for n, (v, t) in pairs]
            return Held(type_, source=source, items=tuple(items))
        if type_ is NONE:
            return fixed(NONE)
        if type_ in (INT, WIDE, FLOAT, BOOL, CHAR):
            rep = {INT: Rep.I64, WIDE: Rep.I128, FLOAT: Rep.F64, BOOL: Rep.I1, CHAR: Rep.CHAR}[
                type_
            ]
            machine = ord(value) if isinstance(value, str) else value
            if type_ is BOOL:
                source = ("singleton", str(value))
            return Held(type_, (self.const(rep, machine),), source or None)
        if not source:
            raise CannotLower("a constant inside a tuple")
        return Held(type_, (self.emit("const.obj", source=source),), source)

    # ---- conversions -----------------------------------------------------------------------------
    def box(self, held: Held) -> Value:
        """The object of a held value."""
        if held.source is not None:
            return self.emit("const.obj", source=held.source)
        if held.origin is not None:
            return held.origin
        type_ = held.type
        if type_ in _BOX:
            key = (self.block.label, held.parts[0].id)
            if key not in self._boxes:
                self._boxes[key] = self.emit(_BOX[type_], held.parts[0])
            return self._boxes[key]
        if isinstance(type_, Items):
            return self.emit("tuple.new", *map(self.box, held.items))
        if type_ is NONE:
            return self.emit("const.obj", source=("singleton", "None"))
        if type_ is NUM:
            return self._box_num(held)
        unbuilt = isinstance(type_, Method)
        if not unbuilt and len(held.parts) == 1 and held.parts[0].rep is Rep.OBJ:
            return held.parts[0]
        raise CannotLower(f"an object of type {type_}")

    def _box_num(self, held: Held) -> Value:
        is_float, integer, floating = held.parts
        yes, no = self.fork(is_float)
        self.block = yes
        boxed = self.emit("box.f64", floating)
        yes, self.block = self.block, no
        other = self.emit("box.i64", integer)
        return self.meet([(yes, (boxed,)), (self.block, (other,))])[0]

    def convert(self, held: Held, type_: Type, state: FrameState | None) -> Held:
        """`held` as a value of `type_`, leaving through `state` when it turns out not to be one."""
        if held.type == type_ or (type_ is BIG and isinstance(held.type, Obj)):
            return held
        if isinstance(held.type, Range) and isinstance(type_, Range):
            return self._convert_range(held, type_, state)
        if isinstance(held.type, Iter) and isinstance(type_, Iter):
            return self._convert_iterator(held, type_, state)
        if held.type is BOTTOM:
            return Held(type_, tuple(self.const(rep, ZERO.get(rep)) for rep in reps(type_)))
        if isinstance(type_, Obj) or type_ is BIG:
            return Held(type_, (self.box(held),), held.source)
        if isinstance(held.type, Obj):
            held = self.unbox(held, type_, state)
        return self._unboxed(held, type_, state)

    def _convert_range(self, held: Held, type_: Range, state: FrameState | None) -> Held:
        """A range with another claim about its step."""
        assert isinstance(held.type, Range)
        if type_.step is None:
            return Held(type_, (*held.parts[:2], self.const(Rep.I64, held.type.step)))
        expected = self.const(Rep.I64, type_.step)
        same = self.emit("i64.cmp", held.parts[2], expected, op="==")
        self.emit("guard", same, state=state, reason="expected another step")
        return Held(type_, held.parts[:2])

    def _convert_iterator(self, held: Held, type_: Iter, state: FrameState | None) -> Held:
        """An iterator over ranges with another claim about their steps."""
        assert isinstance(held.type, Iter)
        if held.type.kind != type_.kind or len(held.type.inner) != len(type_.inner):
            raise CannotLower(f"{held.type} as {type_}")
        left = held.parts
        parts: list[Value] = []
        for inner, wanted in zip(held.type.inner, type_.inner, strict=True):
            count = len(reps(inner))
            parts += self.convert(Held(inner, left[:count]), wanted, state).parts
            left = left[count:]
        return Held(type_, (*parts, *left))

    def unbox(self, held: Held, wanted: Type, state: FrameState | None) -> Held:
        """Take a boxed value out of its box as what it is predicted to be (or, knowing nothing, as
        `wanted`).
        """
        kind = number(held.type) if wanted in (INT, WIDE, BIG, FLOAT, NUM) else None
        target = kind or wanted
        (value,) = held.parts
        if state is None:
            raise CannotLower(f"{held.type} as {wanted} without a state")
        if target in _UNBOX:
            name, _ = _UNBOX[target]
            return Held(target, (self.emit(name, value, state=state),), origin=value)
        if isinstance(target, Kind) and target in OBJECTS:
            cls = OBJECTS[target]
            fits = self.emit("obj.is_class", value, cls=cls)
            self.emit("guard", fits, state=state, reason=f"expected {cls}")
            return Held(target, (value,))
        if target is NUM:
            return self._unbox_num(value, state)
        if target is BIG:
            return Held(BIG, (value,))
        raise CannotLower(f"{held.type} as {wanted}")

    def _unbox_num(self, value: Value, state: FrameState) -> Held:
        is_float = self.emit("obj.is_class", value, cls="float")
        yes, no = self.fork(is_float)
        self.block = yes
        one = (self.const(Rep.I64, 0), self.emit("obj.unbox_f64", value, state=state))
        yes, self.block = self.block, no
        two = (self.emit("obj.unbox_i64", value, state=state), self.const(Rep.F64, 0.0))
        integer, floating = self.meet([(yes, one), (self.block, two)])
        return Held(NUM, (is_float, integer, floating))

    def _unboxed(self, held: Held, type_: Type, state: FrameState | None) -> Held:
        if held.type == type_:
            return held
        if isinstance(held.type, Items) and type_ is TUPLE:
            return Held(TUPLE, (self.box(held),))
        row = _CONVERSIONS.get((held.type, type_))
        if row is None:
            raise CannotLower(f"{held.type} as {type_}")
        return row(self, held, state)

    def cast(self, held: Held, type_: Kind, op: str, state: FrameState | None = None) -> Held:
        """Apply a conversion op of one operand."""
        return Held(type_, (self.emit(op, held.parts[0], state=state),))

    def num_as_float(self, held: Held) -> Held:
        """A NUM as a float."""
        is_float, integer, floating = held.parts
        other = self.emit("i64.to_f64", integer)
        return Held(FLOAT, (self.emit("select", is_float, floating, other, rep=Rep.F64),))

    def as_num(self, held: Held) -> Held:
        """An INT or FLOAT as a NUM."""
        flag = self.const(Rep.I1, held.type is FLOAT)
        if held.type is FLOAT:
            return Held(NUM, (flag, self.const(Rep.I64, 0), held.parts[0]))
        return Held(NUM, (flag, held.parts[0], self.const(Rep.F64, 0.0)))


Conversion = Callable[[Builder, Held, FrameState | None], Held]


def _via(kind: Kind, type_: Type) -> Conversion:
    """A conversion in two steps."""
    return lambda b, h, s: b.convert(b.convert(h, kind, s), type_, s)


# (from, to) → conversion; those that take no state never leave.
_CONVERSIONS: dict[tuple[Type, Type], Conversion] = {
    (BOOL, INT): lambda b, h, s: b.cast(h, INT, "i1.to_i64"),
    (INT, WIDE): lambda b, h, s: b.cast(h, WIDE, "i64.to_i128"),
    (INT, FLOAT): lambda b, h, s: b.cast(h, FLOAT, "i64.to_f64"),
    (BOOL, WIDE): _via(INT, WIDE),
    (BOOL, FLOAT): _via(INT, FLOAT),
    (BOOL, NUM): _via(INT, NUM),
    (WIDE, INT): lambda b, h, s: b.cast(h, INT, "i128.to_i64", s),
    (BIG, INT): lambda b, h, s: b.cast(h, INT, "obj.unbox_i64", s),
    (BIG, WIDE): lambda b, h, s: b.cast(h, WIDE, "obj.unbox_i128", s),
    (INT, NUM): lambda b, h, s: b.as_num(h),
    (FLOAT, NUM): lambda b, h, s: b.as_num(h),
    (NUM, FLOAT): lambda b, h, s: b.num_as_float(h),
    (CHAR, STR): lambda b, h, s: Held(STR, (b.box(h),), h.source),
}
