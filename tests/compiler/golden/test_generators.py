"""Generator expressions consumed in place: every consumer, with guards forced and other classes."""

from __future__ import annotations

from itertools import product

import pytest

from tests.compiler.golden.tables import compare, turns

pytestmark = pytest.mark.slow

SOURCE = """
class Loud(list):
    def __iter__(self):
        print("iter")
        return list.__iter__(self)

def added(a, k):
    return sum(x + k for x in a)

def filtered(a, k):
    return sum(x for x in a if x > k)

def decided(a, k):
    return any(x > k for x in a), all(x > k for x in a)

def listed(a, k):
    return list(x // k for x in a)

def tupled(a, k):
    return tuple((k, x) for x in a)

def ordered(a, k):
    return sorted(x * k for x in a)

def joined(a, k):
    return "-".join(str(x) * 2 for x in a if x != k)

def crossed(a, k):
    return sum(x * y for x in a for y in a if x != k)

def best(a, k):
    return min(x * k for x in a), max(x - k for x in a)

def best_above(a, k):
    return max(x for x in a if x > k)

def best_pair(a, k):
    return max((x, k) for x in a)

def inner(a, k):
    return [sum(x * y for x in a) for y in a], any(all(x != y + k for x in a) for y in a)

def called(a, k):
    return sum(step(x, k) for x in a)

def step(x, k):
    return x // k

def paired(a, k):
    return sum(i * x for i, x in enumerate(a, k)), list(x + y for x, y in zip(a, a))

def looped(a, k):
    total = 0
    for x in a:
        k += 1
        total += sum(x * y + k for y in a)
    return total, k

def growing(a, k):
    return sum(grow(a, x) for x in a), a

def grow(a, x):
    if len(a) < 9:
        a.append(x)
    return x
"""

THINGS = ["[]", "[1]", "[1, 2, 3]", "[1.5, 2.5]", "[1, 'x', None]", "(1, 2)", "'abc'", "range(4)",
          "Loud([1, 2])", "None", "{1: 2}", "[2**63 - 1, 2**70, 5, 0.5, 0.1]", "[True, False]",
          "iter([3, 4])"]  # fmt: skip
NUMBERS = ["0", "1", "-3", "2**63 - 1", "1.5", "'x'"]
RECORDED = {"ints": ("[1, 2, 3]", "2"), "floats": ("[1.5, 2.5]", "0.5")}
NAMES = [
    *("added", "filtered", "decided", "listed", "tupled", "ordered", "joined", "crossed"),
    *("best", "best_above", "best_pair", "inner", "called", "paired", "looped", "growing"),
]


@pytest.mark.parametrize(("recorded", "force"), turns(RECORDED, ["once", "every:1", "every:3"]))
def test_consumers(recorded: str, force: str) -> None:
    first = [f"{name}({', '.join(RECORDED[recorded])})" for name in NAMES]
    calls = [f"{n}({', '.join(given)})" for n in NAMES for given in product(THINGS, NUMBERS)]
    compare(SOURCE, first, calls, 1 / 2, [force])
