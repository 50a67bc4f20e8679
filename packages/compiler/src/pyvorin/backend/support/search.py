"""Going through the items of lists and tuples: searching, comparing, adding up.

Items are compared and added as long as that needs no Python code; -1 (or 0, where a value is put at
an address) is for leaving.
"""

from __future__ import annotations

from pyvorin.backend.support.apply import num_truth
from pyvorin.backend.support.language import c, f64, fabs, i64, inline, layout, u32
from pyvorin.backend.support.lists import length_of
from pyvorin.backend.support.numbers import (
    box_i64,
    class_of,
    decref,
    digit,
    digits,
    is_finite,
    is_negative,
    read_i64,
)
from pyvorin.backend.support.release import is_plain

LESS, EQUAL = 0, 2


@inline
def items_of(o: int) -> int:
    """Where an exact list or tuple has its items; 0 for another object."""
    if class_of(o) == c.PyList_Type:
        return i64[o + layout.list_items]
    if class_of(o) == c.PyTuple_Type:
        return o + layout.tuple_items
    return 0


@inline
def is_sequence(o: int) -> int:
    return class_of(o) == c.PyList_Type or class_of(o) == c.PyTuple_Type


@inline
def are_small(a: int, b: int) -> int:
    """Are both ints of at most one digit?"""
    if class_of(a) != c.PyLong_Type or class_of(b) != c.PyLong_Type:
        return 0
    return digits(a) <= 1 and digits(b) <= 1


@inline
def small_value(o: int) -> int:
    """The value of an int of at most one digit."""
    value = digit(o, 0, digits(o))
    if is_negative(o):
        return -value
    return value


@inline
def same_item(item: int, o: int) -> int:
    """Is an item `o` itself or equal to it, a plain object? 0, 1, or -1 for leaving."""
    if item == o:
        return 1
    if are_small(item, o):
        if i64[item + layout.long_tag] != i64[o + layout.long_tag]:
            return 0
        return u32[item + layout.long_digits] == u32[o + layout.long_digits] or digits(o) == 0
    return compare_items(item, o, EQUAL)


def compare_items(a: int, b: int, op: int) -> int:
    """Compare as PyObject_RichCompareBool: 0, 1, or -1 for leaving."""
    if not is_plain(a) or not is_plain(b):
        return -1
    result = c.PyObject_RichCompareBool(a, b, op)
    if result < 0:
        c.PyErr_Clear()
    return result


def seq_find(o: int, item: int) -> int:
    """Where the first equal item is; -1 for leaving, -2 if there is none."""
    items = items_of(o)
    if not is_sequence(o) or not is_plain(item):
        return -1
    for index in range(length_of(o)):
        same = same_item(i64[items + index * 8], item)
        if same == 1:
            return index
        if same < 0:
            return -1
    return -2


def seq_contains(o: int, item: int) -> int:
    """0, 1, or -1 for leaving."""
    place = seq_find(o, item)
    if place == -1:
        return -1
    return place >= 0


def seq_count(o: int, item: int) -> int:
    """How many equal items there are; -1 for leaving."""
    items = items_of(o)
    if not is_sequence(o) or not is_plain(item):
        return -1
    count = 0
    for index in range(length_of(o)):
        same = same_item(i64[items + index * 8], item)
        if same < 0:
            return -1
        count = count + same
    return count


@inline
def order(a: int, b: int, op: int) -> int:
    """The same for < and >."""
    if class_of(a) == c.PyFloat_Type and class_of(b) == c.PyFloat_Type:
        x, y = f64[a + layout.float_value], f64[b + layout.float_value]
        if op == LESS:
            return x < y
        return x > y
    if are_small(a, b):
        first, second = small_value(a), small_value(b)
        if op == LESS:
            return first < second
        return first > second
    return compare_items(a, b, op)


def seq_extremum(o: int, op: int) -> int:
    """Where the first smallest (op <) or largest (op >) item is; -1 for leaving."""
    items = items_of(o)
    if not is_sequence(o) or length_of(o) == 0 or not is_plain(i64[items]):
        return -1
    best = 0
    for index in range(1, length_of(o)):
        better = order(i64[items + index * 8], i64[items + best * 8], op)
        if better < 0:
            return -1
        if better:
            best = index
    return best


def seq_any(o: int, wanted: int) -> int:
    """Is the truth of some item `wanted`? 0, 1, or -1 for leaving."""
    items = items_of(o)
    if not is_sequence(o):
        return -1
    for index in range(length_of(o)):
        truth = num_truth(i64[items + index * 8])
        if truth < 0 or truth == wanted:
            return (truth >= 0) * 2 - 1
    return 0


# ---- sums ----------------------------------------------------------------------------------------


@inline
def read_int(o: int, at: int) -> int:
    """Read an int of 64 bits or a bool."""
    if class_of(o) == c.PyBool_Type:
        i64[at] = o == c._Py_TrueStruct
        return 1
    return read_i64(o, at)


def sum_ints(o: int, start: int, at: int, count_at: int) -> int:
    """Add up ints as long as there are any: the sum at `at`, how many there were at `count_at`; 0
    for a sum beyond 64 bits.
    """
    items = items_of(o)
    total = start
    i64[count_at] = 0
    for index in range(length_of(o)):
        if not read_int(i64[items + index * 8], at):
            break
        item = i64[at]
        more = total + item
        if ((total ^ more) & (item ^ more)) < 0:
            return 0
        total = more
        i64[count_at] = index + 1
    i64[at] = total
    return 1


def seq_sum_i64(o: int, start: int, at: int) -> int:
    """Put the sum of ints at an address; 0 for leaving."""
    counted = at + 8
    if not is_sequence(o) or not sum_ints(o, start, at, counted):
        return 0
    return i64[counted] == length_of(o)


def int_as_float(value: int) -> float:
    o = box_i64(value)
    result = c.PyLong_AsDouble(o)
    decref(o)
    return result


def seq_sum_f64(o: int, start: int, at: int) -> int:
    """Put a sum that becomes a float at an address; 0 for leaving. Python/bltinmodule.c: ints
    first, then floats, since 3.12 with Neumaier's compensation.
    """
    counted = at + 8
    if not is_sequence(o) or not sum_ints(o, start, at, counted):
        return 0
    items, first, count = items_of(o), i64[counted], length_of(o)
    if first == count or class_of(i64[items + first * 8]) != c.PyFloat_Type:
        return 0
    total = int_as_float(i64[at]) + f64[i64[items + first * 8] + layout.float_value]
    lost = 0.0
    for index in range(first + 1, count):
        item = i64[items + index * 8]
        if class_of(item) == c.PyFloat_Type:
            x = f64[item + layout.float_value]
            if layout.minor >= 12:
                more = total + x
                if fabs(total) >= fabs(x):
                    lost = lost + ((total - more) + x)
                else:
                    lost = lost + ((x - more) + total)
                total = more
            else:
                total = total + x
        else:
            if not read_int(item, at):
                return 0
            total = total + int_as_float(i64[at])
    if lost != 0.0 and is_finite(lost):
        total = total + lost
    f64[at] = total
    return 1
