"""Objects that native code lets go: it must not run Python code, so what could waits in the trash.

An object is *plain* when freeing it runs no Python code: numbers, strings, containers of them, and
iterators over such containers.
"""

from __future__ import annotations

from pyvorin.backend.support.ints import keep_spare
from pyvorin.backend.support.language import c, cold, data, i64, inline, layout, reads
from pyvorin.backend.support.memory import relieve
from pyvorin.backend.support.numbers import class_of, decref, incref, is_scalar, new
from pyvorin.backend.support.tables import entry_size, first_entry, is_bytes


@reads
def is_plain(o: int) -> int:
    """Can the object be freed, compared or added up without running Python code?"""
    return is_scalar(o) or is_full(o, 4)


@reads
def is_full(o: int, depth: int) -> int:
    """Is it a container of scalars, or of such containers, at most `depth` deep?"""
    kind = class_of(o)
    if is_bytes(o):
        return 1
    if depth == 0:
        return 0
    if kind == c.PyList_Type:
        return are_plain_items(i64[o + layout.list_items], i64[o + layout.list_size], depth)
    if kind == c.PyTuple_Type:
        return are_plain_items(o + layout.tuple_items, i64[o + layout.tuple_size], depth)
    if kind == c.PyDict_Type:
        return is_plain_dict(o, depth)
    if kind == c.PySet_Type or kind == c.PyFrozenSet_Type:
        return is_plain_set(o, depth)
    return 0


@inline
def holds_plain(o: int, depth: int) -> int:
    """The same of something that may be a scalar itself."""
    return is_scalar(o) or is_full(o, depth - 1)


@reads
def are_plain_items(at: int, count: int, depth: int) -> int:
    for index in range(count):
        if not holds_plain(i64[at + index * 8], depth):
            return 0
    return 1


@reads
def is_plain_dict(o: int, depth: int) -> int:
    keys = i64[o + layout.dict_keys]
    if i64[o + layout.dict_values]:
        return 0
    entry, size = first_entry(keys), entry_size(keys)
    for _ in range(i64[keys + layout.keys_entries]):
        value = i64[entry + size - 8]
        if value and not (holds_plain(value, depth) and holds_plain(i64[entry + size - 16], depth)):
            return 0
        entry = entry + size
    return 1


@reads
def is_plain_set(o: int, depth: int) -> int:
    entry = i64[o + layout.set_table]
    for _ in range(i64[o + layout.set_mask] + 1):
        key = i64[entry]
        if key and i64[entry + 8] != -1 and not holds_plain(key, depth):
            return 0
        entry = entry + 16
    return 1


@inline
def looks_at_one(kind: int) -> int:
    """Is it the class of an iterator or a view of a dict or set?"""
    return (
        kind == c.PyDictIterKey_Type
        or kind == c.PyDictIterValue_Type
        or kind == c.PyDictIterItem_Type
        or kind == c.PySetIter_Type
        or kind == c.PyDictKeys_Type
        or kind == c.PyDictValues_Type
        or kind == c.PyDictItems_Type
    )


@reads
def is_idle(o: int, depth: int) -> int:
    """Does freeing an iterator or a view free nothing that could run code?"""
    if class_of(o) == c.PyDictIterItem_Type:
        spare = i64[o + layout.dict_iter_result]
        if spare and not holds_plain(spare, depth):
            return 0
    of = i64[o + layout.view_of]
    return of == 0 or i64[of] > 1 or is_full(of, depth)


@reads
def is_quiet(o: int) -> int:
    """Can the object be freed without running Python code?"""
    if is_plain(o):
        return 1
    kind = class_of(o)
    if kind == c.PyBytes_Type or kind == c.PyByteArray_Type or kind == c.PyRange_Type:
        return 1
    return looks_at_one(kind) and is_idle(o, 4)


def release_last(o: int) -> None:
    """The reference count of `o` has become 0."""
    if keep_spare(o):
        return
    if is_quiet(o):
        c._Py_Dealloc(o)
        return
    link = c.PyMem_RawMalloc(16)
    if link == 0:
        relieve()
        link = new(c.PyMem_RawMalloc(16))
    i64[o] = 1
    i64[link] = o
    i64[link + 8] = i64[data.trash]
    i64[data.trash] = link


@inline
def let_go(o: int) -> None:
    """Drop a reference in native code."""
    count = i64[o]
    if layout.immortal and count & 1 << 31:
        return
    i64[o] = count - 1
    if count == 1:
        release_last(o)


@cold
def empty_trash() -> None:
    """Free what native code let go, after it has been left."""
    while i64[data.trash]:
        link = i64[data.trash]
        i64[data.trash] = i64[link + 8]
        o = i64[link]
        c.PyMem_RawFree(link)
        decref(o)


@inline
def tidy() -> None:
    if i64[data.trash]:
        empty_trash()


# ---- cells ---------------------------------------------------------------------------------------


def cell_set(cell: int, value: int) -> int:
    """Store in a cell; 0, and nothing done, if releasing what it held could run code."""
    place = cell + layout.cell_content
    old = i64[place]
    if old and i64[old] == 1 and not is_plain(old):
        return 0
    incref(value)
    i64[place] = value
    if old:
        decref(old)
    return 1
