"""Dicts: storing, deleting, iterating.

Reading is native (`tables`). What changes keys is done by CPython with the hash that is known:
versions, watchers and the collector's tracking stay as they should be. Only a value that takes
another's place is stored here, in a dict that nobody watches.

`place` is the address of a value, or `tables.MISSING`. Answers are 1, or 0 for leaving before
anything has happened.
"""

from __future__ import annotations

from pyvorin.backend.support.language import below, c, data, f64, i32, i64, inline, layout, u8
from pyvorin.backend.support.memory import relieve
from pyvorin.backend.support.numbers import (
    box_f64,
    box_i64,
    class_of,
    decref,
    free_collector,
    hold_collector,
    incref,
    is_scalar,
    new,
)
from pyvorin.backend.support.release import is_plain, is_quiet, let_go
from pyvorin.backend.support.tables import (
    DEPTH,
    FOREIGN,
    GENERAL,
    entry_size,
    find_key,
    first_entry,
    hash_of_int,
    hash_of_key,
    is_key,
)

WATCHERS = 255
KEPT_BITS = 12  # of a version, which are no part of its number
FACTOR, STEP, FRESH = 6364136223846793005, 1442695040888963407, -(1 << 63)
ONE_DIGIT = 1 << 30


@inline
def is_watched(d: int) -> int:
    """Does anybody rely on what the dict holds? This module's native code does on its names."""
    if d == i64[data.globals] or d == i64[data.builtins]:
        return 1
    if layout.minor >= 12:
        return i64[d + layout.dict_version] & WATCHERS
    return 0


@inline
def change_version(d: int) -> None:
    """A version that the dict has not had: CPython's count up from 0, these have the highest bit
    set and go through all numbers in some order.
    """
    version = i64[d + layout.dict_version]
    if layout.minor >= 12:
        low = version & ((1 << KEPT_BITS) - 1)
        number = (version >> KEPT_BITS) * FACTOR + STEP
        i64[d + layout.dict_version] = number << KEPT_BITS | low | FRESH
    else:
        i64[d + layout.dict_version] = version * FACTOR + STEP | FRESH


@inline
def keeps_much(o: int) -> int:
    """Would letting go of this reference run Python code?"""
    return i64[o] == 1 and not is_quiet(o)


@inline
def succeeded(status: int) -> int:
    """Drop the error that a negative status comes with."""
    if status < 0:
        c.PyErr_Clear()
        return 0
    return 1


# ---- storing -----------------------------------------------------------------------------------
def dict_replace(d: int, place: int, value: int) -> int:
    """Store another value for a key that is there."""
    old = i64[place]
    if is_watched(d) or keeps_much(old):
        return 0
    if not is_scalar(value) and i64[d - 16] == 0:  # the collector does not know the dict yet
        key = i64[place - 8]
        return succeeded(c._PyDict_SetItem_KnownHash(d, key, value, hash_of_key(key)))
    change_version(d)
    incref(value)
    i64[place] = value
    let_go(old)
    return 1


def dict_insert(d: int, key: int, value: int) -> int:
    """Store a value for a key that is not there."""
    if is_watched(d):
        return 0
    return succeeded(c._PyDict_SetItem_KnownHash(d, key, value, hash_of_key(key)))


def dict_insert_int(d: int, number: int, value: int) -> int:
    if is_watched(d):
        return 0
    key = box_i64(number)
    done = succeeded(c._PyDict_SetItem_KnownHash(d, key, value, hash_of_int(number)))
    decref(key)
    return done


@inline
def dict_put(d: int, place: int, key: int, value: int) -> int:
    if place < 0:
        return dict_insert(d, key, value)
    return dict_replace(d, place, value)


@inline
def dict_put_int(d: int, place: int, number: int, value: int) -> int:
    """The same for a key that is a number."""
    if place < 0:
        return dict_insert_int(d, number, value)
    return dict_replace(d, place, value)


@inline
def is_only_int(o: int) -> int:
    """An int of one digit that nothing else refers to: writing it anew shows nowhere."""
    if class_of(o) != c.PyLong_Type or i64[o] != 1:
        return 0
    tag = i64[o + layout.long_tag]
    if layout.minor >= 12:
        return tag >> 3 == 1
    return tag == 1 or tag == -1


@inline
def write_int(o: int, value: int) -> None:
    size, magnitude = 1, value
    if value < 0:
        magnitude = -value
        size = -1
    if layout.minor >= 12:
        size = 1 << 3 | 1 - size
    i64[o + layout.long_tag] = size
    i32[o + layout.long_digits] = magnitude


@inline
def is_shared_int(value: int) -> int:
    """Is there only one object of the number?"""
    return below(value + 5, 262)


def dict_renumber(d: int, place: int, value: int) -> int:
    """Store an int in the place of another value."""
    old = i64[place]
    one_digit = below(value + ONE_DIGIT - 1, 2 * ONE_DIGIT - 1) and not is_shared_int(value)
    if one_digit and is_only_int(old) and not is_watched(d):
        change_version(d)
        write_int(old, value)
        return 1
    o = box_i64(value)
    done = dict_replace(d, place, o)
    decref(o)
    return done


def dict_refloat(d: int, place: int, value: float) -> int:
    """Store a float in the place of another value."""
    old = i64[place]
    if class_of(old) == c.PyFloat_Type and i64[old] == 1 and not is_watched(d):
        change_version(d)
        f64[old + layout.float_value] = value
        return 1
    o = box_f64(value)
    done = dict_replace(d, place, o)
    decref(o)
    return done


