"""Lowering of iterators over iterators, which are never built: enumerate, zip, reversed.

What such an iterator holds is what its inner ones hold, one after another. A step first asks all of
them whether there is more, and only then reads: like this no inner iterator moves before it is
known that all can. (CPython's zip moves the first before it asks the second. Nobody can tell, as
the inner iterators are nobody else's.)
"""

from __future__ import annotations

from pyvorin.infer.calls import CallPlan
from pyvorin.infer.flow import ITERATORS, sequence_of
from pyvorin.infer.iterators import over
from pyvorin.ir.model import FrameState, Op, Rep, Value
from pyvorin.lower.body import Lowering
from pyvorin.lower.calls import KINDS
from pyvorin.lower.held import CannotLower, Held
from pyvorin.lower.ops import LENGTH_AND_ITEM, NEXT, load_as, padded
from pyvorin.types import (
    BOOL,
    BYTEARRAY,
    INT,
    LIST,
    SEQUENCE_OF,
    Items,
    Iter,
    Range,
    Type,
    reps,
)

CHANGING = (LIST, BYTEARRAY)  # what may have become shorter while a reversed iterator goes over it
Parts = tuple[Value, ...]


# ---- making --------------------------------------------------------------------------------------
def start(low: Lowering, value: Value, state: FrameState | None) -> Held:
    """A fresh iterator over a value."""
    held = low.held[value.id]
    if isinstance(held.type, Range | Iter):
        type_ = over(held.type)
        assert type_ is not None
        return Held(type_, held.parts)
    kind = sequence_of(held.type)
    if kind is None:
        raise CannotLower("iteration")
    base = low.take(value, kind, state)
    return Held(ITERATORS[kind], (base.parts[0], low.const(Rep.I64, 0)))


def _enumerate(low: Lowering, op: Op, plan: CallPlan) -> Held:
    count = low.const(Rep.I64, 0)
    if len(op.operands) == 3:
        (count,) = low.take(op.operands[2], INT, op.state).parts
    inner = start(low, op.operands[1], op.state)
    return Held(Iter("enumerate", (inner.type,)), (*inner.parts, count))


def _zip(low: Lowering, op: Op, plan: CallPlan) -> Held:
    inner = [start(low, value, op.state) for value in op.operands[1:]]
    parts = tuple(part for held in inner for part in held.parts)
    return Held(Iter("zip", tuple(held.type for held in inner)), parts)


def _reversed(low: Lowering, op: Op, plan: CallPlan) -> Held:
    assert isinstance(plan.result, Iter)
    (kind,) = plan.result.inner
    base = low.take(op.operands[1], kind, op.state)
    length = low.emit(LENGTH_AND_ITEM[kind][0], base.parts[0])  # type: ignore[index]
    last = low.emit("i64.sub", length, low.const(Rep.I64, 1), state=op.state, nowrap=True)
    return Held(plan.result, (base.parts[0], last))


def _reversed_range(low: Lowering, op: Op, plan: CallPlan) -> Held:
    """From the last item, if there is one, to before the first; leaves where that overflows."""
    held = low.held[op.operands[1].id]
    assert isinstance(held.type, Range)
    assert held.type.step is not None
    begin, end = held.parts[:2]
    step = low.const(Rep.I64, held.type.step)
    stop = low.emit("i64.sub", begin, step, state=op.state)
    span = low.emit("i64.sub", end, begin, state=op.state)
    one = low.const(Rep.I64, -1 if held.type.step > 0 else 1)
    steps = low.emit("i64.floordiv", low.emit("i64.add", span, one, state=op.state), step,
                     state=op.state)  # fmt: skip
    last = low.emit("i64.add", begin, low.emit("i64.mul", steps, step, state=op.state),
                    state=op.state)  # fmt: skip
    some = low.emit("i64.cmp", begin, end, op="<" if held.type.step > 0 else ">")
    current = low.emit("select", some, last, stop, rep=Rep.I64)
    return Held(plan.result, (current, stop))


KINDS.update(
    {
        "enumerate": _enumerate,
        "zip": _zip,
        "reversed": _reversed,
        "reversed range": _reversed_range,
    }
)


# ---- stepping ------------------------------------------------------------------------------------
def _split(type_: Iter, parts: Parts) -> list[tuple[Type, Parts]]:
    """The inner iterators with their parts."""
    found = []
    for inner in type_.inner:
        count = len(reps(inner))
        found.append((inner, parts[:count]))
        parts = parts[count:]
    return found


