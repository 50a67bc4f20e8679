"""Globals and builtins that are replaced, shadowed, deleted or restored after import are seen at once."""

import builtins

LIMIT = 5


def helper(x):
    return x * 2


def work(n):
    total = 0
    for i in range(n):
        total += helper(i) + LIMIT
    return total


def longest(xs):
    best = 0
    for i in range(len(xs)):
        best = max(best, abs(xs[i]))
    return best


def scenario():  # pyvorin: skip
    global helper, LIMIT
    print(work(4), longest([3, -9, 2]))
    original = helper
    helper = lambda x: x + 100
    print(work(4))
    helper = original
    print(work(4))
    LIMIT = 7
    print(work(4))
    LIMIT = 2.5
    print(work(4))
    LIMIT = 5
    print(work(4))
    del helper
    try:
        work(4)
    except NameError as error:
        print(error)
    helper = original
    print(work(4))
    kept = builtins.len
    builtins.len = lambda xs: 1
    print(longest([3, -9, 2]))
    builtins.len = kept
    print(longest([3, -9, 2]))
    globals()["max"] = lambda a, b: 42
    print(longest([3, -9, 2]))
    del globals()["max"]
    print(longest([3, -9, 2]))
