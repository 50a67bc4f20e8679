"""Lists of numbers as arrays (`lower.arrays`): every way out of a nest of loops leaves lists as
CPython does, and what cannot be an array is none.

A build with a test at every guard opens arrays at the first opportunity, so that small calls see
them; `every:1000000` then fails no guard.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from itertools import pairwise, product
from typing import Any

import pytest
from pyvorin.check import load
from pyvorin.ir.interp import Left

from tests.compiler.golden.native import compiled
from tests.compiler.golden.tables import compare
from tests.compiler.lower.test_lowering import lower
from tests.thirds import third

SOURCE = """
from math import inf, nan

def ring(a):
    a[0] = a
    return a

def twice(a):
    return a, a

def smooth(a, b, n):
    for i in range(n):
        for j in range(1, len(a)):
            b[j - 1] = (a[j] + a[j - 1] + b[j]) / 2
    return n

def smooth_itself(p, n):
    a, b = p
    return smooth(a, b, n)

def fold(a, b, n):
    for i in range(n):
        for j in range(n):
            b[j] = b[j] * 3 + a[i] - j
    return b[n - 1]

def fold_itself(p, n):
    a, b = p
    return fold(a, b, n)

def strike(flags, n):
    for i in range(2, n):
        if flags[i]:
            for j in range(i * i, n, i):
                flags[j] = False
    return n

def paths(rows, n):
    for k in range(n):
        for i in range(n):
            for j in range(n):
                if rows[i][k] + rows[k][j] < rows[i][j]:
                    rows[i][j] = rows[i][k] + rows[k][j]
    return n

def multiply(a, b, c):
    for i in range(len(a)):
        for j in range(len(b[0])):
            total = 0.0
            for k in range(len(b)):
                total += a[i][k] * b[k][j]
            c[i][j] = total
    return len(a)

def product_into(p, c):
    a, b = p
    return multiply(a, b, c)

def search(a, wanted, n):
    for i in range(n):
        for j in range(len(a)):
            if a[j] == wanted:
                return i, j, a[j]
            a[j] = a[j] + 1
    return None

def turn(a, n):
    for i in range(n):
        for j in range(len(a) - 1):
            if a[j] < a[j + 1]:
                a[j], a[j + 1] = a[j + 1], a[j]
    return a[0]

def each(rows, n):
    total = 0
    for i in range(n):
        for row in rows:
            for j in range(len(row)):
                row[j] += i
                total += row[-1]
    return total, row, j

def skip(a, n):
    total = 0
    i = 0
    while i < n:
        i += 1
        for x in a:
            if x < 0:
                continue
            if x > 100:
                break
            total += x
            a[i % len(a)] = x - i
        else:
            total -= 1
    return total, x

def handled(a, n):
    done = 0
    for i in range(n):
        try:
            for j in range(n):
                for k in range(2):
                    a[j + k] = a[j] // (a[j + k] - i)
                    done += 1
        except (IndexError, ZeroDivisionError) as error:
            done = done * 100 + len(str(error))
    return done, a

def constants(a, n):
    for i in range(n):
        for j in range(i % len(a)):
            a[j] = 0
            a[-1 - j] = 7
    return a

def copied(a, b, n):
    for i in range(n):
        for j in range(len(a)):
            b[j] = a[j]
            a[j] = b[-1 - j]
    return a, b

def local(a, n):
    last = [0.5, 1.5, 2.5]
    for i in range(n * n):
        if i > n:
            return i
        for j in range(len(a)):
            a[j] = a[j] * 0.5
            last[0] = a[j]
    return last

def shared(a, n):
    first = a[0]
    for i in range(n):
        for j in range(len(a)):
            a[j] = a[j] * 0.5
    return first, a
