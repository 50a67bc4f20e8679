"""Where CPython keeps things: one table of byte offsets a minor version, and a probe that checks
it.

Native code reads lists, ints, frames and thread states directly, so it is built for one minor
version. The numbers come from that minor's headers; `probe` compares each with the running
interpreter before anything is built, and the artifact repeats the checks that are cheap when it is
imported (`support/start.py`). A number that is wrong is an error message, never a crash.

What changed between the minors that are supported:

              3.11                       3.12                         3.13
int           signed size word           tag word: digits << 3 | sign as 3.12; sign 0, 1 zero, 2 -
reference     plain counter              immortal: bit 31 is set      as 3.12
str data      ascii +48, others +72      +40, +56                     as 3.12
frame         thread -> cframe -> frame  as 3.11                      thread -> frame
attributes    values pointer, or a dict  one word: values - 1 or dict values after the object's head
eval breaker  interpreter state          interpreter state            thread state, low 8 bits
recursion     one counter                Python and C counters        as 3.12
"""

from __future__ import annotations

import builtins
import ctypes
import struct
import sys
import threading
from collections.abc import Iterator
from functools import partial
from opcode import opmap
from types import FunctionType
from typing import NamedTuple

from pyvorin.backend import instances
from pyvorin.backend.peek import Check
from pyvorin.backend.peek import number as _int
from pyvorin.backend.peek import read as _read
from pyvorin.backend.peek import word as _word


class Layout(NamedTuple):
    """The numbers of one minor; byte offsets unless the name says otherwise, -1 where the minor has
    no such field.
    """

    minor: int
    immortal: int  # 1 if reference counts with bit 31 set are never changed
    long_tag: int = 16  # signed size (3.11) or tag word
    long_digits: int = 24
    float_value: int = 16
    list_size: int = 16
    list_items: int = 24
    list_allocated: int = 32
    tuple_size: int = 16
    tuple_items: int = 24
    str_length: int = 16
    str_state: int = 32  # bits: kind << 2, compact << 5, ascii << 6
    str_ascii: int = 40  # first character of a compact ASCII string
    str_compact: int = (
        56  # first character of any other compact string; the data pointer of the rest
    )
    iter_index: int = 16  # list and str iterators
    iter_seq: int = 24
    enumerate_index: int = 16
    enumerate_iterator: int = 24
    enumerate_long: int = 40  # the count once it needs an object
    zip_size: int = 16
    zip_iterators: int = 24  # a tuple
    zip_strict: int = 40  # i32
    range_index: int = -1  # 3.11 counts an index; later minors advance start and shorten len
    range_start: int = 16
    range_step: int = 24
    range_len: int = 32
    func_globals: int = 16
    func_builtins: int = 24
    func_code: int = 48
    func_defaults: int = 56
    func_kwdefaults: int = 64
    func_closure: int = 72
    cell_content: int = 16
    func_doc: int = 80
    func_module: int = 104
    func_vectorcall: int = 128
    dict_used: int = 16
    dict_version: int = 24  # from 3.12 on the lowest bits say who watches
    dict_keys: int = 32
    dict_values: int = 40  # not null: the dict of an object, which shares its keys
    keys_log2_size: int = 8
    keys_log2_bytes: int = 9
    keys_kind: int = 10  # 0 any keys, 1 strings, 2 shared
    keys_entries: int = 24  # how many entries are in use, deleted ones counted
    keys_indices: int = 32
    dict_iter_used: int = 24
    dict_iter_next: int = 32
    dict_iter_result: int = 40
    dict_iter_left: int = 48
    view_of: int = 16  # of views and iterators of dicts and sets
    set_fill: int = 16
    set_used: int = 24
    set_mask: int = 32
    set_table: int = 40
    set_finger: int = 56
    set_iter_used: int = 24
    set_iter_next: int = 32
    set_iter_left: int = 40
    str_hash: int = 24
    bytes_size: int = 16
    bytes_items: int = 32
    bytearray_size: int = 16
    bytearray_start: int = 40
    bytearray_exports: int = 48
    code_consts: int = 24
    code_warmup: int = -1  # 16 bits; 0 once specialised
    code_names: int = 32
    code_argcount: int = 52
    code_monitoring: int = -1
    type_getattro: int = 144
    type_setattro: int = 152
    type_flags: int = 168
    type_dict: int = 264
    type_descr_set: int = 280
    type_mro: int = 344
    type_version: int = 384  # i32, 0 for none: changes with every change of the class
    type_keys: int = 880  # the names that instances keep in values, as keys of a dict
    values_items: int = 0  # where they begin in what a pointer to the values points to
    member_class: int = 16
    member_definition: int = 40
    definition_type: int = 8  # i32
    definition_offset: int = 16
    definition_flags: int = 24  # i32
    cfunction_method: int = 16
    cfunction_self: int = 24
    frame_func: int = 16
    frame_code: int = 0
    frame_globals: int = 24
    frame_previous: int = 8
    frame_instruction: int = 56
    frame_owner: int = 70
    frame_locals: int = 72
    frame_object_frame: int = 24
    owned_by_c_stack: int = 3  # value of frame_owner; such frames hold no Python function
    thread_interpreter: int = 16
    thread_id: int = 224
    thread_cframe: int = -1
    thread_frame: int = -1  # in the cframe where there is one
    thread_recursion: int = -1  # i32: remaining Python frames
    thread_recursion_limit: int = -1
    thread_c_recursion: int = -1  # i32: remaining C frames
    c_recursion_limit: int = 0
    eval_units: int = 2  # of C recursion that an evaluation loop takes
    call_function_ex: int = -1  # opcode
    thread_tracing: int = -1  # c_profilefunc; c_tracefunc follows it
    breaker_in_thread: int = 0
    breaker: int = -1
    breaker_mask: int = -1
    monitors: int = -1  # interpreter state: 15 bytes, one an event
    local_monitors: int = 0  # bytes in _PyCoMonitoringData before the active ones

    @property
    def long_words(self) -> bool:
        """Is the size of an int a tag word?"""
        return self.minor >= 12


