"""Leaving native code: frame records, the Python objects made of them, and who may take those.

A native frame that leaves makes a **record** and returns its address as its status; each native
caller adds a record of its own, which points to the inner one. The record of a site:

    0 site descriptor | 8 inner record or 0 | 16 … raw values | … | one word a node: the object once
    it is built

`site` descriptors are constants, made by `backend.sites`; they hold 32-bit words:

    0 function state (8 bytes) | 8 score of the body (8 bytes) | 16 index | 20 point | 24 locals |
    28 stack values | 32 nodes | 36 bytes of raw values | 40 place of the called object on the
    stack, or -1 | 44 kind | 48 words …

The words are a node number for each local and stack value (bottom first), then four words a node:
kind, x, y, z. Node numbers below 0 mean unbound. A node is built once a record, so that one value
stays one object.

The outermost entry turns the chain of records into one tuple a frame: (locals…, point, stack). A
frame that was calling another gets a `thunk` in the place of what it called: calling the thunk
resumes the inner frame in the same way. What a frame may take waits in the list of **pending**
resumes: 0 next | 8 thread | 16 parent frame | 24 frame | 32 function | 40 tuple. Its owner is known
by the frame itself, or by being a fresh frame of `function` called from `parent`. An entry
without a function is freed when taken; another lies in its maker's C frame.
"""

from __future__ import annotations

from pyvorin.backend.support.language import (
    c,
    call,
    cold,
    data,
    i32,
    i64,
    inline,
    layout,
    room,
    u8,
)
from pyvorin.backend.support.numbers import (
    box_i64,
    box_value,
    decref,
    empty_trash,
    incref,
    new,
)

# Words of a function's state.
BOUND, FUNC, CODE, GLOBALS, BUILTINS, VALID = 0, 8, 16, 24, 32, 40
GLOBALS_VERSION, BUILTINS_VERSION = 48, 56
ENTRIES, RESUMES, OSR, DECLINES = 64, 72, 80, 88
INFO, OBJECTS = 96, 104

# A site descriptor.
SITE_STATE, SITE_BODY, SITE_INDEX, SITE_POINT = 0, 8, 16, 20
SITE_LOCALS, SITE_STACK, SITE_NODES, SITE_RAW, SITE_CALLED, SITE_KIND, SITE_WORDS = (
    24,
    28,
    32,
    36,
    40,
    44,
    48,
)
KIND_GUARD, KIND_OTHER = 0, 1  # other: a poll, no room for a callee
PENALTY = 16  # what leaving adds to a body's score; going in takes 1 off

RECORD_INNER, RECORD_RAW = 8, 16

# Kinds of nodes; the first six are the representations: x is the byte offset of the raw value.
NODE_OBJECT, NODE_MAYBE, NODE_RANGE_ITER, NODE_RANGE, NODE_LIST_ITER, NODE_STR_ITER, NODE_TUPLE = (
    6,
    7,
    8,
    9,
    10,
    11,
    12,
)
NODE_TUPLE_ITER = 13
NODE_NUM = 14

PENDING_NEXT, PENDING_THREAD, PENDING_PARENT, PENDING_FRAME = 0, 8, 16, 24
PENDING_FUNC, PENDING_ITEMS, PENDING_BYTES = 32, 40, 48


@cold
def record(site: int, inner: int) -> int:
    """Begin the record of a frame that leaves; the caller stores the raw values."""
    nodes = i32[site + SITE_NODES]
    raw = i32[site + SITE_RAW]
    at = new(c.PyMem_RawCalloc(1, RECORD_RAW + raw + nodes * 8))
    i64[at] = site
    i64[at + RECORD_INNER] = inner
    if inner == 0:
        count = data.site_counts + i32[site + SITE_INDEX] * 8
        i64[count] = i64[count] + 1
        if i32[site + SITE_KIND] == KIND_GUARD:
            score = i64[site + SITE_BODY]
            i64[score] = i64[score] + PENALTY
    return at


def node(at: int, number: int) -> int:
    """A new reference to the object of a node; `unbound` for what is not bound; 0 with an error."""
    if number < 0:
        incref(i64[data.unbound])
        return i64[data.unbound]
    site = i64[at]
    memo = at + RECORD_RAW + i32[site + SITE_RAW] + number * 8
    if i64[memo] == 0:
        words = site + SITE_WORDS + (i32[site + SITE_LOCALS] + i32[site + SITE_STACK]) * 4
        i64[memo] = build(at, words, words + number * 16)
        if i64[memo] == 0:
            return 0
    incref(i64[memo])
    return i64[memo]


