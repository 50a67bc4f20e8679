"""Where instances of classes keep their attributes, compared with the running interpreter.

An attribute is in a slot of the object, as `__slots__` makes them, or it is one of the object's
*values*, in the order that the class keeps in a table of keys, or it is in a dict. Where the values
are differs between the minors:

    3.11   the word 32 bytes in front of the object points to them; 0 once there is a dict
    3.12   the word 24 bytes in front points one byte before them; an even one points to a dict
    3.13   16 bytes into the object; one byte says whether they are valid. There may be a dict too,
           24 bytes in front of the object, which has the same values

`support/attributes.py` reads them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pyvorin.backend.peek import Check, number, read, word

if TYPE_CHECKING:
    from pyvorin.backend.layouts import Layout

MANAGED_DICT, INLINE_VALUES = 1 << 4, 1 << 2  # flags of classes
IMMUTABLE, HEAP = 1 << 8, 1 << 9
OBJECT_SLOT = 16  # T_OBJECT_EX: the type of a member that `__slots__` makes


def probe(layout: Layout) -> Iterator[Check]:
    """Compare the numbers about classes and instances."""
    yield from _classes(layout)
    yield from _slots(layout)
    yield from _values(layout)


def _new_class(**names: Any) -> Any:
    """A class of its own, which nobody has made instances of."""
    return type("Probed", (), names)


def _classes(layout: Layout) -> Iterator[Check]:
    cls = _new_class(marked=1)
    at, api = id(cls), ctypes.pythonapi
    yield "class flags", word(at + layout.type_flags), cls.__flags__
    yield "class order", word(at + layout.type_mro), id(cls.__mro__)
    for name, offset in (("Get", layout.type_getattro), ("Set", layout.type_setattro)):
        function = getattr(api, f"PyObject_Generic{name}Attr")
        yield f"class {name}", word(at + offset), ctypes.cast(function, ctypes.c_void_p).value
    _ = cls().marked
    before = number(at + layout.type_version)
    cls.marked = 2
    changed = number(at + layout.type_version)
    _ = cls().marked
    after = number(at + layout.type_version)
    yield "class version", (before > 0, changed == before, after == before), (True, False, False)
    size = word(word(at + layout.type_dict) + layout.dict_used)
    yield "class dict", size, len(vars(cls))
    setting = (word(id(kind) + layout.type_descr_set) != 0 for kind in (property, type(_values)))
    yield "descriptor's __set__", tuple(setting), (True, False)


def _slots(layout: Layout) -> Iterator[Check]:
    cls = _new_class(__slots__=("first", "second"))
    member, item = vars(cls)["second"], cls()
    item.second = value = object()
    at = word(id(member) + layout.member_definition)
    yield "member's class", word(id(member) + layout.member_class), id(cls)
    yield "member's type", number(at + layout.definition_type), OBJECT_SLOT
    yield "member's flags", number(at + layout.definition_flags), 0
    yield "member's place", word(id(item) + word(at + layout.definition_offset)), id(value)


def _values(layout: Layout) -> Iterator[Check]:
    cls = _new_class()
    item, value = cls(), object()
    item.first = item.second = value
    keys = word(id(cls) + layout.type_keys)
    yield "keys of values", word(keys + layout.keys_entries), 2
    entries = keys + layout.keys_indices + (1 << read(keys + layout.keys_log2_bytes, 1)[0])
    yield "key of a value", word(entries + 16), id("second")
    yield "values", word(_values_of(layout, id(item)) + layout.values_items + 8), id(value)
    yield "a dict beside the values", _has_dict(layout, id(item)), False
    item.__dict__["first"] = None
    yield "a dict beside the values", _has_dict(layout, id(item)), True
    item.__dict__ = {"second": value}
    yield "values of an object with another dict", _values_of(layout, id(item)), 0


def _values_of(layout: Layout, at: int) -> int:
    """The address of an object's values, 0 for none."""
    if layout.minor == 11:
        return word(at - 32)
    if layout.minor == 12:
        tagged = word(at - 24)
        return tagged + 1 if tagged & 1 else 0
    return at + 16 if read(at + 19, 1) == b"\1" else 0


def _has_dict(layout: Layout, at: int) -> bool:
    found = word(at - 24)
    return found != 0 and (layout.minor != 12 or not found & 1)
