"""Arithmetic, truth and comparison on held values, for generic operations and for the builtins that
do the same.
"""

from __future__ import annotations

from typing import Any

from pyvorin.infer.arith import Plan, number
from pyvorin.infer.calls import LENGTHS
from pyvorin.infer.methods import receiver_of
from pyvorin.ir.model import FrameState, Op, Rep, Value
from pyvorin.lower.body import Lowering
from pyvorin.lower.held import CannotLower, Held
from pyvorin.types import (
    BIG,
    BOOL,
    CHAR,
    FLOAT,
    INT,
    NONE,
    NUM,
    OBJECTS,
    WIDE,
    Items,
    Kind,
    Obj,
    Type,
    reps,
)


def emit_plan(low: Lowering, plan: Plan, op: Op, operands: tuple[Held, ...]) -> Value:
    """Emit the operation of a plan on converted operands."""
    values = [held.parts[0] for held in operands]
    if plan.op.startswith("i1."):
        return low.emit(plan.op, *values)
    if plan.op.startswith("num."):
        return low.emit(plan.op, *values, state=op.state, op=op.attrs["op"])
    narrow = [low.held[v.id] for v in op.operands]
    if plan.op in _FITTING and all(held.type is INT for held in narrow):
        value = low.emit(plan.op, *values, state=op.state, nowrap=True)
        if plan.op == "i128.mul":
            low.factors[value.id] = (narrow[0].parts[0], narrow[1].parts[0])
        return value
    return low.emit(plan.op, *values, state=op.state)


_FITTING = ("i128.add", "i128.sub", "i128.mul")  # always fit when the operands are of 64 bits


def narrowed(low: Lowering, value: Value, plan: Plan, state: FrameState | None) -> Held:
    """The result of a plan, taken as the type it should have."""
    if not plan.narrow or (value.rep is not Rep.OBJ and (value.rep,) == reps(plan.result)):
        return Held(plan.result, (value,))
    if value.rep is Rep.I128:
        return low.convert(Held(WIDE, (value,)), plan.result, state)
    return low.unbox(Held(Obj(), (value,)), plan.result, state)


def num_binop(low: Lowering, op: str, left: Held, right: Held, state: FrameState | None) -> Held:
    """+, -, * where each side is a NUM or an INT: as ints when both are, else as floats."""
    name = {"+": "add", "-": "sub", "*": "mul"}[op]
    flags = [h.parts[0] for h in (left, right) if h.type is NUM]
    either = flags[0] if len(flags) == 1 else low.emit("i1.or", *flags)
    floats = [low.convert(h, FLOAT, state).parts[0] for h in (left, right)]
    floating = low.emit(f"f64.{name}", *floats)
    ints = [h.parts[1] if h.type is NUM else h.parts[0] for h in (left, right)]
    yes, no = low.fork(either)
    low.block = yes
    zero = low.const(Rep.I64, 0)
    low.block = no
    integer = low.emit(f"i64.{name}", *ints, state=state)
    (merged,) = low.meet([(yes, (zero,)), (low.block, (integer,))])
    return Held(NUM, (either, merged, floating))


def unary(low: Lowering, plan: Plan, held: Held, op: str, state: FrameState | None) -> Held:
    """Carry out a unary plan."""
    if plan.op == "same":
        return Held(plan.result, held.parts)
    if plan.op == "num":
        return _num_unary(low, held, op, state)
    attrs: dict[str, Any] = {"op": op} if plan.op == "num.unary" else {}
    return narrowed(low, low.emit(plan.op, *held.parts, state=state, **attrs), plan, state)


def _num_unary(low: Lowering, held: Held, op: str, state: FrameState | None) -> Held:
    if op == "+":
        return held
    name = {"-": "neg", "abs": "abs"}[op]
    is_float, integer, floating = held.parts
    result = low.emit(f"f64.{name}", floating)
    yes, no = low.fork(is_float)
    low.block = no
    other = low.emit(f"i64.{name}", integer, state=state)
    (merged,) = low.meet([(yes, (integer,)), (low.block, (other,))])
    return Held(NUM, (is_float, merged, result))


def truth(low: Lowering, value: Value, state: FrameState | None) -> Value:
    """bool(x) as an I1."""
    held = low.held[value.id]
    if isinstance(held.type, Obj):
        kind = number(held.type) or receiver_of(held.type)
        if kind is None or kind is BIG or (kind in OBJECTS and kind not in LENGTHS):
            return low.emit("num.truth", held.parts[0], state=state)
        held = low.take(value, kind, state)
    return _truth_of(low, held, state)


def _truth_of(low: Lowering, held: Held, state: FrameState | None) -> Value:
    type_, parts = held.type, held.parts
    zeros: dict[Type, tuple[str, Rep, object]] = {
        INT: ("i64.cmp", Rep.I64, 0),
        WIDE: ("i128.cmp", Rep.I128, 0),
        FLOAT: ("f64.cmp", Rep.F64, 0.0),
    }
    if type_ is BOOL:
        return parts[0]
    if type_ in zeros:
        name, rep, zero = zeros[type_]
        return low.emit(name, parts[0], low.const(rep, zero), op="!=")
    if type_ is NUM:
        one = _truth_of(low, Held(FLOAT, (parts[2],)), state)
        two = _truth_of(low, Held(INT, (parts[1],)), state)
        return low.emit("select", parts[0], one, two, rep=Rep.I1)
    if isinstance(type_, Kind) and type_ in LENGTHS:
        return _truth_of(low, Held(INT, (low.emit(LENGTHS[type_], parts[0]),)), state)
    if type_ is BIG:
        return low.emit("num.truth", parts[0], state=state)
    if type_ in (NONE, CHAR) or isinstance(type_, Items):
        return low.const(Rep.I1, type_ is CHAR or (isinstance(type_, Items) and bool(type_.types)))
    raise CannotLower(f"the truth of {type_}")


def compare(
    low: Lowering, symbol: str, plan: Plan, operands: list[Value], state: FrameState | None
) -> Value:
    """Carry out a comparison plan."""
    left, right = (low.take(v, t, state) for v, t in zip(operands, plan.operands, strict=True))
    if plan.op == "num":
        return _num_compare(low, symbol, *((left, right) if left.type is NUM else (right, left)))
    if plan.op == "i64.cmp_f64" and left.type is FLOAT:
        left, right = right, left
    if plan.op in ("str.eq", "bytes.eq"):
        same = low.emit(plan.op, left.parts[0], right.parts[0])
        return same if symbol == "==" else low.emit("i1.not", same)
    if plan.op == "num.cmp":
        return low.emit(plan.op, left.parts[0], right.parts[0], state=state, op=symbol)
    return low.emit(plan.op, left.parts[0], right.parts[0], op=symbol)


def _num_compare(low: Lowering, symbol: str, left: Held, right: Held) -> Value:
    is_float, integer, floating = left.parts
    (other,) = right.parts
    if right.type is FLOAT:
        one = low.emit("f64.cmp", floating, other, op=symbol)
        two = low.emit("i64.cmp_f64", integer, other, op=symbol)
    else:
        swapped = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(symbol, symbol)
        one = low.emit("i64.cmp_f64", other, floating, op=swapped)
        two = low.emit("i64.cmp", integer, other, op=symbol)
    return low.emit("select", is_float, one, two, rep=Rep.I1)