LAYOUTS = {
    11: Layout(
        minor=11,
        immortal=0,
        str_ascii=48,
        str_compact=72,
        range_index=16,
        range_start=24,
        range_step=32,
        range_len=40,
        type_keys=872,
        func_vectorcall=120,
        code_argcount=56,
        code_warmup=52,
        frame_func=0,
        frame_code=32,
        frame_globals=8,
        frame_previous=48,
        frame_owner=69,
        thread_id=240,
        thread_cframe=56,
        thread_frame=8,
        thread_recursion=32,
        thread_recursion_limit=36,
        thread_tracing=64,
        breaker=100,
        breaker_mask=0xFFFFFFFF,
    ),
    12: Layout(
        minor=12,
        immortal=1,
        code_monitoring=168,
        thread_cframe=56,
        thread_frame=0,
        thread_recursion=28,
        thread_recursion_limit=32,
        thread_c_recursion=36,
        c_recursion_limit=1500,
        call_function_ex=142,
        thread_tracing=64,
        breaker=368,
        breaker_mask=0xFFFFFFFF,
        monitors=381744,
        local_monitors=15,
    ),
    13: Layout(
        minor=13,
        immortal=1,
        values_items=8,
        code_monitoring=176,
        thread_frame=72,
        thread_recursion=44,
        thread_recursion_limit=48,
        thread_c_recursion=52,
        c_recursion_limit=10000,
        call_function_ex=54,
        thread_tracing=80,
        breaker_in_thread=1,
        breaker=24,
        breaker_mask=0xFF,
        monitors=193136,
        local_monitors=10,
    ),
}


INSTRUMENTED = 236  # opcodes from here on stand for others


class LayoutError(Exception):
    """The running interpreter is not laid out as its minor's table says."""


def running_layout() -> Layout:
    """Give the running interpreter's table, checked. Raises LayoutError if there is none or a
    number is wrong.
    """
    layout = LAYOUTS.get(sys.version_info.minor)
    if sys.implementation.name != "cpython" or layout is None:
        raise LayoutError(f"no layout for {sys.implementation.name} 3.{sys.version_info.minor}")
    wrong = list(probe(layout))
    if wrong:
        raise LayoutError("this interpreter is not laid out as expected: " + "; ".join(wrong))
    return layout


def probe(layout: Layout) -> Iterator[str]:
    """Compare each number with the running interpreter; yield what differs."""
    for name, measured, expected in (
        *_objects(layout),
        *_iterators(layout),
        *_functions(layout),
        *_threads(layout),
        *instances.probe(layout),
    ):
        if measured != expected:
            yield f"{name} is {measured!r}, expected {expected!r}"


