"""Lists of numbers as arrays: copied out before a nest of loops, changed items written back.

A handle is the address of a record, HEAD bytes and then ENTRY bytes an array: the list, what it
holds, how many lists it is made of, where the items are copied to, how many each list has.

Nothing here runs Python code, and nothing else runs between opening and closing: native code has
the interpreter to itself until it leaves, and it closes before it does.
"""

from __future__ import annotations

from pyvorin.backend.support.ints import make_i64, new_float
from pyvorin.backend.support.language import c, f64, i64, inline, layout, room, u8
from pyvorin.backend.support.numbers import box_i1, class_of, decref, incref, read_i64

FLOATS, INTS, BOOLS = 0, 1, 2
WRITTEN, ROWS = 4, 8  # added to those: is it stored into, is it a list of lists
SIZES = (8, 8, 1)
HEAD, ENTRY = 16, 48
COUNT = 0
LIST, MARK, LISTS, BASE, WIDTH = 0, 8, 16, 24, 32
LEAST = 256  # items used before anybody asks
FIXED = 256  # what opening costs, whatever the lists are
ENOUGH = 1 << 60
MANY = 4096  # lists of which each is compared with each


@inline
def size_of_list(o: int) -> int:
    return i64[o + layout.list_size]


@inline
def item_of(o: int, index: int) -> int:
    return i64[i64[o + layout.list_items] + index * 8]


@inline
def list_number(entry: int, index: int) -> int:
    """One of the lists that an array is made of."""
    if i64[entry + MARK] & ROWS:
        return item_of(i64[entry + LIST], index)
    return i64[entry + LIST]


def measure_list(entry: int) -> int:
    """Find how many lists of which length an array is made of; 0 if it cannot be one."""
    o = i64[entry + LIST]
    if class_of(o) != c.PyList_Type:
        return 0
    i64[entry + LISTS] = 1
    if i64[entry + MARK] & ROWS:
        i64[entry + LISTS] = size_of_list(o)
    i64[entry + WIDTH] = 0
    for index in range(i64[entry + LISTS]):
        row = list_number(entry, index)
        if class_of(row) != c.PyList_Type:
            return 0
        if index == 0:
            i64[entry + WIDTH] = size_of_list(row)
        if size_of_list(row) != i64[entry + WIDTH]:
            return 0
    return 1


def copy_floats(o: int, to: int, count: int) -> int:
    """Copy the items of a list; 0 where one is no float, or no number."""
    items = i64[o + layout.list_items]
    for index in range(count):
        item = i64[items + index * 8]
        if class_of(item) != c.PyFloat_Type:
            return 0
        value = f64[item + layout.float_value]
        if value != value:
            return 0
        f64[to + index * 8] = value
    return 1


def copy_ints(o: int, to: int, count: int) -> int:
    items = i64[o + layout.list_items]
    for index in range(count):
        if read_i64(i64[items + index * 8], to + index * 8) == 0:
            return 0
    return 1


def copy_bools(o: int, to: int, count: int) -> int:
    items = i64[o + layout.list_items]
    for index in range(count):
        item = i64[items + index * 8]
        if item != c._Py_TrueStruct and item != c._Py_FalseStruct:
            return 0
        u8[to + index] = item == c._Py_TrueStruct
    return 1


def copy_lists(entry: int) -> int:
    kind = i64[entry + MARK] & 3
    at, width = i64[entry + BASE], i64[entry + WIDTH]
    for index in range(i64[entry + LISTS]):
        row, fine = list_number(entry, index), 0
        if kind == FLOATS:
            fine = copy_floats(row, at, width)
            at = at + width * 8
        elif kind == INTS:
            fine = copy_ints(row, at, width)
            at = at + width * 8
        else:
            fine = copy_bools(row, at, width)
            at = at + width
        if fine == 0:
            return 0
    return 1


def is_met_before(handle: int, entry: int, last: int, o: int, written: int) -> int:
    """Is a list also one of those before it, and one of the two stored into? Before it are those of
    earlier arrays, and of its own the first `last`.
    """
    other = handle + HEAD
    while other <= entry:
        count = i64[other + LISTS]
        if other == entry:
            count = last
        if written or i64[other + MARK] & WRITTEN:
            for index in range(count):
                if list_number(other, index) == o:
                    return 1
        other = other + ENTRY
    return 0


def are_apart(handle: int) -> int:
    """Is every list that is stored into no other list as well?"""
    for number in range(i64[handle + COUNT]):
        entry = handle + HEAD + number * ENTRY
        written = i64[entry + MARK] & WRITTEN
        for index in range(i64[entry + LISTS]):
            if is_met_before(handle, entry, index, list_number(entry, index), written):
                return 0
    return 1


