"""What entries call: may this frame or call go in, and the way back.

The commonest case is decided here without looking further: a function that relies on nothing but
its own globals and builtins, and calls no native function. `support/enter.py` decides the others.
The answer is how many native frames may be above one another; 0 for staying out.
"""

from __future__ import annotations

from pyvorin.backend.support.assume import EPOCH, is_cold, version
from pyvorin.backend.support.enter import (
    INFO_CALLEES,
    INFO_MODULES,
    INFO_NESTS,
    PLENTY,
    admit_call,
    admit_frame,
    is_near_limit,
    is_traced,
)
from pyvorin.backend.support.frames import (
    BOUND,
    BUILTINS,
    BUILTINS_VERSION,
    CODE,
    FUNC,
    GLOBALS,
    GLOBALS_VERSION,
    PASSES,
    PLAIN_CALLS,
    VALID,
)
from pyvorin.backend.support.language import apart, data, i64, inline, layout
from pyvorin.backend.support.numbers import (
    box_char,
    box_f64,
    box_i1,
    box_i64,
    box_i128,
)
from pyvorin.backend.support.release import tidy
from pyvorin.backend.support.starts import pass_by


@inline
def stands(state: int, info: int, thread: int) -> int:
    """Is it such a function, are the facts those that were checked, and does nobody trace?"""
    if i64[info + INFO_CALLEES] | i64[info + INFO_MODULES] | i64[info + INFO_NESTS]:
        return 0
    if i64[state + BOUND] == 0 or i64[state + EPOCH] != i64[data.epoch]:
        return 0
    if version(i64[state + GLOBALS]) != i64[state + GLOBALS_VERSION]:
        return 0
    if version(i64[state + BUILTINS]) != i64[state + BUILTINS_VERSION]:
        return 0
    if is_traced(thread) or is_near_limit(thread) or is_cold(state, info):
        return 0
    return i64[state + VALID]


def arrive(state: int, info: int, thread: int, frame: int) -> int:
    """May a fresh frame go in?"""
    own = i64[frame + layout.frame_func] == i64[state + FUNC] and not i64[state + PLAIN_CALLS]
    own = own and i64[frame + layout.frame_globals] == i64[state + GLOBALS]
    if own and i64[state + PASSES]:
        return pass_by(state)
    if not own or not stands(state, info, thread):
        return ask_for_frame(state, info, thread, frame)
    return PLENTY


@apart
def ask_for_frame(state: int, info: int, thread: int, frame: int) -> int:
    return admit_frame(state, info, thread, frame)


def arrive_by_call(
    state: int, info: int, thread: int, function: int, count: int, keywords: int, wanted: int
) -> int:
    """May a vectorcall go in?"""
    quick = count & ~(1 << 63) == wanted and keywords == 0
    quick = quick and i64[function + layout.func_code] == i64[state + CODE]
    quick = quick and i64[function + layout.func_globals] == i64[state + GLOBALS]
    if quick and i64[state + PASSES]:
        return pass_by(state)
    if not quick or not stands(state, info, thread):
        return ask_for_call(state, info, thread, function, count, keywords, wanted)
    return PLENTY


@apart
def ask_for_call(
    state: int, info: int, thread: int, function: int, count: int, keywords: int, wanted: int
) -> int:
    return admit_call(state, info, thread, function, count, keywords, wanted)


# ---- results: a new reference, once anything that native code let go is freed --------------------


def give_obj(o: int) -> int:
    tidy()
    return o


def give_i64(value: int) -> int:
    o = box_i64(value)
    tidy()
    return o


def give_i128(at: int) -> int:
    o = box_i128(at)
    tidy()
    return o


def give_f64(value: float) -> int:
    o = box_f64(value)
    tidy()
    return o


def give_i1(value: int) -> int:
    o = box_i1(value)
    tidy()
    return o


def give_char(value: int) -> int:
    o = box_char(value)
    tidy()
    return o
