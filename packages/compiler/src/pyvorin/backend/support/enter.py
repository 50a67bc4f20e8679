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

from pyvorin.backend.support.assume import holds
from pyvorin.backend.support.frames import (
    CODE,
    ENTRIES,
    FUNC,
    GLOBALS,
    INFO,
    KIND_END,
    OSR,
    PENALTY,
    PLAIN_CALLS,
    SITE_KIND,
    VAIN,
    claim,
    current_frame,
    innermost,
    know_stack,
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
from pyvorin.backend.support.starts import decline, passes_of, smaller, start_in_vain

MOST_FRAMES = 400  # native frames above one another
FEWEST_FRAMES = 8  # with less room than this, bytecode goes on
LAST_FRAMES = 8  # before the recursion limit: bytecode's own
# The same on 3.11, where comparisons and calls of builtins count against the same limit unless they
# are specialised: enough for code to warm up.
LAST_FRAMES_3_11 = 64
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
    INFO_BLAMES,
) = range(0, 128, 8)

# A body: runner | score | entries | list of entries | cycles for which it must run to be worth it.
BODY_RUNNER, BODY_SCORE, BODY_ENTRIES, BODY_ENTRY_LIST, BODY_SHORT, BODY_BYTES = range(0, 48, 8)
# An entry: loop header or -1 | slots | list of slots. A slot: kind, number, representation, class
# (4 × 32 bits).
ENTRY_HEADER, ENTRY_SLOTS, ENTRY_SLOT_LIST, ENTRY_BYTES = 0, 8, 16, 24
LOCAL, MAYBE_LOCAL, BOUND_LOCAL, STACK = 0, 1, 2, 3
RANGE_CURRENT, RANGE_STOP, RANGE_STEP, ITER_SEQUENCE, ITER_INDEX = 4, 5, 6, 7, 8
BACK_SEQUENCE, BACK_INDEX, ENUMERATE_COUNT = 9, 10, 11
# Above a kind's low byte: the way to an iterator inside others, four bits a step, lowest first.
INSIDE_ENUMERATE, INSIDE_ZIP = 1, 2  # INSIDE_ZIP + n is the zip's iterator number n
FROM_STACK = 16  # added to the iterator kinds for one on the value stack
FROM_CELL = 32  # added to the kinds of a local for one that lives in a cell
OWN_CELL = 64  # the cell itself: nothing to read, but nobody else may have it

PATIENCE = 64  # a body with a higher score is tried after wider ones, and more and more seldom
# A hook object: 16 C function | 24 its argument | 32 another | for a loop header: 40 how many
# passes it lets by unasked | 48 how many it did before it was last asked.
HOOK_SKIP, HOOK_PAUSE, HOOK_BYTES = 40, 48, 56
LONGEST_PAUSE = 1 << 10
SHORT = 1500  # cycles: a loop that ran natively for less was not worth the way there and back
LONG = 50_000  # cycles: a loop that ran natively for so long was worth entering, even if it left


@inline
def is_traced(thread: int) -> int:
    if layout.minor < 12:
        return u8[i64[thread + layout.thread_cframe]]
    events = i64[thread + layout.thread_interpreter] + layout.monitors
    return (i64[events] | i64[events + 7]) != 0


@inline
def last_frames() -> int:
    if layout.minor < 12:
        return LAST_FRAMES_3_11
    return LAST_FRAMES


def frames_left(thread: int) -> int:
    """How many native frames may be above one another now."""
    know_stack(thread)
    here = room(8)
    left = smaller(MOST_FRAMES, (here - i64[data.stack_middle]) >> 12)
    left = smaller(left, i32[thread + layout.thread_recursion] - last_frames())
    if left < FEWEST_FRAMES:
        return 0
    return left


@inline
def is_near_limit(thread: int) -> int:
    """Is a counter almost at its limit: of frames, or the one that operations of bytecode use? This
    call, a comparison or a call of a builtin may raise RecursionError then; native code would not.
    """
    near = i32[thread + layout.thread_recursion] < last_frames()
    if layout.thread_c_recursion >= 0:
        return near | (i32[thread + layout.thread_c_recursion] < LAST_FRAMES)
    return near


@inline
def breaker_of(thread: int) -> int:
    """The address of the word that says whether CPython wants control."""
    if layout.breaker_in_thread:
        return thread + layout.breaker
    return i64[thread + layout.thread_interpreter] + layout.breaker


