"""What CPython computes: arithmetic, comparisons and functions of objects that run no Python code.

A result of 0 (or -1) says that CPython raised, and the error is dropped: the caller leaves native
code, and the bytecode raises it again.
"""

from __future__ import annotations

from pyvorin.backend.support.language import c, call, i64
from pyvorin.backend.support.numbers import (
    class_of,
    decref,
    free_collector,
    hold_collector,
    is_number,
    is_scalar,
)
from pyvorin.backend.support.release import is_plain


def num_binop(function: int, a: int, b: int) -> int:
    """`function` is PyNumber_Add or the like."""
    if not is_number(a) or not is_number(b):
        return 0
    result = call(function, a, b, c._Py_NoneStruct)
    if result == 0:
        c.PyErr_Clear()
    return result


def num_unary(function: int, a: int) -> int:
    if not is_number(a):
        return 0
    result = call(function, a)
    if result == 0:
        c.PyErr_Clear()
    return result


def num_compare(a: int, b: int, op: int) -> int:
    """0, 1, or -1 for leaving. `op` numbers <, <=, ==, !=, >, >= from 0, as CPython does."""
    if not is_plain(a) or not is_plain(b):
        return -1
    result = c.PyObject_RichCompare(a, b, op)
    if result == 0:
        c.PyErr_Clear()
        return -1
    decref(result)
    return result == c._Py_TrueStruct


def num_truth(o: int) -> int:
    """0, 1, or -1 for leaving."""
    kind = class_of(o)
    if not is_scalar(o) and kind != c.PyList_Type and kind != c.PyTuple_Type:
        return -1
    return c.PyObject_IsTrue(o)


def call_builtin(function: int, arguments: int, count: int) -> int:
    """Call a C function on numbers and strings, or lists and tuples of them; 0 for leaving."""
    for index in range(count):
        if not is_plain(i64[arguments + index * 8]):
            return 0
    held = hold_collector()
    result = c.PyObject_Vectorcall(function, arguments, count, 0)
    free_collector(held)
    if result == 0:
        c.PyErr_Clear()
    return result
