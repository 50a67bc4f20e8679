"""Operators on objects of builtin classes: which ones native code knows.

`OPERATORS` has a row for an operator and the classes of its operands (None: any, as long as the
row agrees); a module of a family of classes enters its own. Rows are those of `infer.methods`. The
operators are those of `py.binop`, "+=" and so on where changing in place differs, and

    in         item, container      getitem    container, index
    delitem    container, index     setitem    container, index, value

A plan for an operation of another kind than these numbers have in `infer.arith`: it is carried out
by `lower.calls.KINDS`, as a call is.
"""

from __future__ import annotations

from pyvorin.infer.arith import number
from pyvorin.infer.calls import Args, CallPlan
from pyvorin.infer.methods import Row, receiver_of
from pyvorin.types import BOOL, INT, Kind, Slice, Type

Operand = Kind | type[Slice] | None
OPERATORS: dict[tuple[str, Operand, Operand], Row] = {}


def operand_of(type_: Type) -> Operand:
    """What the keys of `OPERATORS` call a value: its class, INT for a small int, Slice."""
    if isinstance(type_, Slice):
        return Slice
    return receiver_of(type_) or (INT if number(type_) in (INT, BOOL) else None)


def plan_operator(op: str, args: Args, recorded: frozenset[str]) -> CallPlan | None:
    """How to carry out an operator; None when only the interpreter can."""
    a, b = operand_of(args[0]), operand_of(args[1])
    for key in ((op, a, b), (op, a, None), (op, None, b)):
        plan = OPERATORS[key](args, recorded) if key in OPERATORS else None
        if plan is not None:
            return plan
    return None


def plan_binary(op: str, inplace: bool, args: Args, recorded: frozenset[str]) -> CallPlan | None:
    """How to carry out a binary operator or an augmented assignment."""
    plan = plan_operator(f"{op}=", args, recorded) if inplace else None
    return plan or plan_operator(op, args, recorded)
