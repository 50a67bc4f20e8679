"""What happens when the artifact is imported, and the Python objects it offers: hooks, builtins,
META.
"""

from __future__ import annotations

from pyvorin.backend.support.assume import bind, stats, unbind
from pyvorin.backend.support.enter import HOOK_PAUSE, HOOK_SKIP, enter_loop
from pyvorin.backend.support.frames import current_frame, python_frame, share, take
from pyvorin.backend.support.ints import find_small
from pyvorin.backend.support.language import address, c, data, f64, i32, i64, layout, text
from pyvorin.backend.support.memory import reserve
from pyvorin.backend.support.numbers import box_i64, class_of, decref, new

# The table of functions: state | entry function | number of loop headers.
FUNCTION_STATE, FUNCTION_ENTER, FUNCTION_HEADERS, FUNCTION_BYTES = 0, 8, 16, 24
NONE_CLASS = 6  # its place in data.classes


def run_module(module: int) -> int:
    """The Py_mod_exec slot: 0, or -1 with an error."""
    if c.PyInterpreterState_Get() != c.PyInterpreterState_Main():
        c.PyErr_SetString(
            i64[c.PyExc_ImportError], "pyvorin: native code runs in the main interpreter only"
        )
        return -1
    if i64[data.unbound] == 0:
        prepare()
    if c.PyErr_Occurred():
        return -1
    publish(module, text("unbound"), share(i64[data.unbound]))
    publish(module, text("META"), c.PyBytes_FromStringAndSize(data.meta, i64[data.meta_size]))
    publish(module, text("native"), all_functions())
    if c.PyErr_Occurred():
        return -1
    return run_body_of(module)


def publish(module: int, name: int, value: int) -> None:
    """Set an attribute; takes the reference."""
    if value:
        c.PyModule_AddObjectRef(module, name, value)
        decref(value)


def prepare() -> None:
    """Once a process: the objects all functions share, and whether native code may be attached at
    all.
    """
    find_small()
    reserve()
    i64[data.unbound] = c.PyObject_CallNoArgs(c.PyBaseObject_Type)
    i64[data.hook_class] = c.PyType_FromSpec(data.hook_spec)
    i64[data.str_iter] = class_of_iterator(c.PyUnicode_FromOrdinal(233))
    i64[data.ascii_iter] = class_of_iterator(c.PyUnicode_FromOrdinal(97))
    i64[data.classes + NONE_CLASS * 8] = class_of(c._Py_NoneStruct)
    i64[data.refused] = wrong_layout()
    prepare_force()


def class_of_iterator(text: int) -> int:
    iterator = new(c.PyObject_GetIter(text))
    result = class_of(iterator)
    decref(iterator)
    decref(text)
    return result


# ---- is this interpreter laid out as the table says? ---------------------------------------------


def wrong_layout() -> int:
    """A message, or 0."""
    if i64[c.Py_Version] >> 16 & 0xFFFF != 0x300 + layout.minor:
        return text("pyvorin: built for another version of Python")
    if wrong_objects():
        return text("pyvorin: this interpreter's objects are laid out in another way")
    if wrong_thread(c.PyThreadState_Get()):
        return text("pyvorin: this interpreter's threads are laid out in another way")
    return 0


def wrong_objects() -> int:
    number = c.PyLong_FromLongLong(7 << 30 | 5)
    wrong = i32[number + layout.long_digits] != 5 or i32[number + layout.long_digits + 4] != 7
    if layout.minor >= 12:
        wrong = wrong or i64[number + layout.long_tag] != 16
    else:
        wrong = wrong or i64[number + layout.long_tag] != 2
    real = c.PyFloat_FromDouble(1.25)
    wrong = wrong or f64[real + layout.float_value] != 1.25
    items, pair = c.PyList_New(0), c.PyTuple_New(2)
    c.PyList_Append(items, number)
    wrong = wrong or i64[items + layout.list_size] != 1 or i64[pair + layout.tuple_size] != 2
    wrong = wrong or i64[i64[items + layout.list_items]] != number
    names = c.PyDict_New()
    before = i64[names + layout.dict_version]
    c.PyDict_SetItemString(names, "a", number)
    wrong = wrong or i64[names + layout.dict_version] == before
    decref(names)
    decref(pair)
    decref(items)
    decref(real)
    decref(number)
    return wrong


def wrong_thread(thread: int) -> int:
    interpreter = i64[thread + layout.thread_interpreter]
    if interpreter != c.PyInterpreterState_Get():
        return 1
    limit = i32[thread + layout.thread_recursion_limit]
    left = i32[thread + layout.thread_recursion]
    if limit != c.Py_GetRecursionLimit() or left < 0 or left > limit:
        return 1
    counts = layout.thread_c_recursion >= 0
    if counts and i32[thread + layout.thread_c_recursion] > layout.c_recursion_limit:
        return 1
    return wrong_frame(thread) or wrong_breaker(thread, interpreter)


def wrong_frame(thread: int) -> int:
    known = c.PyEval_GetFrame()
    if known == 0:
        return 0
    frame = python_frame(current_frame(thread))
    if i64[known + layout.frame_object_frame] != frame:
        return 1
    code = c.PyFrame_GetCode(known)
    decref(code)
    if i64[frame + layout.frame_code] != code:
        return 1
    return i64[frame + layout.frame_globals] != c.PyEval_GetGlobals()


