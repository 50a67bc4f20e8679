"""No leak: reference counts of arguments, results and constants are where they were after many calls."""

import gc
import sys


def total(xs):
    s = 0
    for x in xs:
        s += x
    return s


def first(xs, i):
    return xs[i]


def swap(xs, i, j):
    xs[i], xs[j] = xs[j], xs[i]
    return xs[i]


def choose(a, b, flag):
    return a if flag else b


def scenario():  # pyvorin: skip
    big, real, items = 10**40, 2.5e300, [1, 2, 3]
    mixed = [big, real, items]
    subjects = [big, real, items, mixed, None, True, 12345678901234567890]
    gc.collect()
    before = [sys.getrefcount(subject) for subject in subjects]
    for i in range(2000):
        total(items)
        first(mixed, i % 3)
        swap(mixed, 0, 2)
        choose(big, real, i % 2)
        try:
            total(mixed)
        except TypeError:
            pass
        try:
            first(mixed, 99)
        except IndexError:
            pass
    gc.collect()
    after = [sys.getrefcount(subject) for subject in subjects]
    print([abs(one - other) < 50 for one, other in zip(before, after)])