def _objects(layout: Layout) -> Iterator[Check]:
    number = 5 << 30 | 7
    at = id(number)
    yield "ob_type", _word(at + 8), id(int)
    yield "int tag", _word(at + layout.long_tag), (2 << 3 if layout.long_words else 2)
    yield "int digits", (_int(at + 24), _int(at + 28)), (7, 5)
    value = 1234.5
    yield "float value", _read(id(value) + layout.float_value, 8), struct.pack("<d", value)
    item = object()
    items, pair = [item, item], (item, item)
    yield "list size", _word(id(items) + layout.list_size), 2
    yield "list capacity", _word(id(items) + layout.list_allocated), 2
    yield "tuple size", _word(id(pair) + layout.tuple_size), 2
    yield "list items", _word(_word(id(items) + layout.list_items) + 8), id(item)
    yield "tuple items", _word(id(pair) + layout.tuple_items + 8), id(item)
    for text, kind, ascii_ in (("ab", 1, 1), ("é" + "b", 1, 0), ("ĀB", 2, 0), ("😀b", 4, 0)):
        at = id(text)
        state = _int(at + layout.str_state)
        first = at + (layout.str_ascii if ascii_ else layout.str_compact)
        yield "str length", _word(at + layout.str_length), 2
        yield "str state", (state >> 2 & 7, state >> 5 & 1, state >> 6 & 1), (kind, 1, ascii_)
        yield "str data", int.from_bytes(_read(first, kind), "little"), ord(text[0])
    data, array = b"abc", bytearray(b"abc")
    yield "bytes size", _word(id(data) + layout.bytes_size), 3
    yield "bytes data", _read(id(data) + layout.bytes_items, 3), data
    yield "bytearray size", _word(id(array) + layout.bytearray_size), 3
    yield "bytearray data", _read(_word(id(array) + layout.bytearray_start), 3), data
    with memoryview(array):
        yield "bytearray exports", _word(id(array) + layout.bytearray_exports), 1
    if layout.immortal:
        yield "immortal", _int(id(None)) < 0, True


def _iterators(layout: Layout) -> Iterator[Check]:
    items, text = [1, 2, 3], "abc"
    forward = (("list", items), ("str", text), ("bytes", b"abc"), ("bytearray", bytearray(b"abc")))
    for name, sequence in forward:
        iterator = iter(sequence)
        next(iterator)
        yield f"{name} iterator index", _word(id(iterator) + layout.iter_index), 1
        yield f"{name} iterator sequence", _word(id(iterator) + layout.iter_seq), id(sequence)
    for name, back in (("list", reversed(items)), ("str", reversed(text))):
        next(back)
        yield f"reversed {name} index", _word(id(back) + layout.iter_index), 1
        sequence = items if name == "list" else text
        yield f"reversed {name} sequence", _word(id(back) + layout.iter_seq), id(sequence)
    inner = iter(items)
    pairs = enumerate(inner, 7)
    next(pairs)
    yield "enumerate index", _word(id(pairs) + layout.enumerate_index), 8
    yield "enumerate iterator", _word(id(pairs) + layout.enumerate_iterator), id(inner)
    yield "enumerate object", _word(id(pairs) + layout.enumerate_long), 0
    both = zip(inner, iter(text), strict=True)
    yield "zip size", _word(id(both) + layout.zip_size), 2
    iterators = _word(id(both) + layout.zip_iterators)
    yield "zip iterators", _word(iterators + layout.tuple_items), id(inner)
    yield "zip strict", _int(id(both) + layout.zip_strict), 1
    numbers = iter(range(10, 50, 5))
    next(numbers)
    at = id(numbers)
    counted = layout.range_index >= 0
    yield "range start", _word(at + layout.range_start), 10 if counted else 15
    yield "range step", _word(at + layout.range_step), 5
    yield "range length", _word(at + layout.range_len), 8 if counted else 7
    if counted:
        yield "range index", _word(at + layout.range_index), 1


