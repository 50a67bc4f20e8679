"""What is done with lists and tuples, on edges: aliasing, places out of range, NaN, other classes.

As in `test_tables`: functions are compiled for the classes of their recorded calls, and then meet
all others.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import pytest

from tests.compiler.golden.tables import compare

pytestmark = pytest.mark.slow

SOURCE = """
nan = float("nan")

class Odd:
    def __repr__(self):
        return "Odd"
    def __eq__(self, other):
        print("eq", other)
        return True
    def __lt__(self, other):
        print("lt")
        return False
    def __bool__(self):
        print("bool")
        return False
    __hash__ = None

class Gone:
    def __init__(self, out):
        self.out = out
    def __del__(self):
        self.out.append("gone")

class Loud(list):
    def append(self, item):
        print("append", item)
        list.append(self, item)
    def __iter__(self):
        print("iter")
        return list.__iter__(self)

def table(x, n):
    a = [x] * n
    a.append(x)
    return a, a + a, n * a, (x, n) * n

def index(a, i):
    return a[i]

def put(a, i, x):
    a[i] = x
    return a

def cut(a, i, j):
    return a[i:j], a[i:], a[:j], a[i:j:2], a[j:i:-1]

def paste(a, i, j, b):
    a[i:j] = b
    return a

def delete(a, i):
    del a[i]
    return a

def delete_some(a, i, j):
    del a[i:j]
    return a

def grow(a, b):
    c = a
    a += b
    return a, c is a, b

def repeat(a, n):
    c = a
    a *= n
    return a, c is a

def star(a):
    x, *y, z = a
    return x, y, z

def three(a):
    x, y, z = a
    return z, y, x

def swap(a, i, j):
    a[i], a[j] = a[j], a[i]
    return a

def member(x, a):
    return x in a, x not in a

def find(a, x):
    return a.index(x), a.count(x)

def insert(a, i, x):
    a.insert(i, x)
    return a

def pop(a, i):
    return a.pop(i), a

def pop_last(a):
    return a.pop(), a

def remove(a, x):
    a.remove(x)
    return a

def extend(a, b):
    a.extend(b)
    return a

def ends(a):
    b = a.copy()
    a.reverse()
    c = a[:]
    a.clear()
    return a, b, c

def sort(a):
    a.sort()
    return a

def sort_down(a):
    b = sorted(a, reverse=True)
    a.sort(reverse=True)
    return a, b, sorted(a)

def total(a):
    return sum(a)

def total_of_floats(a):
    return sum(a)

def least(a):
    return min(a), max(a)

def truths(a):
    return any(a), all(a)

def compared(a, b):
    return a == b, a != b, a is b

def ordered(a, b):
    return a < b, a <= b, a > b, a >= b

def copies(a):
    return list(a), tuple(a)

def displayed(a):
    return [*a, 1, *a]

def alone(f, n):
    a = [1]
    out = [f, a]
    for i in range(n):
        a.append(i)
        if len(a) > 3:
            a.pop(0)
    return out

def walk(a):
    n = 0
    for x in a:
        n += 1
        if n < 10:
            a.append(x)
        if n == 12:
            del a[:]
    return n, a

def gone():
    out = []
    return [Gone(out), 1], out

def drop_stored(p, i):
    a, out = p
    a[i] = 0
    out.append("after")
    return out

def drop_popped(p, i):
    a, out = p
    a.pop(i)
    out.append("after")
    return out

def drop_deleted(p, i):
    a, out = p
    del a[i]
    out.append("after")
    return out

def drop_replaced(p, i):
    a, out = p
    a[i:] = [i]
    out.append("after")
    return out

def drop_cleared(p, i):
    a, out = p
    a.clear()
    out.append("after")
    return out

def drop_multiplied(p, i):
    a, out = p
    a *= i
    out.append("after")
    return out
