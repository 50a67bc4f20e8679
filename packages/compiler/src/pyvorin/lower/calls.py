"""Lowering of calls: of the module's own functions directly, of known builtins by their plans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyvorin.infer.arith import plan_binop, plan_compare, plan_unary
from pyvorin.infer.calls import CallPlan, plan_call
from pyvorin.infer.flow import bind_positions
from pyvorin.infer.module import constant_type
from pyvorin.infer.program import result_type
from pyvorin.ir.model import Op, Rep, Value
from pyvorin.lower.body import Lowering
from pyvorin.lower.held import CannotLower, Held, fixed
from pyvorin.lower.numbers import truth, unary
from pyvorin.types import (
    BOOL,
    BOTTOM,
    INT,
    NONE,
    Callee,
    Obj,
    Range,
    Type,
)


def lower_call(low: Lowering, op: Op) -> None:
    """Lower one `py.call`."""
    types = [low.flow.type(v) for v in op.operands]
    callee = types[0]
    if not isinstance(callee, Callee) or BOTTOM in types or callee.kind == "module":
        raise CannotLower("call of an unknown function")
    if callee.kind == "function":
        _native(low, op, callee, types[1:])
        return
    if op.attrs.get("kwnames"):
        raise CannotLower(f"{callee.name} with keywords")
    plan = plan_call(callee.of, callee.name, tuple(types[1:]), low.flow.classes(op.result))
    if plan is None:
        raise CannotLower(f"call of {callee.name}")
    low.put(op.result, _KINDS[plan.kind](low, op, plan))


def _native(low: Lowering, op: Op, callee: Callee, types: list[Type]) -> None:
    source = low.flow.module.functions[callee.name]
    order = bind_positions(source, len(types), op.attrs.get("kwnames") or ())
    if order is None:
        raise CannotLower(f"call of {callee.name} with other arguments")
    wanted = tuple(types[p] if isinstance(p, int) else constant_type(p[0]) for p in order)
    instance = None if None in wanted else low.program.callee(callee.name, wanted)  # type: ignore[arg-type]
    if instance is None:
        raise CannotLower(f"call of {callee.name} on arguments of other types")
    if instance.flow.returns is BOTTOM:
        raise CannotLower(f"{callee.name} was never seen to return")
    if not all(isinstance(p, int) for p in order):
        low.emit("guard.defaults", state=op.state, callee=callee.name)
    args: list[Value] = []
    for place, type_ in zip(order, instance.params, strict=True):
        if isinstance(place, int):
            args += low.take(op.operands[1 + place], type_, op.state).parts
        else:
            args += low.convert(_default(low, place[0]), type_, op.state).parts
    low.callees.add((callee.name, instance.number))
    result = result_type(instance.flow.returns)
    rep = low.program.result_rep(instance.flow)
    value = low.emit(
        "call.native", *args, rep=rep, state=op.state, callee=callee.name, body=instance.number
    )
    low.put(op.result, fixed(NONE) if result is NONE else Held(result, (value,)))


def _default(low: Lowering, value: object) -> Held:
    type_ = constant_type(value)
    assert type_ is not None
    return low.literal(value, type_, ())


# ---- builtins: a function a kind of plan ---------------------------------------------------------
def _args(low: Lowering, op: Op, plan: CallPlan) -> list[Held]:
    pairs = zip(op.operands[1:], plan.operands, strict=True)
    return [low.take(value, type_, op.state) for value, type_ in pairs]


def _op(low: Lowering, op: Op, plan: CallPlan) -> Held:
    values = [held.parts[0] for held in _args(low, op, plan)]
    attrs: dict[str, Any] = dict(plan.attrs)
    return Held(plan.result, (low.emit(plan.op, *values, state=op.state, **attrs),))


def _same(low: Lowering, op: Op, plan: CallPlan) -> Held:
    (held,) = _args(low, op, plan)
    return Held(held.type, held.parts, held.source)


def _one(low: Lowering, op: Op, plan: CallPlan) -> Held:
    return Held(INT, (low.const(Rep.I64, 1),))


def _truth(low: Lowering, op: Op, plan: CallPlan) -> Held:
    return Held(BOOL, (truth(low, op.operands[1], op.state),))


def _unary(low: Lowering, op: Op, plan: CallPlan) -> Held:
    type_ = low.flow.type(op.operands[1])
    unary_plan = plan_unary(plan.op, type_, low.flow.classes(op.result))
    assert unary_plan is not None
    return unary(low, unary_plan, _args(low, op, plan)[0], plan.op, op.state)


def _extremum(low: Lowering, op: Op, plan: CallPlan) -> Held:
    """min and max keep the first of equals, and compare each further item with the one kept."""
    callee = low.flow.type(op.operands[0])
    assert isinstance(callee, Callee)
    symbol = "<" if callee.name == "min" else ">"
    kept, *rest = _args(low, op, plan)
    compared = plan_compare(symbol, plan.result, plan.result)
    assert compared is not None
    for held in rest:
        better = low.emit(compared[1].op, held.parts[0], kept.parts[0], op=symbol)
        rep = kept.parts[0].rep
        kept = Held(
            plan.result, (low.emit("select", better, held.parts[0], kept.parts[0], rep=rep),)
        )
    return Held(plan.result, kept.parts)


def _divmod(low: Lowering, op: Op, plan: CallPlan) -> Held:
    types = tuple(low.flow.type(v) for v in op.operands[1:])
    items = []
    for symbol in ("//", "%"):
        part = plan_binop(symbol, types[0], types[1], frozenset(), "base", False)
        assert part is not None
        pairs = zip(op.operands[1:], part.operands, strict=True)
        values = [low.take(v, t, op.state).parts[0] for v, t in pairs]
        value = low.emit(part.op, *values, state=op.state)
        held = Held(part.operands[0], (value,)) if part.narrow else Held(part.result, (value,))
        items.append(low.convert(held, part.result, op.state))
    return Held(plan.result, items=tuple(items))


def _range(low: Lowering, op: Op, plan: CallPlan) -> Held:
    values = [held.parts[0] for held in _args(low, op, plan)]
    assert isinstance(low.flow.type(op.result), Range)
    step = low.flow.type(op.result).step  # type: ignore[union-attr]
    if len(values) == 1:
        values.insert(0, low.const(Rep.I64, 0))
    if step is not None:
        return Held(Range(step, False), tuple(values[:2]))
    nonzero = low.emit("i64.cmp", values[2], low.const(Rep.I64, 0), op="!=")
    low.emit("guard", nonzero, state=op.state, reason="range() with step 0")
    return Held(Range(None, False), tuple(values))


def _cpython(low: Lowering, op: Op, plan: CallPlan) -> Held:
    values = [held.parts[0] for held in _args(low, op, plan)]
    callee = low.flow.type(op.operands[0])
    assert isinstance(callee, Callee)
    boxed = low.emit("builtin.call", *values, state=op.state, source=callee.source)
    if isinstance(plan.result, Obj):
        return Held(plan.result, (boxed,))
    return low.unbox(Held(Obj(), (boxed,)), plan.result, op.state)


_KINDS: dict[str, Callable[[Lowering, Op, CallPlan], Held]] = {
    "op": _op,
    "same": _same,
    "one": _one,
    "truth": _truth,
    "unary": _unary,
    "extremum": _extremum,
    "divmod": _divmod,
    "range": _range,
    "cpython": _cpython,
}
