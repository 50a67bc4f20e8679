"""Ways into native code: is it allowed now, and with what may a frame or a call go in.

Three ways, all ending in a body's *runner*, which takes an array of raw values (16 bytes each) or,
for the first body of a function, in code of its own that `backend.entry` writes:

* the entry hook of merged code: a fresh frame, whose parameters are in its slots;
* a vectorcall (3.12 and later): positional arguments in an array;
* the hook of a loop header: a running frame, whose locals and loop iterators are read.

Going in is allowed while the assumptions hold (`support.assume`), nobody traces or profiles, and
there is room for native frames: each one that leaves comes back as a Python frame of its own on the
C stack.
"""

from __future__ import annotations

from pyvorin.backend.support.assume import PLAIN_CALLS, holds
from pyvorin.backend.support.frames import (
    BOUND,
    CODE,
    DECLINES,
    ENTRIES,
    GLOBALS,
    INFO,
    OSR,
    PENALTY,
    claim_pending,
    current_frame,
    leave_to_frame,
)
from pyvorin.backend.support.language import (
    c,
    call,
    cold,
    cycles,
    data,
    i32,
    i64,
    inline,
    layout,
    room,
    u8,
)
from pyvorin.backend.support.numbers import class_of, incref, read_value

MOST_FRAMES = 400  # native frames above one another
FEWEST_FRAMES = 8  # with less room than this, bytecode goes on
PLENTY = 1 << 30
FRAME_BYTES = 4096  # C stack that a rebuilt frame may need, with a margin

# A function's constant facts.
(
    INFO_OBJECTS,
    INFO_SOURCES,
    INFO_FACTS,
    INFO_FACT_LIST,
    INFO_CALLEES,
    INFO_CALLEE_LIST,
    INFO_NESTS,
    INFO_BODIES,
    INFO_BODY_LIST,
    INFO_NAME,
    INFO_FIRST_SITE,
    INFO_SITES,
    INFO_VECTORCALL,
    INFO_STACK,
    INFO_MODULES,
) = range(0, 120, 8)

# A body: runner | score | entries | list of entries.
BODY_RUNNER, BODY_SCORE, BODY_ENTRIES, BODY_ENTRY_LIST, BODY_BYTES = 0, 8, 16, 24, 32
# An entry: loop header or -1 | slots | list of slots. A slot: kind, number, representation, class
# (4 × 32 bits).
ENTRY_HEADER, ENTRY_SLOTS, ENTRY_SLOT_LIST, ENTRY_BYTES = 0, 8, 16, 24
LOCAL, MAYBE_LOCAL, BOUND_LOCAL, STACK = 0, 1, 2, 3
RANGE_CURRENT, RANGE_STOP, RANGE_STEP, ITER_SEQUENCE, ITER_INDEX = 4, 5, 6, 7, 8
FROM_STACK = 16  # added to the iterator kinds for one on the value stack

PATIENCE = 64  # a body with a higher score is tried after wider ones, and more and more seldom
LONG = 50_000  # cycles: a loop that ran natively for so long was worth entering, even if it left


@inline
def is_traced(thread: int) -> int:
    if layout.minor < 12:
        return u8[i64[thread + layout.thread_cframe]]
    events = i64[thread + layout.thread_interpreter] + layout.monitors
    return (i64[events] | i64[events + 7]) != 0


@cold
def measure_stack(thread: int) -> None:
    """Remember the middle of the thread's C stack: native code leaves the lower half alone."""
    attributes, low, size = room(64), room(8), room(8)
    i64[data.stack_thread] = thread
    i64[data.stack_id] = i64[thread + layout.thread_id]
    i64[data.stack_middle] = 0
    if c.pthread_getattr_np(c.pthread_self(), attributes) == 0:
        c.pthread_attr_getstack(attributes, low, size)
        c.pthread_attr_destroy(attributes)
        i64[data.stack_middle] = i64[low] + (i64[size] >> 1)


@inline
def smaller(a: int, b: int) -> int:
    if a < b:
        return a
    return b


def frames_left(thread: int) -> int:
    """How many native frames may be above one another now."""
    if i64[data.stack_thread] != thread or i64[data.stack_id] != i64[thread + layout.thread_id]:
        measure_stack(thread)
    here = room(8)
    left = smaller(MOST_FRAMES, (here - i64[data.stack_middle]) >> 12)
    left = smaller(left, i32[thread + layout.thread_recursion] - FEWEST_FRAMES)
    if layout.thread_c_recursion >= 0:
        reserve = layout.c_recursion_limit * 2 // 3
        left = smaller(left, (i32[thread + layout.thread_c_recursion] - reserve) >> 1)
    if left < FEWEST_FRAMES:
        return 0
    return left


