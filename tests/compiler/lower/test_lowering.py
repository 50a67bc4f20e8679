"""Typed bodies answer as CPython does, in the reference interpreter, without leaving where they
should not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyvorin.check.case import Case, Inputs
from pyvorin.check.load import load_source
from pyvorin.driver import lower_module, prepare
from pyvorin.ir.interp import Body, Left, Machine, bind
from pyvorin.ir.model import Function

ROOT = Path(__file__).parents[3]


@dataclass
class Lowered:
    """A small module in typed IR; calls enter the first instance of a function."""

    names: dict[str, Any]
    functions: dict[str, list[Function]]

    def run(self, call: str) -> Any:
        name, _, rest = call.partition("(")
        args, kwargs = eval(f"(lambda *a, **k: (a, k))({rest}", self.names)
        bodies = {
            (n, number): Body(function, self.names[n])
            for n, functions in self.functions.items()
            for number, function in enumerate(functions)
        }
        machine = Machine(natives=bodies)
        return machine.run(bodies[name, 0], bind(self.names[name], args, kwargs))


def lower(source: str, *calls: str) -> Lowered:
    cases = tuple(Case(call.partition("(")[0], call, "example") for call in calls)
    names = load_source("lowered.py", source, "lowered").__dict__
    program = prepare(names, "lowered.py", Inputs(cases))
    return Lowered(names, {n: lower_module(program).functions(n) for n in program.instances})


PROGRAMS = {
    "collatz": (
        "def f(n):\n    s = 0\n    while n != 1:\n"
        "        n = n // 2 if n % 2 == 0 else 3 * n + 1\n        s += 1\n    return s\n",
        ["f(27)", "f(1)", "f(97)"],
    ),
    "int then float": (
        "def f(n):\n    t = 0\n    for i in range(n):\n        t += i / 2\n    return t\n",
        ["f(5)", "f(0)"],
    ),
    "beyond 64 bits": (
        "def f(n):\n    t = 1\n    for i in range(1, n):\n        t *= i\n    return t\n",
        ["f(30)", "f(5)", "f(60)"],
    ),
    "modular product": (
        "def f(a, b, m):\n    return a * b % m\n",
        ["f(2**62, 2**62 + 1, 10**9 + 7)", "f(-(2**62), 2**61, 12345)", "f(3, -4, -5)"],
    ),
    "powers of two": (
        "def f(a):\n    return a % 8, a // 8, a % 1, a // 1\n",
        ["f(77)", "f(-77)", "f(0)", "f(-8)"],
    ),
    "lists": (
        "def f(a):\n    best = a[0]\n    for x in a:\n        if x > best:\n            best = x\n"
        "    a[-1] = best\n    return best, len(a)\n",
        ["f([3, 1, 4, 1, 5])", "f([2.5, -1.0])"],
    ),
    "text": (
        "def f(s):\n    n = 0\n    for c in s:\n        if c in 'aeiou' or c == s[0]:\n"
        "            n = n * 31 + ord(c)\n    return n\n",
        ["f('international')", "f('xyz')"],
    ),
    "tuples": (
        "def g(a, b):\n    return b, a\n\ndef f(a, b):\n    for p in (2, 3, 5):\n"
        "        a, b = g(a + p, b)\n    return a, b\n",
        ["f(1, 2)", "f(-1, 10)"],
    ),
    "defaults and keywords": (
        "def g(a, b=3, *, c=4):\n    return a * b + c\n\ndef f(x):\n"
        "    return g(x) + g(x, c=1) + g(b=x, a=2)\n",
        ["f(7)", "f(-1)"],
    ),
    "trees of tuples that end in none": (
        "def f(t):\n    left, right = t\n    if left is None:\n        return 1\n"
        "    return 1 + f(left) + f(right)\n",
        ["f((((None, None), (None, None)), (None, None)))", "f((None, None))"],
    ),
    "none and bool": (
        "def f(n):\n    r = None\n    for i in range(n):\n        if i > 2 and r is None:\n"
        "            r = i * 2\n    return r is None, r, not r, n > 1 < 3 != True\n",
        ["f(5)", "f(1)"],
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_typed_body_answers_as_cpython(name: str) -> None:
    source, calls = PROGRAMS[name]
    lowered = lower(source, *calls)
    for call in calls:
        expected = eval(call, lowered.names)
        found = lowered.run(call)
        assert not isinstance(found, Left), (call, found)
        assert repr(found) == repr(expected), call


def test_a_condition_that_fails_leaves_before_the_operation() -> None:
    lowered = lower("def f(a, b):\n    return a // b\n", "f(7, 2)")
    left = lowered.run("f(7, 0)")
    assert isinstance(left, Left)
    assert left.locals == (7, 0)
    assert left.stack == (7, 0)


def test_a_guess_is_not_counted_beside_what_was_seen() -> None:
    source = """
def less(a, b):
    return a[0] < b[0]

def f(x):
    return less([x], [2.5])
"""
    names = load_source("lowered.py", source, "lowered").__dict__
    cases = (Case("f", "f(1.5)", "example"), Case("less", "less([1], [2])", "evidence"))
    bodies = lower_module(prepare(names, "lowered.py", Inputs(cases))).functions("less")
    assert bodies
    assert all(op.name != "num.cmp" for body in bodies for op in body.ops())


def test_a_slice_whose_bounds_inference_widened_is_lowered() -> None:
    source = (ROOT / "bench/programs/json_parse.py").read_text()
    calls = ("parse_string([3, 1, 2], 5)", "loads([3, 1, 2])")
    cases = tuple(Case(call.partition("(")[0], call, "evidence") for call in calls)
    names = load_source("lowered.py", source, "lowered").__dict__
    assert "parse_string" in lower_module(prepare(names, "lowered.py", Inputs(cases))).names()
