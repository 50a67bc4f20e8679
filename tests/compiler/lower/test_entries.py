"""A body has ways in at the loops that go round natively, and at no others."""

from pyvorin.check.case import Case, Inputs
from pyvorin.check.load import load_source
from pyvorin.driver import lower_module, prepare

SOURCE = """
class Seen:
    def __init__(self):
        self.names = []

    def add(self, name):
        self.names.append(name)

def told(names, seen):
    for name in names:
        seen.add(name)
    return len(names)

def summed(rows, seen):
    total = 0
    for row in rows:
        for x in row:
            total += x
        seen.total = total
    return total

def helped(n, seen):
    total = 0
    for i in range(n):
        total += helper(i)
        seen.total = total
    return total

def helper(n):
    return n * n
"""
CALLS = ["told(['a', 'b'], Seen())", "summed([[1, 2], [3]], Seen())", "helped(3, Seen())"]


def headers(name: str) -> set[int]:
    """The loop headers, by number, at which a function's bodies can be entered."""
    cases = tuple(Case(call.partition("(")[0], call, "example") for call in CALLS)
    names = load_source("entered.py", SOURCE, "entered").__dict__
    bodies = lower_module(prepare(names, "entered.py", Inputs(cases)))
    functions = [body.function for body in bodies.entered.get(name, [])]
    return {entry.header for function in functions for entry in function.entries} - {-1}


def test_a_loop_that_only_leaves_is_not_entered() -> None:
    assert headers("told") == set()


def test_a_loop_with_one_inside_that_goes_round_is_entered() -> None:
    assert headers("summed") == {0, 1}


def test_a_loop_that_calls_native_code_is_entered() -> None:
    assert headers("helped") == {0}
