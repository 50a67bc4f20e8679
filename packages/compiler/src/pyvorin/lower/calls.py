"""Lowering of calls: of the module's own functions directly, of known builtins by their plans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyvorin.frontend.variables import shared
from pyvorin.infer.arith import plan_binop, plan_compare, plan_unary
from pyvorin.infer.calls import CallPlan, plan_call
from pyvorin.infer.flow import bind_positions, call_name
from pyvorin.infer.methods import plan_method
from pyvorin.infer.module import constant_type
from pyvorin.infer.program import Instance, result_type
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
    Method,
    Obj,
    Range,
    Type,
)


def lower_call(low: Lowering, op: Op) -> None:
    """Lower one `py.call`."""
    types = [low.flow.type(v) for v in op.operands]
    callee = types[0]
    if isinstance(callee, Method) and BOTTOM not in types:
        name = call_name(callee, op)
        planned = plan_method(callee, name, tuple(types[1:]), low.flow.classes(op.result))
        if planned is None:
            raise CannotLower(f"call of .{callee.name}()")
        low.put(op.result, KINDS[planned.kind](low, op, planned))
        return
    if not isinstance(callee, Callee) or BOTTOM in types or callee.kind == "module":
        raise CannotLower("call of an unknown function")
    if callee.kind == "function":
        _native(low, op, callee, types[1:])
        return
    if callee.kind == "nested":
        _nested(low, op, callee)
        return
    name = call_name(callee, op)
    plan = plan_call(callee.of, name, tuple(types[1:]), low.flow.classes(op.result))
    if plan is None:
        raise CannotLower(f"call of {callee.name}")
    if not low.flow.can_pass(op, plan.result):
        raise CannotLower("an iterator in a variable")
    low.put(op.result, KINDS[plan.kind](low, op, plan))


def _native(low: Lowering, op: Op, callee: Callee, types: list[Type]) -> None:
    source = low.flow.module.functions[callee.name]
    if shared(source.code):
        raise CannotLower(f"{callee.name} shares variables with a function inside")
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
    call_native(low, op, callee, instance, args)


def _nested(low: Lowering, op: Op, callee: Callee) -> None:
    """The function of a comprehension takes its iterator and what it captures."""
    values = (*op.operands[1:], *low.flow.made[op.operands[0].id].operands)
    instance = low.program.callee(callee.name, tuple(map(low.flow.type, values)))
    if instance is None or instance.flow.returns is BOTTOM:
        raise CannotLower("a comprehension over something else")
    args: list[Value] = []
    for value, type_ in zip(values, instance.params, strict=True):
        args += low.take(value, type_, op.state).parts
    call_native(low, op, callee, instance, args)


def call_native(
    low: Lowering, op: Op, callee: Callee, instance: Instance, args: list[Value]
) -> None:
    """Call an instance with these arguments; the result is that of the operation."""
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
def arguments(low: Lowering, op: Op, plan: CallPlan) -> list[Held]:
    """As many operands as the plan wants, as it wants them; for a method the receiver is the
    first, for another call the callee is left out.
    """
    types, values = plan.operands, op.operands
    receiver: list[Held] = []
    if op.name == "py.call":
        callee, *values = values
        held = low.held[callee.id]
        if isinstance(held.type, Method):
            receiver, types = [Held(held.type.of, held.parts)], types[1:]
    pairs = zip(values[: len(types)], types, strict=True)
    return receiver + [low.take(value, type_, op.state) for value, type_ in pairs]


def _op(low: Lowering, op: Op, plan: CallPlan) -> Held:
    values = [held.parts[0] for held in arguments(low, op, plan)]
    attrs: dict[str, Any] = dict(plan.attrs)
    value = low.emit(plan.op, *values, state=op.state, **attrs)
    return fixed(NONE) if plan.result is NONE else Held(plan.result, (value,))


def _same(low: Lowering, op: Op, plan: CallPlan) -> Held:
    (held,) = arguments(low, op, plan)
    return Held(held.type, held.parts, held.source)


def _one(low: Lowering, op: Op, plan: CallPlan) -> Held:
    return Held(INT, (low.const(Rep.I64, 1),))


def _truth(low: Lowering, op: Op, plan: CallPlan) -> Held:
    return Held(BOOL, (truth(low, op.operands[1], op.state),))


def _unary(low: Lowering, op: Op, plan: CallPlan) -> Held:
    type_ = low.flow.type(op.operands[1])
    unary_plan = plan_unary(plan.op, type_, low.flow.classes(op.result))
    assert unary_plan is not None
    return unary(low, unary_plan, arguments(low, op, plan)[0], plan.op, op.state)


def _extremum(low: Lowering, op: Op, plan: CallPlan) -> Held:
    """min and max keep the first of equals, and compare each further item with the one kept."""
    callee = low.flow.type(op.operands[0])
    assert isinstance(callee, Callee)
    symbol = "<" if callee.name == "min" else ">"
    kept, *rest = arguments(low, op, plan)
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
    values = [held.parts[0] for held in arguments(low, op, plan)]
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
    values = [held.parts[0] for held in arguments(low, op, plan)]
    callee = low.flow.type(op.operands[0])
    assert isinstance(callee, Callee)
    boxed = low.emit("builtin.call", *values, state=op.state, source=callee.source)
    if isinstance(plan.result, Obj):
        return Held(plan.result, (boxed,))
    return low.unbox(Held(Obj(), (boxed,)), plan.result, op.state)


KINDS: dict[str, Callable[[Lowering, Op, CallPlan], Held]] = {  # others add theirs
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
