"""RecursionError comes at CPython's own depth, at several limits, and leaves everything usable."""

import sys
import threading

deepest = 0


def down(n):
    if n == 0:
        return 0
    return 1 + down(n - 1)


def even(n):
    if n == 0:
        return True
    return odd(n - 1)


def odd(n):
    if n == 0:
        return False
    return even(n - 1)


def measure(function):  # pyvorin: skip
    """The largest depth that does not raise, found by bisection."""
    low, high = 1, 100_000
    while low + 1 < high:
        middle = (low + high) // 2
        try:
            function(middle)
            low = middle
        except RecursionError:
            high = middle
    return low


def scenario():  # pyvorin: skip
    print(down(50), even(51))
    for limit in (200, 1000, 3000):
        sys.setrecursionlimit(limit)
        print(limit, measure(down), measure(even))
    sys.setrecursionlimit(1000)
    try:
        down(5000)
    except RecursionError as error:
        print(error, len(list(frames(error.__traceback__))))
    print(down(50))
    results = []
    thread = threading.Thread(target=lambda: results.append(measure(down)))
    thread.start()
    thread.join()
    print(results)


def frames(tb):  # pyvorin: skip
    while tb is not None:
        yield tb.tb_lineno
        tb = tb.tb_next