@inline
def breaker_of(thread: int) -> int:
    """The address of the word that says whether CPython wants control."""
    if layout.breaker_in_thread:
        return thread + layout.breaker
    return i64[thread + layout.thread_interpreter] + layout.breaker


@inline
def admit(state: int, info: int, thread: int) -> int:
    """How many native frames may be above one another; 0 for staying out."""
    if not holds(state, info) or is_traced(thread):
        return 0
    if i64[info + INFO_NESTS]:
        return frames_left(thread)
    return PLENTY


@cold
def decline(state: int) -> int:
    i64[state + DECLINES] = i64[state + DECLINES] + 1
    return 0


# ---- reading a frame -----------------------------------------------------------------------------


def read_range(kind: int, o: int, at: int) -> int:
    """A field of a range iterator that nobody else has."""
    if class_of(o) != c.PyRangeIter_Type or i64[o] != 1:
        return 0
    step, length = i64[o + layout.range_step], i64[o + layout.range_len]
    current = i64[o + layout.range_start]
    if layout.range_index >= 0:
        index = i64[o + layout.range_index]
        current = current + index * step
        length = length - index
    if kind == RANGE_STEP:
        i64[at] = step
    elif kind == RANGE_CURRENT or length <= 0:
        i64[at] = current
    elif step > 0:
        i64[at] = current + (length - 1) * step + 1
    else:
        i64[at] = current + (length - 1) * step - 1
    return 1


def read_iterator(kind: int, o: int, cls: int, at: int) -> int:
    """A field of an iterator over a list, str or tuple that nobody else has."""
    if i64[o] != 1:
        return 0
    kind_of = class_of(o)
    known = kind_of == c.PyListIter_Type or kind_of == c.PyTupleIter_Type
    if not known and kind_of != i64[data.str_iter] and kind_of != i64[data.ascii_iter]:
        return 0
    sequence = i64[o + layout.iter_seq]
    if sequence == 0:
        return 0
    if kind == ITER_INDEX:
        i64[at] = i64[o + layout.iter_index]
        return 1
    i64[at] = sequence
    return class_of(sequence) == cls


@inline
def class_address(number: int) -> int:
    """The class that a slot demands, as numbered in `backend.entry`; 0 for any."""
    return i64[data.classes + number * 8]


def read_slot(slot: int, frame: int, stack: int, at: int) -> int:
    kind, number, rep, cls = i32[slot], i32[slot + 4], i32[slot + 8], i32[slot + 12]
    place = frame + layout.frame_locals + number * 8
    if kind == STACK or kind >= FROM_STACK:
        place = place + stack
    if kind >= FROM_STACK:
        kind = kind - FROM_STACK
    o = i64[place]
    if kind == BOUND_LOCAL:
        i64[at] = o != 0
        return 1
    if o == 0:
        if kind != MAYBE_LOCAL:
            return 0
        i64[at], i64[at + 8] = 0, 0
        if rep == 0:
            i64[at] = c._Py_NoneStruct
        return 1
    wanted = class_address(cls)
    if kind >= ITER_SEQUENCE:
        return read_iterator(kind, o, wanted, at)
    if kind >= RANGE_CURRENT:
        return read_range(kind, o, at)
    if wanted and class_of(o) != wanted:
        return 0
    return read_value(rep, o, at)


def read_entry(entry: int, frame: int, stack: int, values: int) -> int:
    """Read everything that an entry of a body wants; 0 if something does not fit."""
    slots = i64[entry + ENTRY_SLOT_LIST]
    for index in range(i64[entry + ENTRY_SLOTS]):
        if not read_slot(slots + index * 16, frame, stack, values + index * 16):
            return 0
    return 1


# ---- choosing a body -----------------------------------------------------------------------------


def may_try(score: int, late: int) -> int:
    """A body's score: 16 for each time it was left, less 1 for each time it was entered; the word
    after it counts times passed over. Early, bodies with a low score may be tried; late, the
    others, the more seldom the higher it is.
    """
    if i64[data.force_kind]:
        return not late
    if i64[score] <= PATIENCE:
        if not late and i64[score] > 0:
            i64[score] = i64[score] - 1
        return not late
    if not late:
        return 0
    i64[score + 8] = i64[score + 8] + 1
    if i64[score + 8] >> smaller(((i64[score] - PATIENCE) >> 4) + 1, 10) == 0:
        return 0
    i64[score + 8] = 0
    i64[score] = i64[score] - PENALTY
    return 1


