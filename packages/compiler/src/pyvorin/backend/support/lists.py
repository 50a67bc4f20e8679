"""Lists: what their quick cases leave to CPython.

Nothing here runs Python code: what could is asked of the items first, and then the answer is 0 or
-1, for leaving.
"""

from __future__ import annotations

from pyvorin.backend.support.language import c, i64, inline, layout, room
from pyvorin.backend.support.memory import relieve
from pyvorin.backend.support.numbers import (
    box_i64,
    class_of,
    decref,
    free_collector,
    hold_collector,
    incref,
    new,
)
from pyvorin.backend.support.release import is_plain

MOST = (1 << 63) - 1


def new_list(items: int, count: int) -> int:
    """A list of `count` objects."""
    held = hold_collector()
    result = c.PyList_New(count)
    if result == 0:
        relieve()
        result = new(c.PyList_New(count))
    free_collector(held)
    at = i64[result + layout.list_items]
    for index in range(count):
        item = i64[items + index * 8]
        incref(item)
        i64[at + index * 8] = item
    return result


@inline
def without_error(failed: int) -> int:
    """Did it succeed? An error is dropped: the bytecode raises it again."""
    if failed:
        c.PyErr_Clear()
        return 0
    return 1


def list_append(o: int, item: int) -> int:
    """Append; 0 for leaving."""
    return without_error(c.PyList_Append(o, item))


def list_remove_at(o: int, index: int, pop: int) -> None:
    """Remove an item that can be released. Shrinking needs no memory. Of an only item, `list.pop`
    of 3.11 keeps the place.
    """
    left = i64[o + layout.list_size] - 1
    only = layout.minor < 12 and pop and left == 0 and i64[o + layout.list_allocated] <= 1
    if not only and not keeps_capacity(o, left):
        c.PyList_SetSlice(o, index, index + 1, 0)
        return
    items = i64[o + layout.list_items]
    old = i64[items + index * 8]
    for place in range(index, left):
        i64[items + place * 8] = i64[items + place * 8 + 8]
    i64[o + layout.list_size] = left
    decref(old)


@inline
def is_iterable(o: int) -> int:
    """Does going through it run no Python code?"""
    kind = class_of(o)
    if kind == c.PyList_Type or kind == c.PyTuple_Type or kind == c.PyUnicode_Type:
        return 1
    if kind == c.PyBytes_Type or kind == c.PyByteArray_Type:
        return 1
    return kind == c.PyRange_Type or kind == c.PyDict_Type or kind == c.PySet_Type


@inline
def result_of(o: int) -> int:
    """A new reference, or 0 without the error."""
    if o == 0:
        c.PyErr_Clear()
    return o


def list_extend(o: int, items: int) -> int:
    if not is_iterable(items):
        return 0
    held = hold_collector()
    result = c._PyList_Extend(o, items)
    free_collector(held)
    if result:
        decref(result)
    return without_error(result == 0)


def list_of(items: int) -> int:
    if not is_iterable(items):
        return 0
    held = hold_collector()
    result = c.PySequence_List(items)
    free_collector(held)
    return result_of(result)


def tuple_of(items: int) -> int:
    if not is_iterable(items):
        return 0
    held = hold_collector()
    result = c.PySequence_Tuple(items)
    free_collector(held)
    return result_of(result)


def range_new(start: int, stop: int, step: int) -> int:
    bounds = room(24)
    i64[bounds], i64[bounds + 8], i64[bounds + 16] = box_i64(start), box_i64(stop), box_i64(step)
    result = c.PyObject_Vectorcall(c.PyRange_Type, bounds, 3, 0)
    for index in range(3):
        decref(i64[bounds + index * 8])
    return result_of(result)


def seq_concat(a: int, b: int) -> int:
    held = hold_collector()
    result = c.PySequence_Concat(a, b)
    free_collector(held)
    return result_of(result)


def seq_repeat(o: int, times: int) -> int:
    held = hold_collector()
    result = c.PySequence_Repeat(o, times)
    free_collector(held)
    return result_of(result)


def are_plain(o: int, start: int, stop: int) -> int:
    """Can the items in a range of places be released?"""
    items = i64[o + layout.list_items]
    for index in range(start, stop):
        if not is_plain(i64[items + index * 8]):
            return 0
    return 1


def list_repeat_inplace(o: int, times: int) -> int:
    if times <= 0 and not are_plain(o, 0, i64[o + layout.list_size]):
        return 0
    result = c.PySequence_InPlaceRepeat(o, times)
    if result:
        decref(result)
    return without_error(result == 0)


@inline
def keeps_capacity(o: int, count: int) -> int:
    """Would `list_resize` only change the size?"""
    capacity = i64[o + layout.list_allocated]
    return count <= capacity and count >= capacity >> 1 and count > 0


