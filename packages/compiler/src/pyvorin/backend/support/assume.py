"""Assumptions about names, and attaching a function.

A function's *facts* (made by `backend.entry`, eight words each) are checked when it is first
entered, and again whenever a namespace they are in has changed, which its version tag tells:

    0 kind | 8 name | 16 name object | 24 detail | 32 detail object | 40 number of the object it
    finds, or -1 | 48 callee's state, or marshalled value | 56 length of that, or number of the
    watched module

What a fact finds is kept in the function's table of objects, with a reference, for frame states and
constants. A variable of the module is the exception: any object will do, and its table entry counts
no reference, so that the object dies when the program drops it. It is read only while native code
runs, which stores into no namespace that it assumes things about (`support.dicts.is_watched`).
"""

from __future__ import annotations

from pyvorin.backend.support.frames import (
    BOUND,
    BUILTINS,
    BUILTINS_VERSION,
    CLOSURE,
    CODE,
    DECLINES,
    ENTRIES,
    FUNC,
    GLOBALS,
    GLOBALS_VERSION,
    INFO,
    KEYWORDS,
    NONES,
    OBJECTS,
    OSR,
    RESUMES,
    VALID,
    give,
    share,
)
from pyvorin.backend.support.language import c, cold, data, i32, i64, inline, layout, text, u16
from pyvorin.backend.support.memory import reserve
from pyvorin.backend.support.numbers import box_i64, class_of, decref, incref, new

EPOCH = 120  # word of a function's state: the number of attachments when it was last checked
DEFAULTS, KWDEFAULTS, KWDEFAULTS_VERSION = 128, 136, 144
STATE_MODULE_LIST = 200  # two words a watched module: its dict and version
FACT_BYTES = 64
SAME, CALLEE, BUILTIN, VALUE, MODULE, ATTR, IMPORT, SAME_ATTR, CURRENT = range(9)
SOURCE_CONST, SOURCE_SINGLETON, SOURCE_NAME, SOURCE_ITEM = 0, 1, 3, 4
ITEM_SHIFT = 32  # of the place in a constant tuple, above the constant's
HEAP_TYPE = 1 << 9
TYPE_NAME, TYPE_FLAGS = 24, 168

# As in `support.enter`.
INFO_OBJECTS, INFO_SOURCES, INFO_FACTS, INFO_FACT_LIST, INFO_CALLEES, INFO_CALLEE_LIST = (
    0,
    8,
    16,
    24,
    32,
    40,
)
INFO_NAME, INFO_FIRST_SITE, INFO_SITES, INFO_VECTORCALL, INFO_MODULES = 72, 80, 88, 96, 112
INFO_BLAMES = 120  # does an unbound local's position depend on how warm the code is?


@inline
def version(dictionary: int) -> int:
    return i64[dictionary + layout.dict_version]


@inline
def is_current(state: int, info: int) -> int:
    """Has no namespace changed since the facts were checked?"""
    if i64[state + BOUND] == 0 or i64[state + EPOCH] != i64[data.epoch]:
        return 0
    if version(i64[state + GLOBALS]) != i64[state + GLOBALS_VERSION]:
        return 0
    if version(i64[state + BUILTINS]) != i64[state + BUILTINS_VERSION]:
        return 0
    for index in range(i64[info + INFO_MODULES]):
        watched = state + STATE_MODULE_LIST + index * 16
        if i64[watched] == 0 or version(i64[watched]) != i64[watched + 8]:
            return 0
    return 1


@inline
def is_cold(state: int, info: int) -> int:
    """Must bytecode run first? CPython 3.11 joins the load of a local with the instruction before
    once it has run a function, or loops in it, 8 times, and from then on blames that instruction
    for a local that is unbound (`frontend.emit`). So until then it runs such a function alone.
    """
    if layout.minor < 12 and i64[info + INFO_BLAMES]:
        return u16[i64[state + CODE] + layout.code_warmup] != 0
    return 0


@inline
def holds_alone(state: int, info: int) -> int:
    if is_cold(state, info):
        return 0
    if not is_current(state, info):
        check_facts(state)
        if not is_current(state, info):
            return 0
    return i64[state + VALID]


@inline
def holds(state: int, info: int) -> int:
    """Do all assumptions of a function, and of those it calls, hold? `info` are its constant facts:
    where the caller knows their address, LLVM knows what they are.
    """
    if not holds_alone(state, info):
        return 0
    for index in range(i64[info + INFO_CALLEES]):
        callee = i64[i64[info + INFO_CALLEE_LIST] + index * 8]
        if not holds_alone(callee, i64[callee + INFO]):
            return 0
        if i64[i64[callee + FUNC] + layout.func_code] != i64[callee + CODE]:
            return 0
    return 1


