"""Rows read before the loop: tables that hold themselves, change meanwhile, or do not fit."""

from __future__ import annotations

from itertools import product

import pytest
from pyvorin.ir.model import Function

from tests.compiler.golden.tables import compare, turns
from tests.compiler.lower.test_lowering import lower

pytestmark = pytest.mark.slow

SOURCE = """
def ring():
    a = [[1, 2, 3], [4, 5, 6]]
    a[0] = a
    return a

def total(a, n, m):
    s = 0
    for i in range(n):
        for j in range(m):
            s += a[i][j]
    return s

def columns(a, n, m):
    s = 0
    for j in range(m):
        for i in range(n):
            s = s * 3 + a[i][j] - a[i][0]
    return s

def fill(a, n, m):
    for i in range(n):
        for j in range(m):
            a[i][j] = i * j
    return len(a), a[-1]

def relax(a, n, m):
    for i in range(n):
        for j in range(m):
            if a[0][j] + a[i][0] < a[i][j]:
                a[i][j] = a[0][j] + a[i][0]
    return len(a), a[-1]

def growing(a, n, m):
    s = 0
    for i in range(n):
        for j in range(m):
            s += a[i][j]
            if j < 3:
                a[i].append(s)
    return s, len(a)

def replacing(a, n, m):
    s = 0
    for i in range(n):
        for j in range(m):
            s += a[i][j]
            a[i] = a[0]
    return s

def other(a, b, n):
    s = 0
    for j in range(n):
        s += a[0][j]
        b[j] = a[1]
    return s

def twice(a):
    return a, a

def aliased(p, n):
    a, b = p
    s = 0
    for j in range(n):
        s += a[0][j]
        b[j] = a[1]
    return s

def in_tuple(a, n, m):
    s = 0
    for i in range(n):
        for j in range(m):
            s += a[i][j] * a[0][j]
    return s

def while_(a, n, m):
    s = 0
    for i in range(n):
        j = 0
        while j < m and a[i][j] != 5:
            s += a[i][j]
            j += 1
    return s, j
"""

TABLES = ["[]", "[[1, 2, 3], [4, 5, 6]]", "[[1, 2, 3]] * 2", "[[1.5, 2.5], [0.5, 5]]", "ring()",
          "[[1, 2, 3], (4, 5, 6)]", "((1, 2, 3), [4, 5, 6])", "[[1, 'x'], [2]]", "['abc', 'de']",
          "[[1, 2**63 - 1, 2**70], [4, 5, 6]]", "None"]  # fmt: skip
SIZES = ["0", "1", "2", "3", "True", "-1"]
NAMES = ["total", "columns", "fill", "relax", "growing", "replacing", "in_tuple", "while_"]
RECORDED = {"lists": "[[1, 2, 3], [4, 5, 6]]", "floats": "[[1.5, 2.5], [0.5, 4.5]]"}
INNER = "(1, 2, 3), (4, 5, 6)"


def recorded_calls(a: str) -> list[str]:
    calls = [f"{name}({a}, 2, 2)" for name in NAMES if name != "in_tuple"]
    return [
        *calls,
        f"in_tuple(({INNER}), 2, 2)",
        f"other({a}, [0, 0], 2)",
        f"aliased(({a}, [0, 0]), 2)",
    ]


@pytest.mark.parametrize(("recorded", "force"), turns(RECORDED, ["once", "every:1", "every:4"]))
def test_rows(recorded: str, force: str) -> None:
    first = [call for table in RECORDED.values() for call in recorded_calls(table)]
    calls = [f"{n}({', '.join(args)})" for n in NAMES for args in product(TABLES, SIZES, SIZES)]
    calls += [f"other({a}, {b}, {n})" for a in TABLES for b in ("[0] * 3", "[]") for n in SIZES]
    calls += [f"aliased(twice({a}), {n})" for a in TABLES for n in SIZES]
    wanted = recorded_calls(RECORDED[recorded])
    compare(SOURCE, wanted, calls, 1 / 2, [force], first=first)


def loops_that_read_rows(function: Function) -> list[str]:
    """The blocks, but those made before loops, that read an object out of a list of lists."""
    return [
        block.label
        for block in function.blocks
        for op in block.ops
        if op.name == "obj.is_class" and not block.label.startswith("before")
    ]


def test_no_row_is_read_in_the_innermost_loop() -> None:
    lowered = lower(SOURCE, "total([[1, 2, 3], [4, 5, 6]], 2, 2)", "relax([[1, 2], [3, 4]], 2, 2)")
    for name in ("total", "relax"):
        assert loops_that_read_rows(lowered.functions[name][0]) == []


@pytest.mark.parametrize("name", ["growing", "replacing"])
def test_rows_stay_where_the_loop_may_change_them(name: str) -> None:
    lowered = lower(SOURCE, f"{name}([[1, 2, 3, 4], [4, 5, 6, 7]], 2, 2)")
    assert loops_that_read_rows(lowered.functions[name][0])
