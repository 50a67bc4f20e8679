"""Lowering of what is done with lists and tuples."""

from __future__ import annotations

from typing import Any

from pyvorin.infer.calls import CallPlan
from pyvorin.infer.flow import sequence_of
from pyvorin.ir.model import FrameState, Op, Rep, Value
from pyvorin.lower.body import LOWER, Lowering
from pyvorin.lower.calls import KINDS, arguments
from pyvorin.lower.held import CannotLower, Held, fixed
from pyvorin.lower.ops import carry_out, loaded
from pyvorin.types import BOOL, INT, LIST, NONE, TUPLE, Range, Slice

MOST, LEAST = 2**63 - 1, -(2**63)


def iterable(low: Lowering, value: Value, state: FrameState | None) -> Value:
    """The object of something that can be gone through; a range is made one."""
    held = low.held[value.id]
    if isinstance(held.type, Range):
        step = held.parts[2] if held.type.step is None else low.const(Rep.I64, held.type.step)
        return low.emit("range.new", *held.parts[:2], step, state=state)
    kind = sequence_of(held.type)
    return low.box(low.take(value, kind, state) if kind is not None else held)


# ---- building and taking apart -------------------------------------------------------------------
def _list(low: Lowering, op: Op) -> None:
    items = [low.box(low.held[v.id]) for v in op.operands]
    low.put(op.result, Held(LIST, (low.emit("list.new", *items),)))


def _to_tuple(low: Lowering, op: Op) -> None:
    base = low.take(op.operands[0], LIST, op.state)
    low.put(op.result, Held(TUPLE, (low.emit("tuple.of", base.parts[0], state=op.state),)))


def _append(low: Lowering, op: Op) -> None:
    base = low.take(op.operands[0], LIST, op.state)
    low.emit("list.append", base.parts[0], low.box(low.held[op.operands[1].id]), state=op.state)


def _extend(low: Lowering, op: Op) -> None:
    base = low.take(op.operands[0], LIST, op.state)
    items = iterable(low, op.operands[1], op.state)
    low.emit("list.extend", base.parts[0], items, state=op.state)


def _slice(low: Lowering, op: Op) -> None:
    items = tuple(low.held[v.id] for v in op.operands)
    type_ = Slice(tuple(item.type for item in items))  # inference may know less: bounds differed
    low.put(op.result, Held(type_, items=items, identity=1 + op.result.id))


def _unpackstar(low: Lowering, op: Op) -> None:
    kind = sequence_of(low.held[op.operands[0].id].type)
    if kind not in (LIST, TUPLE):
        raise CannotLower("unpacking something other than a list or tuple")
    base = low.take(op.operands[0], kind, op.state)
    before = op.attrs["before"]
    after = len(op.results) - before - 1
    length = low.emit("list.len" if kind is LIST else "tuple.len", base.parts[0])
    enough = low.emit("i64.cmp", length, low.const(Rep.I64, before + after), op=">=")
    low.emit("guard", enough, state=op.state, reason="not enough values to unpack")
    for place, value in enumerate(op.results):
        if place < before:
            loaded(low, value, base, low.const(Rep.I64, place), op.state)
        elif place > before:
            back = low.const(Rep.I64, place - len(op.results))
            at = low.emit("i64.add", length, back, state=op.state, nowrap=True)
            loaded(low, value, base, at, op.state)
    ends = low.const(Rep.I64, before), low.const(Rep.I64, after)
    rest = low.emit("seq.rest", base.parts[0], *ends, state=op.state)
    low.put(op.results[before], Held(LIST, (rest,)))


LOWER.update(
    {
        "py.list": _list,
        "py.totuple": _to_tuple,
        "py.append": _append,
        "py.extend": _extend,
        "py.delitem": carry_out,
        "py.slice": _slice,
        "py.unpackstar": _unpackstar,
    }
)


# ---- operators -----------------------------------------------------------------------------------
def _inplace(low: Lowering, op: Op, plan: CallPlan) -> Held:
    base, *rest = arguments(low, op, plan)
    values = (held.parts[0] for held in rest)
    attrs: dict[str, Any] = dict(plan.attrs)
    low.emit(plan.op, base.parts[0], *values, state=op.state, **attrs)
    return base