@cold
def check_facts(state: int) -> None:
    """Check every fact against the namespaces as they are now. None holds without the reserve."""
    reserve()
    if i64[state + BOUND] == 0 or i64[data.reserve] == 0:
        return
    i64[state + EPOCH] = i64[data.epoch]
    i64[state + GLOBALS_VERSION] = version(i64[state + GLOBALS])
    i64[state + BUILTINS_VERSION] = version(i64[state + BUILTINS])
    info = i64[state + INFO]
    valid = 1
    for index in range(i64[info + INFO_FACTS]):
        if valid:
            valid = check_fact(state, i64[info + INFO_FACT_LIST] + index * FACT_BYTES)
    i64[state + VALID] = valid
    c.PyErr_Clear()


def name_object(fact: int, at: int) -> int:
    """The interned str for the C string at `at` of a fact."""
    if i64[fact + at + 8] == 0:
        i64[fact + at + 8] = new(c.PyUnicode_InternFromString(i64[fact + at]))
    return i64[fact + at + 8]


@inline
def is_attribute(kind: int) -> int:
    return kind in (ATTR, SAME_ATTR)


def check_fact(state: int, fact: int) -> int:
    kind = i64[fact]
    o = c.PyDict_GetItemWithError(i64[state + GLOBALS], name_object(fact, 8))
    if kind == BUILTIN and o:
        return 0
    if kind == BUILTIN or (kind == SAME and o == 0):
        o = c.PyDict_GetItemWithError(i64[state + BUILTINS], name_object(fact, 8))
    if o == 0:
        return 0
    if kind == MODULE and not watch(state, fact, o):
        return 0
    if is_attribute(kind):
        if class_of(o) != c.PyModule_Type:
            return 0
        o = c.PyDict_GetItemWithError(c.PyModule_GetDict(o), name_object(fact, 24))
        if o == 0:
            return 0
    return keep(state, fact, o)


def watch(state: int, fact: int, module: int) -> int:
    """Is it the module of that name? Then its namespace counts, too."""
    known = c.PyImport_GetModule(name_object(fact, 24))
    if known == 0:
        return 0
    decref(known)
    if known != module or class_of(module) != c.PyModule_Type:
        return 0
    watched = state + STATE_MODULE_LIST + i64[fact + 56] * 16
    i64[watched] = c.PyModule_GetDict(module)
    i64[watched + 8] = version(i64[watched])
    return 1


def keep(state: int, fact: int, o: int) -> int:
    """Is `o` what the fact says? Then it is the fact's object from now on."""
    place = i64[state + OBJECTS] + i64[fact + 40] * 8
    if i64[fact] == CURRENT:
        i64[place] = o
        return 1
    old = i64[place]
    if i64[fact] == CALLEE or old != o:
        if old and (i64[fact] == SAME or i64[fact] == SAME_ATTR):
            return 0
        if not is_as_said(fact, o):
            return 0
    if old != o:
        incref(o)
        i64[place] = o
        if old:
            decref(old)
    return 1


def is_as_said(fact: int, o: int) -> int:
    kind = i64[fact]
    if kind == CALLEE:
        callee = i64[fact + 48]
        return (
            i64[callee + BOUND]
            and i64[callee + FUNC] == o
            and i64[o + layout.func_code] == i64[callee + CODE]
        )
    if kind == BUILTIN:
        return is_own(o, i64[fact + 8], text("builtins"))
    if kind == VALUE or (kind == ATTR and i64[fact + 56]):
        return has_value(fact, o)
    if is_attribute(kind) or kind == IMPORT:
        return is_own(o, i64[fact + 24], i64[fact + 48])
    return 1


def is_own(o: int, name: int, module: int) -> int:
    """Is it a C function or static class of that name in that module?"""
    if class_of(o) == c.PyType_Type:
        static = not i64[o + TYPE_FLAGS] & HEAP_TYPE
        return static and c.strcmp(i64[o + TYPE_NAME], name) == 0
    if class_of(o) != c.PyCFunction_Type:
        return 0
    method = i64[o + layout.cfunction_method]
    of = i64[o + layout.cfunction_self + 8]
    if of == 0 or class_of(of) != c.PyUnicode_Type or c.strcmp(i64[method], name):
        return 0
    return c.PyUnicode_CompareWithASCIIString(of, module) == 0


def has_value(fact: int, o: int) -> int:
    """Is it equal to the constant, of the same classes throughout? Marshalled, they are the same
    bytes.
    """
    written = c.PyMarshal_WriteObjectToString(o, 2)
    if written == 0:
        c.PyErr_Clear()
        return 0
    size = i64[fact + 56]
    same = c.PyBytes_Size(written) == size
    if same:
        same = c.memcmp(c.PyBytes_AsString(written), i64[fact + 48], size) == 0
    decref(written)
    return same


# ---- attaching -----------------------------------------------------------------------------------


def fail(message: int) -> int:
    c.PyErr_SetString(i64[c.PyExc_RuntimeError], message)
    return 0