def _functions(layout: Layout) -> Iterator[Check]:
    at = id(_functions)
    assert isinstance(_functions, FunctionType)
    yield "function globals", _word(at + layout.func_globals), id(_functions.__globals__)
    yield "function builtins", _word(at + layout.func_builtins), id(vars(builtins))
    code = _functions.__code__
    yield "function code", _word(at + layout.func_code), id(code)
    yield "function defaults", _word(id(_int) + layout.func_defaults), 0
    yield "function keyword defaults", _word(at + layout.func_kwdefaults), 0
    yield "code constants", _word(id(code) + layout.code_consts), id(code.co_consts)
    yield "code names", _word(id(code) + layout.code_names), id(code.co_names)
    yield "code argument count", _int(id(code) + layout.code_argcount), 1
    if layout.code_warmup >= 0:
        fresh = code.replace()
        yield "code warm-up", _read(id(fresh) + layout.code_warmup, 2), b"\xf8\xff"  # 8 runs to go
    names: dict[str, int] = {}
    documented = _closed(names)
    at = id(documented)
    yield "function closure", _word(at + layout.func_closure), id(documented.__closure__)
    yield "function docstring", _word(at + layout.func_doc), id(documented.__doc__)
    yield "function module", _word(at + layout.func_module), id(documented.__module__)
    before = _word(id(names) + layout.dict_version)
    names["a"] = 1
    after = _word(id(names) + layout.dict_version)
    names["a"] = 2
    yield "dict version", before != after != _word(id(names) + layout.dict_version), True
    yield "dict used", _word(id(names) + layout.dict_used), 1
    yield "C function self", _word(id(len) + layout.cfunction_self), id(builtins)


def _closed(names: dict[str, int]) -> FunctionType:
    """A function with everything a function may have."""

    def documented() -> dict[str, int]:
        """The docstring."""
        return names

    assert isinstance(documented, FunctionType)
    return documented


def _threads(layout: Layout) -> Iterator[Check]:
    get = ctypes.pythonapi.PyThreadState_Get
    get.restype = ctypes.c_void_p
    thread = get()
    main = ctypes.pythonapi.PyInterpreterState_Main
    main.restype = ctypes.c_void_p
    yield "thread interpreter", _word(thread + layout.thread_interpreter), main()
    limit = _int(thread + layout.thread_recursion_limit)
    yield "recursion limit", limit, sys.getrecursionlimit()
    remaining = _int(thread + layout.thread_recursion)
    deeper = _one_call_deeper(thread + layout.thread_recursion)
    yield "recursion counter", (0 < remaining <= limit, remaining - deeper), (True, 1)
    if layout.thread_c_recursion >= 0:
        c_remaining = _int(thread + layout.thread_c_recursion)
        yield "C recursion counter", 0 < c_remaining <= layout.c_recursion_limit, True
        (nested,) = map(_int, (thread + layout.thread_c_recursion,))
        yield "C recursion of an evaluation loop", c_remaining - nested, layout.eval_units
    holder = _word(thread + layout.thread_cframe) if layout.thread_cframe >= 0 else thread
    callee = int.from_bytes(
        _read(holder + layout.thread_frame, 8), "little"
    )  # the frame of `_read`
    frame = _word(callee + layout.frame_previous)
    here = sys._getframe()
    yield "current frame", frame, _word(id(here) + layout.frame_object_frame)
    yield "frame code", _word(frame + layout.frame_code), id(here.f_code)
    yield "frame globals", _word(frame + layout.frame_globals), id(here.f_globals)
    yield "frame function", _word(frame + layout.frame_func) != 0, True
    yield "frame locals", _word(frame + layout.frame_locals), id(layout)
    if layout.call_function_ex >= 0:
        yield "CALL_FUNCTION_EX", layout.call_function_ex, opmap["CALL_FUNCTION_EX"]
        yield "frame instruction", *_instruction_of_a_call(layout)
    if threading.current_thread() is threading.main_thread():
        yield "eval breaker", _breaker_moves(layout, thread), True


def _instruction_of_a_call(layout: Layout) -> tuple[object, object]:
    """What opcode a frame says that it runs while it makes a call, and which it is."""
    here = sys._getframe()
    arguments = (_word(id(here) + layout.frame_object_frame) + layout.frame_instruction,)
    found = _read(_word(*arguments), 1)[0]
    instrumented = found >= INSTRUMENTED  # a profiler or debugger watches
    return layout.call_function_ex if instrumented else found, layout.call_function_ex


def _one_call_deeper(address: int) -> int:
    return _int(address)


def _breaker_moves(layout: Layout, thread: int) -> bool:
    """Ask for a pending call that does nothing: the eval breaker says so until the next bytecode
    that looks.
    """
    process = ctypes.PyDLL(None)
    ask = process.Py_AddPendingCall
    noop = ctypes.cast(process.PyErr_Occurred, ctypes.c_void_p)  # answers 0: no error
    base = thread if layout.breaker_in_thread else _word(thread + layout.thread_interpreter)
    cell = ctypes.c_uint32.from_address(base + layout.breaker)
    steps = partial(ask, noop, None), partial(getattr, cell, "value")
    failed, breaker = map(partial.__call__, steps)  # no bytecode between the two
    return bool(not failed and breaker & layout.breaker_mask)
