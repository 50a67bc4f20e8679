"""Variables shared with lambdas, functions and generators inside, read and written in cells."""

import sys
import traceback


def scaled(values, k):
    total = 0
    for v in values:
        total += v * k
    k += 1
    return total + sum(v * k for v in values)


def counted(n):
    count = 0

    def bump(by=1):
        nonlocal count
        count += by
        return count

    total = 0
    for i in range(n):
        total += bump() * i
        for _ in range(5):
            count += 2
            total += count
    return total, count, bump


def pivoted(matrix):
    rows = [row[:] for row in matrix]
    n = len(rows)
    for k in range(n):
        best = max(range(k, n), key=lambda i: abs(rows[i][k]))
        rows[k], rows[best] = rows[best], rows[k]
        for i in range(k + 1, n):
            factor = rows[i][k] / rows[k][k]
            for j in range(k, n):
                rows[i][j] -= factor * rows[k][j]
    return rows


def late(n):
    def get():
        return value

    for i in range(n):
        if i == 3:
            value = i * 2**62
    return get(), value


def kept(items):
    last = None
    for item in items:
        last = item
    return lambda: last


class Loud:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("gone", self.name)


def overwritten(names):
    held = None
    hold = lambda: held  # noqa: E731
    for name in names:
        held = Loud(name)
        held.name += "!"
    return hold


def scenario():  # pyvorin: skip
    print(scaled([1, 2, 3], 4), scaled([1.5, 2], 4), scaled([2**62, 3], 2**5))
    total, count, bump = counted(6)
    print(total, count, bump(), bump(10), bump.__closure__[0].cell_contents)
    print(pivoted([[2.0, 1.0, 3.0], [4.0, -1.0, 2.0], [1.0, 5.0, -2.0]]))
    for n in (5, 2):
        try:
            print(late(n))
        except Exception:
            print(traceback.format_exc())
    for values, k in ((["a", 2], 3), ([1, None], 3)):
        try:
            print(scaled(values, k))
        except Exception:
            print(traceback.format_exc())
    thing = [1]
    before = sys.getrefcount(thing)
    get = kept([None, 1.5, thing, 7, thing])
    print(get() is thing, sys.getrefcount(thing) - before)
    print(overwritten(["a", "b", "c"])().name)