def work_of(entry: int) -> int:
    """After how many uses of items copying a list pays. Bools are told by their address alone."""
    work = 2 * i64[entry + LISTS] * i64[entry + WIDTH]
    if i64[entry + MARK] & 3 == BOOLS:
        work = work // 8
    if i64[entry + MARK] & WRITTEN:
        return 2 * work
    return work


def arrays_open(lists: int, count: int, used: int) -> int:
    """A handle; or minus how many items must be used before it makes sense to ask again.

    `lists`: list and mark of each array. The first word becomes what the nest has spent.
    """
    handle = c.PyMem_RawCalloc(1, HEAD + count * ENTRY)
    if handle == 0:
        i64[lists] = 0
        return -ENOUGH
    i64[handle + COUNT] = count
    work, all_lists, fine = FIXED, 0, 1
    for number in range(count):
        entry = handle + HEAD + number * ENTRY
        i64[entry + LIST] = i64[lists + number * 16]
        i64[entry + MARK] = i64[lists + number * 16 + 8]
        if fine:
            fine = measure_list(entry)
        all_lists = all_lists + i64[entry + LISTS]
        work = work + work_of(entry)
    work = work + all_lists * all_lists // 16
    i64[lists] = 0
    if fine and all_lists <= MANY:
        if used < work:
            c.PyMem_RawFree(handle)
            return -work
        if are_apart(handle) and copy_all(handle):
            i64[lists] = work
            hold_lists(handle)
            return handle
    release_arrays(handle)
    return -4 * used - LEAST


def hold_lists(handle: int) -> None:
    """Writing back comes after their last use in the nest. Rows are kept by their table."""
    for number in range(i64[handle + COUNT]):
        incref(i64[handle + HEAD + number * ENTRY + LIST])


def copy_all(handle: int) -> int:
    for number in range(i64[handle + COUNT]):
        entry = handle + HEAD + number * ENTRY
        size = i64[entry + LISTS] * i64[entry + WIDTH] * 8 + 8
        if i64[entry + MARK] & 3 == BOOLS:
            size = i64[entry + LISTS] * i64[entry + WIDTH] + 8
        i64[entry + BASE] = c.PyMem_RawMalloc(size)
        if i64[entry + BASE] == 0 or copy_lists(entry) == 0:
            return 0
    return 1


def release_arrays(handle: int) -> None:
    for number in range(i64[handle + COUNT]):
        c.PyMem_RawFree(i64[handle + HEAD + number * ENTRY + BASE])
    c.PyMem_RawFree(handle)


# ---- writing back --------------------------------------------------------------------------------


def return_floats(o: int, at: int, count: int) -> None:
    """An old float that nobody else has becomes the new one."""
    items = i64[o + layout.list_items]
    for index in range(count):
        item = i64[items + index * 8]
        if i64[item + layout.float_value] != i64[at + index * 8]:
            if i64[item] == 1:
                f64[item + layout.float_value] = f64[at + index * 8]
            else:
                i64[items + index * 8] = new_float(f64[at + index * 8])
                decref(item)


def return_ints(o: int, at: int, count: int) -> None:
    items, old = i64[o + layout.list_items], room(8)
    for index in range(count):
        item = i64[items + index * 8]
        read_i64(item, old)
        if i64[old] != i64[at + index * 8]:
            i64[items + index * 8] = make_i64(i64[at + index * 8])
            decref(item)


def return_bools(o: int, at: int, count: int) -> None:
    items = i64[o + layout.list_items]
    for index in range(count):
        item = i64[items + index * 8]
        if (item == c._Py_TrueStruct) != u8[at + index]:
            i64[items + index * 8] = box_i1(u8[at + index])
            decref(item)


def return_lists(entry: int) -> None:
    kind = i64[entry + MARK] & 3
    at, width = i64[entry + BASE], i64[entry + WIDTH]
    for index in range(i64[entry + LISTS]):
        row = list_number(entry, index)
        if kind == FLOATS:
            return_floats(row, at, width)
            at = at + width * 8
        elif kind == INTS:
            return_ints(row, at, width)
            at = at + width * 8
        else:
            return_bools(row, at, width)
            at = at + width


def arrays_close(handle: int) -> None:
    """Write back what has changed, and forget the arrays."""
    for number in range(i64[handle + COUNT]):
        entry = handle + HEAD + number * ENTRY
        if i64[entry + MARK] & WRITTEN:
            return_lists(entry)
        decref(i64[entry + LIST])
    release_arrays(handle)
