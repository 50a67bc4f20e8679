"""Strings: making, joining and formatting them. A result of 0 is for leaving."""

from __future__ import annotations

from pyvorin.backend.support.buffers import is_of_bytes
from pyvorin.backend.support.language import c, call, i64, layout, room, u32
from pyvorin.backend.support.numbers import (
    box_char,
    class_of,
    decref,
    free_collector,
    hold_collector,
    incref,
    is_scalar,
    new,
    read_char,
)
from pyvorin.backend.support.release import is_plain

KIND, ASCII = 7 << 2, 64  # of a str's state: bytes a character; whether all are ASCII
CONVERT_NONE, CONVERT_STR, CONVERT_REPR, CONVERT_ASCII = 0, 1, 2, 3


def result_or_none(o: int) -> int:
    """A new reference, or 0 without the error."""
    if o == 0:
        c.PyErr_Clear()
    return o


def str_concat(a: int, b: int) -> int:
    return result_or_none(c.PyUnicode_Concat(a, b))


def str_append(a: int, b: int) -> int:
    """The same, taking over the reference to `a`, which grows where it is if nobody else has it;
    0 with `a` as it was. (`PyUnicode_Append` lets go of it when memory runs out.)
    """
    at, size, more = room(8), i64[a + layout.list_size], i64[b + layout.list_size]
    i64[at] = a
    if size == 0 or more == 0:
        c.PyUnicode_Append(at, b)  # one of the two
        return i64[at]
    left, right = u32[a + layout.str_state], u32[b + layout.str_state]
    if right & KIND > left & KIND or left & ASCII > right & ASCII:  # wider characters
        made = c.PyUnicode_Concat(a, b)
        if made == 0:
            return result_or_none(made)
        decref(a)
        return made
    if c.PyUnicode_Resize(at, size + more) & 0xFFFFFFFF:
        return result_or_none(0)
    if left & ASCII:
        c.memcpy(i64[at] + layout.str_ascii + size, b + layout.str_ascii, more)
    else:
        c.PyUnicode_CopyCharacters(i64[at], size, b, 0, more)
    return i64[at]


def char_is(function: int, point: int) -> int:
    """A character beyond ASCII, by CPython's own tables: `_PyUnicode_IsAlpha` or the like."""
    return call(function, point) & 0xFFFFFFFF != 0


def char_is_alnum(point: int) -> int:
    letter = c._PyUnicode_IsAlpha(point) or c._PyUnicode_IsDecimalDigit(point)
    return letter or c._PyUnicode_IsDigit(point) or c._PyUnicode_IsNumeric(point)


def char_map(cell: int, name: int, point: int) -> int:
    """The one character that a method makes of another; -1 for leaving."""
    at = room(8)
    i64[at] = box_char(point)
    made = call_method(cell, c.PyUnicode_Type, name, at, 1)
    decref(i64[at])
    if made == 0:
        return -1
    if not read_char(made, at):
        i64[at] = -1
    decref(made)
    return i64[at]


def str_of(o: int) -> int:
    if not is_scalar(o):
        return 0
    return result_or_none(c.PyObject_Str(o))


def str_has(item: int, text: int) -> int:
    """0, 1, or -1 for leaving."""
    result = c.PyUnicode_Contains(text, item)
    if result < 0:
        c.PyErr_Clear()
    return result


def str_format(o: int, spec: int, conversion: int) -> int:
    """`spec`: a str or 0. Formatting a number or str runs no Python code."""
    if not is_scalar(o) or (spec and class_of(spec) != c.PyUnicode_Type):
        return 0
    value = o
    incref(o)
    if conversion == CONVERT_STR:
        value = c.PyObject_Str(o)
    elif conversion == CONVERT_REPR:
        value = c.PyObject_Repr(o)
    elif conversion == CONVERT_ASCII:
        value = c.PyObject_ASCII(o)
    if conversion != CONVERT_NONE:
        decref(o)
    if value == 0:
        return result_or_none(value)
    result = c.PyObject_Format(value, spec)
    decref(value)
    return result_or_none(result)


def str_join(items: int, count: int) -> int:
    nothing = c.PyUnicode_New(0, 0)
    result = c._PyUnicode_JoinArray(nothing, items, count)
    decref(nothing)
    return result_or_none(result)


def str_percent(a: int, b: int) -> int:
    if not is_plain(b):
        return 0
    return result_or_none(c.PyUnicode_Format(a, b))


def call_method(cell: int, kind: int, name: int, arguments: int, count: int) -> int:
    """Call a method of a builtin class that only computes; `cell` keeps it once it is found."""
    for index in range(count):
        o = i64[arguments + index * 8]
        if not is_plain(o) and not is_of_bytes(o):
            return 0
    if i64[cell] == 0:
        i64[cell] = new(c.PyObject_GetAttrString(kind, name))
    held = hold_collector()
    result = c.PyObject_Vectorcall(i64[cell], arguments, count, 0)
    free_collector(held)
    return result_or_none(result)