def list_insert(o: int, index: int, item: int) -> int:
    count = i64[o + layout.list_size]
    if not keeps_capacity(o, count + 1):
        return without_error(c.PyList_Insert(o, index, item))
    if index < 0:
        index = index + count
        if index < 0:
            index = 0
    if index > count:
        index = count
    first = i64[o + layout.list_items] + index * 8
    place = i64[o + layout.list_items] + count * 8
    while place > first:
        i64[place] = i64[place - 8]
        place = place - 8
    incref(item)
    i64[first] = item
    i64[o + layout.list_size] = count + 1
    return 1


def list_reverse(o: int) -> int:
    return without_error(c.PyList_Reverse(o))


# ---- slices --------------------------------------------------------------------------------------


def length_of(o: int) -> int:
    """The length of an exact sequence: all keep it in the same place."""
    return i64[o + layout.list_size]


def new_slice(start: int, stop: int, step: int) -> int:
    """A slice object of three ints."""
    x, y, z = box_i64(start), box_i64(stop), box_i64(step)
    result = c.PySlice_New(x, y, z)
    if result == 0:
        relieve()
        result = new(c.PySlice_New(x, y, z))
    decref(x)
    decref(y)
    decref(z)
    return result


def bytes_slice(o: int, start: int, stop: int) -> int:
    """A slice of bytes, by bounds within its length."""
    if start == 0 and stop == length_of(o):
        incref(o)
        return o
    if stop <= start:
        return c.PyBytes_FromStringAndSize(0, 0)
    return c.PyBytes_FromStringAndSize(o + layout.bytes_items + start, stop - start)


def seq_slice(o: int, start: int, stop: int, step: int) -> int:
    held = hold_collector()
    kind = class_of(o)
    at = room(16)
    i64[at], i64[at + 8] = start, stop
    count = c.PySlice_AdjustIndices(length_of(o), at, at + 8, step)
    if kind == c.PyList_Type and step != 1:
        result = list_steps(o, i64[at], count, step)
    elif step == 1:
        if kind == c.PyList_Type:
            result = c.PyList_GetSlice(o, i64[at], i64[at + 8])
        elif kind == c.PyTuple_Type:
            result = c.PyTuple_GetSlice(o, i64[at], i64[at + 8])
        elif kind == c.PyBytes_Type:
            result = bytes_slice(o, i64[at], i64[at + 8])
        elif kind == c.PyByteArray_Type:
            result = c.PyByteArray_FromStringAndSize(
                i64[o + layout.bytearray_start] + i64[at], count
            )
        else:
            result = c.PyUnicode_Substring(o, i64[at], i64[at + 8])
    else:
        by = new_slice(start, stop, step)
        result = c.PyObject_GetItem(o, by)
        decref(by)
    free_collector(held)
    return result_of(result)


def list_steps(o: int, first: int, count: int, step: int) -> int:
    """A list of every `step`th item."""
    result = c.PyList_New(count)
    if result:
        to, items = i64[result + layout.list_items], i64[o + layout.list_items]
        for index in range(count):
            item = i64[items + (first + index * step) * 8]
            incref(item)
            i64[to + index * 8] = item
    return result


def is_fitting(o: int, items: int, count: int) -> int:
    """Is it another list of so many items?"""
    return items != o and class_of(items) == c.PyList_Type and length_of(items) == count


def exchange(o: int, first: int, items: int) -> None:
    """Put the items of a list in the places of as many others, which can be released."""
    to, new_items = i64[o + layout.list_items], i64[items + layout.list_items]
    for index in range(length_of(items)):
        old, item = i64[to + (first + index) * 8], i64[new_items + index * 8]
        incref(item)
        i64[to + (first + index) * 8] = item
        decref(old)


def list_set_slice(o: int, start: int, stop: int, step: int, items: int) -> int:
    """Assign the items of an exact list or tuple, or with 0 delete."""
    if items and class_of(items) != c.PyList_Type and class_of(items) != c.PyTuple_Type:
        return 0
    at = room(16)
    i64[at], i64[at + 8] = start, stop
    c.PySlice_AdjustIndices(length_of(o), at, at + 8, step)
    if step != 1:
        return set_steps(o, start, stop, step, items)
    first, last = i64[at], i64[at + 8]
    if last < first:
        last = first
    if not are_plain(o, first, last):
        return 0
    if items and is_fitting(o, items, last - first):
        exchange(o, first, items)
        return 1
    held = hold_collector()
    failed = c.PyList_SetSlice(o, first, last, items)
    free_collector(held)
    return without_error(failed)


COPIED = 64  # items that are copied at once


def list_copy_slice(
    o: int, start: int, stop: int, step: int, of: int, first: int, last: int, by: int
) -> int:
    """Assign a slice of a list, tuple or str."""
    at = room(32)
    i64[at], i64[at + 8], i64[at + 16], i64[at + 24] = start, stop, first, last
    count = c.PySlice_AdjustIndices(length_of(of), at + 16, at + 24, by)
    c.PySlice_AdjustIndices(length_of(o), at, at + 8, step)
    alike = class_of(of) == c.PyList_Type and step == 1 and i64[at + 8] - i64[at] == count
    if alike and count <= COPIED:
        return copy_items(o, i64[at], of, i64[at + 16], by, count)
    items = seq_slice(of, first, last, by)
    if items == 0:
        return 0
    done = list_set_slice(o, start, stop, step, items)
    decref(items)
    return done