def build(at: int, words: int, node_at: int) -> int:
    kind = i32[node_at]
    x, y, z = i32[node_at + 4], i32[node_at + 8], i32[node_at + 12]
    raw = at + RECORD_RAW + x
    if kind < NODE_OBJECT:
        return box_value(kind, raw)
    if kind == NODE_OBJECT:
        o = i64[i64[i64[i64[at]] + OBJECTS] + x * 8]
        incref(o)
        return o
    if kind == NODE_MAYBE:
        if i64[raw] & 1:
            return node(at, y)
        return node(at, -1)
    if kind in (NODE_RANGE_ITER, NODE_RANGE):
        return build_range(at, x, y, z, kind == NODE_RANGE_ITER)
    if kind == NODE_NUM:
        if i64[raw] & 1:
            return node(at, z)
        return node(at, y)
    if kind == NODE_TUPLE:
        return build_tuple(at, words + x * 4, y)
    return build_iterator(at, x, y)


def build_range(at: int, x: int, y: int, z: int, iterator: int) -> int:
    start, stop, step = node(at, x), node(at, y), node(at, z)
    bounds = room(24)
    i64[bounds], i64[bounds + 8], i64[bounds + 16] = start, stop, step
    result = c.PyObject_Vectorcall(c.PyRange_Type, bounds, 3, 0)
    decref(start)
    decref(stop)
    decref(step)
    if result == 0 or not iterator:
        return result
    made = c.PyObject_GetIter(result)
    decref(result)
    return made


def build_iterator(at: int, x: int, y: int) -> int:
    sequence, index = node(at, x), node(at, y)
    result = c.PyObject_GetIter(sequence)
    if result:
        i64[result + layout.iter_index] = c.PyLong_AsSsize_t(index)
    decref(sequence)
    decref(index)
    return result


def build_tuple(at: int, numbers: int, count: int) -> int:
    result = c.PyTuple_New(count)
    if result == 0:
        return 0
    for index in range(count):
        item = node(at, i32[numbers + index * 4])
        if item == 0:
            decref(result)
            return 0
        i64[result + layout.tuple_items + index * 8] = item
    return result


# ---- from records to tuples ----------------------------------------------------------------------


def frame_items(at: int, thunk: int) -> int:
    """The tuple (locals…, point, stack) for a record; `thunk` stands for what it was calling, if
    not 0.
    """
    site = i64[at]
    nlocals, nstack = i32[site + SITE_LOCALS], i32[site + SITE_STACK]
    called = i32[site + SITE_CALLED]
    result = c.PyTuple_New(nlocals + 2)
    stack = c.PyTuple_New(nstack)
    if result == 0 or stack == 0:
        return 0
    i64[result + layout.tuple_items + nlocals * 8] = box_i64(i32[site + SITE_POINT])
    i64[result + layout.tuple_items + nlocals * 8 + 8] = stack
    for index in range(nlocals):
        item = node(at, i32[site + SITE_WORDS + index * 4])
        if item == 0:
            decref(result)
            return 0
        i64[result + layout.tuple_items + index * 8] = item
    for index in range(nstack):
        if thunk and index == called:
            item = thunk
            incref(item)
        elif thunk and index > called:
            item = c._Py_NoneStruct
            incref(item)
        else:
            item = node(at, i32[site + SITE_WORDS + (nlocals + index) * 4])
        if item == 0:
            decref(result)
            return 0
        i64[stack + layout.tuple_items + (nstack - 1 - index) * 8] = item
    return result


def drop_record(at: int) -> None:
    """Release what a record holds: raw references and the objects that were built."""
    site = i64[at]
    nodes = i32[site + SITE_NODES]
    words = site + SITE_WORDS + (i32[site + SITE_LOCALS] + i32[site + SITE_STACK]) * 4
    memo = at + RECORD_RAW + i32[site + SITE_RAW]
    for index in range(nodes):
        if i64[memo + index * 8]:
            decref(i64[memo + index * 8])
        if i32[words + index * 16] == 0:
            o = i64[at + RECORD_RAW + i32[words + index * 16 + 4]]
            if o:
                decref(o)
    c.PyMem_RawFree(at)


@cold
def resume_items(at: int) -> int:
    """Turn a chain of records, outermost first, into the tuple of the outermost frame; 0 with an
    error.
    """
    inner = i64[at + RECORD_INNER]
    called = 0
    if inner:
        function = i64[i64[i64[inner]] + FUNC]
        items = resume_items(inner)
        if items == 0:
            drop_record(at)
            return 0
        called = make_thunk(items, function)
        if called == 0:
            drop_record(at)
            return 0
    result = frame_items(at, called)
    if called:
        decref(called)
    drop_record(at)
    return result


def make_thunk(items: int, function: int) -> int:
    """A builtin that resumes a frame of `function` when called. Steals `items`."""
    held = c.PyTuple_New(2)
    if held == 0:
        decref(items)
        return 0
    incref(function)
    i64[held + layout.tuple_items] = items
    i64[held + layout.tuple_items + 8] = function
    made = c.PyCFunction_NewEx(data.thunk_method, held, 0)
    decref(held)
    return made


# ---- frames of the interpreter -------------------------------------------------------------------


@inline
def current_frame(thread: int) -> int:
    if layout.thread_cframe >= 0:
        return i64[i64[thread + layout.thread_cframe] + layout.thread_frame]
    return i64[thread + layout.thread_frame]


