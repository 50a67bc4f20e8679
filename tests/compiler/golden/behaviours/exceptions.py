"""Exceptions from native frames: handlers in callers, context, re-raise, frames of the traceback."""

import sys


def check(x):
    if x < 0:
        raise ValueError("negative", x)
    assert x != 7, "seven"
    return 100 // x


def several(xs):
    total = 0
    for x in xs:
        total += check(x)
    return total


def names(tb):  # pyvorin: skip
    found = []
    while tb is not None:
        found.append((tb.tb_frame.f_code.co_name, tb.tb_lineno, dict(tb.tb_frame.f_locals).get("total")))
        tb = tb.tb_next
    return found


def scenario():  # pyvorin: skip
    for xs in ([1, 2], [5, -1], [5, 0], [5, 7], [5, "x"], [1, 2.5], 3):
        try:
            print(several(xs))
        except Exception as error:
            print(repr(error), names(error.__traceback__), repr(error.__context__))
    try:
        try:
            several([0])
        except ZeroDivisionError:
            several([-2])
    except ValueError as error:
        print(repr(error), repr(error.__context__))
    print(sys.exc_info())
    print(several([1, 2]))