"""

FLOATS = ["[0.5, 1.5, 2.5, -4.0]", "[0.0, -0.0, inf, 1e308, 1e308]", "[1.0, nan, 2.0]", "[1.5]"]
INTS = [
    "[3, 1, 4, 1]",
    "[2**62, 2**62, -(2**63), 5]",
    "[1, 2**63, 2]",
    "[2**70, 1, 300]",
    "[0] * 5",
]
OTHERS = ["[]", "[1, 2.5, 3, 4]", "[True, 2, False]", "[1.5, 'x', 2.5]", "(1, 2, 3)", "[None] * 3"]
LISTS = [*FLOATS, *INTS, *OTHERS]
FLAGS = ["[True] * 9", "[False, True] * 4", "[True, 1, 0, True, True]", "[]", "[1] * 9"]
TABLES = ["[[0, 3, 9], [2, 0, 1], [8, 1, 0]]", "[[1.5, 0.25], [-0.0, 4.0]]", "[[1, 2]] * 2",
          "[[1, 2], [3]]", "[[1.0, 2.0], [3, 4.0]]", "[(1, 2), [3, 4]]", "[]", "[[], []]",
          "ring([[1, 2], [3, 4]])", "[[nan, 1.0], [2.0, 3.0]]", "[[2**62, 2**62], [-1, 2**63 - 1]]",
          "[[True, False], [False, True]]", "None", "[[0.5], [1.5]]"]  # fmt: skip
SIZES = ["0", "1", "2", "3", "4"]
SAME = [
    "smooth([0.5, 1.5, 2.5], [0.5, 1.5, 2.5], 2)",
    "smooth_itself(([0.5, 1.5], [1.5, 2.5]), 2)",
    "fold([1, 2, 3], [4, 5, 6], 3)",
    "fold_itself(([1, 2], [4, 5]), 2)",
    "strike([True] * 20, 20)",
    "multiply([[1.5, 2.5]], [[0.5], [4.5]], [[0.0]])",
    "product_into(([[1.5]], [[2.5]]), [[0.0]])",
    "skip([3, -1, 2], 3)",
    "handled([5, 6, 7, 8], 3)",
    "constants([1, 2, 3], 3)",
    "local([1.5, 2.5], 3)",
]
RECORDED = {
    "floats": [
        *SAME,
        "turn([0.5, 1.5, 2.5], 3)",
        "paths([[0.5, 1.5], [2.5, 0.5]], 2)",
        "copied([1.5, 2.5], [0.5, 0.5], 2)",
        "each([[0.5, 1.5], [2.5, 3.5]], 2)",
        "search([0.5, 1.5], 9.5, 2)",
        "shared([0.5, 1.5], 2)",
    ],
    "ints": [
        *SAME,
        "turn([3, 1, 2], 3)",
        "paths([[0, 3], [2, 0]], 2)",
        "copied([1, 2], [3, 4], 2)",
        "each([[1, 2], [3, 4]], 2)",
        "search([1, 2, 3], 9, 2)",
        "shared([1, 2], 2)",
    ],
}
TWO = product(LISTS, LISTS, ["0", "2", "4"])
CALLS = [f"{name}({a}, {b}, {n})" for a, b, n in TWO for name in ("smooth", "fold", "copied")]
CALLS += [
    f"{name}(twice({a}), {n})"
    for name in ("smooth_itself", "fold_itself")
    for a in LISTS
    for n in SIZES
]
CALLS += [
    f"{name}({a}, {n})"
    for name in ("turn", "skip", "handled", "constants", "shared", "local")
    for a in LISTS
    for n in SIZES
]
CALLS += [f"search({a}, {x}, 3)" for a in LISTS for x in ("1", "2.5", "4", "nan", "300", "None")]
CALLS += [f"strike({a}, {n})" for a in FLAGS for n in ("5", "8", "9", "12")]
CALLS += [f"{name}({a}, {n})" for name in ("paths", "each") for a in TABLES for n in SIZES]
CALLS += [f"multiply({a}, {b}, {c})" for a, b, c in product(TABLES, TABLES, TABLES[:3])]
CALLS += [f"product_into(twice({a}), {b})" for a in TABLES for b in TABLES]
MORE = ["once", "every:1", "every:7"]
FIRST = [*dict.fromkeys(call for calls in RECORDED.values() for call in calls)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recorded", "force"),
    [
        ("floats", ""),
        *product(RECORDED, ["every:1000000", "every:3"]),
        *product(third([*RECORDED]), MORE),
    ],
)
def test_lists_are_as_cpython_leaves_them(recorded: str, force: str) -> None:
    compare(SOURCE, RECORDED[recorded], CALLS, 1 / 2, [force], first=FIRST)


# ---- what native code really does ----------------------------------------------------------------
LONG = """
def settle(a, b, n):
    for i in range(n):
        for j in range(1, len(a) - 1):
            b[j] = (a[j - 1] + a[j + 1]) * 0.5
        for j in range(1, len(a) - 1):
            a[j] = b[j]
    return n

def add(a, n):
    for i in range(n):
        for j in range(len(a)):
            a[j] += i
    return n

def look(a, n):
    total = 0.0
    for i in range(n):
        for j in range(len(a)):
            total += a[j]
    return total

