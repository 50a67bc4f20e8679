"""Sorting a list whose order is that of machine numbers: ints of 64 bits (and bools), floats
without NaN, or tuples that begin with such.

Sorting is stable, so its result does not depend on the algorithm as long as the comparisons are
those of a total order. Every item gets a key whose order as an unsigned number is the order of the
items; keys are sorted a byte at a time, and bytes that all keys share cost nothing. What any of
this does not suit is CPython's own sort's.
"""

from __future__ import annotations

from pyvorin.backend.support.language import below, c, f64, i64, inline, layout, room
from pyvorin.backend.support.lists import is_sortable, length_of, without_error
from pyvorin.backend.support.numbers import class_of
from pyvorin.backend.support.search import read_int

SIGN = -(1 << 63)
MOST = (1 << 63) - 1
ENTRY = 16  # bytes: the key and the item
FEW = 32  # items that are sorted by insertion
MANY = 64  # tuples that begin alike: not by insertion any more
LESS = 0


@inline
def float_key(o: int) -> int:
    bits = i64[o + layout.float_value]
    if f64[o + layout.float_value] == 0.0:  # of either sign
        bits = 0
    if bits < 0:
        return ~bits
    return bits ^ SIGN


def put_key(o: int, kind: int, at: int) -> int:
    """Put the key of a number at an address; 0 if it has none."""
    if kind == c.PyFloat_Type:
        x = f64[o + layout.float_value]
        if class_of(o) != kind or x != x:
            return 0
        i64[at] = float_key(o)
        return 1
    if not read_int(o, at):
        return 0
    i64[at] = i64[at] ^ SIGN
    return 1


@inline
def number_of(item: int, in_tuple: int) -> int:
    """What an item is sorted by first: itself, or what it begins with; 0 for another shape."""
    if not in_tuple:
        return item
    if class_of(item) != c.PyTuple_Type:
        return 0
    if i64[item + layout.tuple_size] == 0:
        return 0
    return i64[item + layout.tuple_items]


def put_entries(o: int, in_tuple: int, at: int) -> int:
    """Put keys and items of a list at an address; 0 if one has no key."""
    items = i64[o + layout.list_items]
    kind = 0
    for index in range(length_of(o)):
        item = i64[items + index * 8]
        number = number_of(item, in_tuple)
        if number == 0:
            return 0
        if index == 0:
            kind = class_of(number)
        if not put_key(number, kind, at + index * ENTRY):
            return 0
        i64[at + index * ENTRY + 8] = item
    return 1


def insert_by_key(at: int, count: int) -> None:
    """Insertion sort."""
    for index in range(1, count):
        key, item = i64[at + index * ENTRY], i64[at + index * ENTRY + 8]
        place = at + index * ENTRY
        while place > at:
            if not below(key, i64[place - ENTRY]):
                break
            i64[place] = i64[place - ENTRY]
            i64[place + 8] = i64[place - 8]
            place = place - ENTRY
        i64[place] = key
        i64[place + 8] = item


def sort_by_bytes(at: int, other: int, count: int) -> int:
    """Sort from the last byte of the keys to the first; which of the two places has the result."""
    counts = room(16384)  # of each byte's 256 values
    for index in range(2048):
        i64[counts + index * 8] = 0
    for index in range(count):
        key = i64[at + index * ENTRY]
        for place in range(8):
            slot = counts + place * 2048 + (key >> place * 8 & 255) * 8
            i64[slot] = i64[slot] + 1
    for place in range(8):
        column, shift = counts + place * 2048, place * 8
        if i64[column + (i64[at] >> shift & 255) * 8] != count:
            start = 0
            for value in range(256):
                size = i64[column + value * 8]
                i64[column + value * 8] = start
                start = start + size
            for index in range(count):
                key = i64[at + index * ENTRY]
                slot = column + (key >> shift & 255) * 8
                to = other + i64[slot] * ENTRY
                i64[slot] = i64[slot] + 1
                i64[to] = key
                i64[to + 8] = i64[at + index * ENTRY + 8]
            swapped = at
            at = other
            other = swapped
    return at


def has_nan(o: int) -> int:
    """Is there a NaN in a tuple, or in one inside?"""
    for index in range(i64[o + layout.tuple_size]):
        item = i64[o + layout.tuple_items + index * 8]
        if class_of(item) == c.PyFloat_Type:
            x = f64[item + layout.float_value]
            if x != x:
                return 1
        if class_of(item) == c.PyTuple_Type and has_nan(item):
            return 1
    return 0


def insert_by_rest(at: int, count: int) -> int:
    """Sort tuples that begin alike; 0 if they are too many, or have no order."""
    if count > MANY:
        return 0
    for index in range(count):
        if has_nan(i64[at + index * ENTRY + 8]):
            return 0
    for index in range(1, count):
        item = i64[at + index * ENTRY + 8]
        place = at + index * ENTRY
        while place > at:
            if not c.PyObject_RichCompareBool(item, i64[place - 8], LESS):
                break
            i64[place + 8] = i64[place - 8]
            place = place - ENTRY
        i64[place + 8] = item
    return 1


def settle(at: int, count: int) -> int:
    """Sort those that begin alike by their other elements; 0 if that cannot be done here."""
    index = 0
    while index < count:
        end = index + 1
        key = i64[at + index * ENTRY]
        while end < count:
            if i64[at + end * ENTRY] != key:
                break
            end = end + 1
        if end - index > 1 and not insert_by_rest(at + index * ENTRY, end - index):
            return 0
        index = end
    return 1


def sort_entries(o: int, in_tuple: int, at: int) -> int:
    """Sort a list with the memory at an address; 0, and the list as it was, if it does not suit."""
    count = length_of(o)
    if not put_entries(o, in_tuple, at):
        return 0
    if count <= FEW:
        insert_by_key(at, count)
    else:
        at = sort_by_bytes(at, at + count * ENTRY, count)
    if in_tuple and not settle(at, count):
        return 0
    items = i64[o + layout.list_items]
    for index in range(count):
        i64[items + index * 8] = i64[at + index * ENTRY + 8]
    return 1


def sort_by_keys(o: int) -> int:
    """Sort a list; 0, and the list as it was, if it does not suit."""
    count = length_of(o)
    if count < 2:
        return 0
    in_tuple = class_of(i64[i64[o + layout.list_items]]) == c.PyTuple_Type
    if in_tuple and not is_sortable(o):
        return 0
    at = c.PyMem_RawMalloc(count * 2 * ENTRY)
    if at == 0:
        return 0
    done = sort_entries(o, in_tuple, at)
    c.PyMem_RawFree(at)
    return done


def list_sort(o: int, reverse: int) -> int:
    """Reversed sorting is stable too: CPython reverses before and after."""
    if reverse:
        c.PyList_Reverse(o)
    failed = 0
    done = sort_by_keys(o)
    if not done:
        done = is_sortable(o)
        if done:
            failed = c.PyList_Sort(o)
    if reverse:
        c.PyList_Reverse(o)
    return done and without_error(failed)
