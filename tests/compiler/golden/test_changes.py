"""Changes of lists that native code makes itself: sorting by every kind of key, inserting and
removing with the capacity that CPython's lists have, slices that are never made, truth values, and
numbers put in the place of others.
"""

from __future__ import annotations

import random

import pytest

from tests.compiler.golden.tables import compare
from tests.compiler.lower.test_lowering import lower

pytestmark = pytest.mark.slow

SOURCE = """
nan = float("nan")
inf = float("inf")

def up(a):
    a.sort()
    return a

def down(a):
    b = sorted(a, reverse=True)
    a.sort(reverse=True)
    return a, b

def churn(a, n, x):
    for i in range(n):
        a.insert(i // 3, x)
        a.insert(-i, i)
        if i % 4:
            a.pop(0)
        a.pop(i % len(a))
    return a

def empty(a):
    while len(a) > 0:
        a.pop(0)
    a.insert(5, 1)
    return a

def sizes(a, n, x):
    return churn(a, n, x).__sizeof__(), empty(a).__sizeof__()

def mark(flags, n, step):
    for i in range(0, n, step):
        flags[i] = not flags[i]
    for i in range(1, n, step):
        flags[i] = False
    for i in range(2, n, step):
        flags[i] = i > 5
    return flags, flags.count(True), flags.count(False)

def marks(n, step):
    from sys import getrefcount
    before = getrefcount(True), getrefcount(False)
    flags = [True] * n
    for _ in range(50):
        mark(flags, n, step)
    del flags
    return all(abs(x - y) < 20 for x, y in zip((getrefcount(True), getrefcount(False)), before))

def turn(a, i, j):
    a[i:j] = a[j:i:-1]
    a[: j + 1] = a[j::-1]
    return a

def shift(a, b, i):
    a[i:] = b[: len(a) - i]
    a[1:] = a[:-1]
    a[: i + 2] = b[i:]
    return a, b

def joined(a, b, i, j):
    return a[:i] + a[j:], a[i:j] + b[i:], a[::-1] + b[i:j], a[i:] + b[:: j or 1]

def rest(a, b, i):
    b.extend(a[i:])
    b.extend(b[:i])
    b += a[:i]
    return a, b, b.__sizeof__()

def swap(a, b, i, j):
    a[i], a[j] = a[j], a[i]
    a[i], b[j] = b[j], a[i]
    b[0], b[i + 1] = b[i + 1], b[0]
    return a, b

def swaps(a, n):
    for i in range(n):
        for j in range(i):
            if a[j] > a[i]:
                a[i], a[j] = a[j], a[i]
    return a

def near(a, b, i, j):
    a[i], a[j] = a[i], a[j]
    a[i], b[j] = a[j], b[i]
    x, y = a[i], a[j]
    a[i], a[j] = y, x
    return a, b, x, y

def rows(a, i, j):
    a[i][0], a[j][0] = a[j][0], a[i][0]
    a[i], a[j] = a[j], a[i]
    return a

def seen(a, i, j):
    b = a[i:j]
    a[i:j] = b
    c = a[j::-1]
    a[: j + 1] = c
    return a, b, c

def add(a, n, x):
    b = a[:]
    for _ in range(n):
        for i in range(len(a)):
            a[i] += x
        x = x * 3 + 1
    return a, b

def first(a):
    return min(a), max(a), a.index(min(a)), a.index(max(a))
"""
INTS = [0, 1, -1, 2, 255, 256, -256, 2**30, -(2**30), 2**31, 2**62, 2**63 - 1, -(2**63)]
FLOATS = ["0.0", "-0.0", "1.0", "-1.0", "0.1", "-2.5", "1e300", "-1e300", "5e-324", "-5e-324",
          "inf", "-inf"]  # fmt: skip