@inline
def may_enter(score: int) -> int:
    """The same for the entry of calls, where only the first body is tried."""
    if i64[score] == 0:
        return 1
    return may_try(score, 0)


def run_body(
    body: int, entry: int, number: int, frame: int, stack: int, frames: int, left: int
) -> int:
    """Run a body if the frame fits one of its entries; the result, or 0. `left`: where the record
    goes.
    """
    slots = i64[entry + ENTRY_SLOTS]
    values = data.values
    i64[left] = -1
    if slots > 256 or not read_entry(entry, frame, stack, values):
        return 0
    return call(
        i64[body + BODY_RUNNER], breaker_of(c.PyThreadState_Get()), frames, number, values, left
    )


@inline
def count_entry(state: int, header: int) -> None:
    place = state + OSR
    if header < 0:
        place = state + ENTRIES
    i64[place] = i64[place] + 1


def enter_somewhere(state: int, frame: int, header: int, frames: int) -> int:
    """Run the first body that a frame fits, at a loop header or at the start (-1); the result, or
    0.
    """
    info = i64[state + INFO]
    left = room(8)
    for late in range(2):
        for index in range(i64[info + INFO_BODIES]):
            body = i64[info + INFO_BODY_LIST] + index * BODY_BYTES
            for number in range(i64[body + BODY_ENTRIES]):
                entry = i64[body + BODY_ENTRY_LIST] + number * ENTRY_BYTES
                if i64[entry] == header and may_try(i64[body + BODY_SCORE], late):
                    stack = i64[info + INFO_STACK]
                    score, began = i64[i64[body + BODY_SCORE]], cycles()
                    result = run_body(body, entry, number, frame, stack, frames, left)
                    if result:
                        count_entry(state, header)
                        return result
                    if i64[left] != -1:
                        count_entry(state, header)
                        if cycles() - began > LONG:
                            i64[i64[body + BODY_SCORE]] = score
                        leave_to_frame(frame, i64[left])
                        return 0
    return decline(state)


# ---- hooks ---------------------------------------------------------------------------------------


def enter_loop(state: int, header: int) -> int:
    """The hook of a loop header: the function's result, or 0."""
    thread = c.PyThreadState_Get()
    frame = current_frame(thread)
    frames = admit(state, i64[state + INFO], thread)
    if frames == 0 or i64[frame + layout.frame_globals] != i64[state + GLOBALS]:
        return decline(state)
    return enter_somewhere(state, frame, header, frames)


@inline
def admit_frame(state: int, info: int, thread: int, frame: int) -> int:
    """May this fresh frame go in? 0 also when it is here to resume."""
    if i64[data.pending] and claim_pending(thread, frame):
        return 0
    if i64[frame + layout.frame_globals] != i64[state + GLOBALS]:
        return decline(state)
    frames = admit(state, info, thread)
    if frames == 0:
        return decline(state)
    if i64[state + PLAIN_CALLS]:
        call_directly(state, i64[frame + layout.frame_func], frames)
    return frames


@inline
def admit_call(
    state: int, info: int, thread: int, function: int, count: int, keywords: int, wanted: int
) -> int:
    """May this vectorcall go in?"""
    if count & ~(1 << 63) != wanted or keywords != 0:
        return 0
    if i64[function + layout.func_code] != i64[state + CODE]:
        return 0
    if i64[function + layout.func_globals] != i64[state + GLOBALS]:
        return 0
    frames = admit(state, info, thread)
    if frames == 0 and i64[state + BOUND]:
        call_plainly(state, function)
    return frames


@cold
def call_plainly(state: int, function: int) -> None:
    """Stop taking calls by vectorcall where there is no room: each would use C stack, which the
    interpreter's own calls do not. Merged code still asks the entry hook, which takes them back.
    """
    nests = i64[i64[state + INFO] + INFO_NESTS]
    if layout.minor >= 12 and nests and frames_left(c.PyThreadState_Get()) == 0:
        i64[state + PLAIN_CALLS] = 1
        c.PyFunction_SetVectorcall(function, i64[data.plain_vectorcall])


@cold
def call_directly(state: int, function: int, frames: int) -> None:
    """Take calls by vectorcall again, now that there is room."""
    if layout.minor >= 12 and frames >= MOST_FRAMES // 4:
        i64[state + PLAIN_CALLS] = 0
        c.PyFunction_SetVectorcall(function, i64[i64[state + INFO] + INFO_VECTORCALL])


def run_hook(hook: int) -> int:
    """tp_iternext of a hook object: 16 C function | 24 its argument | 32 another."""
    return call(i64[hook + 16], i64[hook + 24], i64[hook + 32])


def return_self(hook: int) -> int:
    incref(hook)
    return hook