def _extend_by(low: Lowering, op: Op, plan: CallPlan) -> Held:
    """list.extend and +=: the receiver or the first operand, and anything to go through."""
    (base,) = arguments(low, op, CallPlan(plan.kind, (LIST,), plan.result))
    items = iterable(low, op.operands[1], op.state)
    low.emit("list.extend", base.parts[0], items, state=op.state)
    return fixed(NONE) if plan.result is NONE else base


def _repeated(low: Lowering, op: Op, plan: CallPlan) -> Held:
    times, base = arguments(low, op, plan)
    value = low.emit("seq.repeat", base.parts[0], times.parts[0], state=op.state)
    return Held(plan.result, (value,))


def _bounds(low: Lowering, held: Held, state: FrameState | None) -> tuple[Value, Value, Value]:
    """Start, stop and step of a slice, with the bounds that CPython puts for None."""

    def number(item: Held) -> Value:
        return low.convert(item, INT, state).parts[0]

    start, stop, *rest = held.items
    if not rest or rest[0].type is NONE:
        step = low.const(Rep.I64, 1)
        ends = low.const(Rep.I64, 0), low.const(Rep.I64, MOST)
    else:
        step = number(rest[0])
        zero = low.const(Rep.I64, 0)
        nonzero = low.emit("i64.cmp", step, zero, op="!=")
        low.emit("guard", nonzero, state=state, reason="slice step is 0")
        back = low.emit("i64.cmp", step, zero, op="<")
        most, least = low.const(Rep.I64, MOST), low.const(Rep.I64, LEAST)
        ends = (
            low.emit("select", back, most, zero, rep=Rep.I64),
            low.emit("select", back, least, most, rep=Rep.I64),
        )
    first = ends[0] if start.type is NONE else number(start)
    return first, (ends[1] if stop.type is NONE else number(stop)), step


def _by_slice(low: Lowering, op: Op, plan: CallPlan) -> Held:
    """Read, assign or delete a slice: container, slice and the items to assign."""
    container, index, *items = op.operands
    base = low.take(container, plan.operands[0], op.state)
    held = low.held[index.id]
    assert isinstance(held.type, Slice)
    new = [iterable(low, value, op.state) for value in items]
    bounds = _bounds(low, held, op.state)
    value = low.emit(plan.op, base.parts[0], *bounds, *new, state=op.state)
    return fixed(NONE) if plan.result is NONE else Held(plan.result, (value,))


def _del_item(low: Lowering, op: Op, plan: CallPlan) -> Held:
    base, index = arguments(low, op, plan)
    length = low.emit("list.len", base.parts[0])
    at = low.emit("seq.index", index.parts[0], length, state=op.state)
    low.emit("list.remove_at", base.parts[0], at, state=op.state)
    return fixed(NONE)


def _one_of(low: Lowering, op: Op, plan: CallPlan) -> Held:
    """An int or a character in a tuple of such that lives in its elements."""
    item, container = (low.held[v.id] for v in op.operands)
    compare = "i64.cmp" if item.type is INT else "char.cmp"
    found = low.const(Rep.I1, False)
    for each in container.items:
        equal = low.emit(compare, item.parts[0], each.parts[0], op="==")
        found = low.emit("i1.or", found, equal)
    return inverted(low, op, found)


def _contains(low: Lowering, op: Op, plan: CallPlan) -> Held:
    item, base = arguments(low, op, plan)
    return inverted(low, op, low.emit("seq.contains", base.parts[0], item.parts[0], state=op.state))


def inverted(low: Lowering, op: Op, found: Value) -> Held:
    """Of `in`, or of `not in`."""
    return Held(BOOL, (low.emit("i1.not", found) if op.attrs["invert"] else found,))


