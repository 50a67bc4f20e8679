"""Time the same calls under CPython and native, in one process, alternating.

For each function the slowest of its representative calls is taken, repeated until a block takes
MIN_BLOCK_NS. Blocks of the two sides alternate, the first rounds of a short call warm up and are
not counted, and the medians of the rest are reported, with the outcome of that call on either side.
Rounds end early when all so far show a difference that more of them would not undo. Arguments are
made anew for each call, outside the timed part. Time is the thread's CPU time, so that a busy
machine does not decide what is shipped.

All functions together get TOTAL_NS, so that a module of many slow ones ends too: a long call is
repeated less, and one of a second or more is timed once on either side.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from statistics import median
from time import thread_time_ns
from types import ModuleType
from typing import Any, Final

from pyvorin.check.case import Case, builder
from pyvorin.check.observe import Result, observe, prepare
from pyvorin.check.pipes import captured

MIN_BLOCK_NS: Final = 2_000_000
MAX_LOOPS: Final = 4096
WARM_UP: Final = 2
ROUNDS: Final = 7
CLEAR_ROUNDS: Final = 3  # as many are enough where each of them shows
CLEAR: Final = 2.0  # a ratio beyond this
TIME_PER_FUNCTION_NS: Final = 1_500_000_000
TOTAL_NS: Final = 20_000_000_000
WARM_NS: Final = 5_000_000  # a call as long as this has warmed up by itself
LONG_NS: Final = 100_000_000  # one round may do for a call as long as this


def time_functions(job: dict[str, Any]) -> Iterator[Result]:
    """For each function named in the job's cases: a row of figures, then CPython's outcome and
    native's."""
    python = prepare(job, artifact=None)
    native = prepare(job, artifact=job["artifact"])
    calls: dict[str, list[Case]] = {}
    for item in job["cases"]:
        case = Case.from_json(item)
        calls.setdefault(case.function, []).append(case)
    budget = min(TIME_PER_FUNCTION_NS, TOTAL_NS // max(1, len(calls)))
    for cases in calls.values():
        case, once = _slowest(cases, python, budget)
        yield _time(case, once, python, native, budget)
        yield observe(case, python, 0)
        yield observe(case, native, 0)


def _slowest(cases: list[Case], module: ModuleType, budget: int) -> tuple[Case, int]:
    """The call that takes longest, and how long in ns, of those that a third of the budget lets
    one try. An exception is part of the call.
    """
    tried: list[tuple[int, Case]] = []
    for case in cases:
        prepared = _prepare(case, module)
        took = _block(*prepared, loops=1)
        if took < WARM_NS:  # or an interruption makes a small call the slowest
            took = min(took, *(_block(*prepared, loops=1) for _ in range(2)))
        tried.append((took, case))
        if sum(took for took, _ in tried) > budget // 3:
            break
    took, case = max(tried, key=lambda item: item[0])
    return case, took


def _prepare(case: Case, module: ModuleType) -> tuple[Callable[..., Any], Callable[[], Any]]:
    return builder(case.call, module.__dict__)


def _time(
    case: Case, once: int, python: ModuleType, native: ModuleType, budget: int
) -> dict[str, Any]:
    sides = _prepare(case, python), _prepare(case, native)
    once = max(1, once)
    loops = min(MAX_LOOPS, -(-MIN_BLOCK_NS // once))
    rounds = min(ROUNDS, max(3 if once < LONG_NS else 1, budget // (2 * once * loops)))
    warm_up = WARM_UP if once < WARM_NS else 0
    times: tuple[list[int], list[int]] = [], []
    for number in range(rounds + warm_up):
        for side in (0, 1) if number % 2 else (1, 0):
            elapsed = _block(*sides[side], loops=loops)
            if number >= warm_up:
                times[side].append(elapsed)
        if _is_clear(*times):
            break
    ratio = median(_ratios(*times))
    return {
        "function": case.function,
        "call": case.call,
        "loops": loops,
        "rounds": len(times[0]),
        "cpython_ns": round(median(times[0]) / loops),
        "native_ns": round(median(times[1]) / loops),
        "ratio_milli": round(ratio * 1000),
    }


def _ratios(slow: list[int], fast: list[int]) -> list[float]:
    return [a / max(1, b) for a, b in zip(slow, fast, strict=True)]


def _is_clear(slow: list[int], fast: list[int]) -> bool:
    ratios = _ratios(slow, fast)
    return len(ratios) >= CLEAR_ROUNDS and (min(ratios) > CLEAR or max(ratios) < 1 / CLEAR)


def _block(function: Callable[..., Any], make: Callable[[], Any], loops: int) -> int:
    """Nanoseconds that `loops` calls take together."""
    calls = [make() for _ in range(loops)]

    def run() -> int:
        start = thread_time_ns()
        for args, kwargs in calls:
            try:
                function(*args, **kwargs)
            except Exception:
                continue
        return thread_time_ns() - start

    gc.disable()
    try:
        return captured(run)[0]
    finally:
        gc.enable()
