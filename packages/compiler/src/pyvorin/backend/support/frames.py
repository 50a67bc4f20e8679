"""Leaving native code: frame records, the Python objects made of them, and who may take those.

A native frame that leaves makes a **record** and returns its address as its status; each native
caller adds a record of its own, which points to the inner one. The record of a site:

    0 site descriptor | 8 inner record or 0 | 16 … raw values | … | one word a node: the object once
    it is built

`site` descriptors are constants, made by `backend.sites`; they hold 32-bit words:

    0 function state (8 bytes) | 8 score of the body (8 bytes) | 16 index | 20 point | 24 locals |
    28 stack values | 32 nodes | 36 bytes of raw values | 40 place of the called object on the
    stack, or -1 | 44 kind | 48 1 if keyword names are on top of the stack, 2 if what runs is a
    generator that the called object consumes: its place is at 40 then | 52 where the codes of the
    values are (`support/leave.py`) | 56 words …

The words are a node number for each local and stack value (bottom first), then four words a node:
kind, x, y, z. Node numbers below 0 mean unbound. A node is built once a record, so that one value
stays one object.

The outermost entry turns the chain of records into one tuple a frame: (locals…, point, stack). The
outermost frame is running, in the interpreter or about to be: its tuple is **pending** until its
`take` hook asks, which is the next thing that happens. A frame that was calling another gets a
**resumption** in the place of what it called: a function object made for that one call, with the
inner frame's code and, as its docstring, the inner frame's tuple. The interpreter calls it as it
calls any Python function, so a rebuilt frame uses no C stack and counts once against Python's
recursion limit and not at all against the limit of C recursion, like the frame it stands for.
"""

from __future__ import annotations