settle([0.0] * 9 + [1.0], [0.0] * 10, 3)
add([1, 2, 3], 3)
look([1.5, 2.5], 3)
"""


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("long")
    (folder / "long.py").write_text(LONG)
    artifact = folder / "long.so"
    artifact.write_bytes(compiled(LONG, str(folder / "long.py"))[0])
    return load.load_artifact(str(artifact), str(folder / "long.py"), "long")


def plain(name: str) -> Callable[..., Any]:
    scope: dict[str, Any] = {}
    exec(LONG, scope)
    return scope[name]  # type: ignore[no-any-return]


def test_what_does_not_change_stays_the_same_object(long: Any) -> None:
    a, b = [float(i) for i in range(50)], [0.5] * 50
    kept = a[0], a[-1], b[0]
    again = list(a), list(b)
    long.settle(a, b, 200)
    plain("settle")(*again, 200)
    assert (a, b) == again
    assert (a[0] is kept[0], a[-1] is kept[1], b[0] is kept[2]) == (True, True, True)


def test_an_item_that_others_have_is_not_changed(long: Any) -> None:
    a = [float(i) for i in range(50)]
    others = list(a)
    long.settle(a, [0.0] * 50, 300)
    assert others == [float(i) for i in range(50)]
    ints = [10**6 + i for i in range(50)]
    others = list(ints)
    long.add(ints, 300)
    assert others == [10**6 + i for i in range(50)]
    assert ints == [10**6 + i + 300 * 299 // 2 for i in range(50)]


def test_small_ints_are_those_that_exist_once(long: Any) -> None:
    a = [1000 - 300 * 299 // 2 + i for i in range(-1000, -990)]
    long.add(a, 300)
    assert a == list(range(10))
    assert all(item is small for item, small in zip(a, range(10), strict=True))


def test_references_stay_flat(long: Any) -> None:
    values = [1.5 * i for i in range(40)]
    counts = [sys.getrefcount(value) for value in values]
    for _ in range(20):
        a, b = list(values), list(values)
        long.settle(a, b, 40)
        long.look(a, 40)
        del a, b
    assert [sys.getrefcount(value) for value in values] == counts
    blocks = sys.getallocatedblocks()
    for _ in range(200):
        long.settle(list(values), list(values), 40)
        long.add([2**40 + i for i in range(40)], 40)
    assert sys.getallocatedblocks() < blocks + 200


def test_overflow_leaves_every_item_as_it_is_then(long: Any) -> None:
    a, b = ([2**63 - 1000 + i * 10 for i in range(-40, 40)] for _ in range(2))
    long.add(a, 100)
    plain("add")(b, 100)
    assert a == b
    assert max(a) >= 2**63


def test_a_signal_finds_the_list_as_it_is(long: Any) -> None:
    class Stop(Exception):
        pass

    def stop(*_: object) -> None:
        raise Stop

    before = signal.signal(signal.SIGVTALRM, stop)
    try:
        for _ in range(20):
            a = [0] * 1000
            signal.setitimer(signal.ITIMER_VIRTUAL, 0.01)
            with pytest.raises(Stop):
                long.add(a, 10**9)
            first, last = a[0], a[-1]
            done = first - last  # what the pass that was stopped has added, if it had begun
            assert a == [first] * a.count(first) + [last] * (1000 - a.count(first))
            assert first > 0
            assert done == 0 or first == done * (done + 1) // 2
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def test_another_thread_sees_the_list_as_it_is(long: Any) -> None:
    """Items only grow, and together: whoever looks sees at most two neighbouring values."""
    a = [0] * 100
    wrong, running = [], threading.Event()

    def watch() -> None:
        running.set()
        while not done.is_set():
            seen = list(a)
            steps = sum(x != y for x, y in pairwise(seen))
            if steps > 1 or min(seen) < last[0]:
                wrong.append(seen)
            last[0] = min(seen)

    done, last = threading.Event(), [0]
    thread = threading.Thread(target=watch)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        thread.start()
        running.wait()
        for _ in range(20):
            long.add(a, 2000)
    finally:
        sys.setswitchinterval(before)
        done.set()
        thread.join()
    assert a == [20 * (2000 * 1999 // 2)] * 100
    assert not wrong


# ---- which nests qualify -------------------------------------------------------------------------
NESTS = """
def calls(a, n):
    for i in range(n):
        for j in range(len(a)):
            a[j] = a[j] + 1
            print(a)

def grows(a, n):
    for i in range(n):
        for j in range(n):
            a[j] = a[j] + 1
            a.append(j)
    return a

def whole(a, b, n):
    for i in range(n):
        for j in range(n):
            a[j] = a[j] + 1
        b.append(a == b)
    return a

def asked(a, n):
    total = 0
    for i in range(n):
        for j in range(n):
            a[j] = a[j] + 1
            total += 3 in a
    return total

def replaced(rows, n):
    for i in range(n):
        for j in range(n):
            rows[i][j] = rows[i][j] + 1
        rows[i] = rows[0]
    return rows

def alone(a, n):
    for j in range(n):
        a[j] = a[j] + 1
    return a

def simple(a, n):
    for i in range(n):
        for j in range(n):
            a[j] = a[j] + 1
    return a
"""


def nest_of(name: str, call: str) -> bool:
    (function, *_) = lower(NESTS, call).functions[name]
    return any(op.name == "arrays.open" for op in function.ops())


@pytest.mark.parametrize("name", ["grows", "asked", "alone"])
def test_a_nest_that_sees_items_otherwise_has_no_arrays(name: str) -> None:
    assert not nest_of(name, f"{name}([1, 2, 3], 3)")


def test_a_nest_that_replaces_rows_has_no_arrays() -> None:
    assert not nest_of("replaced", "replaced([[1, 2], [3, 4]], 2)")


def test_a_simple_nest_has() -> None:
    assert nest_of("simple", "simple([1, 2, 3], 3)")


def test_the_reference_interpreter_agrees() -> None:
    lowered = lower(SOURCE, *FIRST)
    scope: dict[str, Any] = {}
    exec(SOURCE, scope)
    for call in FIRST:
        answer = lowered.run(call)
        assert isinstance(answer, Left) or answer == eval(call, scope), call
