"""Numbers between Python objects and machine values, and the arithmetic that CPython does itself.

`read_*` put the value of an object at an address and answer 1, or answer 0 when the object is not
exactly of the class or does not fit. `box_*` make a new reference; without memory for a few bytes
the process ends, as native code cannot raise. `num_*` let CPython compute; 0 (or -1) says that it
raised, and the error is dropped: the caller leaves native code, and the bytecode raises it again.
"""

from __future__ import annotations

from pyvorin.backend.support.ints import make_i64, make_i128, new_float
from pyvorin.backend.support.language import (
    c,
    copysign,
    f64,
    fabs,
    i64,
    inline,
    layout,
    reads,
    u8,
    u16,
    u32,
)
from pyvorin.backend.support.memory import relieve

# Representations, numbered as in `backend.sites.REPS`.
OBJ, I64, I128, F64, I1, CHAR = range(6)
SIGN_BIT = -(1 << 63)
ERANGE = 34
INFINITY = float("inf")


@inline
def class_of(o: int) -> int:
    return i64[o + 8]


@inline
def digits(o: int) -> int:
    """How many 30-bit digits an int has."""
    if layout.minor >= 12:
        return i64[o + layout.long_tag] >> 3
    size = i64[o + layout.long_tag]
    if size < 0:
        return -size
    return size


@inline
def is_negative(o: int) -> int:
    if layout.minor >= 12:
        return (i64[o + layout.long_tag] & 3) == 2
    return i64[o + layout.long_tag] < 0


@inline
def digit(o: int, index: int, count: int) -> int:
    if index < count:
        return u32[o + layout.long_digits + index * 4]
    return 0


def read_i64(o: int, at: int) -> int:
    if class_of(o) != c.PyLong_Type:
        return 0
    count = digits(o)
    if count > 3:
        return 0
    top = digit(o, 2, count)
    magnitude = digit(o, 0, count) | digit(o, 1, count) << 30 | top << 60
    if is_negative(o):
        i64[at] = -magnitude
        return top < 8 or (top == 8 and magnitude == SIGN_BIT)
    i64[at] = magnitude
    return top < 8


def read_i128(o: int, at: int) -> int:
    if class_of(o) != c.PyLong_Type:
        return 0
    count = digits(o)
    if count > 5:
        return 0
    middle, top = digit(o, 2, count), digit(o, 4, count)
    low = digit(o, 0, count) | digit(o, 1, count) << 30 | middle << 60
    high = middle >> 4 | digit(o, 3, count) << 26 | top << 56
    fits = top < 128
    if is_negative(o):
        fits = fits or (top == 128 and high == SIGN_BIT and low == 0)
        low = -low
        high = ~high
        if low == 0:
            high = high + 1
    i64[at] = low
    i64[at + 8] = high
    return fits


@inline
def read_f64(o: int, at: int) -> int:
    f64[at] = f64[o + layout.float_value]
    return class_of(o) == c.PyFloat_Type


@inline
def read_i1(o: int, at: int) -> int:
    i64[at] = o == c._Py_TrueStruct
    return o == c._Py_TrueStruct or o == c._Py_FalseStruct


@reads
def character(o: int, index: int) -> int:
    """The code point at an index that is in range."""
    state = u32[o + layout.str_state]
    start = o + layout.str_compact
    if state & 1 << 6:
        start = o + layout.str_ascii
    elif not state & 1 << 5:
        start = i64[o + layout.str_compact]
    kind = state >> 2 & 7
    if kind == 1:
        return u8[start + index]
    if kind == 2:
        return u16[start + index * 2]
    return u32[start + index * 4]


def read_char(o: int, at: int) -> int:
    if class_of(o) != c.PyUnicode_Type:
        return 0
    if i64[o + layout.str_length] != 1:
        return 0
    i64[at] = character(o, 0)
    return 1


def read_value(rep: int, o: int, at: int) -> int:
    """Read an object in a representation; an object itself is borrowed."""
    if rep == OBJ:
        i64[at] = o
        return 1
    if rep == I64:
        return read_i64(o, at)
    if rep == I128:
        return read_i128(o, at)
    if rep == F64:
        return read_f64(o, at)
    if rep == I1:
        return read_i1(o, at)
    return read_char(o, at)


@inline
def new(o: int) -> int:
    """Check an allocation that cannot be done without."""
    if o == 0:
        c.Py_FatalError("pyvorin: out of memory in native code")
    return o


@inline
def incref(o: int) -> None:
    count = i64[o]
    if layout.immortal:
        if not count & 1 << 31:
            i64[o] = count + 1
    else:
        i64[o] = count + 1


@inline
def decref(o: int) -> None:
    """Drop a reference, in code from which Python code may run."""
    count = i64[o]
    if layout.immortal and count & 1 << 31:
        return
    i64[o] = count - 1
    if count == 1:
        c._Py_Dealloc(o)