@inline
def admit(state: int, info: int, thread: int) -> int:
    """How many native frames may be above one another; 0 for staying out."""
    if not holds(state, info) or is_traced(thread) or is_near_limit(thread):
        return 0
    if i64[info + INFO_NESTS]:
        return frames_left(thread)
    return PLENTY


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
    """A field of an iterator over a sequence that nobody else has."""
    if i64[o] != 1:
        return 0
    kind_of = class_of(o)
    known = kind_of == c.PyListIter_Type or kind_of == c.PyTupleIter_Type
    known = known or kind_of == c.PyBytesIter_Type or kind_of == c.PyByteArrayIter_Type
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


def read_back(kind: int, o: int, cls: int, at: int) -> int:
    """A field of a reversed iterator that nobody else has; it is laid out as a forward one."""
    if i64[o] != 1 or (class_of(o) != c.PyListRevIter_Type and class_of(o) != c.PyReversed_Type):
        return 0
    sequence = i64[o + layout.iter_seq]
    if sequence == 0:
        return 0
    if kind == BACK_INDEX:
        i64[at] = i64[o + layout.iter_index]
        return 1
    i64[at] = sequence
    return class_of(sequence) == cls


def read_count(o: int, at: int) -> int:
    """The next count of an enumerate object that nobody else has."""
    if i64[o] != 1 or class_of(o) != c.PyEnum_Type or i64[o + layout.enumerate_long]:
        return 0
    i64[at] = i64[o + layout.enumerate_index]
    return 1


def inside(o: int, step: int) -> int:
    """The iterator that an iterator nobody else has goes over; 0 if it is another one."""
    if i64[o] != 1:
        return 0
    if step == INSIDE_ENUMERATE:
        if class_of(o) != c.PyEnum_Type:
            return 0
        return i64[o + layout.enumerate_iterator]
    number = step - INSIDE_ZIP
    if class_of(o) != c.PyZip_Type or number >= i64[o + layout.zip_size]:
        return 0
    if i32[o + layout.zip_strict]:
        return 0
    return i64[i64[o + layout.zip_iterators] + layout.tuple_items + number * 8]


@inline
def class_address(number: int) -> int:
    """The class that a slot demands, as numbered in `backend.entry`; 0 for any."""
    return i64[data.classes + number * 8]


@inline
def is_alone(o: int) -> int:
    """Is there such an object, which nobody else has?"""
    return o != 0 and i64[o] == 1


def read_slot(slot: int, frame: int, stack: int, at: int) -> int:
    kind, number, rep, cls = i32[slot], i32[slot + 4], i32[slot + 8], i32[slot + 12]
    place = frame + layout.frame_locals + number * 8
    way, kind = kind >> 8, kind & 255
    if kind == STACK or (kind >= FROM_STACK and kind < FROM_CELL):
        place = place + stack
    if kind >= FROM_STACK and kind < FROM_CELL:
        kind = kind - FROM_STACK
    if kind >= FROM_CELL:
        kind = kind - FROM_CELL
        place = i64[place] + layout.cell_content
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
    while way:
        o = inside(o, way & 15)
        if o == 0:
            return 0
        way = way >> 4
    if kind == ENUMERATE_COUNT:
        return read_count(o, at)
    if kind >= BACK_SEQUENCE:
        return read_back(kind, o, wanted, at)
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
        slot = slots + index * 16
        if i32[slot] == OWN_CELL:
            if not is_alone(i64[frame + layout.frame_locals + i32[slot + 4] * 8]):
                return 0
        elif not read_slot(slot, frame, stack, values + index * 16):
            return 0
    return 1


# ---- choosing a body -----------------------------------------------------------------------------


def may_try(score: int, late: int, times: int) -> int:
    """A body's score: 16 for each time it was left, less 1 for each time it was entered; the word
    after it counts times passed over, of which this ask is `times`. Early, bodies with a low score
    may be tried; late, the others, the more seldom the higher it is.
    """
    if i64[data.force_kind]:
        return not late
    if i64[score] <= PATIENCE:
        if not late and i64[score] > 0:
            i64[score] = i64[score] - 1
        return not late
    if not late:
        return 0
    i64[score + 8] = i64[score + 8] + times
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
    return may_try(score, 0, 1)


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
        i64[state + VAIN] = 0
    i64[place] = i64[place] + 1


