"""heapq and bisect replaced under native code, and items whose comparisons look at frames, recurse,
change the heap or raise: as in CPython, traceback and all.
"""

import bisect
import heapq
import sys
import traceback
from heapq import heappop, heappush


def drain(items):
    heap = []
    for item in items:
        heapq.heappush(heap, item)
    out = []
    while heap:
        out.append(heappop(heap))
    return out


def keep(items):
    found = []
    for item in items:
        bisect.insort_right(found, item)
        if bisect.bisect_left(found, item) > 3:
            heappush(found, item)
    return found


class Watching:
    def __init__(self, n):
        self.n = n

    def __repr__(self):
        return f"W{self.n}"

    def __lt__(self, other):
        frame = sys._getframe(1)
        names.append((frame.f_code.co_name, frame.f_lineno, sorted(frame.f_locals)))
        return self.n < other.n


class Failing(Watching):
    def __lt__(self, other):
        if self.n == 3:
            raise ValueError("three")
        return self.n < other.n


class Nesting(Watching):
    def __lt__(self, other):
        if self.n > 0:
            drain([Nesting(0), Nesting(-1), 5, 4])
        return self.n < getattr(other, "n", other)

    def __gt__(self, other):
        return self.n > getattr(other, "n", other)


class Changing(Watching):
    def __lt__(self, other):
        sys._getframe(1).f_locals["heap"].clear()
        return True


names = []


def attempt(function, items):
    try:
        print(function(items))
    except Exception:
        print(traceback.format_exc())


def scenario():  # pyvorin: skip
    numbers = [5, 3, 8, 1, 9, 2, 7]
    attempt(drain, numbers)
    attempt(keep, numbers)
    for items in (
        [1, 2, "a", 3],
        [(1, "a"), (1, 2)],
        [1, None],
        [Failing(1), Failing(3), Failing(2)],
        [Changing(1), Changing(3), Changing(2)],
        [Watching(3), Watching(1), Watching(2)],
        [Nesting(1), Nesting(0)],
    ):
        attempt(drain, items)
        attempt(keep, items)
    print(names)
    original, heapq.heappush = heapq.heappush, lambda heap, item: heap.append(item)
    attempt(drain, numbers)
    heapq.heappush = original
    attempt(drain, numbers)
    del heapq.heappush
    attempt(drain, numbers)
    heapq.heappush = original
    globals()["heappop"] = lambda heap: heap.pop()
    attempt(drain, numbers)
    globals()["heappop"] = heapq.heappop
    attempt(drain, numbers)
    kept = bisect.insort_right
    bisect.insort_right = list.append
    attempt(keep, numbers)
    bisect.insort_right = kept
    attempt(keep, numbers)
    globals()["heapq"] = type("Other", (), {"heappush": staticmethod(list.append)})
    attempt(drain, numbers)
    globals()["heapq"] = sys.modules["heapq"]
    attempt(drain, numbers)
