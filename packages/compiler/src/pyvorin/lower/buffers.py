"""Lowering of what is done with bytes and bytearrays."""

from __future__ import annotations

from pyvorin.infer.calls import CallPlan
from pyvorin.infer.methods import receiver_of
from pyvorin.ir.model import Op
from pyvorin.lower.body import Lowering
from pyvorin.lower.calls import KINDS, arguments
from pyvorin.lower.held import CannotLower, Held
from pyvorin.lower.lists import inverted, iterable
from pyvorin.types import BYTES, INT


def _in(low: Lowering, op: Op, plan: CallPlan) -> Held:
    item, container = (held.parts[0] for held in arguments(low, op, plan))
    found = low.emit("bytes.has", container, item, state=op.state)
    return inverted(low, op, found)


def _made(low: Lowering, op: Op, plan: CallPlan) -> Held:
    items = [iterable(low, value, op.state) for value in op.operands[1:]]
    made = low.emit("bytes.of", *items, state=op.state, cls=plan.op)
    return Held(plan.result, (made,))


def _order(low: Lowering, op: Op) -> str:
    """The byte order that a call names, a constant."""
    order = low.flow.constants.get(op.operands[2].id)
    if order not in ("big", "little"):
        raise CannotLower("a byte order that is no constant")
    return str(order)


def _from_bytes(low: Lowering, op: Op, plan: CallPlan) -> Held:
    order = _order(low, op)
    kind = receiver_of(low.held[op.operands[1].id].type)
    if kind is None:
        raise CannotLower("int.from_bytes() of something else")
    data = low.take(op.operands[1], kind, op.state).parts[0]
    if plan.result is INT:
        value = low.emit("bytes.to_i64", data, state=op.state, order=order)
        return Held(INT, (value,))
    text = low.box(low.held[op.operands[2].id])
    made = low.emit("method.call", data, text, state=op.state, cls="int", method="from_bytes")
    return Held(plan.result, (made,))


def _to_bytes(low: Lowering, op: Op, plan: CallPlan) -> Held:
    order = _order(low, op)
    value = low.held[op.operands[0].id].parts[0]
    (count,) = low.take(op.operands[1], INT, op.state).parts
    made = low.emit("i64.to_bytes", value, count, state=op.state, order=order)
    return Held(BYTES, (made,))


KINDS.update({"bytes.in": _in, "bytes.of": _made, "from_bytes": _from_bytes, "to_bytes": _to_bytes})