def was_worth(at: int, spent: int) -> int:
    """Did native code that has left gain more than the way in and out costs?"""
    ends = i32[i64[innermost(at)] + SITE_KIND] == KIND_END
    return spent > LONG or (ends and spent > SHORT)  # no other body would have gone on


def enter_somewhere(state: int, frame: int, header: int, frames: int) -> int:
    """Run the first body that a frame fits, at a loop header or at the start (-1); the result, or
    0.
    """
    info = i64[state + INFO]
    left = room(8)
    times = 1
    if header < 0:
        times = 1 + passes_of(i64[state + VAIN])
    for late in range(2):
        for index in range(i64[info + INFO_BODIES]):
            body = i64[info + INFO_BODY_LIST] + index * BODY_BYTES
            for number in range(i64[body + BODY_ENTRIES]):
                entry = i64[body + BODY_ENTRY_LIST] + number * ENTRY_BYTES
                if i64[entry] == header and may_try(i64[body + BODY_SCORE], late, times):
                    stack = i64[info + INFO_STACK]
                    score, began = i64[i64[body + BODY_SCORE]], cycles()
                    result = run_body(body, entry, number, frame, stack, frames, left)
                    if result:
                        count_entry(state, header)
                        return result
                    if i64[left] != -1:
                        count_entry(state, header)
                        i64[data.short] = i64[body + BODY_SHORT]
                        if was_worth(i64[left], cycles() - began):
                            i64[i64[body + BODY_SCORE]] = score
                        leave_to_frame(frame, i64[left])
                        return 0
    if header < 0:
        return start_in_vain(state)
    return decline(state)


# ---- hooks ---------------------------------------------------------------------------------------


def enter_loop(state: int, header: int, hook: int) -> int:
    """The hook of a loop header: the function's result, or 0.

    One that was asked in vain, or that left at once, lets more and more passes by before it is
    asked again (`is_open`): asking costs about as much as a pass of a small loop.
    """
    began = cycles()
    entered = i64[state + OSR]
    result = ask_loop(state, header)
    vain = result == 0
    if vain and entered != i64[state + OSR]:
        vain = cycles() - began < i64[data.short]
    if i64[data.force_kind]:
        return result
    pause = i64[hook + HOOK_PAUSE]
    if vain:
        pause = smaller(2 * pause + 1, LONGEST_PAUSE)
        i64[hook + HOOK_SKIP] = pause
    else:
        pause = pause >> 1
    i64[hook + HOOK_PAUSE] = pause
    return result


def ask_loop(state: int, header: int) -> int:
    thread = c.PyThreadState_Get()
    frame = current_frame(thread)
    frames = admit(state, i64[state + INFO], thread)
    if frames == 0 or i64[frame + layout.frame_globals] != i64[state + GLOBALS]:
        return decline(state)
    return enter_somewhere(state, frame, header, frames)


@inline
def admit_frame(state: int, info: int, thread: int, frame: int) -> int:
    """May this fresh frame go in? 0 also when it is here to resume."""
    function = i64[frame + layout.frame_func]
    if function != i64[state + FUNC] and claim(frame):
        return 0
    if i64[frame + layout.frame_globals] != i64[state + GLOBALS]:
        return decline(state)
    frames = admit(state, info, thread)
    if frames == 0:
        return decline(state)
    if i64[state + PLAIN_CALLS] and function == i64[state + FUNC]:
        call_directly(state, function, frames)
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
    return admit(state, info, thread)


@cold
def call_directly(state: int, function: int, frames: int) -> None:
    """Take calls by vectorcall again, now that there is room (`support.frames.call_python`)."""
    thread, here = c.PyThreadState_Get(), room(8)
    know_stack(thread)
    if layout.minor >= 12 and frames >= MOST_FRAMES // 4 and here > i64[data.stack_eighth]:
        i64[state + PLAIN_CALLS] = 0
        c.PyFunction_SetVectorcall(function, i64[i64[state + INFO] + INFO_VECTORCALL])


def run_hook(hook: int) -> int:
    """tp_iternext of a hook object."""
    return call(i64[hook + 16], i64[hook + 24], i64[hook + 32], hook)


def is_open(hook: int) -> int:
    """nb_bool of a loop's hook: is it to be asked?"""
    skip = i64[hook + HOOK_SKIP]
    if skip == 0:
        return 1
    i64[hook + HOOK_SKIP] = skip - 1
    return decline(i64[hook + 24])


def return_self(hook: int) -> int:
    incref(hook)
    return hook