def wrong_breaker(thread: int, interpreter: int) -> int:
    """Ask for a pending call that does nothing; in the main thread the breaker says so at once."""
    if c.gettid() != c.getpid():
        return 0
    at = interpreter + layout.breaker
    if layout.breaker_in_thread:
        at = thread + layout.breaker
    if c.Py_AddPendingCall(c.PyErr_Occurred, 0) != 0:
        return 0
    return i32[at] & 0xFF == 0


# ---- the objects of each function ----------------------------------------------------------------


def all_functions() -> int:
    """A tuple, for each function: (entry, (a hook for each loop header…), take, bind, unbind,
    stats).
    """
    count = i64[data.function_count]
    result = new(c.PyTuple_New(count))
    for index in range(count):
        item = one_function(data.functions + index * FUNCTION_BYTES)
        i64[result + layout.tuple_items + index * 8] = item
    return result


def one_function(at: int) -> int:
    state, headers = i64[at + FUNCTION_STATE], i64[at + FUNCTION_HEADERS]
    loops = new(c.PyTuple_New(headers))
    for index in range(headers):
        i64[loops + layout.tuple_items + index * 8] = hook(address(enter_loop), state, index)
    result = new(c.PyTuple_New(6))
    items = result + layout.tuple_items
    i64[items] = hook(i64[at + FUNCTION_ENTER], state, 0)
    i64[items + 8] = loops
    i64[items + 16] = hook(address(take), state, 0)
    i64[items + 24] = builtin(data.bind_method, state)
    i64[items + 32] = builtin(data.unbind_method, state)
    i64[items + 40] = builtin(data.stats_method, state)
    return result


def hook(function: int, state: int, number: int) -> int:
    o = new(c._PyObject_New(i64[data.hook_class]))
    i64[o + 16] = function
    i64[o + 24] = state
    i64[o + 32] = number
    i64[o + HOOK_SKIP] = 0
    i64[o + HOOK_PAUSE] = 0
    return o


def builtin(method: int, state: int) -> int:
    """A C function that finds the state in its `self`, an int."""
    number = box_i64(state)
    result = new(c.PyCFunction_NewEx(method, number, 0))
    decref(number)
    return result


def bind_method(self: int, function: int) -> int:
    return bind(c.PyLong_AsLongLong(self), function)


def unbind_method(self: int, _: int) -> int:
    return unbind(c.PyLong_AsLongLong(self))


def stats_method(self: int, _: int) -> int:
    return stats(c.PyLong_AsLongLong(self))


# ---- a module of its own -------------------------------------------------------------------------


def run_body_of(module: int) -> int:
    """Standalone: run the module's own code in it, as `backend.starter` prepares it.

    Not for a loader that only attaches: it sets `__attach_only__` in the module before executing
    it.
    """
    if i64[data.starter_size] == 0:
        return 0
    names = c.PyModule_GetDict(module)
    if c.PyDict_GetItemString(names, "__attach_only__"):
        return 0
    code = prepared_code(module)
    if code == 0:
        return -1
    c.PyDict_SetItemString(names, "__builtins__", c.PyEval_GetBuiltins())
    result = c.PyEval_EvalCode(code, names, names)
    decref(code)
    if result == 0:
        return -1
    decref(result)
    return 0


def prepared_code(module: int) -> int:
    code = c.PyMarshal_ReadObjectFromString(data.starter, i64[data.starter_size])
    if code == 0:
        return 0
    names = new(c.PyDict_New())
    c.PyDict_SetItemString(names, "__builtins__", c.PyEval_GetBuiltins())
    result = c.PyEval_EvalCode(code, names, names)
    decref(code)
    if result:
        decref(result)
        result = c.PyObject_CallOneArg(c.PyDict_GetItemString(names, "start"), module)
    decref(names)
    return result


# ---- PYVORIN_FORCE -------------------------------------------------------------------------------


def prepare_force() -> None:
    """`site:K`, `every:N`, `once` or `keep`; with any of them no body is given up for leaving too
    often.
    """
    text = c.getenv("PYVORIN_FORCE")
    if text == 0:
        return
    if c.strncmp(text, "site:", 5) == 0:
        i64[data.force_kind] = 1
        i64[data.force_number] = c.strtoll(text + 5, 0, 10)
    elif c.strncmp(text, "every:", 6) == 0:
        i64[data.force_kind] = 2
        i64[data.force_number] = c.strtoll(text + 6, 0, 10)
    elif c.strcmp(text, "once") == 0:
        i64[data.force_kind] = 3
    elif c.strcmp(text, "keep") == 0:
        i64[data.force_kind] = 4


def forced(site: int) -> int:
    """Is this site to leave now, because PYVORIN_FORCE wants it?"""
    kind = i64[data.force_kind]
    if kind == 0 or kind == 4:
        return 0
    if kind == 1:
        return site == i64[data.force_number]
    if kind == 2:
        i64[data.force_count] = i64[data.force_count] + 1
        if i64[data.force_count] < i64[data.force_number]:
            return 0
        i64[data.force_count] = 0
        return 1
    return i64[data.site_counts + site * 8] == 0
