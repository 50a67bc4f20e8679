"""Ints as CPython keeps them, 30 bits a digit: arithmetic without asking it, and spare objects.

A result is computed on the C stack and copied into an object of exactly its size, so that objects
that native code lets go serve the next result: `data.spare` has, for each number of digits, a
list of free objects (linked through the word of the reference count) and its length. The list of 0
digits is of floats. Small ints are CPython's own, so `is` answers as always.

0 for a result says that these routines do not handle the case: CPython does.
"""

from __future__ import annotations

from pyvorin.backend.support.language import (
    apart,
    below,
    c,
    cold,
    data,
    f64,
    i64,
    inline,
    layout,
    room,
    u32,
)
from pyvorin.backend.support.memory import relieve

BITS, MASK = 30, (1 << 30) - 1
LEAST_SMALL, MOST_SMALL, SMALL_BYTES = -5, 256, 32  # CPython's table of small ints
SPARE_DIGITS, MOST_SPARE = 20, 32  # the largest ints that are kept, and how many of each size
SPARE_BYTES = 16 * (SPARE_DIGITS + 1)
ROOM = 160  # bytes of a result on the stack
MOST_DIGITS = ROOM // 4


@inline
def size_of(o: int) -> int:
    """How many digits."""
    if layout.long_words:
        return i64[o + layout.long_tag] >> 3
    size = i64[o + layout.long_tag]
    if size < 0:
        return -size
    return size


@inline
def negative(o: int) -> int:
    if layout.long_words:
        return i64[o + layout.long_tag] >> 1 & 1
    return i64[o + layout.long_tag] < 0


@inline
def set_size(o: int, count: int, minus: int) -> None:
    if layout.long_words:
        i64[o + layout.long_tag] = count << 3 | minus << 1
    elif minus:
        i64[o + layout.long_tag] = -count
    else:
        i64[o + layout.long_tag] = count


@inline
def compact(o: int) -> int:
    """The value of an int of at most one digit."""
    if size_of(o) == 0:
        return 0
    if negative(o):
        return -u32[o + layout.long_digits]
    return u32[o + layout.long_digits]


@inline
def is_int(o: int) -> int:
    return i64[o + 8] == c.PyLong_Type


# ---- spare objects -------------------------------------------------------------------------------


@inline
def spare(place: int) -> int:
    """A free object of the list at an address, or 0."""
    o = i64[place]
    if o:
        i64[place] = i64[o]
        i64[place + 8] = i64[place + 8] - 1
        i64[o] = 1
    return o


@inline
def keep_at(place: int, o: int) -> int:
    """Keep an object that has no references, if there is room."""
    if i64[place + 8] >= MOST_SPARE:
        return 0
    i64[o] = i64[place]
    i64[place] = o
    i64[place + 8] = i64[place + 8] + 1
    return 1


def keep_spare(o: int) -> int:
    """The reference count of `o` has become 0: is it an int or float that is kept?"""
    kind = i64[o + 8]
    if kind == c.PyFloat_Type:
        return keep_at(data.spare, o)
    if kind != c.PyLong_Type:
        return 0
    count = size_of(o)
    if count > SPARE_DIGITS or count == 0:
        return 0
    return keep_at(data.spare + count * 16, o)


@inline
def checked(o: int) -> int:
    if o == 0:
        c.Py_FatalError("pyvorin: out of memory in native code")
    return o


@inline
def new_int(count: int) -> int:
    """An int of so many digits, which the caller sets."""
    o = 0
    if count <= SPARE_DIGITS:
        o = spare(data.spare + count * 16)
    if o == 0:
        o = c._PyLong_New(count)
        if o == 0:
            o = int_after_all(count)
    return o


@cold
def int_after_all(count: int) -> int:
    relieve()
    return checked(c._PyLong_New(count))


def new_float(value: float) -> int:
    o = spare(data.spare)
    if o == 0:
        o = c.PyFloat_FromDouble(value)
        if o == 0:
            relieve()
            o = checked(c.PyFloat_FromDouble(value))
    f64[o + layout.float_value] = value
    return o


# ---- making ints ---------------------------------------------------------------------------------


def find_small() -> None:
    """Once a process: where CPython's small ints are, if they are a table as expected."""
    first = c.PyLong_FromLongLong(LEAST_SMALL)
    for value in range(LEAST_SMALL, MOST_SMALL + 1):
        o = c.PyLong_FromLongLong(value)
        if o != first + (value - LEAST_SMALL) * SMALL_BYTES:
            return
    i64[data.small] = first