def box_i64(value: int) -> int:
    return make_i64(value)


def box_f64(value: float) -> int:
    return new_float(value)


def box_i128(at: int) -> int:
    """`at`: the address of the 16 bytes."""
    return make_i128(i64[at], i64[at + 8])


def box_char(value: int) -> int:
    o = c.PyUnicode_FromOrdinal(value)
    if o == 0:
        relieve()
        o = new(c.PyUnicode_FromOrdinal(value))
    return o


def box_i1(value: int) -> int:
    o = c._Py_FalseStruct
    if value & 1:
        o = c._Py_TrueStruct
    incref(o)
    return o


def box_value(rep: int, at: int) -> int:
    """A new reference for the value at an address."""
    if rep == OBJ:
        incref(i64[at])
        return i64[at]
    if rep == I64:
        return box_i64(i64[at])
    if rep == I128:
        return box_i128(at)
    if rep == F64:
        return box_f64(f64[at])
    if rep == I1:
        return box_i1(i64[at])
    return box_char(i64[at])


# ---- what runs no Python code --------------------------------------------------------------------


@inline
def is_number(o: int) -> int:
    kind = class_of(o)
    real = kind == c.PyLong_Type or kind == c.PyFloat_Type or kind == c.PyBool_Type
    return real or kind == c.PyComplex_Type


@inline
def is_scalar(o: int) -> int:
    return is_number(o) or class_of(o) == c.PyUnicode_Type or o == c._Py_NoneStruct


@inline
def hold_collector() -> int:
    """Keep 3.11 from collecting garbage, and so running Python code, when something is allocated;
    what `free_collector` must be given. Later minors only ask for it.
    """
    if layout.minor < 12:
        return c.PyGC_Disable()
    return 0


@inline
def free_collector(held: int) -> None:
    if layout.minor < 12 and held:
        c.PyGC_Enable()


def new_tuple(items: int, count: int) -> int:
    """A tuple of `count` objects."""
    held = hold_collector()
    result = c.PyTuple_New(count)
    if result == 0:
        relieve()
        result = new(c.PyTuple_New(count))
    free_collector(held)
    for index in range(count):
        item = i64[items + index * 8]
        incref(item)
        i64[result + layout.tuple_items + index * 8] = item
    return result


# ---- floats: Objects/floatobject.c ---------------------------------------------------------------


def float_mod(x: float, y: float) -> float:
    """float_rem, for y != 0."""
    mod = c.fmod(x, y)
    if mod != 0.0:
        if (y < 0.0) != (mod < 0.0):
            mod = mod + y
        return mod
    return copysign(0.0, y)


def float_floordiv(x: float, y: float) -> float:
    """_float_div_mod, for y != 0."""
    mod = c.fmod(x, y)
    div = (x - mod) / y
    if mod != 0.0 and (y < 0.0) != (mod < 0.0):
        div = div - 1.0
    if div == 0.0:
        return copysign(0.0, x / y)
    floordiv = c.floor(div)
    if div - floordiv > 0.5:
        floordiv = floordiv + 1.0
    return floordiv


@inline
def is_finite(x: float) -> int:
    return x - x == 0.0


@inline
def is_odd(x: float) -> int:
    return c.fmod(fabs(x), 2.0) == 1.0


def power_of_special(x: float, y: float) -> float:
    """float_pow where one of the two is not finite and y != 0."""
    if x != x:
        return x
    if y != y:
        if x == 1.0:
            return 1.0
        return y
    if not is_finite(y):
        if fabs(x) == 1.0:
            return 1.0
        if (y > 0.0) == (fabs(x) > 1.0):
            return fabs(y)
        return 0.0
    odd = is_odd(y)
    if y > 0.0:
        if odd:
            return x
        return fabs(x)
    if odd:
        return copysign(0.0, x)
    return 0.0


def float_pow(x: float, y: float, at: int) -> int:
    """Put x ** y at an address; 0 where float_pow raises or answers a complex."""
    if y == 0.0:
        f64[at] = 1.0
        return 1
    if not is_finite(x) or not is_finite(y):
        f64[at] = power_of_special(x, y)
        return 1
    odd = x <= 0.0 and y != 2.0 and is_odd(y)  # it is asked for no other x
    if x == 0.0:
        f64[at] = 0.0
        if odd:
            f64[at] = x
        return y > 0.0
    if x < 0.0 and y != c.floor(y):
        return 0
    negate = x < 0.0 and odd
    base = fabs(x)
    result = 1.0
    if base != 1.0:
        errno = c.__errno_location()
        u32[errno] = 0
        result = c.pow(base, y)
        error = u32[errno]
        if error == 0 and fabs(result) == INFINITY:
            return 0
        if error != 0 and not (error == ERANGE and result == 0.0):
            return 0
    if negate:
        result = -result
    f64[at] = result
    return 1