def dict_insert_boxed(d: int, key: int, value: int) -> int:
    """Store a fresh value, which is the dict's alone."""
    done = dict_insert(d, key, value)
    decref(value)
    return done


def dict_insert_int_boxed(d: int, number: int, value: int) -> int:
    done = dict_insert_int(d, number, value)
    decref(value)
    return done


@inline
def dict_put_i64(d: int, place: int, key: int, value: int) -> int:
    if place < 0:
        return dict_insert_boxed(d, key, box_i64(value))
    return dict_renumber(d, place, value)


@inline
def dict_put_int_i64(d: int, place: int, number: int, value: int) -> int:
    if place < 0:
        return dict_insert_int_boxed(d, number, box_i64(value))
    return dict_renumber(d, place, value)


@inline
def dict_put_f64(d: int, place: int, key: int, value: float) -> int:
    if place < 0:
        return dict_insert_boxed(d, key, box_f64(value))
    return dict_refloat(d, place, value)


@inline
def dict_put_int_f64(d: int, place: int, number: int, value: float) -> int:
    if place < 0:
        return dict_insert_int_boxed(d, number, box_f64(value))
    return dict_refloat(d, place, value)


def dict_delete(d: int, place: int) -> int:
    """Delete the entry of the value at `place`."""
    if is_watched(d) or keeps_much(i64[place]):
        return 0
    key = i64[place - 8]
    incref(key)
    done = succeeded(c._PyDict_DelItem_KnownHash(d, key, hash_of_key(key)))
    decref(key)
    return done


def dict_new(items: int, count: int) -> int:
    """A dict of `count` pairs of objects, stored in order; 0 for leaving."""
    for index in range(count):
        if not is_key(i64[items + index * 16], DEPTH):
            return 0
    held = hold_collector()
    result = c.PyDict_New()
    free_collector(held)
    if result == 0:
        c.PyErr_Clear()
        return 0
    for index in range(count):
        if c.PyDict_SetItem(result, i64[items + index * 16], i64[items + index * 16 + 8]) < 0:
            c.PyErr_Clear()
            decref(result)
            return 0
    return result


def dict_clear(d: int) -> int:
    if is_watched(d) or not is_plain(d):
        return 0
    c.PyDict_Clear(d)
    return 1


def has_only_keys(d: int) -> int:
    """Is every key of the dict one whose equality runs no Python code?"""
    keys = i64[d + layout.dict_keys]
    if u8[keys + layout.keys_kind] != GENERAL:
        return 1
    entry = first_entry(keys)
    for _ in range(i64[keys + layout.keys_entries]):
        if i64[entry + 16] and not is_key(i64[entry + 8], DEPTH):
            return 0
        entry = entry + 24
    return 1


def dict_update(d: int, other: int) -> int:
    """Update by an exact dict."""
    if is_watched(d) or not has_only_keys(other) or i64[other + layout.dict_values]:
        return 0
    keys = i64[other + layout.dict_keys]
    size, entry = entry_size(keys), first_entry(keys)
    for _ in range(i64[keys + layout.keys_entries]):
        if i64[entry + size - 8]:
            place = find_key(d, i64[entry + size - 16])
            if place == FOREIGN:
                return 0
            if place > 0 and keeps_much(i64[place]):
                return 0
        entry = entry + size
    return succeeded(c.PyDict_Update(d, other))


# ---- iterators, which are CPython's own ----------------------------------------------------------
def dict_iter(o: int) -> int:
    """An iterator over an exact dict, set or view of a dict."""
    held = hold_collector()
    result = c.PyObject_GetIter(o)
    if result == 0:
        relieve()
        result = new(c.PyObject_GetIter(o))
    free_collector(held)
    return result


def dict_view(d: int, kind: int) -> int:
    """A view of a class: PyDictKeys_Type or the like."""
    held = hold_collector()
    result = c._PyObject_GC_New(kind)
    if result == 0:
        relieve()
        result = new(c._PyObject_GC_New(kind))
    free_collector(held)
    incref(d)
    i64[result + layout.view_of] = d
    c.PyObject_GC_Track(result)
    return result


def dict_peek(iterator: int) -> int:
    """The place of the value that comes next; MISSING at the end; FOREIGN where CPython raises."""
    d = i64[iterator + layout.view_of]
    if d == 0:
        return -1
    if i64[iterator + layout.dict_iter_used] != i64[d + layout.dict_used]:
        return FOREIGN
    if i64[d + layout.dict_values]:
        return FOREIGN
    keys = i64[d + layout.dict_keys]
    size, index = entry_size(keys), i64[iterator + layout.dict_iter_next]
    count = i64[keys + layout.keys_entries]
    entry = first_entry(keys) + index * size
    while index < count and i64[entry + size - 8] == 0:
        entry = entry + size
        index = index + 1
    i64[iterator + layout.dict_iter_next] = index
    if index >= count:
        return -1
    if i64[iterator + layout.dict_iter_left] == 0:
        return FOREIGN
    return entry + size - 8


@inline
def dict_step(iterator: int) -> None:
    """Go past the entry that was looked at."""
    next_at, left_at = iterator + layout.dict_iter_next, iterator + layout.dict_iter_left
    i64[next_at] = i64[next_at] + 1
    i64[left_at] = i64[left_at] - 1


def iter_finish(iterator: int) -> None:
    """An iterator at its end lets go of what it iterates over."""
    of = i64[iterator + layout.view_of]
    if of:
        i64[iterator + layout.view_of] = 0
        let_go(of)