@inline
def small(value: int) -> int:
    """A small int."""
    if i64[data.small] == 0:
        return checked(c.PyLong_FromLongLong(value))
    o = i64[data.small] + (value - LEAST_SMALL) * SMALL_BYTES
    if not layout.immortal:
        i64[o] = i64[o] + 1
    return o


def make_i64(value: int) -> int:
    """An int object."""
    if not below(MOST_SMALL - LEAST_SMALL, value - LEAST_SMALL):
        return small(value)
    if below(2 * MASK, value + MASK):
        return make_digits(value)
    o = spare(data.spare + 16)
    if o == 0:
        return make_digits(value)
    set_digit(o, value)
    return o


@inline
def set_digit(o: int, value: int) -> None:
    """Make an int of one digit, which is not 0."""
    minus = value < 0
    if minus:
        value = -value
    set_size(o, 1, minus)
    u32[o + layout.long_digits] = value


@apart
def make_digits(value: int) -> int:
    """An int object of one digit, or of two or three."""
    if not below(2 * MASK, value + MASK):
        o = new_int(1)
        set_digit(o, value)
        return o
    minus = value < 0
    if minus:
        value = -value
    middle, top = value >> BITS & MASK, value >> 2 * BITS & 15
    count = 2
    if top:
        count = 3
    o = new_int(count)
    set_size(o, count, minus)
    u32[o + layout.long_digits] = value & MASK
    u32[o + layout.long_digits + 4] = middle
    if top:
        u32[o + layout.long_digits + 8] = top
    return o


def make(at: int, count: int, minus: int) -> int:
    """The int of digits at an address; those at the top may be 0."""
    while count > 0 and u32[at + count * 4 - 4] == 0:
        count = count - 1
    if count <= 1:
        value = 0
        if count:
            value = u32[at]
        if minus:
            value = -value
        return make_i64(value)
    o = new_int(count)
    set_size(o, count, minus)
    for index in range(count):
        u32[o + layout.long_digits + index * 4] = u32[at + index * 4]
    return o


def make_i128(low: int, high: int) -> int:
    if high == low >> 63:
        return make_i64(low)
    minus = high < 0
    if minus:
        low = -low
        high = ~high
        if low == 0:
            high = high + 1
    at = room(ROOM)
    u32[at] = low & MASK
    u32[at + 4] = low >> BITS & MASK
    u32[at + 8] = low >> 2 * BITS & 15 | (high & (1 << 26) - 1) << 4
    u32[at + 12] = high >> 26 & MASK
    u32[at + 16] = high >> 56 & 255
    return make(at, 5, minus)


# ---- arithmetic on digits ------------------------------------------------------------------------


def sum_of_sizes(a: int, b: int, minus: int) -> int:
    """The int of two magnitudes added."""
    count, least = size_of(a), size_of(b)
    if count < least:
        a, b = b, a
        count, least = least, count
    if count >= MOST_DIGITS:
        return 0
    at = room(ROOM)
    a, b = a + layout.long_digits, b + layout.long_digits
    carry = 0
    for index in range(least):
        carry = carry + u32[a + index * 4] + u32[b + index * 4]
        u32[at + index * 4] = carry & MASK
        carry = carry >> BITS
    for index in range(least, count):
        carry = carry + u32[a + index * 4]
        u32[at + index * 4] = carry & MASK
        carry = carry >> BITS
    u32[at + count * 4] = carry
    return make(at, count + 1, minus)


def order_of_sizes(a: int, b: int) -> int:
    """-1, 0, 1: how two magnitudes compare."""
    count, other = size_of(a), size_of(b)
    if count != other:
        return (count > other) - (count < other)
    at = count * 4 - 4 + layout.long_digits
    while at >= layout.long_digits:
        x, y = u32[a + at], u32[b + at]
        if x != y:
            return (x > y) - (x < y)
        at = at - 4
    return 0


