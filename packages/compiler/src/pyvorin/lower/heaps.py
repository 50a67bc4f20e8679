"""Lowering of what bisect finds; heapq's functions are an operation each."""

from __future__ import annotations

from pyvorin.infer.calls import CallPlan
from pyvorin.ir.model import Op, Value
from pyvorin.lower.body import Lowering
from pyvorin.lower.calls import KINDS, arguments
from pyvorin.lower.held import Held, fixed
from pyvorin.types import INT, NONE


def _place(low: Lowering, op: Op, plan: CallPlan) -> tuple[Value, Value, Value]:
    """The sequence, the item, and its place there."""
    base, item = (held.parts[0] for held in arguments(low, op, plan))
    right = plan.op == "right"
    return base, item, low.emit("seq.bisect", base, item, state=op.state, right=right)


def _bisect(low: Lowering, op: Op, plan: CallPlan) -> Held:
    return Held(INT, (_place(low, op, plan)[2],))


def _insort(low: Lowering, op: Op, plan: CallPlan) -> Held:
    base, item, place = _place(low, op, plan)
    low.emit("list.insert", base, place, item, state=op.state)
    return fixed(NONE)


KINDS.update({"bisect": _bisect, "insort": _insort})
