"""Looking things up in CPython's own hash tables, without running Python code.

A dict has a table of indices into its entries, which are in the order of insertion; a set has one
table of keys and hashes. Both are probed as CPython does (Objects/dictobject.c, setobject.c). What
is looked for is a string, a number, None, or a tuple of those. An entry with the same hash whose
key is of any other class would have to be asked by CPython: `FOREIGN`, and native code leaves.
"""

from __future__ import annotations

from pyvorin.backend.support.language import (
    below,
    c,
    i8,
    i16,
    i32,
    i64,
    inline,
    layout,
    room,
    u8,
    u32,
)
from pyvorin.backend.support.numbers import class_of, digits, is_scalar, read_i64

MISSING, FOREIGN = -1, -2
GENERAL, STRINGS, SHARED = 0, 1, 2  # kinds of keys
MODULUS = (1 << 61) - 1  # of the hashes of numbers
SHIFT, SHIFTED = 5, (1 << 59) - 1  # how much less of a hash each further probe uses
LINEAR = 9  # how many neighbours a probe of a set looks at
DEPTH = 3  # of tuples in tuples


# ---- keys --------------------------------------------------------------------------------------
@inline
def hash_of_int(value: int) -> int:
    result = value
    if not below(value + (MODULUS - 1), 2 * MODULUS - 1):
        result = hash_of_large(value)
    if result == -1:
        return -2
    return result


def hash_of_large(value: int) -> int:
    """Of an int from 2**61 - 1 on: the remainder, with the sign of the int."""
    rest = value
    if value < 0:
        rest = -value
    while not below(rest, MODULUS):
        rest = rest - MODULUS
    if value < 0:
        return -rest
    return rest


@inline
def hash_of_str(o: int) -> int:
    """Of a str or bytes, which keep it in the same place."""
    known = i64[o + layout.str_hash]
    if known == -1:
        return c.PyObject_Hash(o)
    return known


@inline
def is_bytes(o: int) -> int:
    """Is it bytes, and no warning wanted when it is compared with a str (python -b)?"""
    return class_of(o) == c.PyBytes_Type and i32[c.Py_BytesWarningFlag] == 0


def same_bytes(key: int, other: int) -> int:
    """Are both bytes, and equal?"""
    if class_of(key) != c.PyBytes_Type or class_of(other) != c.PyBytes_Type:
        return 0
    size = i64[key + layout.bytes_size]
    if size != i64[other + layout.bytes_size]:
        return 0
    return c.memcmp(key + layout.bytes_items, other + layout.bytes_items, size) == 0


def is_key(o: int, depth: int) -> int:
    """Is it a key whose hash and equality run no Python code?"""
    if is_scalar(o) or is_bytes(o):
        return 1
    if class_of(o) != c.PyTuple_Type or depth == 0:
        return 0
    for index in range(i64[o + layout.tuple_size]):
        if not is_key(i64[o + layout.tuple_items + index * 8], depth - 1):
            return 0
    return 1


def hash_of_key(o: int) -> int:
    """The hash of a key, or -1."""
    if class_of(o) == c.PyUnicode_Type or class_of(o) == c.PyBytes_Type:
        return hash_of_str(o)
    result = c.PyObject_Hash(o)
    if result == -1:
        c.PyErr_Clear()
    return result


@inline
def characters(o: int) -> int:
    """The address of the first character of a str."""
    state = u32[o + layout.str_state]
    if state & 1 << 6:
        return o + layout.str_ascii
    if state & 1 << 5:
        return o + layout.str_compact
    return i64[o + layout.str_compact]


def str_equal(a: int, b: int) -> int:
    """Are two exact strs equal?"""
    if a == b:
        return 1
    state = u32[a + layout.str_state]
    width = state >> 2 & 7
    length = i64[a + layout.str_length]
    if width == 0 or u32[b + layout.str_state] >> 2 & 7 == 0:  # 3.11: not laid out yet
        return c.PyUnicode_Compare(a, b) == 0
    if length != i64[b + layout.str_length] or u32[b + layout.str_state] >> 2 & 7 != width:
        return 0
    return c.memcmp(characters(a), characters(b), length * width) == 0


