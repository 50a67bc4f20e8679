"""Loops behind what only the interpreter does: lambdas, `with`, print, unknown functions, handlers.

The first calls are those that the recorder sees; later ones bring other classes to the same loops.
"""

import math
import sys
import traceback


class Gate:
    def __enter__(self):
        return 3

    def __exit__(self, kind, error, trace):
        return kind is ValueError


def opaque(value, *rest):
    return value


def pivoted(matrix):
    n = len(matrix)
    a = [row[:] for row in matrix]
    for k in range(n):
        p = max(range(k, n), key=lambda i: abs(a[i][k]))
        a[k], a[p] = a[p], a[k]
        for i in range(k + 1, n):
            factor = a[i][k] / a[k][k]
            for j in range(k + 1, n):
                a[i][j] -= factor * a[k][j]
    return a


def iterators(n, items):
    total = opaque(0)
    for i in range(n):
        total += i
    print(total)
    for i in range(n, 0, -3):
        total += i
    print(total)
    for i, item in enumerate(items):
        total += i * item
    print(total)
    for item, i in zip(items, range(n)):  # noqa: B905
        total -= i * item
    print(total)
    for item in reversed(items):
        total += item
    print(total)
    while n > 0:
        n -= 1
        total -= n
    return total


def in_context(n, items):
    with Gate() as three:
        best = None
        for i in range(n):
            if best is None or items[i] > best:
                best = items[i]
        raise ValueError
    try:
        best = 10 // (three - n)
    except ZeroDivisionError as error:
        fallen = str(error)
    for i in range(n):
        best += i
    return best if n != 3 else (best, fallen)


def found_later(n):
    """A local that only the unknown call binds, and one that changes its class there."""
    last = None
    total = 0
    for i in range(n):
        total += i
        if i % 4 == 0:
            value = opaque(i * 1.5)
            last = opaque(value)
    return total, last, value


def not_always_bound(n, flag):
    print(flag)
    if flag:
        late = n
    a = n * 2
    return a + late


def in_handler(items):
    total = 0
    try:
        total = items[9]
    except IndexError:
        for item in items:
            total += item
    for item in items:
        total += item
    return total


def through_aliases(n, chosen):
    root, size, twice = math.sqrt, len, double
    total = 0.0
    print(n)
    for i in range(n):
        total += root(i) + twice(i) + size("abc")
    if n % 2:
        root = chosen
    print(total)
    while n > 0:
        n -= 1
        total += root(n)
    return total


def double(x):
    return x + x


def negated(x):
    return -x


def raised_inside(items):
    total = opaque(0)
    for i, item in enumerate(items):
        total += 100 // item + i
    return total


def scenario():  # pyvorin: skip
    rows = [[2.0, 1.0, 3.0], [0.5, 7.0, 1.0], [4.0, 4.0, 4.0]]
    print(pivoted(rows), pivoted([[1, 2], [3, 4]]), pivoted([[2.0, 1], [True, 2**70]]))
    for n, items in ((9, [4, 5, 6, 7]), (2, [2.5, 1]), (0, []), (3, (1, 2)), (5, [2**62] * 9)):
        print(iterators(n, items))
    for n, items in ((2, [1, 5]), (3, [4, 9, 1]), (3, [0.5, 0.25, 2**80])) * 12:
        print(in_context(n, items))
    print([found_later(n) for n in (9, 1, 40)])
    for flag in [1] * 12 + [0]:
        try:
            print(not_always_bound(5, flag))
        except UnboundLocalError:
            print(traceback.format_exc())
    print([in_handler(items) for items in ([1, 2], list(range(12)), [1.5], (2, 3))])
    for n, chosen in ((4, abs), (6, double), (5, negated), (30, abs), (3, math.floor), (8, 5)):
        print(through_aliases(n, chosen))
    for items in ([1, 2, 3], [5] * 40 + [0], [1, "a"], [2.5, 1]):
        try:
            print(raised_inside(items))
        except Exception:
            print(sys.exc_info()[2].tb_next.tb_lineno, traceback.format_exc())
