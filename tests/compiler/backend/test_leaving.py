"""Leaving native code and coming back: state, tracebacks, recursion, assumptions, references."""

from __future__ import annotations

import itertools
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import pytest
from pyvorin.backend.module import MOST_OPS

from tests.compiler.backend import programs
from tests.compiler.backend.attached import Written, built, loaded, native

Counters = Callable[[], dict[str, Any]]


@pytest.fixture(scope="module", params=[MOST_OPS, 1], ids=["one-part", "parts"])
def attached(
    request: pytest.FixtureRequest,
) -> tuple[dict[str, FunctionType], dict[str, Counters]]:
    functions = programs.functions()
    written = [
        programs.fib(functions["fib"]),
        programs.depth(functions["depth"]),
        programs.tight(functions["tight"]),
        programs.grow(functions["grow"]),
        *programs.chain(functions),
        programs.put(functions["put"]),
        programs.total(functions["total"]),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYVORIN_FORCE", "keep")
        patch.setattr("pyvorin.backend.module.MOST_OPS", request.param)
        made, counters, _ = native(*written)
    return functions, {f.__name__: c for f, c in zip(made, counters, strict=True)}


@pytest.fixture(scope="module")
def plain() -> dict[str, FunctionType]:
    return programs.functions()


@pytest.fixture
def recursion_limit() -> Iterator[None]:
    before = sys.getrecursionlimit()
    yield
    sys.setrecursionlimit(before)


def test_native_calls_answer_as_python_does(attached: Any, plain: Any) -> None:
    functions, counters = attached
    before = counters["fib"]()
    assert [functions["fib"](n) for n in range(20)] == [plain["fib"](n) for n in range(20)]
    after = counters["fib"]()
    assert after["entries"] - before["entries"] == 20
    assert after["resumes"] == before["resumes"]


def test_an_overflowing_loop_goes_on_in_a_wider_body_and_then_in_bytecode(
    attached: Any, plain: Any
) -> None:
    functions, counters = attached
    assert functions["grow"](1000) == plain["grow"](1000)
    seen = counters["grow"]()
    assert seen["osr"] >= 1  # the i128 body took over at the loop header
    assert sum(seen["sites"]) == 2  # each body left once, and bytecode did the rest
    assert functions["grow"](70) == plain["grow"](70)


def outcome(function: FunctionType, *arguments: object) -> tuple[str, list[str]]:
    """The result or the whole traceback, with carets, without the test's own line."""
    try:
        return repr(function(*arguments)), []
    except Exception as error:
        lines = traceback.format_exception(error)
        return repr(error), [line for line in lines if "test_leaving" not in line]


@pytest.mark.parametrize(
    "arguments", [(7, 2), (7, 0), (2**70, 2), (-(2**63), -1), ("a", 1), (1.5, 0)]
)
def test_an_exception_in_native_frames_has_pythons_traceback(
    attached: Any, plain: Any, arguments: Any
) -> None:
    for name in ("divide", "middle", "outer"):
        assert outcome(attached[0][name], *arguments) == outcome(plain[name], *arguments)


@pytest.mark.usefixtures("recursion_limit")
@pytest.mark.parametrize("limit", [200, 1000, 3000])
def test_recursion_stops_at_the_same_depth(attached: Any, plain: Any, limit: int) -> None:
    sys.setrecursionlimit(limit)

    def reached(function: FunctionType) -> int:
        low, high = 1, 2 * limit
        while low < high:
            try:
                function((low + high) // 2)
                low = (low + high) // 2 + 1
            except RecursionError:
                high = (low + high) // 2
        return low

    assert reached(attached[0]["depth"]) == reached(plain["depth"])


@pytest.mark.usefixtures("recursion_limit")
def test_recursion_is_not_bounded_by_the_c_stack(attached: Any) -> None:
    sys.setrecursionlimit(10**6)
    assert attached[0]["depth"](100_000) == 100_000


@pytest.mark.usefixtures("recursion_limit")
def test_a_thread_with_a_small_stack_can_recurse(attached: Any) -> None:
    sys.setrecursionlimit(100_000)
    answers: list[int] = []
    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=lambda: answers.append(attached[0]["depth"](20_000)))
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert answers == [20_000]


def test_a_signal_ends_a_native_loop_at_its_line(attached: Any, plain: Any) -> None:
    def interrupted(function: FunctionType) -> list[str]:
        def handler(*_: object) -> None:
            raise KeyError("signal")

        previous = signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        try:
            with pytest.raises(KeyError) as caught:
                function(10**12)
        finally:
            signal.signal(signal.SIGALRM, previous)
        return [entry.name for entry in traceback.extract_tb(caught.value.__traceback__)]

    assert interrupted(attached[0]["tight"]) == interrupted(plain["tight"])


def test_other_threads_run_while_a_native_loop_does(attached: Any) -> None:
    answers: list[int] = []
    thread = threading.Thread(target=lambda: answers.append(attached[0]["tight"](3 * 10**7)))
    thread.start()
    ticks = 0
    while thread.is_alive():
        ticks += 1
        time.sleep(0.001)
    assert answers
    assert ticks > 2


def test_tracing_sees_bytecode(attached: Any, plain: Any) -> None:
    def lines(function: FunctionType) -> list[int]:
        seen: list[int] = []

        def trace(frame: Any, event: str, _: object) -> Any:
            if frame.f_code.co_name == "tight" and event == "line":
                seen.append(frame.f_lineno)
            return trace

        sys.settrace(trace)
        try:
            function(3)
        finally:
            sys.settrace(None)
        return seen

    assert lines(attached[0]["tight"]) == lines(plain["tight"])


@pytest.mark.parametrize(
    "arguments",
    [
        ([1, 2], 0, "x"),
        ([1, 2], -1, 5),
        ([1], 1, 5),
        ((1,), 0, 5),
        ([[1]], 0, 5),
        ([None], 0, 10**30),
    ],
)
def test_items_are_stored_as_python_does(attached: Any, plain: Any, arguments: Any) -> None:
    def copied() -> list[Any]:
        return [list(arguments[0]) if type(arguments[0]) is list else arguments[0], *arguments[1:]]

    assert outcome(attached[0]["put"], *copied()) == outcome(plain["put"], *copied())


def test_a_replaced_item_is_freed_when_python_frees_it(attached: Any) -> None:
    class Item:
        def __del__(self) -> None:
            freed.append(1)

    freed: list[int] = []
    items = [Item()]
    attached[0]["put"](items, 0, None)
    assert freed == [1]


def test_references_balance(attached: Any) -> None:
    marker, numbers = object(), [0.5, 1.5, 2.5]
    items = [marker, marker]
    put, total = attached[0]["put"], attached[0]["total"]

    def counts() -> list[int]:
        return [sys.getrefcount(o) for o in (marker, items, numbers, *numbers)]

    before = counts()
    for _ in range(1000):
        put(items, 1, marker)
        total(numbers, 3)
        with pytest.raises(IndexError):
            total(numbers, 4)
        assert total([*numbers, 7], 4) == 11.5
    assert counts() == before


def test_reading_a_list_of_floats_costs_no_reference_counts(attached: Any, plain: Any) -> None:
    numbers = [float(n) for n in range(1000)]
    before = attached[1]["total"]()
    assert attached[0]["total"](numbers, 1000) == plain["total"](numbers, 1000)
    assert attached[1]["total"]()["resumes"] == before["resumes"]


# ---- assumptions ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built_chain() -> bytes:
    return built(*programs.chain(programs.functions()))


@pytest.fixture
def chain(built_chain: bytes) -> tuple[dict[str, FunctionType], dict[str, Counters]]:
    functions = programs.functions()
    made, counters, _ = loaded(*programs.chain(functions), content=built_chain)
    return functions, {f.__name__: c for f, c in zip(made, counters, strict=True)}


def test_a_replaced_callee_is_noticed(chain: Any) -> None:
    functions, counters = chain
    assert functions["outer"](7, 2) == 5
    original = functions["outer"].__globals__["divide"]
    functions["outer"].__globals__["divide"] = lambda a, b: 100
    assert functions["outer"](7, 2) == 102
    functions["outer"].__globals__["divide"] = original
    before = counters["outer"]()["entries"]
    assert functions["outer"](7, 2) == 5
    assert counters["outer"]()["entries"] == before + 1


def test_a_callees_new_code_is_noticed(chain: Any) -> None:
    functions, _ = chain
    assert functions["outer"](7, 2) == 5
    functions["divide"].__code__ = (lambda a, b: 50).__code__
    assert functions["outer"](7, 2) == 52
    assert functions["divide"](1, 1) == 50


def test_code_in_another_namespace_is_not_native(chain: Any) -> None:
    functions, _ = chain
    copy = FunctionType(functions["middle"].__code__, {"divide": lambda a, b: "x" * b})
    with pytest.raises(TypeError):
        copy(1, 2)


def test_keywords_and_wrong_calls_go_through_python(chain: Any, plain: Any) -> None:
    functions, _ = chain
    assert functions["outer"](b=2, a=7) == 5
    for arguments in ((), (1,), (1, 2, 3)):
        with pytest.raises(TypeError) as error:
            functions["outer"](*arguments)
        with pytest.raises(TypeError) as expected:
            plain["outer"](*arguments)
        assert str(error.value) == str(expected.value)


# ---- forced leaving ------------------------------------------------------------------------------

CALLS = [
    ("fib", (10,)),
    ("tight", (50,)),
    ("outer", (7, 2)),
    ("outer", (7, 0)),
    ("total", ([1.5], 1)),
]


def _forced(functions: dict[str, FunctionType]) -> list[Written]:
    return [
        programs.fib(functions["fib"]),
        programs.tight(functions["tight"]),
        *programs.chain(functions),
        programs.total(functions["total"]),
    ]


@pytest.fixture(scope="module")
def forced() -> bytes:
    return built(*_forced(programs.functions()), force=True)


def sites_left(content: bytes, force: str, plain: dict[str, FunctionType]) -> list[int]:
    """Make calls with PYVORIN_FORCE set, compare outcomes, count where native code left."""
    functions = programs.functions()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYVORIN_FORCE", force)
        _, counters, _ = loaded(*_forced(functions), content=content)
    for name, arguments in CALLS:
        assert outcome(functions[name], *arguments) == outcome(plain[name], *arguments)
    return list(itertools.chain.from_iterable(c()["sites"] for c in counters))


@pytest.mark.parametrize("force", ["once", "every:1", "every:3"])
def test_forced_guards_change_nothing(force: str, forced: bytes, plain: Any) -> None:
    assert sum(count > 0 for count in sites_left(forced, force, plain)) > 5


def test_each_guard_alone_changes_nothing(forced: bytes, plain: Any) -> None:
    number = len(sites_left(forced, "keep", plain))
    reached = [sites_left(forced, f"site:{n}", plain)[n] > 0 for n in range(number)]
    assert sum(reached) > number // 2, reached