def copy_items(o: int, start: int, of: int, first: int, by: int, count: int) -> int:
    """Copy `count` items of one list into another, or the same: all are read before one goes."""
    if not are_plain(o, start, start + count):
        return 0
    kept = room(512)
    items = i64[of + layout.list_items]
    for index in range(count):
        item = i64[items + (first + index * by) * 8]
        incref(item)
        i64[kept + index * 8] = item
    to = i64[o + layout.list_items] + start * 8
    for index in range(count):
        old = i64[to + index * 8]
        i64[to + index * 8] = i64[kept + index * 8]
        decref(old)
    return 1


@inline
def put_view(at: int, of: int, first: int, last: int) -> None:
    """Put a list object at an address that has the items of a part of another list: for functions
    of CPython that only read it. Nobody counts or frees it.
    """
    i64[at + 40], i64[at + 48] = first, last
    count = c.PySlice_AdjustIndices(length_of(of), at + 40, at + 48, 1)
    i64[at], i64[at + 8] = 1 << 20, c.PyList_Type
    i64[at + layout.list_size], i64[at + layout.list_allocated] = count, count
    i64[at + layout.list_items] = i64[of + layout.list_items] + i64[at + 40] * 8


def list_extend_slice(o: int, of: int, first: int, last: int, by: int) -> int:
    """Append a slice of a list, tuple or str."""
    if class_of(of) == c.PyList_Type and by == 1 and of != o:
        at = room(64)
        put_view(at, of, first, last)
        return list_extend(o, at)
    items = seq_slice(of, first, last, by)
    if items == 0:
        return 0
    done = list_extend(o, items)
    decref(items)
    return done


def seq_concat_slices(
    a: int, first: int, last: int, by: int, b: int, start: int, stop: int, step: int
) -> int:
    """Add two slices of lists, or of tuples."""
    if class_of(a) == c.PyList_Type and class_of(b) == c.PyList_Type and by == 1 and step == 1:
        at, other = room(64), room(64)
        put_view(at, a, first, last)
        put_view(other, b, start, stop)
        return seq_concat(at, other)
    x, y = seq_slice(a, first, last, by), seq_slice(b, start, stop, step)
    result = 0
    if x and y:
        result = seq_concat(x, y)
    if x:
        decref(x)
    if y:
        decref(y)
    return result


def set_steps(o: int, start: int, stop: int, step: int, items: int) -> int:
    if not are_plain(o, 0, length_of(o)):
        return 0
    held = hold_collector()
    by = new_slice(start, stop, step)
    failed = 1
    if items:
        failed = c.PyObject_SetItem(o, by, items)
    if not items:
        failed = c.PyObject_DelItem(o, by)
    decref(by)
    free_collector(held)
    return without_error(failed)


def seq_rest(o: int, before: int, after: int) -> int:
    """The list that a starred name gets: with the capacity that CPython gives it."""
    held = hold_collector()
    rest = c.PyObject_GetIter(o)
    if rest:
        i64[rest + layout.iter_index] = before
        iterator = rest
        rest = c.PySequence_List(iterator)
        decref(iterator)
    free_collector(held)
    if rest == 0:
        return result_of(rest)
    count = length_of(rest) - after
    items = i64[rest + layout.list_items]
    for index in range(after):
        decref(i64[items + (count + index) * 8])
    i64[rest + layout.list_size] = count
    return rest


# ---- sorting -------------------------------------------------------------------------------------

SHAPE_NUMBER, SHAPE_TEXT, SHAPE_NONE, SHAPE_OPEN, SHAPE_CLOSE = 1, 2, 3, 4, 5
SHAPE_MOST = 1 << 57


def shape(o: int, so_far: int) -> int:
    """What an item is made of, as octal digits after `so_far`; 0 if Python code may compare it.

    Two tuples with the same digits compare without an error.
    """
    if so_far >= SHAPE_MOST:
        return 0
    kind = class_of(o)
    if kind == c.PyLong_Type or kind == c.PyFloat_Type or kind == c.PyBool_Type:
        return so_far << 3 | SHAPE_NUMBER
    if kind == c.PyUnicode_Type:
        return so_far << 3 | SHAPE_TEXT
    if kind != c.PyTuple_Type:
        return 0
    so_far = so_far << 3 | SHAPE_OPEN
    for index in range(i64[o + layout.tuple_size]):
        so_far = shape(i64[o + layout.tuple_items + index * 8], so_far)
        if so_far == 0:
            return 0
    return so_far << 3 | SHAPE_CLOSE


def is_sortable(o: int) -> int:
    """Do all items compare with one another, without Python code and without an error?"""
    items = i64[o + layout.list_items]
    expected = 0
    for index in range(length_of(o)):
        found = shape(i64[items + index * 8], 0)
        if found == 0 or (index > 0 and found != expected):
            return 0
        expected = found
    return 1