"""

LISTS = ["[]", "[1]", "[1, 2, 3]", "[3, 1, 2, 3, 1]", "[1.5, 2.5, -0.0]", "['b', 'a']",
         "[nan, 1.0]", "[1, 'x', None, (2,), [3]]", "[[1], [0, 5]]",
         "[(2, 'b'), (1, 'z'), (2, 'a')]", "[True, 2, 2**70]", "[Odd()]", "[1, Odd(), 2]",
         "[None, None]", "list(range(30))"]  # fmt: skip
OTHERS = ["()", "(1, 2, 3)", "(1.5, 'x')", "''", "'abc'", "range(3)", "None", "7", "Loud([1, 2])",
          "{1: 2, 3: 4}", "(lambda a: a.append(a) or a)([1])"]  # fmt: skip
PLACES = ["0", "1", "-1", "2", "-3", "5", "-6", "2**63", "-2**70", "True", "None", "1.0"]
ITEMS = ["1", "1.0", "2.5", "nan", "'x'", "None", "(2,)", "[3]", "True", "2**70", "Odd()"]
TIMES = ["0", "1", "3", "-1", "2**70", "1.0", "True"]

CALLS: dict[str, tuple[list[str], ...]] = {
    "table": (ITEMS, TIMES),
    "index": ([*LISTS, *OTHERS], PLACES),
    "put": (LISTS[:6] + OTHERS[:5], PLACES, ["9", "None"]),
    "cut": ([*LISTS[:6], *OTHERS], PLACES[:9], [*PLACES[:4], "None"]),
    "paste": (LISTS[:6] + LISTS[11:13], PLACES[:6], PLACES[:4],
              ["[]", "[7, 8]", "(9,)", "'ab'", "5"]),
    "delete": ([*LISTS, *OTHERS], PLACES),
    "delete_some": (LISTS, PLACES[:8], PLACES[:5]),
    "grow": ([*LISTS[:6], "(1,)", "Loud([0])"], [*LISTS[:4], *OTHERS]),
    "repeat": ([*LISTS, "(1, 2)", "'ab'"], TIMES[:4] + TIMES[5:]),
    "star": ([*LISTS, *OTHERS],),
    "three": ([*LISTS, *OTHERS],),
    "swap": (LISTS[:8], PLACES[:5], PLACES[:5]),
    "member": (ITEMS, [*LISTS, *OTHERS]),
    "find": ([*LISTS, *OTHERS], ITEMS),
    "insert": (LISTS[:6], PLACES, ["9"]),
    "pop": ([*LISTS, *OTHERS], PLACES[:9]),
    "pop_last": ([*LISTS, *OTHERS],),
    "remove": (LISTS, ITEMS),
    "extend": ([*LISTS[:5], "Loud([0])"], [*LISTS[:4], *OTHERS]),
    "ends": ([*LISTS, *OTHERS],),
    "sort": ([*LISTS, *OTHERS],),
    "sort_down": ([*LISTS, *OTHERS],),
    "total": ([*LISTS, *OTHERS],),
    "total_of_floats": ([*LISTS, "[0.1] * 10", "[1e100, 1.0, -1e100]", "[1, 2.5, 3, 2**70]",
                         "[2**53, 1.0, 1]", "[1e308, 1e308]", "[0.5, True]", "[-0.0]"],),
    "least": ([*LISTS, *OTHERS],),
    "truths": ([*LISTS, *OTHERS],),
    "compared": ([*LISTS, "(1, 2, 3)"], [*LISTS, "(1, 2, 3)"]),
    "ordered": ([*LISTS, "(1, 2, 3)"], [*LISTS, "(1, 2, 3)"]),
    "copies": ([*LISTS, *OTHERS[:-1]],),
    "displayed": ([*LISTS, *OTHERS],),
    "alone": (["1", "None"], ["0", "5", "2**70"]),
    "walk": (["[1]", "[1.5, 2.5]", "['x']", "[]", "(1,)", "Loud([1])"],),
    **{f"drop_{how}": (["gone()", "([1, [2], (3,)], [])"], ["0", "1"])
       for how in ("stored", "popped", "deleted", "replaced", "cleared", "multiplied")},
}  # fmt: skip
RECORDED = {
    "ints": {"a": "[3, 1, 2]", "x": "1", "i": "0", "j": "2", "n": "3", "b": "[4, 5]", "f": "1",
             "p": "([1, 2], [])"},
    "others": {"a": "[1.5, 2.5, 0.5]", "x": "2.5", "i": "-1", "j": "1", "n": "1", "b": "(7,)",
               "f": "None", "p": "([1.5, 2], [])"},
    "tuples": {"a": "(1, 2, 3)", "x": "1", "i": "0", "j": "2", "n": "2", "b": "(4, 5)", "f": "2",
               "p": "([1, 2], [])"},
}  # fmt: skip
CHANGING = {"put", "paste", "delete", "delete_some", "insert", "pop", "pop_last", "remove",
            "extend", "ends", "sort", "sort_down", "walk", "swap"}  # fmt: skip
PARAMETERS = {
    line.partition("(")[0][4:]: line.partition("(")[2].rstrip("):").split(", ")
    for line in SOURCE.splitlines()
    if line.startswith("def ")
}


def recorded_calls(recorded: str, names: Iterable[str]) -> list[str]:
    given = RECORDED[recorded]
    return [f"{name}({', '.join(given[p] for p in PARAMETERS[name])})" for name in names]


@pytest.mark.parametrize("force", ["once", "every:1", "every:3"])
def test_lists_with_guards_forced(force: str) -> None:
    calls = [f"{name}({', '.join(args)})" for name in CALLS for args in product(*CALLS[name])]
    compare(SOURCE, recorded_calls("ints", CALLS), calls, 1 / 2, [force])


@pytest.mark.parametrize("recorded", RECORDED)
def test_lists_and_tuples(recorded: str) -> None:
    names = [name for name in CALLS if recorded != "tuples" or name not in CHANGING]
    first = [call for each in RECORDED for call in recorded_calls(each, names)]
    calls = [f"{name}({', '.join(args)})" for name in names for args in product(*CALLS[name])]
    compare(SOURCE, recorded_calls(recorded, names), calls, 1 / 2, first=first)
