"""Types of generator expressions that are consumed in place (`frontend.fused`).

The expression and its consumer are one function, which `py.consume` calls. It is called natively
only where it cannot call back the function it is in, nor through more than one other expression:
how deep that may recurse depends on how much C recursion CPython's consumers take, which native
code does not imitate, but keeps a margin for (`support/enter.py`).
"""

from __future__ import annotations

import sys

from pyvorin.infer.arith import number
from pyvorin.infer.flow import TRANSFER, Flow, Result, binop_plan
from pyvorin.infer.module import Module
from pyvorin.ir.consumer import CONSUMERS
from pyvorin.ir.model import Op, Value
from pyvorin.types import (
    BOOL,
    BOTTOM,
    BYTEARRAY,
    BYTES,
    CHAR,
    INT,
    LIST_ITER,
    STR,
    Callee,
    Method,
    Type,
)

_TEXTS = (STR, CHAR, BYTES, BYTEARRAY)


def _generator(flow: Flow, op: Op) -> Result:
    made, iterator = map(flow.type, op.operands)
    if BOTTOM in (made, iterator):
        return (BOTTOM,)
    flow.made[op.result.id] = op
    if not isinstance(made, Callee) or not flow.can_pass(op, None):
        return None
    return (Callee("generator", made.name, const=made.const, captured=made.captured),)


def _consume(flow: Flow, op: Op) -> Result:
    callee, generator = map(flow.type, op.operands)
    if BOTTOM in (callee, generator):
        return (BOTTOM,)
    name = generator.name if isinstance(generator, Callee) else ""
    if not _is_consumer(callee, op.attrs["consumer"]) or _is_deep(flow.module, name):
        return None
    arguments = tuple(map(flow.type, consumed_values(flow, op)))
    result = flow.results.result(name, arguments)
    return None if result is None else (result,)


def consumed_values(flow: Flow, op: Op) -> list[Value]:
    """What the function of an expression takes: its iterator and what it captures."""
    function, iterator = flow.made[op.operands[1].id].operands
    return [iterator, *flow.made[function.id].operands]


def _is_consumer(callee: Type, consumer: str) -> bool:
    if isinstance(callee, Method):
        return callee.of in _TEXTS and CONSUMERS.get("." + callee.name) == consumer
    known = isinstance(callee, Callee) and callee.kind == "builtin"
    return known and CONSUMERS.get(callee.name) == consumer  # type: ignore[union-attr]


def _is_deep(module: Module, name: str) -> bool:
    """Can the function of an expression come to call the function it is in, or one inside another
    call expressions?
    """
    reached = module.reached(name)
    inside = [other for other in reached if module.functions[other].consumer]
    return name.partition("/")[0] in reached or any(
        module.functions[deeper].consumer for other in inside for deeper in module.reached(other)
    )


def _sum(flow: Flow, op: Op) -> Result:
    types = tuple(map(flow.type, op.operands))
    if BOTTOM in types:
        return (BOTTOM,)
    plan = binop_plan(flow, op)
    if plan is None or any(number(type_) is None for type_ in types):
        return None
    if sys.version_info >= (3, 12):  # floats are added with what rounding lost (`ir.meaning`)
        small = all(number(type_) in (INT, BOOL) for type_ in (*types, plan.result))
        return (plan.result,) if small else None
    return (plan.result,)


TRANSFER.update(
    {
        "py.generator": _generator,
        "py.consume": _consume,
        "py.replay": lambda flow, op: (LIST_ITER,),
        "py.zero": lambda flow, op: (INT,),
        "py.sum": _sum,
    }
)