def same_int(key: int, value: int) -> int:
    """Is a key of the same hash equal to an int? FOREIGN: only CPython knows."""
    kind = class_of(key)
    if kind == c.PyLong_Type:
        at = room(8)
        return read_i64(key, at) and i64[at] == value
    if kind == c.PyBool_Type:
        return value == (key == c._Py_TrueStruct)
    if kind == c.PyUnicode_Type or kind == c.PyTuple_Type or key == c._Py_NoneStruct:
        return 0
    return FOREIGN


def same_str(key: int, text: int) -> int:
    """Is a key of the same hash equal to a str? FOREIGN: only CPython knows."""
    if class_of(key) == c.PyUnicode_Type:
        return str_equal(key, text)
    if is_key(key, DEPTH):
        return 0
    return FOREIGN


def are_same_items(a: int, b: int) -> int:
    """Are they two tuples of the same objects or small ints? 0 says nothing."""
    if class_of(a) != c.PyTuple_Type or class_of(b) != c.PyTuple_Type:
        return 0
    count = i64[a + layout.tuple_size]
    if count != i64[b + layout.tuple_size]:
        return 0
    for index in range(count):
        x = i64[a + layout.tuple_items + index * 8]
        y = i64[b + layout.tuple_items + index * 8]
        if x != y:
            if class_of(x) != c.PyLong_Type or class_of(y) != c.PyLong_Type or digits(x) != 1:
                return 0
            if i64[x + layout.long_tag] != i64[y + layout.long_tag]:
                return 0
            if u32[x + layout.long_digits] != u32[y + layout.long_digits]:
                return 0
    return 1


def same_key(key: int, other: int) -> int:
    """Are two keys of the same hash equal? FOREIGN: only CPython knows."""
    if key == other or same_bytes(key, other) or are_same_items(key, other):
        return 1
    if not is_key(key, DEPTH):
        return FOREIGN
    result = c.PyObject_RichCompareBool(key, other, 2)
    if result < 0:
        c.PyErr_Clear()
        return FOREIGN
    return result


# ---- pairs of ints: keys that need not be built to be looked for ---------------------------------
FIRST, SECOND = 11400714785074694791 - (1 << 64), 14029467366897019727 - (1 << 64)
FIFTH = 2870177450012600261
LENGTH_OF_TWO = 2 ^ (FIFTH ^ 3527539)


@inline
def mixed(so_far: int, lane: int) -> int:
    """One step of Objects/tupleobject.c, tuplehash."""
    more = so_far + lane * SECOND
    return ((more << 31) | (more >> 33 & ((1 << 31) - 1))) * FIRST


@inline
def hash_of_pair(x: int, y: int) -> int:
    result = mixed(mixed(FIFTH, hash_of_int(x)), hash_of_int(y)) + LENGTH_OF_TWO
    if result == -1:
        return 1546275796
    return result


def same_pair(key: int, x: int, y: int) -> int:
    """Is a key of the same hash equal to (x, y)? FOREIGN: only CPython knows."""
    if class_of(key) == c.PyTuple_Type and i64[key + layout.tuple_size] == 2:
        same = same_int(i64[key + layout.tuple_items], x)
        if same != 1:
            return same
        return same_int(i64[key + layout.tuple_items + 8], y)
    if is_key(key, DEPTH):
        return 0
    return FOREIGN