def bind(state: int, function: int) -> int:
    """Attach a function, whose code is merged code by now; NULL with RuntimeError if that cannot
    be.
    """
    if i64[data.refused]:
        return fail(i64[data.refused])
    if class_of(function) != c.PyFunction_Type:
        return fail(text("pyvorin: not a Python function"))
    names = i64[function + layout.func_globals]
    before = i64[state + GLOBALS]
    if before != 0 and before != names and i64[before] > 1:
        return fail(text("pyvorin: the function of another copy of this module is attached"))
    replace(state + GLOBALS, names)
    replace(state + BUILTINS, i64[function + layout.func_builtins])
    i64[data.globals] = names
    i64[data.builtins] = i64[function + layout.func_builtins]
    i64[state + FUNC] = function
    i64[state + CODE] = i64[function + layout.func_code]
    fill_objects(state)
    keep_defaults(state, function)
    keep_nones(state)
    give(state + CLOSURE, share(i64[function + layout.func_closure]))
    i64[state + VALID] = 0
    i64[state + BOUND] = 1
    i64[data.epoch] = i64[data.epoch] + 1
    attach_call(state, function)
    incref(c._Py_NoneStruct)
    return c._Py_NoneStruct


def replace(place: int, o: int) -> None:
    old = i64[place]
    incref(o)
    i64[place] = o
    if old:
        decref(old)


def keep_defaults(state: int, function: int) -> None:
    for which in range(2):
        o = i64[function + layout.func_defaults + which * 8]
        if o == 0:
            o = c._Py_NoneStruct
        replace(state + DEFAULTS + which * 8, o)
    if i64[function + layout.func_kwdefaults]:
        i64[state + KWDEFAULTS_VERSION] = version(i64[function + layout.func_kwdefaults])


def keep_nones(state: int) -> None:
    count = i32[i64[state + CODE] + layout.code_argcount]
    nones = new(c.PyTuple_New(count))
    for index in range(count):
        incref(c._Py_NoneStruct)
        i64[nones + layout.tuple_items + index * 8] = c._Py_NoneStruct
    give(state + NONES, nones)
    keywords = i64[i64[state + FUNC] + layout.func_kwdefaults]
    if keywords:
        keywords = new(c.PyDict_Copy(keywords))
    give(state + KEYWORDS, keywords)


def has_defaults(state: int) -> int:
    """Has the function still the defaults that it was bound with?"""
    function = i64[state + FUNC]
    defaults, keywords = (
        i64[function + layout.func_defaults],
        i64[function + layout.func_kwdefaults],
    )
    if defaults == 0:
        defaults = c._Py_NoneStruct
    if defaults != i64[state + DEFAULTS]:
        return 0
    if keywords == 0:
        return i64[state + KWDEFAULTS] == c._Py_NoneStruct
    same = keywords == i64[state + KWDEFAULTS]
    return same and version(keywords) == i64[state + KWDEFAULTS_VERSION]


def fill_objects(state: int) -> None:
    """Take the constants from the function's code; names are found when facts are checked."""
    info = i64[state + INFO]
    constants = i64[i64[state + CODE] + layout.code_consts]
    names = i64[i64[state + CODE] + layout.code_names]
    for index in range(i64[info + INFO_OBJECTS]):
        source = i64[info + INFO_SOURCES] + index * 16
        place = i64[state + OBJECTS] + index * 8
        if i64[source] == SOURCE_CONST:
            replace(place, i64[constants + layout.tuple_items + i64[source + 8] * 8])
        elif i64[source] == SOURCE_ITEM:
            packed = i64[source + 8]
            number = packed & ((1 << ITEM_SHIFT) - 1)
            whole = i64[constants + layout.tuple_items + number * 8]
            replace(place, i64[whole + layout.tuple_items + (packed >> ITEM_SHIFT) * 8])
        elif i64[source] == SOURCE_NAME:
            replace(place, i64[names + layout.tuple_items + i64[source + 8] * 8])
        elif i64[source] == SOURCE_SINGLETON:
            replace(place, i64[source + 8])


def attach_call(state: int, function: int) -> None:
    """Let calls come straight here (3.12 and later)."""
    entry = i64[i64[state + INFO] + INFO_VECTORCALL]
    present = i64[function + layout.func_vectorcall]
    if entry == 0 or present != entry:
        i64[data.plain_vectorcall] = present
    if layout.minor >= 12 and entry != 0 and present != entry:
        c.PyFunction_SetVectorcall(function, entry)


def unbind(state: int) -> int:
    i64[state + BOUND] = 0
    incref(c._Py_NoneStruct)
    return c._Py_NoneStruct


def stats(state: int) -> int:
    """A dict of the counters; `sites` is a list, one number a site of the function."""
    result = new(c.PyDict_New())
    put(result, text("entries"), box_i64(i64[state + ENTRIES]))
    put(result, text("resumes"), box_i64(i64[state + RESUMES]))
    put(result, text("osr"), box_i64(i64[state + OSR]))
    put(result, text("declines"), box_i64(i64[state + DECLINES]))
    info = i64[state + INFO]
    count = i64[info + INFO_SITES]
    sites = new(c.PyList_New(count))
    for index in range(count):
        hits = i64[data.site_counts + (i64[info + INFO_FIRST_SITE] + index) * 8]
        i64[i64[sites + layout.list_items] + index * 8] = box_i64(hits)
    put(result, text("sites"), sites)
    return result


def put(dictionary: int, name: int, value: int) -> None:
    c.PyDict_SetItemString(dictionary, name, value)
    decref(value)