# ---- methods -------------------------------------------------------------------------------------
def _pop(low: Lowering, op: Op, plan: CallPlan) -> Held:
    """The item is read as what it should be before the list changes: reading it may leave."""
    base, *rest = arguments(low, op, plan)
    place = rest[0].parts[0] if rest else low.const(Rep.I64, -1)
    length = low.emit("list.len", base.parts[0])
    at = low.emit("seq.index", place, length, state=op.state)
    loaded(low, op.result, base, at, op.state)
    low.emit("list.remove_at", base.parts[0], at, state=op.state, pop=True)
    return low.held[op.result.id]


def _remove(low: Lowering, op: Op, plan: CallPlan) -> Held:
    base, item = arguments(low, op, plan)
    at = low.emit("seq.find", base.parts[0], item.parts[0], state=op.state)
    low.emit("list.remove_at", base.parts[0], at, state=op.state)
    return fixed(NONE)


def _whole(low: Lowering) -> tuple[Value, Value, Value]:
    return low.const(Rep.I64, 0), low.const(Rep.I64, MOST), low.const(Rep.I64, 1)


def _copy(low: Lowering, op: Op, plan: CallPlan) -> Held:
    (base,) = arguments(low, op, plan)
    return Held(LIST, (low.emit("seq.slice", base.parts[0], *_whole(low), state=op.state),))


def _clear(low: Lowering, op: Op, plan: CallPlan) -> Held:
    (base,) = arguments(low, op, plan)
    low.emit("list.del_slice", base.parts[0], *_whole(low), state=op.state)
    return fixed(NONE)


def _sort(low: Lowering, op: Op, plan: CallPlan) -> Held:
    (base,) = arguments(low, op, plan)
    low.emit("list.sort", base.parts[0], low.const(Rep.I1, False), state=op.state)
    return fixed(NONE)


# ---- builtins ------------------------------------------------------------------------------------
def _list_of(low: Lowering, op: Op, plan: CallPlan) -> Held:
    if not plan.operands:
        return Held(LIST, (low.emit("list.new"),))
    return Held(
        LIST, (low.emit("list.of", iterable(low, op.operands[1], op.state), state=op.state),)
    )


def _tuple_of(low: Lowering, op: Op, plan: CallPlan) -> Held:
    if not plan.operands:
        return Held(TUPLE, (low.emit("tuple.new"),))
    items = iterable(low, op.operands[1], op.state)
    return Held(TUPLE, (low.emit("tuple.of", items, state=op.state),))


def _sorted(low: Lowering, op: Op, plan: CallPlan) -> Held:
    reverse = low.const(Rep.I1, False)
    if len(op.operands) == 3:
        (reverse,) = low.take(op.operands[2], BOOL, op.state).parts
    items = low.emit("list.of", iterable(low, op.operands[1], op.state), state=op.state)
    low.emit("list.sort", items, reverse, state=op.state)
    return Held(LIST, (items,))


def _extremum(low: Lowering, op: Op, plan: CallPlan) -> Held:
    (base,) = arguments(low, op, plan)
    at = low.emit("seq.extremum", base.parts[0], state=op.state, op=plan.op)
    loaded(low, op.result, base, at, op.state)
    return low.held[op.result.id]


def _any(low: Lowering, op: Op, plan: CallPlan) -> Held:
    (base,) = arguments(low, op, plan)
    every = plan.op == "all"
    return Held(BOOL, (low.emit("seq.any", base.parts[0], state=op.state, all=every),))


def _sum(low: Lowering, op: Op, plan: CallPlan) -> Held:
    base, *rest = arguments(low, op, plan)
    start = rest[0].parts[0] if rest else low.const(Rep.I64, 0)
    return Held(plan.result, (low.emit(plan.op, base.parts[0], start, state=op.state),))


KINDS.update(
    {
        "inplace": _inplace,
        "slice": _by_slice,
        "one of": _one_of,
        "list.extend": _extend_by,
        "list.repeated": _repeated,
        "list.del": _del_item,
        "list.contains": _contains,
        "list.pop": _pop,
        "list.remove": _remove,
        "list.copy": _copy,
        "list.clear": _clear,
        "list.sort": _sort,
        "list": _list_of,
        "tuple": _tuple_of,
        "sorted": _sorted,
        "list.extremum": _extremum,
        "any": _any,
        "sum": _sum,
    }
)