def difference_of_sizes(a: int, b: int, minus: int) -> int:
    """The int of one magnitude less another; `minus` negates it."""
    order = order_of_sizes(a, b)
    if order == 0:
        return make_i64(0)
    if order < 0:
        a, b = b, a
        minus = not minus
    count, least = size_of(a), size_of(b)
    if count > MOST_DIGITS:
        return 0
    at = room(ROOM)
    a, b = a + layout.long_digits, b + layout.long_digits
    borrow = 0
    for index in range(least):
        borrow = u32[a + index * 4] - u32[b + index * 4] + borrow
        u32[at + index * 4] = borrow & MASK
        borrow = borrow >> BITS
    for index in range(least, count):
        borrow = u32[a + index * 4] + borrow
        u32[at + index * 4] = borrow & MASK
        borrow = borrow >> BITS
    return make(at, count, minus)


def int_add(a: int, b: int) -> int:
    if size_of(a) <= 1 and size_of(b) <= 1:
        return make_i64(compact(a) + compact(b))
    if negative(a) == negative(b):
        return sum_of_sizes(a, b, negative(a))
    return difference_of_sizes(a, b, negative(a))


def int_subtract(a: int, b: int) -> int:
    if size_of(a) <= 1 and size_of(b) <= 1:
        return make_i64(compact(a) - compact(b))
    if negative(a) != negative(b):
        return sum_of_sizes(a, b, negative(a))
    return difference_of_sizes(a, b, negative(a))


def int_multiply(a: int, b: int) -> int:
    if size_of(a) <= 1 and size_of(b) <= 1:
        return make_i64(compact(a) * compact(b))
    count, other = size_of(a), size_of(b)
    if count + other > MOST_DIGITS:
        return 0
    if count == 0 or other == 0:
        return make_i64(0)
    minus = negative(a) ^ negative(b)
    at = room(ROOM)
    a, b = a + layout.long_digits, b + layout.long_digits
    for index in range(count):
        u32[at + index * 4] = 0
    for place in range(other):
        factor = u32[b + place * 4]
        row = at + place * 4
        carry = 0
        for index in range(count):
            carry = carry + u32[row + index * 4] + u32[a + index * 4] * factor
            u32[row + index * 4] = carry & MASK
            carry = carry >> BITS
        u32[row + count * 4] = carry
    return make(at, count + other, minus)


def int_and(a: int, b: int) -> int:
    """Of ints that are not negative."""
    if negative(a) or negative(b):
        return 0
    count = size_of(a)
    if size_of(b) < count:
        count = size_of(b)
    if count > MOST_DIGITS:
        return 0
    at = room(ROOM)
    for index in range(count):
        place = layout.long_digits + index * 4
        u32[at + index * 4] = u32[a + place] & u32[b + place]
    return make(at, count, 0)


def int_shift_right(a: int, b: int) -> int:
    """Of an int that is not negative, by a distance of one digit that is not negative."""
    if negative(a) or negative(b) or size_of(b) > 1:
        return 0
    by = compact(b)
    words, bits = by // BITS, by % BITS
    count = size_of(a) - words
    if count <= 0:
        return make_i64(0)
    if count > MOST_DIGITS:
        return 0
    at = room(ROOM)
    a = a + layout.long_digits + words * 4
    for index in range(count):
        following = 0
        if index + 1 < count:
            following = u32[a + index * 4 + 4]
        u32[at + index * 4] = (u32[a + index * 4] | following << BITS) >> bits & MASK
    return make(at, count, 0)


def int_shift_left(a: int, b: int) -> int:
    """By a distance of one digit that is not negative."""
    if negative(b) or size_of(b) > 1:
        return 0
    by = compact(b)
    words, bits = by // BITS, by % BITS
    count = size_of(a)
    if count + words + 1 > MOST_DIGITS:
        return 0
    at = room(ROOM)
    for index in range(words):
        u32[at + index * 4] = 0
    carry = 0
    for index in range(count):
        carry = carry | u32[a + layout.long_digits + index * 4] << bits
        u32[at + (words + index) * 4] = carry & MASK
        carry = carry >> BITS
    u32[at + (words + count) * 4] = carry
    return make(at, words + count + 1, negative(a))


def int_compare(a: int, b: int) -> int:
    """-1, 0, 1."""
    if negative(a) != negative(b):
        return negative(b) - negative(a)
    order = order_of_sizes(a, b)
    if negative(a):
        return -order
    return order


def holds_order(order: int, op: int) -> int:
    """Does -1, 0 or 1 answer a comparison with yes? Numbered as CPython does."""
    if op == 0:
        return order < 0
    if op == 1:
        return order <= 0
    if op == 2:
        return order == 0
    if op == 3:
        return order != 0
    if op == 4:
        return order > 0
    return order >= 0
