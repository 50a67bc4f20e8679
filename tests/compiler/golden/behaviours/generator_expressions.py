"""Generator expressions consumed in place: leaving inside, tracebacks, captured variables, big ints,
iterables that change meanwhile, consumers that are not the builtins.
"""

import sys
import traceback


def squares(n):
    return sum(i * i for i in range(n))


def scaled(values, factor, offset):
    offset += 1
    return sum(v * factor + offset for v in values if v != factor)


def halves(values):
    return sum(v / 2 for v in values)


def some(values, limit):
    return any(v > limit for v in values)


def every(values, limit):
    return all(v < limit for v in values)


def quotients(values, d):
    return list(v // d for v in values)


def pairs(n):
    return sorted((y, x) for x in range(n) for y in range(x))


def text(values):
    return ", ".join(str(v) for v in values)


def several(values):
    return tuple(v + 1 for v in values), sum(v for v in values), any(v for v in values)


def nested(rows):
    return sum(sum(x * x for x in row) for row in rows)


def inside(rows):
    return [all(x >= 0 for x in row) for row in rows]


def called(values):
    return sum(half(v) for v in values)


def half(v):
    return 10 // v + v


def looked(values):
    return list(look(v) for v in values)


def look(v):  # pyvorin: skip
    frame = sys._getframe(1)
    above = frame.f_back
    return v, frame.f_code.co_name, frame.f_lineno, above.f_code.co_name, sorted(above.f_locals)


def changing(values, log):
    return sum(grow(values, log, v) for v in values)


def grow(values, log, v):
    log.append(v)
    if len(values) < 6:
        values.append(v + 1)
    return v


def caught(values, d):
    try:
        return sum(v // d for v in values)
    except ZeroDivisionError:
        return "by zero"


def deep(n):
    if n == 0:
        return 1
    return sum(deep(n - 1) for _ in range(1)) + 1


def loops(values, n):
    total = 0
    for k in range(n):
        total += sum(v * k for v in values)
        if any(v == k for v in values):
            total += 1
    return total, k


def extremes(values, n):
    return min(v * n for v in values), max(v for v in values if v != n)


def truths(values):
    return any(v for v in values), all(not v for v in values)


def kept(items, n):
    return len(list(item for item in items for k in range(n)))


def cells(values, n):
    shared = n
    found = sum(v + shared for v in values)
    shared += found
    return shared, list(v * shared for v in values)


class Holder:
    def join(self, items):
        self.items = items
        return items


def held(holder, n):
    offset = 0
    made = holder.join(v + offset for v in range(4))
    for i in range(n):
        offset += i
    return made, offset


class Truth:
    count = 0

    def __bool__(self):
        Truth.count += 1
        return Truth.count % 3 == 0


class Tracked:
    live = 0

    def __init__(self):
        Tracked.live += 1

    def __del__(self):
        Tracked.live -= 1


class Odd(int):
    def __radd__(self, other):
        return "odd", other


def tried(function, *arguments):  # pyvorin: skip
    try:
        print(function.__name__, function(*arguments))
    except Exception:
        print(traceback.format_exc())


def patched():  # pyvorin: skip
    global sum
    sum = list
    print(squares(4), scaled([1, 2], 3, 4))
    del sum
    print(squares(4), scaled([1, 2], 3, 4))


def scenario():  # pyvorin: skip
    for values in ([1, 2, 3, 4], [1, 2.5, 3], [2**62, 2**62, 5, 7], [1, "a", 2], [], [1, None]):
        for factor in (3, 0.5, 2**64):
            tried(scaled, values, factor, 1)
    tried(scaled, [1, 2, Odd(5), 3], 1, 0)
    tried(squares, 100)
    tried(squares, 3_100_000)  # more than 64 bits
    tried(halves, [1, 2, 3])
    tried(halves, [1e16, 1, -1e16, 0.1, 0.1, 0.1])
    tried(halves, [1, 2.5, True, 2**200, float("inf"), 1])
    for values in ([1, 5, 9], [1, 2], [], [1, 2, "b", 9], [9, "b"], [1, 2.5, 7.25], (1, 9), "ab"):
        tried(some, values, 6)
        tried(every, values, 6)
    tried(some, [1, float("nan")], 6)
    for d in (1, 2, 0, -3):
        tried(quotients, [7, 8, 9], d)
    tried(quotients, [7, 8, 2**80], 3)
    tried(quotients, [7, 8, "c"], 3)
    tried(quotients, range(5), 2)
    tried(quotients, iter([1, 2]), 2)
    tried(quotients, {4: 1, 6: 2}, 2)
    tried(quotients, 5, 2)
    tried(pairs, 4)
    tried(text, [1, 2, 3])
    tried(text, [1, "b", None, 2.5])
    tried(several, [3, 0, 1])
    tried(several, [0, 0])
    tried(several, [1.5, True])
    tried(nested, [[1, 2], [3], []])
    tried(nested, [[1, 2], [3, "x"], []])
    tried(inside, [[1, 2], [3, -1], []])
    tried(inside, [[1, 2], [3, None], []])
    tried(called, [1, 2, 5])
    tried(called, [1, 2, 0, 5])
    tried(looked, [1, 2])
    log = []
    for values in ([3, 1, 2], [3, 1.5, 2], [], [2], [3, "a"], [2**63 - 1, 2**64, 1], [True, 5]):
        tried(extremes, values, 2)
    nan = float("nan")
    tried(extremes, [nan, 1.5, 0.5], 2.0)
    tried(extremes, [1.5, nan, 0.5, -0.0, 0.0], 2.0)
    tried(changing, [1, 2], log)
    print(log)
    log = []
    tried(changing, [1, "x"], log)
    print(log)
    tried(caught, [1, 2], 2)
    tried(caught, [1, 2], 0)
    tried(deep, 30)
    tried(loops, [1, 2, 3], 5)
    tried(loops, [1, 2.5, 3], 5)
    tried(loops, [1, 2**61, 3], 50)
    tried(cells, [1, 2, 3], 5)
    tried(cells, [1, 2.5, 3], 5)
    holder = Holder()
    made, offset = held(holder, 5)
    print(list(made), offset, made.gi_frame)
    made, offset = held(Holder(), 300)
    print(next(made), offset, list(made))
    print(truths([0, 2]), truths([Truth() for _ in range(5)]), Truth.count)
    items = [Tracked() for _ in range(5)]
    before = sys.getrefcount(items[0])
    print([kept(items, 3) for _ in range(50)][-1], sys.getrefcount(items[0]) - before, Tracked.live)
    del items
    print(Tracked.live)
    patched()
