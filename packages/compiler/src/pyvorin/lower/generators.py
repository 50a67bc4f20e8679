"""Lowering of generator expressions that are consumed in place: one native call each."""

from __future__ import annotations

from pyvorin.infer.flow import TRANSFER
from pyvorin.infer.generators import consumed_values
from pyvorin.infer.program import result_type
from pyvorin.ir.model import Op, Rep
from pyvorin.lower.body import LOWER, Lowering
from pyvorin.lower.calls import call_native
from pyvorin.lower.held import CannotLower, Held
from pyvorin.types import BOTTOM, INT, LIST, LIST_ITER, Callee


def _generator(low: Lowering, op: Op) -> None:
    """The generator is not made: it is its function and its iterator."""
    items = tuple(low.held[value.id] for value in op.operands)
    low.put(op.result, Held(low.flow.type(op.result), items=items))


def _consume(low: Lowering, op: Op) -> None:
    if TRANSFER["py.consume"](low.flow, op) is None:
        raise CannotLower("this generator expression")
    callee = low.flow.type(op.operands[1])
    values = consumed_values(low.flow, op)
    assert isinstance(callee, Callee)
    instance = low.program.callee(callee.name, tuple(map(low.flow.type, values)))
    if instance is None or result_type(instance.flow.returns) is BOTTOM:
        raise CannotLower("a generator expression over something else")
    parts = [
        part
        for value, type_ in zip(values, instance.params, strict=True)
        for part in low.take(value, type_, op.state).parts
    ]
    call_native(low, op, callee, instance, parts)


def _replay(low: Lowering, op: Op) -> None:
    base = low.take(op.operands[0], LIST, None)
    low.put(op.result, Held(LIST_ITER, (base.parts[0], low.const(Rep.I64, 0))))


def _zero(low: Lowering, op: Op) -> None:
    low.put(op.result, Held(INT, (low.const(Rep.I64, 0),)))


LOWER.update(
    {
        "py.generator": _generator,
        "py.consume": _consume,
        "py.replay": _replay,
        "py.zero": _zero,
        "py.sum": LOWER["py.binop"],
    }
)