def python_frame(frame: int) -> int:
    """The frame itself, or the nearest one below it that runs Python code; 0 at the bottom."""
    if layout.minor >= 12:
        while frame:
            if u8[frame + layout.frame_owner] != layout.owned_by_c_stack:
                return frame
            frame = i64[frame + layout.frame_previous]
    return frame


# ---- pending resumes -----------------------------------------------------------------------------


def offer(entry: int, parent: int, frame: int, function: int, items: int) -> None:
    """Make an entry of the list: `items` for the frame, or for the next fresh frame of `function`
    that `parent` calls.
    """
    i64[entry + PENDING_NEXT] = i64[data.pending]
    i64[entry + PENDING_THREAD] = c.PyThreadState_Get()
    i64[entry + PENDING_PARENT] = parent
    i64[entry + PENDING_FRAME] = frame
    i64[entry + PENDING_FUNC] = function
    i64[entry + PENDING_ITEMS] = items
    i64[data.pending] = entry


def withdraw(entry: int) -> int:
    """Take an entry off the list and give its items; 0 if it is not there."""
    at = data.pending + PENDING_NEXT
    while i64[at]:
        if i64[at] == entry:
            i64[at] = i64[entry + PENDING_NEXT]
            return i64[entry + PENDING_ITEMS]
        at = i64[at] + PENDING_NEXT
    return 0


@cold
def claim_pending(thread: int, frame: int) -> int:
    """Is the fresh current frame one that a thunk or an entry has called to resume? Then it owns
    the items now.
    """
    parent = python_frame(i64[frame + layout.frame_previous])
    entry = i64[data.pending]
    while entry:
        if i64[entry + PENDING_THREAD] == thread and i64[entry + PENDING_FRAME] == 0:
            called = i64[entry + PENDING_FUNC] == i64[frame + layout.frame_func]
            if called and i64[entry + PENDING_PARENT] == parent:
                i64[entry + PENDING_FRAME] = frame
                return 1
        entry = i64[entry + PENDING_NEXT]
    return 0


def take(state: int) -> int:
    """What the current frame is to restore, or 0."""
    if i64[data.pending]:
        thread = c.PyThreadState_Get()
        frame = current_frame(thread)
        entry = i64[data.pending]
        while entry:
            if i64[entry + PENDING_THREAD] == thread and i64[entry + PENDING_FRAME] == frame:
                i64[state + RESUMES] = i64[state + RESUMES] + 1
                items = withdraw(entry)
                if i64[entry + PENDING_FUNC] == 0:
                    c.PyMem_RawFree(entry)
                return items
            entry = i64[entry + PENDING_NEXT]
    return 0


def call_to_resume(function: int, items: int, arguments: int, count: int) -> int:
    """Call `function` as the interpreter does; its fresh frame will take `items` (stolen)."""
    entry = room(PENDING_BYTES)
    parent = python_frame(current_frame(c.PyThreadState_Get()))
    offer(entry, parent, 0, function, items)
    result = call(i64[data.plain_vectorcall], function, arguments, count, 0)
    left = withdraw(entry)
    if left:
        decref(left)
    return result


def thunk(held: int, arguments: int, keywords: int) -> int:
    """The C function of a thunk. The interpreter counts a call of it, which CPython's own frames
    would not have had.
    """
    items = i64[held + layout.tuple_items]
    function = i64[held + layout.tuple_items + 8]
    nones = room(8 * 256)
    for index in range(256):
        i64[nones + index * 8] = c._Py_NoneStruct
    thread = c.PyThreadState_Get()
    counter = thread + layout.thread_recursion
    if layout.minor >= 12:
        counter = thread + layout.thread_c_recursion
    i32[counter] = i32[counter] + 1
    incref(items)
    code = i64[function + layout.func_code]
    result = call_to_resume(function, items, nones, i32[code + layout.code_argcount])
    i32[counter] = i32[counter] - 1
    return result


def blame(at: int) -> None:
    """A guard of a callee also counts against the body that was entered from Python."""
    inner = at
    while i64[inner + RECORD_INNER]:
        inner = i64[inner + RECORD_INNER]
    if inner != at and i32[i64[inner] + SITE_KIND] == KIND_GUARD:
        score = i64[i64[at] + SITE_BODY]
        i64[score] = i64[score] + PENALTY


@cold
def leave_to_frame(frame: int, at: int) -> None:
    """The current frame itself leaves native code: offer it its items. Without memory for them it
    has an error.
    """
    blame(at)
    items = resume_items(at)
    if items:
        offer(new(c.PyMem_RawMalloc(PENDING_BYTES)), 0, frame, 0, items)
    empty_trash()


@cold
def leave_to_call(at: int, function: int, arguments: int, count: int) -> int:
    """A call that came by vectorcall leaves native code: continue it in a frame of its own."""
    blame(at)
    items = resume_items(at)
    if items == 0:
        return 0
    empty_trash()
    return call_to_resume(function, items, arguments, count)
