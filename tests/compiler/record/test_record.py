"""What the recorder sees of representative calls."""

import json
import resource
import signal
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from pyvorin.frontend.build import build_function
from pyvorin.ir.interp import Body
from pyvorin.ir.model import Function, Value
from pyvorin.record import Budget, FunctionProfile, Profile, class_of, record

PROGRAM = """
def weighted(values, weights, start=0):
    total = start
    for i in range(len(values)):
        w = weights[i]
        if w is None:
            continue
        total += values[i] * half(w)
    return total

def half(x):
    return x / 2

def squares(x):
    for _ in range(60):
        x *= x


def shifts(x):
    for _ in range(60):
        x = 1 << x


def powers(x):
    for _ in range(60):
        x = x**x


def repeats(x):
    text = "x" * x
    for _ in range(60):
        text = text * len(text)


def forever(x):
    while x:
        x += 1
    return x

def fails(x):
    y = x + 1
    return y[0]

def leaves(x):
    if x > 1:
        raise ValueError(x)
    return x

def late(n):
    for i in range(n):
        last = i
    return n
"""


@pytest.fixture(scope="module")
def bodies() -> dict[str, Body]:
    names: dict[str, Any] = {}
    exec(PROGRAM, names)
    functions = [f for f in names.values() if isinstance(f, FunctionType)]
    built = [(f, build_function(f).function) for f in functions]
    return {f.__name__: Body(ir, f) for f, ir in built if ir is not None}


def named(function: Function, hint: str) -> list[Value]:
    values = [v for block in function.blocks for v in block.params]
    values += [v for op in function.ops() for v in op.results]
    return [v for v in values if v.hint == hint]


def seen(bodies: dict[str, Body], profile: Profile, name: str, hint: str) -> set[str]:
    one = profile.functions[name]
    return {c for value in named(bodies[name].function, hint) for c in one.classes(value)}


def test_classes_of_values_elements_and_callees(bodies: dict[str, Body]) -> None:
    calls = [
        ("weighted", ([1.5, 2.0], [1, 2]), {}),
        ("weighted", ([1, 2], [None, 2.5], 2**70), {}),
        ("weighted", ((), [1]), {"start": 1}),
    ]
    profile = record(bodies, calls)
    one = profile.functions["weighted"]
    assert one.calls == 3
    assert one.signatures[("list", "list", "int")] == 1
    assert one.signatures[("list", "list", "wide")] == 1
    assert seen(bodies, profile, "weighted", "total") == {"int", "wide", "float"}
    assert seen(bodies, profile, "weighted", "w") == {"int", "float", "NoneType"}
    values = bodies["weighted"].function.entries[0].block.params[0]
    assert one.classes(values) == {"list", "tuple"}
    assert one.element_classes(values) == {"int", "float"}
    assert profile.functions["half"].calls == 3
    assert profile.functions["half"].signatures == {("int",): 2, ("float",): 1}


def test_branches_and_loops_are_counted(bodies: dict[str, Body]) -> None:
    calls = [("weighted", ([1.0] * n, [1] * n), {}) for n in (3, 7)]
    one = record(bodies, calls).functions["weighted"]
    (loop,) = one.loops(bodies["weighted"].function)
    assert (loop.entries, loop.iterations, loop.trips) == (2, 12, 6.0)
    assert one.edges[loop.header] == [10, 2]
    blocks = bodies["weighted"].function.blocks
    assert not all(one.reached(block) for block in blocks)  # no weight is None


def test_a_local_not_yet_bound_has_no_class(bodies: dict[str, Body]) -> None:
    profile = record(bodies, [("late", (3,), {})])
    assert seen(bodies, profile, "late", "last") == {"int"}


def test_calls_that_fail_or_give_up_count_until_then(bodies: dict[str, Body]) -> None:
    calls: list[Any] = [("fails", (1,), {}), ("leaves", (5,), {}), ("fails", (1, 2, 3), {})]
    profile = record(bodies, calls)
    assert (profile.functions["fails"].raised, profile.functions["leaves"].left) == (2, 1)
    assert seen(bodies, profile, "fails", "y") == {"int"}


