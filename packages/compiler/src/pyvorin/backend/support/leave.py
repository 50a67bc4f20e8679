"""Leaving at a site: one function for every site of every body.

A body that leaves calls it, by one of the names in `backend.leaving`, as C calls a function with
"...": the site's descriptor, then the values, in registers and on the stack. What they are is in
the descriptor, so no code is needed for one site alone. A **code** for each value, in order, -1
after the last:

    WORD      8 bytes                       + KEEP  an object that something else owns: the record
    DOUBLE    8 bytes of a double                   wants a reference of its own
    WIDE      16 bytes, as two words        + DROP  an object to let go, not part of the record
    INNER     the record of a callee that has left, or 0; comes first
"""

from __future__ import annotations

from pyvorin.backend.support.frames import RECORD_RAW, SITE_VALUES, record
from pyvorin.backend.support.language import cold, i32, i64, inline, u32
from pyvorin.backend.support.numbers import incref
from pyvorin.backend.support.release import let_go

WORD, DOUBLE, WIDE, INNER = 0, 1, 2, 3
KEEP, DROP = 4, 8

# A va_list (System V, x86-64): bytes of the saved integer registers that are used, of all saved
# registers; the next argument on the stack; the saved registers.
WORDS_USED, DOUBLES_USED, ON_STACK, SAVED = 0, 4, 8, 16
WORDS_END, DOUBLES_END = 48, 176


@inline
def from_stack(given: int) -> int:
    at = i64[given + ON_STACK]
    i64[given + ON_STACK] = at + 8
    return i64[at]


@inline
def next_word(given: int) -> int:
    used = u32[given + WORDS_USED]
    if used == WORDS_END:
        return from_stack(given)
    u32[given + WORDS_USED] = used + 8
    return i64[i64[given + SAVED] + used]


@inline
def next_double(given: int) -> int:
    used = u32[given + DOUBLES_USED]
    if used == DOUBLES_END:
        return from_stack(given)
    u32[given + DOUBLES_USED] = used + 16
    return i64[i64[given + SAVED] + used]


@cold
def leave(site: int, given: int) -> int:
    """Make the record of a frame that leaves; its address."""
    codes = site + i32[site + SITE_VALUES]
    inner = 0
    if i32[codes] == INNER:
        inner = next_word(given)
        codes = codes + 4
    made = record(site, inner)
    at = made + RECORD_RAW
    code = i32[codes]
    while code >= 0:
        if code == DOUBLE:
            i64[at] = next_double(given)
            at = at + 8
        elif code & DROP:
            let_go(next_word(given))
        else:
            i64[at] = next_word(given)
            if code & KEEP:
                incref(i64[at])
            at = at + 8
            if code == WIDE:
                i64[at] = next_word(given)
                at = at + 8
        codes = codes + 4
        code = i32[codes]
    return made
