"""Heaps in lists, and places in sorted ones, by the algorithms of Modules/_heapqmodule.c and
Modules/_bisectmodule.c: the same comparisons of the same items, so the same lists.

What an operation will do is found out first, and nothing is changed until every item that has to be
compared was found to be comparable without Python code. With [5, 9, 7, 10] and 6 for its top:

    sink      the smaller child comes up, to the bottom: 5 ← 7         path: places 0, 2
    rise      6 comes up from there as long as it is smaller: 6 < 7    6 belongs at place 0
"""

from __future__ import annotations

from pyvorin.backend.support.language import c, f64, i64, inline, layout
from pyvorin.backend.support.lists import keeps_capacity, length_of, list_append
from pyvorin.backend.support.numbers import class_of, incref
from pyvorin.backend.support.search import LESS, is_sequence, items_of, order, same_item


@inline
def alike(a: int, b: int) -> int:
    """Is an item of a row the other or equal to it? 0, 1, or -1 for leaving."""
    if a != b and class_of(a) == c.PyFloat_Type and class_of(b) == c.PyFloat_Type:
        return f64[a + layout.float_value] == f64[b + layout.float_value]
    return same_item(a, b)


def row_before(a: int, b: int) -> int:
    """Of tuples, or lists, the first items that are unlike decide; later ones are not looked at."""
    shorter = length_of(a)
    if length_of(b) < shorter:
        shorter = length_of(b)
    first, second = items_of(a), items_of(b)
    for index in range(shorter):
        x, y = i64[first + index * 8], i64[second + index * 8]
        same = alike(x, y)
        if same < 0:
            return -1
        if same == 0:
            return order(x, y, LESS)
    return length_of(a) < length_of(b)


@inline
def before(a: int, b: int) -> int:
    """a < b: 0, 1, or -1 for leaving."""
    if is_sequence(a) and class_of(a) == class_of(b):
        return row_before(a, b)
    return order(a, b, LESS)


# ---- heaps ---------------------------------------------------------------------------------------


def rise(items: int, place: int, item: int) -> int:
    """Where an item comes to rest that is put at a place, above which the heap's path is that of
    `sink`, not moved yet; -1 for leaving.
    """
    while place > 0:
        less = before(item, i64[items + place * 8])
        if less < 0:
            return -1
        if less == 0:
            return place
        place = (place - 1) >> 1
    return 0


def sink(items: int, count: int, item: int) -> int:
    """Where an item comes to rest that replaces the top; -1 for leaving."""
    place, child = 0, 1
    while child < count:
        if child + 1 < count:
            less = before(i64[items + child * 8], i64[items + child * 8 + 8])
            if less < 0:
                return -1
            child = child + 1 - less
        place = child
        child = 2 * place + 1
    return rise(items, place, item)


def take_top(items: int, place: int, item: int) -> int:
    """Put an item at a place, and each on the path from there to the top one up; what was on top.
    References move with the items.
    """
    carried = item
    while place > 0:
        above = i64[items + place * 8]
        i64[items + place * 8] = carried
        carried = above
        place = (place - 1) >> 1
    top = i64[items]
    i64[items] = carried
    return top


def heap_push(o: int, item: int) -> int:
    """heappush; 0 for leaving."""
    count = length_of(o)
    items = i64[o + layout.list_items]
    place = count
    while place > 0:
        above = (place - 1) >> 1
        less = before(item, i64[items + above * 8])
        if less < 0:
            return 0
        if less == 0:
            break
        place = above
    if not list_append(o, item):
        return 0
    items = i64[o + layout.list_items]
    at = count
    while at > place:
        above = (at - 1) >> 1
        i64[items + at * 8] = i64[items + above * 8]
        at = above
    i64[items + place * 8] = item
    return 1


def heap_pop(o: int) -> int:
    """heappop; 0 for leaving."""
    left = length_of(o) - 1
    if left < 0:
        return 0
    items = i64[o + layout.list_items]
    last = i64[items + left * 8]
    place = sink(items, left, last)
    if place < 0:
        return 0
    if keeps_capacity(o, left):
        i64[o + layout.list_size] = left
    else:
        incref(last)
        c.PyList_SetSlice(o, left, left + 1, 0)
    if left == 0:
        return last
    return take_top(i64[o + layout.list_items], place, last)


def heap_replace(o: int, item: int) -> int:
    """heapreplace; 0 for leaving."""
    if length_of(o) == 0:
        return 0
    items = i64[o + layout.list_items]
    place = sink(items, length_of(o), item)
    if place < 0:
        return 0
    incref(item)
    return take_top(items, place, item)


def heap_pushpop(o: int, item: int) -> int:
    """heappushpop; 0 for leaving."""
    less = 0
    if length_of(o) > 0:
        less = before(i64[i64[o + layout.list_items]], item)
    if less < 0:
        return 0
    if less == 0:
        incref(item)
        return item
    return heap_replace(o, item)


# ---- sorted lists --------------------------------------------------------------------------------


def seq_bisect(o: int, item: int, right: int) -> int:
    """bisect_left or bisect_right of a list or tuple; -1 for leaving."""
    if not is_sequence(o):
        return -1
    items = items_of(o)
    low, high = 0, length_of(o)
    while low < high:
        middle = (low + high) >> 1
        if right:
            less = before(item, i64[items + middle * 8])
        else:
            less = before(i64[items + middle * 8], item)
        if less < 0:
            return -1
        if less == right:
            high = middle
        else:
            low = middle + 1
    return low
