"""Attributes of instances: where one is, found once for a class and kept at the place that asks.

Each operation has a *site* of `WAYS` entries, and a word that says which is replaced next:

    version   the class's version tag, which changes with every change of the class or its bases;
              -1 in an entry that is free
    how       SLOT: the attribute is `offset` bytes into the object; VALUES: into its values;
              STORED: likewise, and only where no dict has the same values
    offset

The first entry is looked at by native code itself (`backend.attributes`). An attribute has a place
only if reading it runs no Python code: the class looks attributes up as `object` does, nothing on
the class comes before the instance's own, and the class keeps its instances' attributes in slots or
values. CPython is asked once whether it finds the same object, before an entry is made.
"""

from __future__ import annotations

from pyvorin.backend.instances import HEAP, IMMUTABLE, INLINE_VALUES, MANAGED_DICT, OBJECT_SLOT
from pyvorin.backend.support.language import c, cold, i32, i64, inline, layout, u8, u32
from pyvorin.backend.support.numbers import class_of, decref
from pyvorin.backend.support.tables import FOREIGN, MISSING, find_str, first_entry

SLOT, VALUES, STORED = 0, 1, 2
WAYS = 4
HOW, OFFSET, ENTRY = 8, 16, 24
NEXT = WAYS * ENTRY
SITE_WORDS = NEXT // 8 + 1


@cold
def attr_place(o: int, site: int, name: int, stored: int) -> int:
    """The address of an attribute, which is 0 where there is none; 0 when only CPython knows."""
    version = u32[class_of(o) + layout.type_version]
    for way in range(WAYS):
        entry = site + way * ENTRY
        if i64[entry] == version:
            return place_in(o, i64[entry + HOW], i64[entry + OFFSET])
    return attr_search(o, site, name, stored)


@inline
def values_of(o: int) -> int:
    """The address of an object's values, 0 for none."""
    if layout.minor == 11:
        return i64[o - 32]
    if layout.minor == 12:
        word = i64[o - 24]
        if word & 1:
            return word + 1
        return 0
    if u8[o + 19]:
        return o + 16
    return 0


@inline
def place_in(o: int, how: int, offset: int) -> int:
    if how == SLOT:
        return o + offset
    values = values_of(o)
    if values == 0:
        return 0
    if layout.minor >= 13 and how == STORED and i64[o - 24]:
        return 0
    return values + offset


@cold
def attr_search(o: int, site: int, name: int, stored: int) -> int:
    """The same for a class that the site does not know; it may be known then."""
    kind = class_of(o)
    if i64[kind + layout.type_getattro] != c.PyObject_GenericGetAttr:
        return 0
    if stored and i64[kind + layout.type_setattro] != c.PyObject_GenericSetAttr:
        return 0
    found = on_class(kind, name)
    if found == FOREIGN:
        return 0
    how, offset = SLOT, MISSING
    if found and class_of(found) == c.PyMemberDescr_Type:
        offset = slot_of(kind, found)
    elif found == 0 or gives_way(found):
        how, offset = VALUES + (stored != 0), value_of(kind, name)
    if offset == MISSING:
        return 0
    place = place_in(o, how, offset)
    if place == 0 or i64[place] == 0:
        return 0
    if not is_there(o, name, i64[place]):
        return 0
    remember(site, kind, name, how, offset)
    return place


def on_class(kind: int, name: int) -> int:
    """What a class or one of its bases has under a name, borrowed; 0 for nothing, FOREIGN where
    only CPython knows. `object` itself has names with underscores only, which are not asked for.
    """
    mro = i64[kind + layout.type_mro]
    if mro == 0:
        return FOREIGN
    for index in range(i64[mro + layout.tuple_size]):
        base = i64[mro + layout.tuple_items + index * 8]
        if base != c.PyBaseObject_Type:
            if not i64[base + layout.type_flags] & HEAP:
                return FOREIGN
            place = find_str(i64[base + layout.type_dict], name)
            if place == FOREIGN:
                return FOREIGN
            if place != MISSING:
                return i64[place]
    return 0


def slot_of(kind: int, member: int) -> int:
    """How far into the object what `__slots__` made is; MISSING for any other member."""
    at = i64[member + layout.member_definition]
    if i32[at + layout.definition_type] != OBJECT_SLOT or i32[at + layout.definition_flags]:
        return MISSING
    if not c.PyType_IsSubtype(kind, i64[member + layout.member_class]):
        return MISSING
    return i64[at + layout.definition_offset]


def gives_way(found: int) -> int:
    """Does the instance's own attribute come before what the class has, whatever happens? A class
    that can be changed may get a `__set__`.
    """
    kind = class_of(found)
    unchanging = i64[kind + layout.type_flags] & IMMUTABLE
    return unchanging != 0 and i64[kind + layout.type_descr_set] == 0


def value_of(kind: int, name: int) -> int:
    """How far into the values an attribute is; MISSING if instances have none of that name."""
    flags, wanted = i64[kind + layout.type_flags], MANAGED_DICT | HEAP
    if layout.minor >= 13:
        wanted = wanted | INLINE_VALUES
    if flags & wanted != wanted:
        return MISSING
    keys = i64[kind + layout.type_keys]
    if keys == 0:
        return MISSING
    entry = first_entry(keys)
    for index in range(i64[keys + layout.keys_entries]):
        if i64[entry + index * 16] == name:
            return layout.values_items + index * 8
    return MISSING


def is_there(o: int, name: int, value: int) -> int:
    """Does CPython find the same object?"""
    found = c.PyObject_GenericGetAttr(o, name)
    if found == 0:
        c.PyErr_Clear()
        return 0
    decref(found)
    return found == value


def remember(site: int, kind: int, name: int, how: int, offset: int) -> None:
    """Make an entry, if the class has a version or gets one now."""
    if u32[kind + layout.type_version] == 0:
        c._PyType_Lookup(kind, name)
    version = u32[kind + layout.type_version]
    if version == 0:
        return
    entry = site + i64[site + NEXT] * ENTRY
    i64[site + NEXT] = (i64[site + NEXT] + 1) & (WAYS - 1)
    i64[entry] = version
    i64[entry + HOW] = how
    i64[entry + OFFSET] = offset