from pyvorin.backend.support.language import (
    below,
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
from pyvorin.backend.support.memory import relieve
from pyvorin.backend.support.numbers import (
    box_i64,
    box_value,
    class_of,
    decref,
    incref,
    new,
)
from pyvorin.backend.support.release import empty_trash

# Words of a function's state.
BOUND, FUNC, CODE, GLOBALS, BUILTINS, VALID = 0, 8, 16, 24, 32, 40
GLOBALS_VERSION, BUILTINS_VERSION = 48, 56
ENTRIES, RESUMES, OSR, DECLINES = 64, 72, 80, 88
INFO, OBJECTS = 96, 104
PLAIN_CALLS = 152  # 1 while calls do not come by vectorcall for want of C stack
NONES = 160  # a tuple of None for each parameter
KEYWORDS = 168  # a copy of the function's keyword defaults, or 0
CLOSURE = 176  # of the function, or 0
VAIN = 184  # fresh frames in a row that asked to go in and did not
PASSES = 192  # how many more go by unasked

# A site descriptor.
SITE_STATE, SITE_BODY, SITE_INDEX, SITE_POINT = 0, 8, 16, 20
SITE_LOCALS, SITE_STACK, SITE_NODES, SITE_RAW, SITE_CALLED, SITE_KIND = 24, 28, 32, 36, 40, 44
SITE_NAMED, SITE_VALUES, SITE_WORDS = 48, 52, 56
# Other: a poll, no room for a callee. End: what follows is the interpreter's in every body.
KIND_GUARD, KIND_OTHER, KIND_END = 0, 1, 2
NAMED, CONSUMED = 1, 2  # what is above the called object
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
NODE_METHOD = 15
NODE_SLICE = 16
NODE_CELL = 17
NODE_FUNCTION = 18
NODE_ENUMERATE, NODE_ZIP, NODE_REVERSED = 19, 20, 21
NODE_BYTES_ITER = 22
NODE_GENERATOR = 23


@cold
def record(site: int, inner: int) -> int:
    """Begin the record of a frame that leaves; `support/leave.py` stores the raw values."""
    nodes = i32[site + SITE_NODES]
    raw = i32[site + SITE_RAW]
    size = RECORD_RAW + raw + nodes * 8
    at = c.PyMem_RawCalloc(1, size)
    if at == 0:
        relieve()
        at = new(c.PyMem_RawCalloc(1, size))
    i64[at] = site
    i64[at + RECORD_INNER] = inner
    if inner == 0:
        count = data.site_counts + i32[site + SITE_INDEX] * 8
        i64[count] = i64[count] + 1
        if i32[site + SITE_KIND] != KIND_OTHER:
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
    if kind == NODE_CELL:
        return build_cell(at, x)
    if kind == NODE_FUNCTION:
        return build_function(at, words + x * 4, y)
    if kind == NODE_METHOD:
        return build_method(at, x, y)
    if kind == NODE_SLICE:
        return build_slice(at, x, y, z)
    if kind == NODE_ZIP:
        return build_zip(at, words + x * 4, y)
    if kind == NODE_GENERATOR:
        return build_generator(at, x, y)
    return build_iterator(kind, at, x, y)


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


def build_iterator(kind: int, at: int, x: int, y: int) -> int:
    if kind == NODE_ENUMERATE:
        return build_enumerate(at, x, y)
    if kind == NODE_REVERSED:
        return build_reversed(at, x, y)
    sequence, index = node(at, x), node(at, y)
    result = c.PyObject_GetIter(sequence)
    if result:
        i64[result + layout.iter_index] = c.PyLong_AsSsize_t(index)
    decref(sequence)
    decref(index)
    return result


def build_enumerate(at: int, x: int, y: int) -> int:
    pair = room(16)
    i64[pair], i64[pair + 8] = node(at, x), node(at, y)
    result = c.PyObject_Vectorcall(c.PyEnum_Type, pair, 2, 0)
    decref(i64[pair])
    decref(i64[pair + 8])
    return result


def build_zip(at: int, numbers: int, count: int) -> int:
    iterators = build_tuple(at, numbers, count)
    if iterators == 0:
        return 0
    result = c.PyObject_CallObject(c.PyZip_Type, iterators)
    decref(iterators)
    return result


def build_reversed(at: int, x: int, y: int) -> int:
    sequence, index = node(at, x), node(at, y)
    result = c.PyObject_CallOneArg(c.PyReversed_Type, sequence)
    if result:
        i64[result + layout.iter_index] = c.PyLong_AsSsize_t(index)
    decref(sequence)
    decref(index)
    return result


def build_slice(at: int, x: int, y: int, z: int) -> int:
    start, stop, step = node(at, x), node(at, y), node(at, z)
    result = c.PySlice_New(start, stop, step)
    decref(start)
    decref(stop)
    decref(step)
    return result


def build_method(at: int, x: int, y: int) -> int:
    o, name = node(at, x), node(at, y)
    result = c.PyObject_GetAttr(o, name)
    decref(o)
    decref(name)
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


def build_cell(at: int, x: int) -> int:
    value = node(at, x)
    if value == 0:
        return 0
    held = value
    if value == i64[data.unbound]:
        held = 0
    result = c.PyCell_New(held)
    decref(value)
    return result


def build_function(at: int, numbers: int, count: int) -> int:
    """The function of a comprehension: its code, then the cells of its closure."""
    code = node(at, i32[numbers])
    result = c.PyFunction_New(code, i64[i64[i64[at]] + GLOBALS])
    decref(code)
    if result == 0 or count == 1:
        return result
    closure = build_tuple(at, numbers + 4, count - 1)
    if closure == 0:
        decref(result)
        return 0
    give(result + layout.func_closure, closure)
    return result


def build_generator(at: int, x: int, y: int) -> int:
    """A generator that has not begun."""
    function = node(at, x)
    if function == 0:
        return 0
    iterator = node(at, y)
    result = 0
    if iterator:
        result = c.PyObject_CallOneArg(function, iterator)
        decref(iterator)
    decref(function)
    return result


# ---- from records to tuples ----------------------------------------------------------------------


def frame_items(at: int, callee: int) -> int:
    """The tuple (locals…, point, stack) for a record; `callee` stands for what it was calling, if
    not 0.
    """
    site = i64[at]
    nlocals, nstack = i32[site + SITE_LOCALS], i32[site + SITE_STACK]
    called, arguments_end = i32[site + SITE_CALLED], nstack - (i32[site + SITE_NAMED] & NAMED)
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
        if callee and index == called:
            item = callee
            incref(item)
        elif callee and index > called and index < arguments_end:
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
        state = i64[i64[inner]]
        items = resume_items(inner)
        if items == 0:
            drop_record(at)
            return 0
        called = make_resumption(items, state)
        if called == 0 or not share_closure(at, called):
            drop_record(at)
            return 0
        if i32[i64[at] + SITE_NAMED] == CONSUMED:
            called = begin_generator(called)
            if called == 0:
                drop_record(at)
                return 0
    result = frame_items(at, called)
    if called:
        decref(called)
    drop_record(at)
    return result


def make_resumption(items: int, state: int) -> int:
    """A function that resumes a frame when called, with any arguments. Steals `items`.

    It has a default for each parameter that had one when the function was attached, because the
    call it is for may leave that out.
    """
    made = c.PyFunction_NewWithQualName(i64[state + CODE], i64[state + GLOBALS], 0)
    if made == 0:
        decref(items)
        return 0
    give(made + layout.func_builtins, share(i64[state + BUILTINS]))
    give(made + layout.func_closure, share(i64[state + CLOSURE]))
    give(made + layout.func_defaults, share(i64[state + NONES]))
    give(made + layout.func_kwdefaults, share(i64[state + KEYWORDS]))
    give(made + layout.func_module, share(i64[data.unbound]))
    give(made + layout.func_doc, items)
    return made


def begin_generator(resumption: int) -> int:
    """The generator that a resumption makes; it resumes when it is first asked for an item. Steals
    the resumption.
    """
    result = c.PyObject_CallOneArg(resumption, c._Py_NoneStruct)
    decref(resumption)
    return result


def share_closure(at: int, resumption: int) -> int:
    """Give a resumption the closure of the function that the frame was calling, if that is one of
    those that native code does not make; 0 with an error.
    """
    site = i64[at]
    words = site + SITE_WORDS + (i32[site + SITE_LOCALS] + i32[site + SITE_STACK]) * 4
    number = i32[site + SITE_WORDS + (i32[site + SITE_LOCALS] + i32[site + SITE_CALLED]) * 4]
    if number >= 0 and i32[words + number * 16] == NODE_GENERATOR:
        number = i32[words + number * 16 + 4]
    if number < 0 or i32[words + number * 16] != NODE_FUNCTION:
        return 1
    function = node(at, number)
    if function == 0:
        return 0
    give(resumption + layout.func_closure, share(i64[function + layout.func_closure]))
    decref(function)
    return 1


@inline
def share(o: int) -> int:
    if o:
        incref(o)
    return o


def give(place: int, o: int) -> None:
    """Put an object, whose reference is taken, where another may be."""
    old = i64[place]
    i64[place] = o
    if old:
        decref(old)


@inline
def is_resumption(function: int) -> int:
    return i64[function + layout.func_module] == i64[data.unbound]


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


# ---- pending items -------------------------------------------------------------------------------


@inline
def offer(frame: int, items: int) -> None:
    """Leave `items` for the frame's `take` hook. Nothing runs between the two."""
    i64[data.pending_frame] = frame
    i64[data.pending] = items


@cold
def claim(frame: int) -> int:
    """Is the fresh current frame the call of a resumption? Then its items are pending now."""
    function = i64[frame + layout.frame_func]
    if not is_resumption(function) or i64[function + layout.func_doc] == 0:
        return 0
    offer(frame, i64[function + layout.func_doc])
    i64[function + layout.func_doc] = 0
    return 1


def take(state: int) -> int:
    """What the current frame is to restore, or 0."""
    items = i64[data.pending]
    if items == 0 or i64[data.pending_frame] != current_frame(c.PyThreadState_Get()):
        return 0
    i64[data.pending] = 0
    i64[state + RESUMES] = i64[state + RESUMES] + 1
    return items


# ---- C stack and C recursion ---------------------------------------------------------------------

NEAR = 1 << 16  # more than a frame's size


@cold
def measure_stack(thread: int) -> None:
    """Remember two places of the thread's C stack. Native frames leave the lower half alone; below
    an eighth, no call takes C stack that would not do so in CPython.
    """
    attributes, low, size = room(64), room(8), room(8)
    i64[data.stack_thread] = thread
    i64[data.stack_id] = i64[thread + layout.thread_id]
    i64[data.stack_middle], i64[data.stack_eighth] = 0, 1 << 62
    if c.pthread_getattr_np(c.pthread_self(), attributes) == 0:
        c.pthread_attr_getstack(attributes, low, size)
        c.pthread_attr_destroy(attributes)
        i64[data.stack_middle] = i64[low] + (i64[size] >> 1)
        i64[data.stack_eighth] = i64[low] + i64[size] - (i64[size] >> 3)


@inline
def know_stack(thread: int) -> None:
    if i64[data.stack_thread] != thread or i64[data.stack_id] != i64[thread + layout.thread_id]:
        measure_stack(thread)


def is_inlined(frame: int, function: int, arguments: int, keywords: int) -> int:
    """Would CPython have run this vectorcall in the caller's own evaluation loop? It does so for
    calls that bytecode makes: their arguments lie on the frame's value stack, above the function,
    or are the items of a tuple (`f(*items)`).
    """
    if frame == 0:
        return 0
    if below(arguments - frame, NEAR):
        callee = i64[arguments - 8]
        if callee == 0:  # 3.13 keeps a method's missing self above the function
            callee = i64[arguments - 16]
        return callee == function
    if u8[i64[frame + layout.frame_instruction]] != layout.call_function_ex:
        return 0
    return keywords != 0 or class_of(arguments - layout.tuple_items) == c.PyTuple_Type


@cold
def call_python(
    state: int, function: int, callee: int, arguments: int, count: int, keywords: int
) -> int:
    """Let the interpreter run `callee` for a vectorcall of `function` (3.12 and later).

    That takes C stack and units of C recursion. Where CPython itself would take none, the units are
    given back; once that has used much C stack, calls of the function do not come by vectorcall any
    more, until the stack has unwound (`support.enter.call_directly`): bytecode runs all of them in
    one evaluation loop.
    """
    thread = c.PyThreadState_Get()
    counter = thread + layout.thread_c_recursion
    given = 0
    if is_inlined(current_frame(thread), function, arguments, keywords):
        know_stack(thread)
        here = room(8)
        if here > i64[data.stack_eighth]:
            given = layout.eval_units
        elif layout.minor >= 12 and i64[state + BOUND]:
            i64[state + PLAIN_CALLS] = 1
            c.PyFunction_SetVectorcall(function, i64[data.plain_vectorcall])
    i32[counter] = i32[counter] + given
    result = call(i64[data.plain_vectorcall], callee, arguments, count, keywords)
    i32[counter] = i32[counter] - given
    return result


def innermost(at: int) -> int:
    """The record of the frame that left first."""
    while i64[at + RECORD_INNER]:
        at = i64[at + RECORD_INNER]
    return at


def blame(at: int) -> None:
    """A guard of a callee also counts against the body that was entered from Python."""
    inner = innermost(at)
    if inner != at and i32[i64[inner] + SITE_KIND] != KIND_OTHER:
        score = i64[i64[at] + SITE_BODY]
        i64[score] = i64[score] + PENALTY


@cold
def leave_to_frame(frame: int, at: int) -> None:
    """The current frame itself leaves native code: its items are pending. Without memory for them
    it has an error.
    """
    blame(at)
    items = resume_items(at)
    empty_trash()
    if items:
        offer(frame, items)


@cold
def leave_to_call(state: int, at: int, function: int, arguments: int, count: int) -> int:
    """A call that came by vectorcall leaves native code: continue it in a frame of its own."""
    blame(at)
    items = resume_items(at)
    if items == 0:
        return 0
    callee = make_resumption(items, state)
    if callee == 0:
        return 0
    empty_trash()
    result = call_python(state, function, callee, arguments, count, 0)
    decref(callee)
    return result