def _more(low: Lowering, type_: Type, parts: Parts) -> Value:
    """Is there another item?"""
    if isinstance(type_, Range):
        if type_.step is None:
            raise CannotLower("a range of unknown direction among others")
        return low.emit("i64.cmp", *parts[:2], op="<" if type_.step > 0 else ">")
    if isinstance(type_, Iter) and type_.kind != "reversed":
        found = [_more(low, *inner) for inner in _split(type_, parts)]
        result = found[0]
        for other in found[1:]:
            result = low.emit("i1.and", result, other)
        return result
    sequence, index = parts
    kind = type_.inner[0] if isinstance(type_, Iter) else SEQUENCE_OF[type_]  # type: ignore[index]
    length = low.emit(LENGTH_AND_ITEM[kind][0], sequence)  # type: ignore[index]
    below = low.emit("i64.cmp", index, length, op="<")
    if not isinstance(type_, Iter):
        return below
    positive = low.emit("i64.cmp", index, low.const(Rep.I64, 0), op=">=")
    return low.emit("i1.and", below, positive) if kind in CHANGING else positive


def _step(
    low: Lowering, type_: Type, parts: Parts, wanted: Type, state: FrameState | None
) -> tuple[Held, Parts]:
    """The next item, which there is, as the type it should have; and the parts after it."""
    if isinstance(type_, Range):
        current, stop = parts
        step = low.const(Rep.I64, type_.step)
        after = low.emit("i64.add", current, step, state=state, nowrap=type_.step in (1, -1))
        return Held(INT, (current,)), (after, stop)
    if isinstance(type_, Iter) and type_.kind != "reversed":
        return _step_all(low, type_, parts, wanted, state)
    sequence, index = parts
    back = isinstance(type_, Iter)
    kind = type_.inner[0] if isinstance(type_, Iter) else SEQUENCE_OF[type_]  # type: ignore[index]
    item = load_as(low, Held(kind, (sequence,)), index, wanted, state)
    one = low.const(Rep.I64, -1 if back else 1)
    after = low.emit("i64.add", index, one, state=state, nowrap=True)
    return item, (sequence, after)


def _step_all(
    low: Lowering, type_: Iter, parts: Parts, wanted: Type, state: FrameState | None
) -> tuple[Held, Parts]:
    types = list(wanted.types) if isinstance(wanted, Items) else []
    counting = type_.kind == "enumerate"
    items: list[Held] = []
    after: list[Value] = []
    for (inner, own), item_type in zip(_split(type_, parts), types[counting:], strict=True):
        item, rest = _step(low, inner, own, item_type, state)
        items.append(item)
        after += rest
    if counting:
        count = parts[-1]
        items.insert(0, Held(INT, (count,)))
        after.append(low.emit("i64.add", count, low.const(Rep.I64, 1), state=state))
    return Held(Items(tuple(item.type for item in items)), items=tuple(items)), tuple(after)


def flat(held: Held) -> Parts:
    """The machine values of a value, those of a tuple's elements one after another."""
    if isinstance(held.type, Items):
        return tuple(part for item in held.items for part in flat(item))
    return held.parts


def rebuilt(like: Held, parts: Parts) -> Held:
    """The same value in other machine values."""
    if not isinstance(like.type, Items):
        return Held(like.type, parts)
    items = []
    for item in like.items:
        count = len(flat(item))
        items.append(rebuilt(item, parts[:count]))
        parts = parts[count:]
    return Held(like.type, items=tuple(items), identity=like.identity)


def next_item(low: Lowering, op: Op, held: Held) -> None:
    """Lower `py.next` of an iterator over iterators."""
    more = _more(low, held.type, held.parts)
    yes, no = low.fork(more)
    low.block = yes
    wanted = low.flow.type(op.results[0])
    item, after = _step(low, held.type, held.parts, wanted, op.state)
    values = flat(item)
    yes, low.block = low.block, no
    nothing = tuple(padded(low, part) for part in values)
    met = low.meet([(yes, (*values, *after)), (low.block, (*nothing, *held.parts))])
    read = rebuilt(item, met[: len(values)])
    if isinstance(read.type, Items):
        read = Held(read.type, items=read.items, identity=1 + op.results[0].id)
    low.put(op.results[0], read)
    low.put(op.results[1], Held(BOOL, (more,)))
    low.held[op.operands[0].id] = Held(held.type, met[len(values) :])


NEXT["Iter"] = next_item
