"""Arithmetic on number objects, as bodies call it: ints and floats here, the rest by CPython.

`num_*` answer 0 (comparisons: -1) for leaving, as in `support/numbers.py`.
"""

from __future__ import annotations

from pyvorin.backend.support.apply import num_binop, num_compare, num_truth
from pyvorin.backend.support.ints import (
    holds_order,
    int_add,
    int_and,
    int_compare,
    int_multiply,
    int_shift_left,
    int_shift_right,
    int_subtract,
    is_int,
    new_float,
    size_of,
)
from pyvorin.backend.support.language import c, f64, inline, layout
from pyvorin.backend.support.numbers import class_of


@inline
def are_ints(a: int, b: int) -> int:
    return is_int(a) and is_int(b)


@inline
def are_floats(a: int, b: int) -> int:
    return class_of(a) == c.PyFloat_Type and class_of(b) == c.PyFloat_Type


@inline
def float_of(o: int) -> float:
    return f64[o + layout.float_value]


def num_add(a: int, b: int) -> int:
    result = 0
    if are_ints(a, b):
        result = int_add(a, b)
    elif are_floats(a, b):
        result = new_float(float_of(a) + float_of(b))
    if result == 0:
        result = num_binop(c.PyNumber_Add, a, b)
    return result


def num_subtract(a: int, b: int) -> int:
    result = 0
    if are_ints(a, b):
        result = int_subtract(a, b)
    elif are_floats(a, b):
        result = new_float(float_of(a) - float_of(b))
    if result == 0:
        result = num_binop(c.PyNumber_Subtract, a, b)
    return result


def num_multiply(a: int, b: int) -> int:
    result = 0
    if are_ints(a, b):
        result = int_multiply(a, b)
    elif are_floats(a, b):
        result = new_float(float_of(a) * float_of(b))
    if result == 0:
        result = num_binop(c.PyNumber_Multiply, a, b)
    return result


def num_and(a: int, b: int) -> int:
    result = 0
    if are_ints(a, b):
        result = int_and(a, b)
    if result == 0:
        result = num_binop(c.PyNumber_And, a, b)
    return result


def num_shift_left(a: int, b: int) -> int:
    result = 0
    if are_ints(a, b):
        result = int_shift_left(a, b)
    if result == 0:
        result = num_binop(c.PyNumber_Lshift, a, b)
    return result


def num_shift_right(a: int, b: int) -> int:
    result = 0
    if are_ints(a, b):
        result = int_shift_right(a, b)
    if result == 0:
        result = num_binop(c.PyNumber_Rshift, a, b)
    return result


def num_order(a: int, b: int, op: int) -> int:
    """A comparison: 0, 1, or -1 for leaving. `op` as in `num_compare`."""
    if are_ints(a, b):
        return holds_order(int_compare(a, b), op)
    return num_compare(a, b, op)


def num_is_true(o: int) -> int:
    """The truth: 0, 1, or -1 for leaving."""
    if is_int(o):
        return size_of(o) != 0
    return num_truth(o)