BEHIND = """
class Hiding:
    def __enter__(self):
        return 2.5

    def __exit__(self, kind, error, trace):
        return kind is KeyError

def behind(items):
    scale = lambda x: x * total
    total = 1
    for i, item in enumerate(items):
        total += scale(item)
    with Hiding() as factor:
        for item in items[1:]:
            factor += item
        raise KeyError
    try:
        total = items[len(items)]
    except IndexError:
        found = [total]
    while len(found) < 3:
        found.append(None)
    return found, factor
"""


def test_recording_goes_on_behind_what_cpython_does() -> None:
    names: dict[str, Any] = {}
    exec(BEHIND, names)
    built = build_function(names["behind"])
    assert built.function is not None
    one = Body(built.function, names["behind"])
    headers = {"behind": built.headers}
    seen = record({"behind": one}, [("behind", ([1.5, 2, 4],), {})], None, headers)
    profile = seen.functions["behind"]
    assert (profile.calls, profile.raised, len(profile.resumed)) == (1, 0, 3)
    first, _, third = (header.block for header in built.headers)
    assert profile.blocks[first.label] == 4
    classes = [profile.classes(value) for value in first.params]
    assert frozenset({"enumerate list_iterator"}) in classes
    assert frozenset({"function:<lambda>"}) in classes
    by_name = {value.hint: profile.classes(value) for value in third.params}
    assert by_name["found"] == {"list"}
    assert by_name["factor"] == {"float"}


LONG = """
def long(n):
    squares = []
    for i in range(n):
        squares.append(i * i + 1)
    total = 0
    for i in range(n):
        for square in squares:
            total += square
            if total > n:
                break
    found = squares[1] / 2
    while found > 0:
        found -= squares[0]
    return found, len(squares)
"""


def test_what_follows_a_long_loop_is_recorded() -> None:
    names: dict[str, Any] = {}
    exec(LONG, names)
    built = build_function(names["long"])
    assert built.function is not None
    body = {"long": Body(built.function, names["long"])}
    seen = record(body, [("long", (2000,), {})], Budget(call_ops=3000), {"long": built.headers})
    profile = seen.functions["long"]
    assert (profile.calls, profile.raised, seen.exhausted) == (1, 0, False)
    assert all(profile.blocks[header.block.label] >= 1 for header in built.headers)
    last = {value.hint: profile.classes(value) for value in built.headers[-1].block.params}
    assert last["found"] == {"float"}


CALLED_BY_CPYTHON = """
class Scaled:
    def __init__(self, factor):
        self.factor = factor

    def of(self, x):
        return scale(x, self.factor)

def scale(x, factor=2, *, plus=0):
    found = x * factor
    found += plus
    return found

def last(items):
    return next(items)

def all_of(items):
    total = sum(scale(x) for x in items)
    total += Scaled(1.5).of(items[0])
    try:
        last(iter(()))
    except StopIteration:
        total += max(map(lambda x: scale(x, plus=x), items))
    return total, last(iter(items))
"""


def test_calls_that_cpython_makes_are_recorded() -> None:
    names: dict[str, Any] = {}
    exec(CALLED_BY_CPYTHON, names)
    functions = {name: names[name] for name in ("scale", "last", "all_of")}
    codes = [function.__code__ for function in functions.values()]
    built = {name: build_function(function) for name, function in functions.items()}
    ones = {n: Body(b.function, functions[n]) for n, b in built.items() if b.function is not None}
    profile = record(ones, [("all_of", ([1, 4],), {})])
    assert profile.functions["all_of"].raised == 0
    assert profile.functions["scale"].signatures == {
        ("int", "int", "int"): 4,
        ("int", "float", "int"): 1,
    }
    assert seen(ones, profile, "scale", "found") == {"int", "float"}
    assert [function.__code__ for function in functions.values()] == codes


KNOWN = """
def more(x):
    return x + 1

def drive(n):
    made = list(map(more, range(n)))
    CODES.append(more.__code__)
    return made
"""


@pytest.mark.parametrize(("calls", "is_known"), [(3, False), (100, True)])
def test_a_function_that_is_known_runs_as_it_was(calls: int, is_known: bool) -> None:
    names: dict[str, Any] = {"CODES": []}
    exec(KNOWN, names)
    code = names["more"].__code__
    built = {name: build_function(names[name]) for name in ("more", "drive")}
    ones = {n: Body(b.function, names[n]) for n, b in built.items() if b.function is not None}
    profile = record(ones, [("drive", (calls,), {})])
    assert [seen is code for seen in names["CODES"]] == [is_known]
    assert profile.functions["more"].calls == min(calls, 13)  # the first, and 12 alike


