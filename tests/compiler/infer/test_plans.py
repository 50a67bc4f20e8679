"""Plans name operations that exist, on the representations those operations take."""

from __future__ import annotations

import itertools

import pytest
from pyvorin.infer.arith import (
    FLOAT_OPS,
    INT_OPS,
    Plan,
    plan_binop,
    plan_compare,
    plan_unary,
)
from pyvorin.infer.calls import ROWS, plan_call
from pyvorin.ir.optable import OPS
from pyvorin.types import BIG, BOOL, CHAR, FLOAT, INT, LIST, NONE, NUM, STR, WIDE, Obj, reps

TYPES = (
    *(INT, WIDE, BIG, FLOAT, BOOL, NUM, CHAR, STR, LIST, NONE, Obj()),
    *(Obj(frozenset(names)) for names in (("int",), ("float",), ("int", "float"), ("str", "int"))),
)
RECORDED = tuple(map(frozenset, ((), ("int",), ("wide",), ("big",), ("float",), ("int", "big"))))
VARIANTS = ("base", "wide", "boxed")


def check(plan: Plan) -> None:
    if plan.op in ("num", "same"):
        return
    row = OPS[plan.op]
    found = [rep.value for type_ in plan.operands for rep in reps(type_)]
    wanted_operands = list(row.operands)
    if wanted_operands[-1:] == ["*"]:  # any number of any representation
        wanted_operands.pop()
        del found[len(wanted_operands) :]
    assert found == wanted_operands, plan
    assert plan.narrow or list(row.results) == [rep.value for rep in reps(plan.result)], plan


@pytest.mark.parametrize("op", sorted({*FLOAT_OPS, *INT_OPS, "@"}))
def test_binary_plans_fit_the_op_table(op: str) -> None:
    for a, b, recorded, variant, constant in itertools.product(
        TYPES, TYPES, RECORDED, VARIANTS, (False, True)
    ):
        plan = plan_binop(op, a, b, recorded, variant, constant)
        if plan is not None:
            check(plan)


def test_numbers_always_have_a_plan_except_for_matrix_product() -> None:
    numbers = (INT, WIDE, BIG, FLOAT, BOOL, NUM, Obj())
    for op in {*FLOAT_OPS, *INT_OPS} - {"&", "|", "^", "<<", ">>"}:
        for a, b in itertools.product(numbers, numbers):
            assert plan_binop(op, a, b, frozenset(), "base", False) is not None, (op, a, b)


@pytest.mark.parametrize("op", ["<", "<=", "==", "!=", ">", ">="])
def test_comparison_plans_fit_the_op_table(op: str) -> None:
    for a, b in itertools.product(TYPES, TYPES):
        planned = plan_compare(op, a, b)
        assert planned is not None
        if planned[1].op == "i64.cmp_f64":
            assert set(planned[1].operands) == {INT, FLOAT}
        else:
            check(planned[1])


@pytest.mark.parametrize("op", ["-", "+", "~", "abs"])
def test_unary_plans_fit_the_op_table(op: str) -> None:
    for a, recorded in itertools.product(TYPES, RECORDED):
        plan = plan_unary(op, a, recorded)
        if plan is not None:
            check(plan)


@pytest.mark.parametrize(("of", "name"), sorted(ROWS))
def test_call_plans_fit_the_op_table(of: str, name: str) -> None:
    for count in (1, 2, 3):
        for args in itertools.product(TYPES, repeat=min(count, 2)):
            plan = plan_call(of, name, args, frozenset())
            if plan is not None and plan.kind == "op":
                check(Plan(plan.op, plan.operands, plan.result))