KINDS = {
    "ints": list(map(str, INTS)),
    "bools": ["True", "False", "1", "0", "2", "-1"],
    "floats": FLOATS,
    "nans": [*FLOATS, "nan"],
    "mixed": ["1", "1.0", "True", "2.5", "-0.0", "0", "2**63", "0.1"],
    "big": ["2**63", "-2**63 - 1", "2**70", "1", "2**64"],
    "pairs": [f"({a}, {b})" for a in (1, 2, "True", 3) for b in ("'a'", "'b'")],
    "rows": [f"({a}, ({b}, 0))" for a in ("0.0", "-0.0", "2.5") for b in (1, 2, "nan")],
    "short": ["(1,)", "(1, 2)", "()", "(0, 5)"],
    "nested": ["[1]", "[0]", "[2, 1]"],
    "texts": ["'b'", "'a'", "''", "'ab'"],
    "unlike": ["1", "'a'", "None"],
}


def _lists(kind: str) -> list[str]:
    draw = random.Random(kind)
    sizes = (0, 1, 2, 3, 5, 20, 31, 32, 33, 70, 300)
    return [f"[{', '.join(draw.choices(KINDS[kind], k=size))}]" for size in sizes]


SORTED = ("[3, 1, 2]", "[2.5, 1.5]", "[(1, 'b'), (1, 'a')]")


@pytest.mark.parametrize("recorded", SORTED)
def test_sorting(recorded: str) -> None:
    names = ("up", "down", "first")
    calls = [f"{name}({a})" for name in names for k in KINDS for a in _lists(k)]
    draw = random.Random(7)
    spread = [draw.randrange(-(2**40), 2**40) for _ in range(500)]
    calls += [f"up({spread})", f"down({[x / 1000 for x in spread]})"]
    calls += [f"up({[(x % 40, i) for i, x in enumerate(spread)]})"]
    first = [f"{name}({a})" for a in SORTED for name in names]
    wanted = [f"{name}({recorded})" for name in names]
    compare(SOURCE, wanted, calls, 1 / 2, first=first)


def test_inserting_and_removing_keep_the_capacity() -> None:
    calls = [
        f"{name}({a}, {n}, {x})"
        for name in ("churn", "sizes")
        for a in ("[]", "[1]", "[1, 2, 3]", "list(range(20))", "[None] * 40")
        for n in (0, 1, 5, 30, 200)
        for x in ("7", "[1]")
    ]
    calls += [f"empty({a})" for a in ("[]", "[1]", "list(range(33))", "[2.5] * 9")]
    wanted = ["churn([1, 2, 3], 9, 7)", "empty([1, 2])", "sizes([1, 2], 6, 7)"]
    compare(SOURCE, wanted, calls, 1 / 2)


def test_truth_values_are_stored_and_counted() -> None:
    lists = ("[True] * 30", "[False] * 30", "[True, False, None] * 10", "[1, True] * 15",
             "[[True]] * 30", "[2.5] * 30", "[10**9, False] * 15", "[True] * 3")  # fmt: skip
    calls = [f"mark({a}, {n}, {step})" for a in lists for n in (0, 3, 30, 31) for step in (1, 2, 7)]
    calls += ["marks(1000, 1)", "marks(999, 3)"]
    compare(SOURCE, ["mark([True, False] * 5, 10, 2)", "marks(9, 2)"], calls, 3 / 5)


def test_slices_stored_in_slices() -> None:
    lists = ("[]", "[1]", "[1, 2, 3, 4]", "[1.5, 'a', None, (1,)]", "list(range(64))",
             "list(range(100))", "[[1], 2, 3]", "[[[1]]] * 3", "[2**70, 7] * 3")  # fmt: skip
    places = (0, 1, 2, 3, -1, -3, 63, 2**63 - 1, -(2**63))
    calls = [
        f"{name}({a}, {i}, {j})"
        for name in ("turn", "seen")
        for a in lists
        for i in places
        for j in places
    ]
    others = (*lists, "'abc'", "(1, 2)", "range(4)")
    calls += [f"shift({a}, {b}, {i})" for a in lists for b in others for i in places[:5]]
    calls += [f"rest({a}, {b}, {i})" for a in others for b in lists for i in places[:5]]
    calls += [f"joined({a}, {b}, {i}, {j})" for a in others[1::3] for b in others[2::3]
              for i in places for j in (1, -1, 4)]  # fmt: skip
    recorded = ["turn([1, 2, 3], 0, 2)", "seen([1, 2, 3], 0, 2)", "shift([1, 2], [3, 4], 0)",
                "joined([1, 2], [3, 4], 0, 1)", "rest([1, 2], [3, 4], 1)"]  # fmt: skip
    compare(SOURCE, recorded, calls, 1 / 2)


