"""Tracebacks: frames, lines and carets of errors inside callees, loops and long expressions."""

import traceback


def divide(a, b):
    return a // b


def middle(xs, k):
    total = 0
    for x in xs:
        total += divide(x * 2 + 1,
                        x - k)
    return total


def outer(xs, k):
    if k > 100:
        raise ValueError("too large")
    return middle(xs, k) + 1


def index(xs, i):
    return (xs[i] +
            xs[i + 1] * xs[i + 2])


def unbound(n):
    for i in range(n):
        last = i
    return last


def chained(a, b, c):
    return a < b < c


def scenario():  # pyvorin: skip
    calls = [
        lambda: outer([1, 2, 3], 2),
        lambda: outer([1, 2, 3], 101),
        lambda: outer([1, 2, None], 7),
        lambda: outer(None, 7),
        lambda: index([1, 2], 0),
        lambda: index([1, 2, "x"], 0),
        lambda: index([1, 2, 3], -9),
        lambda: unbound(0),
        lambda: chained(1, 2, "x"),
        lambda: chained(None, 2, 3),
        lambda: outer([], "x"),
        lambda: divide(1.5, 0),
        lambda: divide(2**64, 0),
    ]
    for call in calls:
        try:
            print(call())
        except Exception:
            traceback.print_exc()
