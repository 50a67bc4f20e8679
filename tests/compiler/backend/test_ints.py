"""Ints as objects: every border of a digit, and that no result shares memory with another."""

from __future__ import annotations

import gc
import itertools
import random
from typing import Any

import pytest

from tests.compiler.backend.attached import Written, native, source_function
from tests.compiler.backend.test_ops import COMPARISONS, Case, _write

BITS = (
    0,
    2,
    8,
    15,
    29,
    30,
    31,
    53,
    59,
    60,
    61,
    63,
    64,
    89,
    90,
    120,
    127,
    128,
    599,
    600,
    1199,
    1200,
)
BORDERS = sorted(
    {sign * (2**bits + near) for bits in BITS for near in (-1, 0, 1) for sign in (1, -1)}
)
SYMBOLS = ("+", "-", "*", "&", "|", "^", "<<", ">>")
TWO = ("obj", "obj")
CASES = [Case("num.binop", f"a {symbol} b", TWO, "obj", f"op={symbol!r}") for symbol in SYMBOLS]
CASES += [Case("num.cmp", f"a {op} b", TWO, "i1", f"op={op!r}") for op in COMPARISONS]
SHIFTS = {"<<": range(131), ">>": range(1300)}


@pytest.fixture(scope="module")
def compiled() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYVORIN_FORCE", "keep")
        functions, _, _ = native(*(_write(case, f"f{n}") for n, case in enumerate(CASES)))
        return functions


def pairs(symbol: str) -> Any:
    """All pairs of borders; distances of shifts are those that people use."""
    return itertools.product(BORDERS, SHIFTS.get(symbol, BORDERS))


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: CASES[n].python)
def test_borders_of_digits(number: int, compiled: Any) -> None:
    case = CASES[number]
    reference, function = eval(f"lambda a, b: {case.python}"), compiled[number]
    for a, b in pairs(case.python.split()[1]):
        expected, found = reference(a, b), function(a, b)
        assert found == expected, (a, b)
        assert type(found) is type(expected), (a, b)
        if type(expected) is int and -5 <= expected <= 256:
            assert found is int(str(expected)), (a, b, "not CPython's own small int")


def test_no_result_shares_memory(compiled: Any) -> None:
    """Results are kept, dropped and made again in any order; each keeps its value."""
    chance = random.Random(5)
    kept: dict[int, tuple[int, int]] = {}
    rows = [(compiled[n], eval(f"lambda a, b: {case.python}")) for n, case in enumerate(CASES[:6])]
    for step in range(30_000):
        a, b = (
            chance.choice((1, -1))
            * chance.getrandbits(chance.choice((5, 29, 31, 62, 65, 300, 700)))
            for _ in range(2)
        )
        if kept and chance.random() < 0.3:
            a = kept[chance.choice(list(kept))][0]
        function, reference = chance.choice(rows)
        place = chance.randrange(200)
        if place in kept:
            found, text = kept.pop(place)
            assert hash(found) == text, step
        kept[place] = function(a, b), hash(reference(a, b))
    assert all(hash(found) == text for found, text in kept.values())


def test_memory_stays_flat(compiled: Any) -> None:
    """What native code keeps to use again is bounded."""
    import tracemalloc

    add, multiply = compiled[0], compiled[2]
    values = [2**n for n in range(3, 640, 7)]

    def work() -> None:
        for a, b in itertools.product(values, values):
            add(a, b)
            multiply(a, b)

    work()
    tracemalloc.start()
    work()
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    for _ in range(3):
        work()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 50_000


STORE = """
function 'put' index=0 variant='base' result=obj nlocals=3
entry -1 start [('local', 0), ('local', 1), ('local', 2)]

start(%0:obj, %1:i64, %2:REP):
  %7:obj = box.REP %2
  list.set %0, %1, %7 [0 | %0, %1, %2 | ]
  %9:obj = const.obj {source=('singleton', 'None')}
  ret %9
"""
PUT = "def put(items, i, value):\n    items[i] = value\n"
OLD = [*BORDERS, *(n + 0.5 for n in (-3, 0, 2**40)), True, None, "text", [1], (2,), {3: 4}]


def _store(rep: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYVORIN_FORCE", "keep")
        written = Written(
            source_function(PUT, "put"), (STORE.replace("REP", rep).lstrip(),), (), ()
        )
        return native(written)[0][0]


def _fresh(value: Any) -> Any:
    """An equal object that nothing else has, where that is possible."""
    return value + 0 if type(value) in (int, float) else value


@pytest.mark.parametrize("rep", ["i64", "f64"])
def test_a_store_leaves_the_old_item_to_those_who_have_it(rep: str) -> None:
    put = _store(rep)
    new = [n for n in BORDERS if -(2**63) <= n < 2**63] if rep == "i64" else [0.0, -0.0, 1.5, 1e300]
    for old, value in itertools.product(OLD, new):
        alone = [_fresh(old)]
        put(alone, 0, value)
        assert (repr(alone[0]), type(alone[0])) == (repr(value), type(value)), (old, value)
        if rep == "i64" and -5 <= value <= 256:
            assert alone[0] is int(str(value)), (old, value)
        shared = _fresh(old)
        before = repr(shared)
        items = [shared]
        put(items, 0, value)
        assert repr(shared) == before, (old, value)
        assert repr(items[0]) == repr(value), (old, value)