def find_pair(d: int, x: int, y: int) -> int:
    """The same as `find_int` for the key (x, y)."""
    keys = i64[d + layout.dict_keys]
    if u8[keys + layout.keys_kind] != GENERAL:
        return MISSING
    log2_size = u8[keys + layout.keys_log2_size]
    mask = (1 << log2_size) - 1
    indices, entries = keys + layout.keys_indices, first_entry(keys)
    hash = hash_of_pair(x, y)
    place, rest = hash & mask, hash
    while 1:
        index = index_at(indices, log2_size, place)
        if index == MISSING:
            return MISSING
        entry = entries + index * 24
        if index >= 0 and i64[entry] == hash:
            same = same_pair(i64[entry + 8], x, y)
            if same == FOREIGN:
                return FOREIGN
            if same:
                return entry + 16
        rest = rest >> SHIFT & SHIFTED
        place = (place * 5 + rest + 1) & mask
    return MISSING


def set_find_pair(s: int, x: int, y: int) -> int:
    """The same as `set_find_int` for the element (x, y)."""
    mask, table = i64[s + layout.set_mask], i64[s + layout.set_table]
    hash = hash_of_pair(x, y)
    place, rest = hash & mask, hash
    while 1:
        entry = table + place * 16
        more = 1
        if place + LINEAR <= mask:
            more = LINEAR + 1
        for _ in range(more):
            key, found = i64[entry], i64[entry + 8]
            if key == 0:
                return -entry
            if found == hash:
                same = same_pair(key, x, y)
                if same == FOREIGN:
                    return 0
                if same:
                    return entry
            entry = entry + 16
        rest = rest >> SHIFT & SHIFTED
        place = (place * 5 + 1 + rest) & mask
    return 0


# ---- dicts -------------------------------------------------------------------------------------
@inline
def entry_size(keys: int) -> int:
    """Entries are hash, key, value; without the hash where all keys are strings."""
    if u8[keys + layout.keys_kind] == GENERAL:
        return 24
    return 16


@inline
def first_entry(keys: int) -> int:
    return keys + layout.keys_indices + (1 << u8[keys + layout.keys_log2_bytes])


@inline
def index_at(indices: int, log2_size: int, place: int) -> int:
    """An entry's number, -1 for none yet, -2 for none any more."""
    if log2_size < 8:
        return i8[indices + place]
    if log2_size < 16:
        return i16[indices + place * 2]
    if log2_size < 32:
        return i32[indices + place * 4]
    return i64[indices + place * 8]


def find_int(d: int, value: int) -> int:
    """The address of the value whose key is an int; MISSING or FOREIGN."""
    keys = i64[d + layout.dict_keys]
    if u8[keys + layout.keys_kind] != GENERAL:
        return MISSING
    log2_size = u8[keys + layout.keys_log2_size]
    mask = (1 << log2_size) - 1
    indices, entries = keys + layout.keys_indices, first_entry(keys)
    hash = hash_of_int(value)
    place, rest = hash & mask, hash
    while 1:
        index = index_at(indices, log2_size, place)
        if index == MISSING:
            return MISSING
        entry = entries + index * 24
        if index >= 0 and i64[entry] == hash:
            same = same_int(i64[entry + 8], value)
            if same == FOREIGN:
                return FOREIGN
            if same:
                return entry + 16
        rest = rest >> SHIFT & SHIFTED
        place = (place * 5 + rest + 1) & mask
    return MISSING


def find_str(d: int, key: int) -> int:
    """The same for an exact str."""
    keys = i64[d + layout.dict_keys]
    kind = u8[keys + layout.keys_kind]
    if kind != STRINGS:
        return find_any(d, key, hash_of_str(key))
    log2_size = u8[keys + layout.keys_log2_size]
    mask = (1 << log2_size) - 1
    indices, entries = keys + layout.keys_indices, first_entry(keys)
    hash = hash_of_str(key)
    place, rest = hash & mask, hash
    while 1:
        index = index_at(indices, log2_size, place)
        if index == MISSING:
            return MISSING
        entry = entries + index * 16
        if index >= 0:
            other = i64[entry]
            if other == key:
                return entry + 8
            if i64[other + layout.str_hash] == hash and str_equal(other, key):
                return entry + 8
        rest = rest >> SHIFT & SHIFTED
        place = (place * 5 + rest + 1) & mask
    return MISSING


