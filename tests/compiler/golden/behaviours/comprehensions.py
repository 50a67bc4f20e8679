"""Comprehensions: leaving inside, tracebacks, hidden and captured variables, wide ints."""

import sys
import traceback


def table(n, m):
    return [[i * m + j for j in range(m)] for i in range(n)]


def powers(base, n):
    value = 1
    found = []
    for _ in range(n):
        value = value * base
        found = [x + value for x in found]
        found.append(value)
    return found


def scaled(values, factor, offset):
    offset += 1
    return [v * factor + offset for v in values if v != factor]


def nested(values, n):
    return [[v // k for k in range(n, -2, -1)] for v in values]


def looked(values):
    return [look(v) for v in values]


def look(v):  # pyvorin: skip
    frame = sys._getframe(1)
    return v, frame.f_code.co_name, frame.f_lineno, sorted(frame.f_locals)


def shadowed(values):
    x = "kept"
    found = [x * 2 for x in values]
    return found, x


def crossed(a, b):
    total = 0
    for x in [p + q for p in a for q in b if p < q]:
        total += x
    return total


def recursive(n):
    if n == 0:
        return [[]]
    return [[k, *rest] for rest in recursive(n - 1) for k in range(n)]


class Tracked:
    live = 0

    def __init__(self):
        Tracked.live += 1

    def __del__(self):
        Tracked.live -= 1


def kept(items, n):
    a = [item for item in items for k in range(n)]
    return len(a)


def scenario():  # pyvorin: skip
    print(table(3, 4), table(2, 0))
    print(powers(3, 60)[-1], powers(2.5, 9), powers(True, 3))
    print(scaled([1, 2, 3], 2, 1), scaled([1.5, 2**70], 2, 1))
    for arguments in (([5, 7], 3), ([5, "x"], 3)):
        try:
            print(nested(*arguments))
        except Exception:
            print(traceback.format_exc())
    for arguments in ((5, 1, 2), ([1, "a"], 3, 2), ([1, None], 3, 2)):
        try:
            print(scaled(*arguments))
        except Exception:
            print(traceback.format_exc())
    print(looked([1, 2]))
    print(shadowed([1, 2]), shadowed([2**64]))
    print(crossed(range(50), [10, 20, 2**63]), crossed([1, 2.5], (2, 3)))
    print(len(recursive(5)), recursive(2))
    items = [Tracked() for _ in range(5)]
    before = sys.getrefcount(items[0])
    print([kept(items, 3) for _ in range(50)][-1], sys.getrefcount(items[0]) - before, Tracked.live)
    del items
    print(Tracked.live)