def test_a_default_that_has_no_hash_is_no_obstacle() -> None:
    names: dict[str, Any] = {}
    exec("def total(x, start=[1]):\n    return x + start[0]\n", names)
    built = build_function(names["total"])
    assert built.function is not None
    profile = record({"total": Body(built.function, names["total"])}, [("total", (2,), {})])
    assert profile.functions["total"].signatures == {("int", "list"): 1}


def test_budgets_stop_endless_and_repeated_calls(bodies: dict[str, Body]) -> None:
    budget = Budget(calls=10, call_ops=500, ops=1200)
    profile = record(bodies, [("forever", (1,), {})] * 5, budget)
    assert profile.exhausted
    assert profile.functions["forever"].calls == 3
    many = record(bodies, [("weighted", ([1.0] * 50, [1] * 50), {})], Budget(calls=10))
    assert many.functions["half"].calls == 10
    assert not many.exhausted
    (loop,) = many.functions["weighted"].loops(bodies["weighted"].function)
    assert loop.iterations == 51  # the caller is recorded to its end


@pytest.mark.parametrize("name", ["squares", "shifts", "powers", "repeats"])
def test_a_call_whose_values_explode_is_broken_off(bodies: dict[str, Body], name: str) -> None:
    """Each would take hours, or all memory, if it ran on as the budget of operations allows."""
    profile = record(bodies, [(name, (3,), {})])
    (loop,) = profile.functions[name].loops(bodies[name].function)
    assert loop.iterations < 60


def test_a_call_that_takes_all_memory_gets_a_memory_error() -> None:
    names: dict[str, Any] = {}
    exec("def doubles(items):\n    for _ in items:\n        items[1:1] = items\n", names)
    doubles = names["doubles"]
    built = build_function(doubles)
    assert built.function is not None
    limit = resource.getrlimit(resource.RLIMIT_AS)
    profile = record(
        {"doubles": Body(built.function, doubles)},
        [("doubles", ([0] * size,), {}) for size in (3, 4, 5)],
        Budget(memory=128 << 20),
    )
    assert profile.functions["doubles"].raised == 1  # and the others are not tried
    assert not profile.exhausted
    assert resource.getrlimit(resource.RLIMIT_AS) == limit


def test_a_call_that_does_not_end_in_cpython_is_ended() -> None:
    """What no IR is for, or what is known well enough, CPython runs; nothing counts it there."""
    names: dict[str, Any] = {}
    exec("def asks(x):\n    return endless(x)\n\ndef endless(x):\n    while x: pass\n", names)
    asks = names["asks"]
    built = build_function(asks)
    assert built.function is not None
    handler = signal.getsignal(signal.SIGPROF)
    profile = record(
        {"asks": Body(built.function, asks)},
        [("asks", (x,), {}) for x in (0, 1, 2)],
        Budget(cpu_ms=100),
    )
    assert (profile.functions["asks"].raised, profile.exhausted) == (1, False)
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGPROF) is handler


def test_json_round_trip(bodies: dict[str, Body]) -> None:
    profile = record(bodies, [("weighted", ([1, 2.5], [2, None]), {}), ("leaves", (5,), {})])
    text = json.dumps(profile.to_json())
    assert Profile.from_json(json.loads(text)).to_json() == profile.to_json()
    with pytest.raises(ValueError, match="profile format 2"):
        Profile.from_json({**profile.to_json(), "format": 2})


def test_no_more_classes_than_the_limit_are_kept() -> None:
    profile = FunctionProfile()
    for number in range(40):
        profile.count(profile.values, 1, f"other:Class{number}")
    assert len(profile.values[1]) == 17
    assert profile.values[1]["other"] == 24


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (2**63 - 1, "int"),
        (-(2**63), "int"),
        (2**63, "wide"),
        (-(2**127), "wide"),
        (2**127, "big"),
        (True, "bool"),
        (1.0, "float"),
        (None, "NoneType"),
        ("a", "char"),
        ("", "str"),
        ("ab", "str"),
        ([], "list"),
        ((), "tuple"),
        (range(3), "range"),
        ({}, "dict"),
        (len, "builtin:len"),
        (int, "builtin:int"),
        (class_of, "function:class_of"),
        (Path, "other:type"),
    ],
)
def test_class_names(value: Any, name: str) -> None:
    assert class_of(value) == name