def find_any(d: int, key: int, hash: int) -> int:
    """The same for any key, whose hash is given."""
    keys = i64[d + layout.dict_keys]
    kind = u8[keys + layout.keys_kind]
    if kind == SHARED:
        return FOREIGN
    if kind == STRINGS:
        if class_of(key) == c.PyUnicode_Type:
            return find_str(d, key)
        return MISSING
    log2_size = u8[keys + layout.keys_log2_size]
    mask = (1 << log2_size) - 1
    indices, entries = keys + layout.keys_indices, first_entry(keys)
    place, rest = hash & mask, hash
    while 1:
        index = index_at(indices, log2_size, place)
        if index == MISSING:
            return MISSING
        entry = entries + index * 24
        if index >= 0 and i64[entry] == hash:
            same = same_key(i64[entry + 8], key)
            if same == FOREIGN:
                return FOREIGN
            if same:
                return entry + 16
        rest = rest >> SHIFT & SHIFTED
        place = (place * 5 + rest + 1) & mask
    return MISSING


def find_key(d: int, key: int) -> int:
    """The same for any object: FOREIGN also when it is no key."""
    kind = class_of(key)
    if kind == c.PyUnicode_Type:
        return find_str(d, key)
    if kind == c.PyLong_Type:
        at = room(8)
        if read_i64(key, at):
            return find_int(d, i64[at])
    if not is_key(key, DEPTH):
        return FOREIGN
    hash = hash_of_key(key)
    if hash == -1:
        return FOREIGN
    return find_any(d, key, hash)


# ---- sets --------------------------------------------------------------------------------------
def set_find_int(s: int, value: int) -> int:
    """The address of an int's entry; minus that of the free entry where it would be put; or 0 when
    only CPython knows.
    """
    mask, table = i64[s + layout.set_mask], i64[s + layout.set_table]
    hash = hash_of_int(value)
    place, rest = hash & mask, hash
    while 1:
        entry = table + place * 16
        more = 1
        if place + LINEAR <= mask:
            more = LINEAR + 1
        for _ in range(more):
            key, found = i64[entry], i64[entry + 8]
            if key == 0:
                return -entry
            if found == hash:
                same = same_int(key, value)
                if same == FOREIGN:
                    return 0
                if same:
                    return entry
            entry = entry + 16
        rest = rest >> SHIFT & SHIFTED
        place = (place * 5 + 1 + rest) & mask
    return 0


def set_find_any(s: int, key: int, hash: int) -> int:
    """The same for any key, whose hash is given."""
    mask, table = i64[s + layout.set_mask], i64[s + layout.set_table]
    place, rest = hash & mask, hash
    text = class_of(key) == c.PyUnicode_Type
    while 1:
        entry = table + place * 16
        more = 1
        if place + LINEAR <= mask:
            more = LINEAR + 1
        for _ in range(more):
            other = i64[entry]
            if other == 0:
                return -entry
            if other == key:
                return entry
            if i64[entry + 8] == hash:
                same = FOREIGN
                if text:
                    same = same_str(other, key)
                if not text:
                    same = same_key(other, key)
                if same == FOREIGN:
                    return 0
                if same:
                    return entry
            entry = entry + 16
        rest = rest >> SHIFT & SHIFTED
        place = (place * 5 + 1 + rest) & mask
    return 0


def set_find_key(s: int, key: int) -> int:
    """The same for any object."""
    kind = class_of(key)
    if kind == c.PyUnicode_Type:
        return set_find_any(s, key, hash_of_str(key))
    if kind == c.PyLong_Type:
        at = room(8)
        if read_i64(key, at):
            return set_find_int(s, i64[at])
    if not is_key(key, DEPTH):
        return 0
    hash = hash_of_key(key)
    if hash == -1:
        return 0
    return set_find_any(s, key, hash)
