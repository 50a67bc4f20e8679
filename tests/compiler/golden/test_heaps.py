"""Heaps and sorted lists: heapq's and bisect's C functions, carried out natively on items that
compare without Python code, and left to CPython, with nothing done, where one does not.
"""

from __future__ import annotations

import random
from itertools import chain, pairwise

import pytest

from tests.compiler.golden.tables import compare

pytestmark = pytest.mark.slow

SOURCE = """
import bisect
import heapq as hq
from bisect import bisect as place, insort
from heapq import heappop, heappush

nan = float("nan")

class Odd:
    def __init__(self, n, heap=None):
        self.n, self.heap = n, heap
    def __repr__(self):
        return f"Odd({self.n})"
    def __lt__(self, other):
        if self.heap is not None:
            self.heap.append(self)
        return self.n < getattr(other, "n", other)

def order(items):
    heap, out = [], []
    for item in items:
        heappush(heap, item)
    shape = heap[:]
    while heap:
        out.append(heappop(heap))
    return shape, out, heap

def pairs(items):
    heap, out = [], []
    push = hq.heappush
    for number, item in enumerate(items):
        push(heap, (item, number))
    while heap:
        item, number = hq.heappop(heap)
        out.append((number, item))
    return out

def steps(heap, items):
    out = []
    for item in items:
        out.append(hq.heapreplace(heap, item))
        out.append(hq.heappushpop(heap, item))
        out.append(heap[0])
    return out, heap

def step(heap, item):
    try:
        heappush(heap, item)
    finally:
        seen.append(heap)
    return heap

def take(heap):
    return heappop(heap), heap, heap.__sizeof__()

def sizes(heap, n):
    out = []
    for i in range(n):
        heappush(heap, i * 7919 % 101)
        out.append(heap.__sizeof__())
    while heap:
        heappop(heap)
        out.append(heap.__sizeof__())
    return out

def kept(n):
    from sys import getrefcount
    items = [(i * 7919 % 101, [i]) for i in range(n)]
    before = [getrefcount(item) for item in items]
    heap = []
    for item in items:
        heappush(heap, item)
    for item in items:
        hq.heappushpop(heap, item)
        hq.heapreplace(heap, item)
    while heap:
        heappop(heap)
    return before == [getrefcount(item) for item in items]

def places(items, wanted):
    out = []
    for item in wanted:
        out.append((bisect.bisect_left(items, item), bisect.bisect_right(items, item)))
        out.append(place(items, item))
    return out

def insert(items, wanted):
    for item in wanted:
        insort(items, item)
        bisect.insort_left(items, item)
    return items

seen = []
"""
KINDS = {
    "ints": ["0", "1", "-1", "2", "255", "2**30", "-2**31", "2**62", "2**63", "-2**70", "True"],
    "floats": ["0.0", "-0.0", "1.0", "-2.5", "1e300", "5e-324", "float('inf')", "1"],
    "nans": ["nan", "0.0", "1.5", "float('nan')", "-1.0"],
    "texts": ["'b'", "'a'", "''", "'ab'", "'\\u00e9'"],
    "pairs": [f"({a}, {b})" for a in (1, 2, "True", 2.5, "nan") for b in ("'a'", "'b'")],
    "rows": ["[2, 'a']", "[1]", "[]", "[1, 'b']", "[2, ['x']]", "[2, ['a']]"],
    "later": ["(1, 1, Odd(3))", "(1, 2, Odd(1))", "(0, 0, Odd(2))", "(1, 0, None)"],
    "unlike": ["1", "'a'", "None", "(1,)", "[1]"],
    "odd": ["Odd(3)", "Odd(1)", "Odd(2)", "2"],
    "growing": ["Odd(3, seen)", "Odd(1, seen)", "1"],
}


def _lists(kind: str) -> list[str]:
    draw = random.Random(kind)
    return [f"[{', '.join(draw.choices(KINDS[kind], k=n))}]" for n in (0, 1, 2, 3, 7, 30, 90)]


RECORDED = {"ints": "[3, 1, 2]", "floats": "[2.5, 1.5]", "pairs": "[(1, 'b'), (1, 'a')]"}


@pytest.mark.parametrize("recorded", RECORDED.values(), ids=RECORDED)
def test_heaps(recorded: str) -> None:
    lists = [each for kind in KINDS for each in _lists(kind)]
    calls = [f"{name}({each})" for name in ("order", "pairs") for each in lists]
    calls += [f"steps(sorted({a}, key=repr), {a})" for a in lists]
    calls += [f"steps({a}, {b})" for a, b in pairwise(lists)]
    first = {a: [f"order({a})", f"pairs({a})", f"steps({a}, {a})"] for a in RECORDED.values()}
    every = list(chain.from_iterable(first.values()))
    compare(SOURCE, first[recorded], calls, 1 / 2, first=every)


def test_a_heap_that_raises_or_is_changed_by_comparing() -> None:
    calls = ["take([])", "take([1])", "take([1, 'a', 2])", "take((1, 2))", "take('ab')",
             "step([1, 2], 'a')", "step((), 1)", "step([Odd(1, seen)], 1)",
             "step(seen, Odd(0, seen))",
             "take([Odd(1, seen), Odd(2, seen), 3])", "step([[1]], [[[[[[2]]]]]])",
             "step([(1, nan)], (1, nan))", "steps([], [1])", "steps([1, 2, 3], ['a'])",
             "order(5)", "insert([1, 2], ['a'])", "places([1, None], [2])"]  # fmt: skip
    wanted = ["take([1, 2])", "step([1, 2], 3)", "steps([1, 2], [3])", "order([1, 2])",
              "insert([1], [2])", "places([1, 2], [1])"]  # fmt: skip
    compare(SOURCE, wanted, calls, 0)


def test_capacity_and_references() -> None:
    calls = [f"sizes({a}, {n})" for a in ("[]", "[0] * 5", "[0] * 64") for n in (0, 1, 9, 200)]
    calls += ["kept(50)", "kept(0)", "take([1])", "take([2, 3])"]
    compare(SOURCE, ["sizes([], 9)", "kept(5)", "take([1, 2])"], calls, 1 / 2)


@pytest.mark.parametrize("recorded", RECORDED.values(), ids=RECORDED)
def test_sorted_lists(recorded: str) -> None:
    lists = [each for kind in KINDS for each in _lists(kind)]
    calls = [f"places({a}, {b})" for a, b in pairwise(lists)]
    calls += [f"places(tuple({a}), {a})" for a in lists]
    calls += [f"insert([], {a})" for a in lists]
    first = {a: [f"insert([], {a})", f"places({a}, {a})"] for a in RECORDED.values()}
    every = list(chain.from_iterable(first.values()))
    compare(SOURCE, first[recorded], calls, 1 / 3, first=every)