def test_a_number_takes_the_place_of_the_old_one() -> None:
    edges = [256, 257, 2**30 - 1, 2**30, 2**60 - 1, 2**60, 2**63 - 1]
    calls = [
        f"add([{x}, {-x}, {x + 1}, {-x - 1}, 0], {n}, {by})"
        for x in edges
        for n in (0, 1, 3, 30)
        for by in (1, -1, 2**29, -(2**31), 2**59)
    ]
    compare(SOURCE, ["add([1, 2], 2, 3)"], calls, 1 / 2)


def test_exchanged_items() -> None:
    lists = ("[1, 2, 3]", "[2.5, -0.0, 1.5]", "['a', [1], None, 2**70]", "[1]", "[]", "(1, 2, 3)",
             "[True, 300, 300.0, nan]")  # fmt: skip
    places = (0, 1, 2, -1, -3, 3, "2**63", "True", "None")
    pairs = [(a, b) for a in lists for b in lists[:5]]
    calls = [f"{name}({a}, {b}, {i}, {j})" for name in ("swap", "near") for a, b in pairs
             for i in places for j in places[:6]]  # fmt: skip
    calls += [f"{name}(*[{a}] * 2, {i}, {j})" for name in ("swap", "near") for a in lists
              for i in places for j in places]  # fmt: skip
    calls += [f"swaps({a}, {n})" for a in (*lists, "[9, 7, 5, 3, 1, 4]") for n in (0, 2, 3, 6, 9)]
    calls += [f"rows({a}, {i}, {j})" for a in ("[[1], [2], [3]]", "[[1]] * 3", "[[], [1]]")
              for i in places for j in places]  # fmt: skip
    recorded = ["swap([1, 2], [3, 4], 0, 1)", "near([1, 2], [3, 4], 0, 1)", "swaps([3, 1, 2], 3)",
                "rows([[1], [2]], 0, 1)"]  # fmt: skip
    compare(SOURCE, recorded, calls, 1 / 3)


@pytest.mark.parametrize("force", ["once", "every:1", "every:3"])
def test_changes_with_guards_forced(force: str) -> None:
    lists = ("[3, 1, 2]", "[300, -5, 2**40, 7]", "[2.5, -0.0, 1.5]", "[]", "[True, 1, False]")
    calls = [f"{name}({a}, {b}, {i}, {j})" for name in ("swap", "near", "joined") for a in lists
             for b in lists[:3] for i in (0, 1, -1) for j in (1, 2)]  # fmt: skip
    calls += [f"{name}({a}, {i}, {j})" for name in ("turn", "seen") for a in lists
              for i in (0, 1) for j in (1, 2, 9)]  # fmt: skip
    calls += [f"{name}({a}, {b}, 1)" for name in ("shift", "rest") for a in lists for b in lists]
    calls += [f"{name}({a})" for name in ("up", "down", "empty") for a in lists]
    calls += [f"swaps({a}, 3)" for a in lists] + [f"add({a}, 3, 2**29)" for a in lists]
    recorded = [
        *("swap([1, 2], [3, 4], 0, 1)", "near([1, 2], [3, 4], 0, 1)", "turn([1, 2, 3], 0, 2)"),
        *("joined([1, 2], [3, 4], 0, 1)", "seen([1, 2, 3], 0, 2)", "shift([1, 2], [3, 4], 0)"),
        *("rest([1, 2], [3, 4], 1)", "up([2, 1])", "down([2, 1])", "empty([1, 2])"),
        *("swaps([3, 1, 2], 3)", "add([1, 2], 2, 3)"),
    ]
    compare(SOURCE, recorded, calls, 1 / 3, [force])


def test_an_exchange_is_one_operation() -> None:
    bodies = lower(SOURCE, "swaps([3, 1, 2], 3)").functions["swaps"]
    names = [op.name for body in bodies for op in body.ops()]
    assert "list.swap" in names
    assert "list.set" not in names
