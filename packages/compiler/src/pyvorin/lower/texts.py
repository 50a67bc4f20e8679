"""Lowering of what is done with strings."""

from __future__ import annotations

from typing import Any

from pyvorin.infer.calls import CallPlan
from pyvorin.infer.texts import is_text
from pyvorin.ir.model import Op, Value
from pyvorin.lower.body import LOWER, Lowering
from pyvorin.lower.calls import KINDS, arguments
from pyvorin.lower.held import Held
from pyvorin.types import BOOL, OBJECTS, STR, Kind, Obj


def _format(low: Lowering, op: Op) -> None:
    value, *spec = op.operands
    conversion = op.attrs["conversion"]
    held = low.held[value.id]
    if is_text(held.type) and not spec and conversion in ("", "str"):
        low.put(op.result, low.take(value, STR, op.state))
        return
    parts = [low.box(low.held[v.id]) for v in op.operands]
    made = low.emit("str.format", *parts, state=op.state, conversion=conversion)
    low.put(op.result, Held(STR, (made,)))


def _string(low: Lowering, op: Op) -> None:
    parts: list[Value] = [low.take(v, STR, op.state).parts[0] for v in op.operands]
    low.put(op.result, Held(STR, (low.emit("str.join", *parts, state=op.state),)))


def _method(low: Lowering, op: Op, plan: CallPlan) -> Held:
    """The object that CPython answers, taken as what the method always answers."""
    values = [low.box(held) for held in arguments(low, op, plan)]
    attrs: dict[str, Any] = dict(plan.attrs)
    made = low.emit(plan.op, *values, state=op.state, **attrs)
    assert isinstance(plan.result, Kind)
    if plan.result in OBJECTS:
        return Held(plan.result, (made,))
    return low.unbox(Held(Obj(), (made,)), plan.result, op.state)


def _in(low: Lowering, op: Op, plan: CallPlan) -> Held:
    item, text = (held.parts[0] for held in arguments(low, op, plan))
    found = low.emit("str.has", item, text, state=op.state)
    return Held(BOOL, (low.emit("i1.not", found) if op.attrs["invert"] else found,))


LOWER.update({"py.format": _format, "py.string": _string})
KINDS.update({"method": _method, "str.in": _in})
