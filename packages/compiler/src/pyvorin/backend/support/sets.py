"""Sets: adding, removing, iterating; see `tables` for looking up and `dicts` for the answers."""

from __future__ import annotations

from pyvorin.backend.support.dicts import has_only_keys, succeeded
from pyvorin.backend.support.language import c, call, i64, inline, layout, room
from pyvorin.backend.support.numbers import (
    box_i64,
    class_of,
    decref,
    free_collector,
    hold_collector,
    incref,
    new_tuple,
)
from pyvorin.backend.support.release import is_plain
from pyvorin.backend.support.tables import (
    DEPTH,
    FOREIGN,
    hash_of_int,
    hash_of_key,
    hash_of_pair,
    is_key,
    set_find_int,
    set_find_key,
    set_find_pair,
)


def set_has(s: int, key: int) -> int:
    """1 or 0, or -1 for leaving."""
    found = set_find_key(s, key)
    if found == 0:
        return -1
    return found > 0


def set_has_int(s: int, value: int) -> int:
    found = set_find_int(s, value)
    if found == 0:
        return -1
    return found > 0


def set_put(s: int, entry: int, key: int, hash: int) -> int:
    """Put a key into the free entry where it belongs (set_add_entry)."""
    fill = i64[s + layout.set_fill] + 1
    if fill * 5 >= i64[s + layout.set_mask] * 3:  # the table grows
        return succeeded(c.PySet_Add(s, key))
    incref(key)
    i64[entry] = key
    i64[entry + 8] = hash
    i64[s + layout.set_fill] = fill
    i64[s + layout.set_used] = i64[s + layout.set_used] + 1
    return 1


def set_add(s: int, key: int) -> int:
    found = set_find_key(s, key)
    if found < 0:
        return set_put(s, -found, key, hash_of_key(key))
    return found > 0


def set_add_int(s: int, value: int) -> int:
    found = set_find_int(s, value)
    if found >= 0:
        return found > 0
    key = box_i64(value)
    done = set_put(s, -found, key, hash_of_int(value))
    decref(key)
    return done


def set_has_pair(s: int, x: int, y: int) -> int:
    found = set_find_pair(s, x, y)
    if found == 0:
        return -1
    return found > 0


def set_add_pair(s: int, x: int, y: int) -> int:
    found = set_find_pair(s, x, y)
    if found >= 0:
        return found > 0
    items = room(16)
    i64[items], i64[items + 8] = box_i64(x), box_i64(y)
    key = new_tuple(items, 2)
    decref(i64[items])
    decref(i64[items + 8])
    done = set_put(s, -found, key, hash_of_pair(x, y))
    decref(key)
    return done


def set_discard(s: int, key: int) -> int:
    """Take out a key that may be there. What was in the set equals it: freeing it is quiet."""
    found = set_find_key(s, key)
    if found > 0:
        return succeeded(c.PySet_Discard(s, key))
    return found < 0


def set_new(items: int, count: int) -> int:
    """A set of `count` objects, added in order; 0 for leaving."""
    for index in range(count):
        if not is_key(i64[items + index * 8], DEPTH):
            return 0
    held = hold_collector()
    result = c.PySet_New(0)
    free_collector(held)
    if result == 0:
        c.PyErr_Clear()
        return 0
    for index in range(count):
        if c.PySet_Add(result, i64[items + index * 8]) < 0:
            c.PyErr_Clear()
            decref(result)
            return 0
    return result


def set_has_only_keys(s: int) -> int:
    """Is every element one whose equality runs no Python code?"""
    entry = i64[s + layout.set_table]
    for _ in range(i64[s + layout.set_mask] + 1):
        key = i64[entry]
        if key and i64[entry + 8] != -1 and not is_key(key, DEPTH):
            return 0
        entry = entry + 16
    return 1


def is_full_of_keys(o: int) -> int:
    """Is it a container, of an exact class, of nothing but keys?"""
    kind = class_of(o)
    if kind == c.PyUnicode_Type or kind == c.PyRange_Type:
        return 1
    if kind == c.PySet_Type or kind == c.PyFrozenSet_Type:
        return set_has_only_keys(o)
    if kind == c.PyDict_Type:
        return has_only_keys(o)
    items = o + layout.tuple_items
    if kind == c.PyList_Type:
        items = i64[o + layout.list_items]
    elif kind != c.PyTuple_Type:
        return 0
    for index in range(i64[o + layout.list_size]):
        if not is_key(i64[items + index * 8], DEPTH):
            return 0
    return 1


def result_of_sets(o: int) -> int:
    if o == 0:
        c.PyErr_Clear()
    return o


@inline
def address_of_maker(frozen: int) -> int:
    if frozen:
        return c.PyFrozenSet_New
    return c.PySet_New


def set_of(items: int, frozen: int) -> int:
    if not is_full_of_keys(items):
        return 0
    held = hold_collector()
    make = address_of_maker(frozen)
    result = call(make, items)
    free_collector(held)
    return result_of_sets(result)


def set_binop(a: int, b: int, function: int) -> int:
    """`function` is PyNumber_And or the like."""
    if not set_has_only_keys(a) or not set_has_only_keys(b):
        return 0
    held = hold_collector()
    result = call(function, a, b)
    free_collector(held)
    return result_of_sets(result)


def set_change(a: int, b: int, function: int) -> int:
    """`function` is PyNumber_InPlaceAnd or the like, which answers `a`."""
    result = set_binop(a, b, function)
    if result:
        decref(result)
    return result != 0


def set_update(s: int, items: int) -> int:
    if not set_has_only_keys(s) or not is_full_of_keys(items):
        return 0
    return succeeded(c._PySet_Update(s, items))


def set_clear(s: int) -> int:
    if not is_plain(s):
        return 0
    c.PySet_Clear(s)
    return 1


def set_top(s: int) -> int:
    """The entry that pop takes: from the finger on, around; 0 for an empty set."""
    if i64[s + layout.set_used] == 0:
        return 0
    mask, table = i64[s + layout.set_mask], i64[s + layout.set_table]
    place = i64[s + layout.set_finger] & mask
    while i64[table + place * 16] == 0 or i64[table + place * 16 + 8] == -1:
        place = place + 1
        if place > mask:
            place = 0
    return table + place * 16


def set_pop(s: int) -> None:
    """Take out what is on top; the caller holds it."""
    decref(c.PySet_Pop(s))


def set_peek(iterator: int) -> int:
    """The address of the element that comes next; -1 at the end; FOREIGN where CPython raises."""
    s = i64[iterator + layout.view_of]
    if s == 0:
        return -1
    if i64[iterator + layout.set_iter_used] != i64[s + layout.set_used]:
        return FOREIGN
    mask, place = i64[s + layout.set_mask], i64[iterator + layout.set_iter_next]
    entry = i64[s + layout.set_table] + place * 16
    while place <= mask and (i64[entry] == 0 or i64[entry + 8] == -1):
        place = place + 1
        entry = entry + 16
    i64[iterator + layout.set_iter_next] = place
    if place > mask:
        return -1
    return entry


def set_step(iterator: int) -> None:
    next_at, left_at = iterator + layout.set_iter_next, iterator + layout.set_iter_left
    i64[next_at] = i64[next_at] + 1
    i64[left_at] = i64[left_at] - 1
