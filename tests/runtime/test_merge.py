from __future__ import annotations

import _thread
import contextlib
import gc
import signal
import sys
import traceback
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest
from pyvorin_runtime import bytecode as bc
from pyvorin_runtime.merge import (
    CannotMerge,
    Gate,
    Hooks,
    LoopHeader,
    Merged,
    ResumePoint,
    merge,
)

from tests.runtime import programs
from tests.runtime.doubles import NO, UNBOUND, Asked, never
from tests.runtime.resume_fuzz import LOG, describe, loop_headers, resume_points


def merged(
    function: FunctionType,
    entry: Iterator[object] | None = None,
    take: Iterator[object] | None = None,
    osr: Iterator[object] | None = None,
) -> FunctionType:
    """A copy of `function` with merged code; hooks that are not given say no."""
    code = function.__code__
    headers = loop_headers(code)
    each = [osr or never()] * len(headers)
    gates = [Gate() for _ in headers]
    hooks = Hooks(entry or never(), each, take or never(), UNBOUND, gates)
    copy = FunctionType(
        merge(code, resume_points(code), headers, hooks),
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def point(function: FunctionType, name: str, occurrence: int = 0) -> int:
    """The number of the resume point at an instruction called `name`."""
    code = function.__code__
    offsets = [ins.offset for ins in bc.decode(code).instructions if ins.name == name]
    return [p.offset for p in resume_points(code)].index(offsets[occurrence])


def header_point(function: FunctionType) -> int:
    (header,) = loop_headers(function.__code__)
    return resume_points(function.__code__).index(ResumePoint(header.offset, header.stack))


# -- declining changes nothing ---------------------------------------------------------------------


@contextlib.contextmanager
def all_merged() -> Iterator[None]:
    """Give every plain function of `programs` merged code whose hooks always say no."""
    replaced: list[tuple[FunctionType, CodeType]] = []
    candidates = [*vars(programs).values(), *vars(programs.Point).values()]
    for function in candidates:
        if isinstance(function, FunctionType) and function.__module__ == programs.__name__:
            replaced.append((function, function.__code__))
            function.__code__ = merged(function).__code__
    assert len(replaced) > 40
    try:
        yield
    finally:
        for function, code in replaced:
            function.__code__ = code


def outcome(driver: Callable[[], object]) -> str:
    LOG.clear()
    try:
        return f"{describe(driver())} {describe(LOG)}"
    except Exception as error:
        return f"{type(error).__name__}: {error} {describe(LOG)}"


def test_declining_programs_end_identically() -> None:
    # Some programs change their own defaults, so both runs start from the same number of calls.
    expected = [outcome(driver) for driver in programs.DRIVERS for _ in range(12)]
    programs.defaults.__defaults__ = ([1, 2], 3)
    expected = [outcome(driver) for driver in programs.DRIVERS for _ in range(12)]
    programs.defaults.__defaults__ = ([1, 2], 3)
    with all_merged():
        found = [outcome(driver) for driver in programs.DRIVERS for _ in range(12)]
    assert found == expected


Event = tuple[str, str, int | None]


def events(driver: Callable[[], object], install: Callable[[Any], None]) -> list[Event]:
    """Every call, line, return and exception event in `programs`."""
    seen: list[Event] = []

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_filename == programs.__file__:
            seen.append((event, frame.f_code.co_name, frame.f_lineno))
        return trace

    install(trace)
    try:
        outcome(driver)
    finally:
        install(None)
    return seen


@pytest.mark.parametrize("install", [sys.settrace, sys.setprofile])
def test_declining_programs_make_the_same_events(install: Callable[[Any], None]) -> None:
    programs.defaults.__defaults__ = ([1, 2], 3)
    expected = [events(driver, install) for driver in programs.DRIVERS]
    programs.defaults.__defaults__ = ([1, 2], 3)
    with all_merged():
        found = [events(driver, install) for driver in programs.DRIVERS]
    assert sum(map(len, expected)) > 500
    assert found == expected


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is of 3.12")
def test_declining_programs_make_the_same_monitoring_events() -> None:
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
    kinds = ("PY_START", "PY_RETURN", "LINE", "RAISE", "PY_UNWIND", "CALL")

    def monitored() -> list[object]:
        seen: list[object] = []

        def watch(kind: str) -> Callable[..., object]:
            def on_event(code: CodeType, at: int, *_: object) -> None:
                if code.co_filename == programs.__file__:
                    seen.append((kind, code.co_name, at if kind == "LINE" else None))

            return on_event

        monitoring.use_tool_id(3, "test")
        for kind in kinds:
            monitoring.register_callback(3, getattr(monitoring.events, kind), watch(kind))
        monitoring.set_events(3, sum(getattr(monitoring.events, kind) for kind in kinds))
        try:
            for driver in programs.DRIVERS:
                outcome(driver)
        finally:
            monitoring.set_events(3, 0)
            monitoring.free_tool_id(3)
        return seen

    programs.defaults.__defaults__ = ([1, 2], 3)
    expected = monitored()
    programs.defaults.__defaults__ = ([1, 2], 3)
    with all_merged():
        assert monitored() == expected


def depth_reached(function: Callable[[int], int], limit: int) -> int:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(limit)
    try:
        return function(0)
    finally:
        sys.setrecursionlimit(before)


def deepest(n: int) -> int:
    try:
        return deepest(n + 1)
    except RecursionError:
        return n


@pytest.mark.parametrize("limit", [200, 1000, 5000])
def test_recursion_reaches_the_same_depth(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = depth_reached(deepest, limit)
    monkeypatch.setattr(deepest, "__code__", merged(deepest).__code__)
    assert depth_reached(deepest, limit) == expected


def starts() -> int:
    return deepest(0)


def starts_it() -> int:
    return starts()


def test_recursion_is_counted_through_thunks() -> None:
    expected = depth_reached(lambda _: starts_it(), 900)
    first = resume_points(starts.__code__)[1]
    number = resume_points(starts.__code__).index(first)
    thunk = partial(merged(starts, take=iter([(number, ())])))  # calls it from C
    code = starts_it.__code__
    call = next(i for i in bc.decode(code).instructions if i.name in ("PRECALL", "CALL"))
    point = ResumePoint(call.offset, "0v" if bc.MINOR < (3, 13) else "v0")
    hooks = Hooks(never(), [], iter([(0, (thunk,))]), UNBOUND)
    resumed = FunctionType(merge(code, [point], [], hooks), globals())
    assert depth_reached(lambda _: resumed(), 900) == expected


# -- entering and leaving --------------------------------------------------------------------------


def accumulate(values: list[int], total: int = 0) -> int:
    for v in values:
        total += v
    return total


def test_result_of_the_entry_is_the_result() -> None:
    assert merged(accumulate, entry=iter([7, None])).__call__([1]) == 7


def test_entry_may_give_none() -> None:
    assert merged(accumulate, entry=iter([None]))([1]) is None


def test_result_of_a_loop_hook_drops_the_iterator() -> None:
    values = iter([1, 2, 3])
    before = sys.getrefcount(values)
    native = merged(accumulate, osr=iter(["native"]))
    assert native(values) == "native"  # type: ignore[arg-type]
    assert sys.getrefcount(values) == before
    assert list(values) == [1, 2, 3]


def test_resume_keeps_no_references() -> None:
    class Thing:
        pass

    thing = Thing()
    watched = weakref.ref(thing)
    number = point(accumulate, "RETURN_VALUE")
    native = merged(accumulate, take=iter([(thing, thing, thing, number, (thing,))]))
    result = native([])
    assert result is thing
    del thing, result
    gc.collect()
    del native
    gc.collect()
    assert watched() is None


def test_resuming_often_leaks_nothing() -> None:
    marker = object()
    number = header_point(accumulate)

    def states() -> Iterator[object]:
        while True:
            yield marker, 5, marker, number, (iter([1, 2]),)
            yield from (NO, NO)  # asked by the loop hook, once an iteration

    native = merged(accumulate, take=Asked(states().__next__))
    native([])
    before = sys.getrefcount(marker)
    for _ in range(2000):
        assert native([]) == 8
    assert sys.getrefcount(marker) == before


def unbinds(a: int, b: int) -> list[str]:
    if a:
        del b
    c = a
    return sorted(locals())


def test_unbound_locals_are_unbound_again() -> None:
    number = point(unbinds, "STORE_FAST")
    native = merged(unbinds, take=iter([(1, UNBOUND, UNBOUND, number, (5,))]))
    assert native(8, 9) == ["a", "c"]


def test_loop_hook_unbinds_what_the_frame_had() -> None:
    def f(n: int) -> list[str]:
        x = 1
        for i in range(n):
            y = i
            if i == 9:
                del x
        return sorted(locals())

    number = header_point(f)
    left = iter([NO, (3, UNBOUND, 1, 2, number, (iter(()),)), NO])
    native = merged(f, take=Asked(left.__next__))
    assert native(3) == ["i", "n", "y"]


def test_gate_closes_and_opens() -> None:
    asked: list[int] = []
    code = accumulate.__code__
    (header,) = loop_headers(code)
    gate = Gate(is_open=False)
    osr = Asked(lambda: asked.append(1) or NO)
    hooks = Hooks(never(), [osr], never(), UNBOUND, [gate])
    native = FunctionType(merge(code, [], [header], hooks), {}, None, (0,))
    assert native([1, 2]) == 3
    assert asked == []
    gate.append(None)
    assert native([1, 2]) == 3
    assert len(asked) == 3


def test_cells_are_restored() -> None:
    def f(n: int) -> Callable[[], int]:
        total = 0
        for i in range(3):
            total += i + n
        return lambda: total

    number = header_point(f)
    total, elsewhere = (lambda x: (lambda: x).__closure__[0])(40), f(0)  # type: ignore[index]
    i = f.__code__.co_varnames.index("i")
    slots: list[object] = [1] * f.__code__.co_nlocals
    slots[i] = 0
    native = merged(f, take=iter([(*slots, total, number, (iter([2]),))]))
    assert native(1)() == 43
    assert total.cell_contents == 43
    assert elsewhere() == 3


def caught(n: int) -> str:
    i = 0
    try:
        while i < n:
            i += int("1")  # 3.13 does not cover the backward jump, but it covers this
    except KeyboardInterrupt:
        return f"caught after {i}"
    return f"went through {i}"


def interrupting() -> Iterator[object]:
    """A hook in C that makes a signal pending, as a poll finds it, and says no."""
    return filter(None, map(_thread.interrupt_main, [signal.SIGINT]))


@pytest.mark.parametrize("where", ["entry", "osr"])
def test_signal_pending_when_native_code_leaves_is_raised_at_the_point(where: str) -> None:
    header = loop_headers(caught.__code__)[-1]
    number = resume_points(caught.__code__).index(ResumePoint(header.offset, ""))
    # All in C: a Python function would handle the signal itself. `next` of nothing says no.
    answers: list[Iterator[object]] = [iter([(50, 3, number, ())])]
    if where == "osr":
        answers.insert(0, never())
    native = merged(caught, take=map(next, answers), **{where: interrupting()})  # type: ignore[arg-type]
    assert native(50) == "caught after 3"


def test_frame_is_hidden_at_the_entry_and_not_in_the_loop() -> None:
    seen: list[str] = []

    def look() -> object:
        frame: FrameType | None = sys._getframe()
        while frame is not None and frame.f_code.co_name in ("look", "__next__"):
            frame = frame.f_back
        assert frame is not None
        seen.append(f"{frame.f_code.co_name} {frame.f_lineno - frame.f_code.co_firstlineno}")
        return NO

    def caller() -> int:
        return merged(accumulate, entry=Asked(look), osr=Asked(look))([1])

    assert caller() == 1
    assert seen == ["caller 1", "accumulate 1", "accumulate 1"]


def test_traceback_shows_the_original_line_and_carets() -> None:
    def f(n: int) -> float:
        x = n
        return 1 + (x / (n - n))

    def printed(function: Callable[[int], float]) -> list[str]:
        with pytest.raises(ZeroDivisionError) as caught:
            function(3)
        return traceback.format_exception(caught.value)[2:]  # without the frame of `printed`

    number = point(f, "BINARY_OP", 1)
    native = merged(f, take=iter([(3, 3, number, (0, 3, 1))]))
    assert printed(native) == printed(f)
    assert any("~~^~~~~" in line for line in printed(f))


# -- the code object -------------------------------------------------------------------------------


def test_many_points_and_far_jumps() -> None:
    body = "".join(f"    x = x + {k}\n" for k in range(700))
    namespace: dict[str, Any] = {}
    exec(f"def f(x):\n    for i in range(2):\n        pass\n{body}    return x\n", namespace)
    f = namespace["f"]
    stores = [k for k, p in enumerate(resume_points(f.__code__)) if p.stack == "v"]
    assert len(resume_points(f.__code__)) > 2000
    sums = [sum(range(700))]
    for k in range(700):
        sums.append(sums[-1] - k)
    for number in stores[-5:-1]:
        result = merged(f, take=iter([(0, 0, number, (100,))]))(0)
        assert result - 100 in sums


def test_many_locals() -> None:
    names = [f"v{k}" for k in range(400)]
    source = "def f():\n" + "".join(f"    {name} = 1\n" for name in names)
    source += f"    return {' + '.join(names)}\n"
    namespace: dict[str, Any] = {}
    exec(source, namespace)
    f = namespace["f"]
    number = len(resume_points(f.__code__)) - 1
    native = merged(f, take=iter([(*range(400), number, ("end",))]))
    assert native() == "end"


def test_offsets_lead_to_the_same_instructions() -> None:
    code = programs.nested_loops.__code__
    headers = loop_headers(code)
    hooks = Hooks(never(), [never()] * len(headers), never(), UNBOUND)
    result = Merged(code, resume_points(code), headers, hooks)
    before = bc.decode(code).by_offset()
    after = bc.decode(result.code).by_offset()
    for offset, moved in result.offsets.items():
        assert after[moved].name == before[offset].name
        assert after[moved].position == before[offset].position


def test_everything_else_stays() -> None:
    code = programs.defaults.__code__
    changed = merged(programs.defaults).__code__
    changes = ("co_code", "co_consts", "co_linetable", "co_exceptiontable", "co_stacksize")
    for name in [n for n in dir(code) if n.startswith("co_") and n not in changes]:
        if name not in ("co_lnotab", "co_lines", "co_positions", "co_branches"):
            assert getattr(changed, name) == getattr(code, name), name
    assert changed.co_consts[: len(code.co_consts)] == code.co_consts


@pytest.mark.parametrize(
    ("points", "headers", "reason"),
    [
        ([ResumePoint(10**6, "")], [], "no instruction"),
        ([ResumePoint(1, "")], [], "no instruction"),
        ([ResumePoint(2, "v")], [], "stack at 2 is"),
        ([], [LoopHeader(2, "0")], "stack at 2 is"),
        ([], [LoopHeader(2, "")] * 2, "two hooks"),
    ],
)
def test_what_does_not_fit_is_refused(
    points: list[ResumePoint], headers: list[LoopHeader], reason: str
) -> None:
    hooks = Hooks(never(), [never()] * len(headers), never(), UNBOUND)
    with pytest.raises(CannotMerge, match=reason):
        merge(accumulate.__code__, points, headers, hooks)


def test_other_kinds_of_code_are_refused() -> None:
    async def coroutine() -> None: ...

    module = compile("x = 1", "m", "exec")
    hooks = Hooks(never(), [], never(), UNBOUND)
    for code in (module, coroutine.__code__):
        with pytest.raises(CannotMerge):
            merge(code, [], [], hooks)
