"""Bytes and bytearrays: making, growing, comparing and searching them. 0 (or -1) is for leaving."""

from __future__ import annotations

from pyvorin.backend.support.language import below, c, i64, inline, layout, u8
from pyvorin.backend.support.lists import length_of, result_of, without_error
from pyvorin.backend.support.numbers import class_of, decref, free_collector, hold_collector


@inline
def is_of_bytes(o: int) -> int:
    return class_of(o) == c.PyBytes_Type or class_of(o) == c.PyByteArray_Type


def bytearray_append(o: int, byte: int) -> int:
    size = length_of(o)
    if not below(byte, 256) or i64[o + layout.bytearray_exports]:
        return 0
    if c.PyByteArray_Resize(o, size + 1):
        return without_error(1)
    u8[i64[o + layout.bytearray_start] + size] = byte
    return 1


def bytearray_extend(o: int, items: int) -> int:
    """o.extend(items)"""
    if not is_of_bytes(items) or i64[o + layout.bytearray_exports]:
        return 0
    held = hold_collector()
    failed = c.PySequence_SetSlice(o, length_of(o), length_of(o), items)
    free_collector(held)
    return without_error(failed)


def bytearray_grow(o: int, items: int) -> int:
    """o += items"""
    if not is_of_bytes(items) or i64[o + layout.bytearray_exports]:
        return 0
    result = c.PySequence_InPlaceConcat(o, items)
    if result:
        decref(result)
    return without_error(result == 0)


def all_ints(at: int, count: int) -> int:
    for index in range(count):
        if class_of(i64[at + index * 8]) != c.PyLong_Type:
            return 0
    return 1


def makes_bytes(o: int) -> int:
    """Can bytes be made of it without running Python code?"""
    kind = class_of(o)
    if kind == c.PyList_Type:
        return all_ints(i64[o + layout.list_items], i64[o + layout.list_size])
    if kind == c.PyTuple_Type:
        return all_ints(o + layout.tuple_items, i64[o + layout.tuple_size])
    return kind == c.PyLong_Type or kind == c.PyRange_Type or is_of_bytes(o)


def bytes_of(kind: int, arguments: int, count: int) -> int:
    """Call the class `kind`, bytes or bytearray, with one argument or none."""
    if count and not makes_bytes(i64[arguments]):
        return 0
    held = hold_collector()
    result = c.PyObject_Vectorcall(kind, arguments, count, 0)
    free_collector(held)
    return result_of(result)


@inline
def first_byte(o: int) -> int:
    """The address of the first byte."""
    if class_of(o) == c.PyBytes_Type:
        return o + layout.bytes_items
    return i64[o + layout.bytearray_start]


def bytes_equal(a: int, b: int) -> int:
    if a == b:
        return 1
    count = length_of(a)
    return count == length_of(b) and c.memcmp(first_byte(a), first_byte(b), count) == 0


def bytes_has(o: int, item: int) -> int:
    """0, 1, or -1 for leaving."""
    if class_of(item) != c.PyLong_Type and not is_of_bytes(item):
        return -1
    result = c.PySequence_Contains(o, item)
    if result < 0:
        c.PyErr_Clear()
    return result


def bytes_to_i64(o: int, big: int, at: int) -> int:
    """Put int.from_bytes(o) at an address; 0 if it has more than 63 bits."""
    count, first = length_of(o), first_byte(o)
    value = 0
    for index in range(count):
        place = first + count - 1 - index
        if big:
            place = first + index
        if not below(value, 1 << 55):
            return 0
        value = value << 8 | u8[place]
    i64[at] = value
    return 1


def bytes_of_i64(value: int, count: int, big: int) -> int:
    """value.to_bytes(count)"""
    if value < 0 or count < 0 or (count < 8 and value >> (count * 8)):
        return 0
    result = c.PyBytes_FromStringAndSize(0, count)
    if result == 0:
        return result_of(result)
    first, rest = result + layout.bytes_items, value
    for index in range(count):
        place = first + index
        if big:
            place = first + count - 1 - index
        u8[place] = rest & 255
        rest = rest >> 8
    return result
