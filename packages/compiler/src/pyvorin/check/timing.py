"""Time the same calls under CPython and native, in one process, alternating.

For each function the slowest of its representative calls is taken, repeated until a block takes
MIN_BLOCK_NS. Blocks of the two sides alternate, the first rounds warm up and are not counted, and
the medians of the rest are reported, with the outcome of that call on either side. Arguments are
made anew for each call, outside the timed part. Time is the thread's CPU time, so that a busy
machine does not decide what is shipped.
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
TIME_PER_FUNCTION_NS: Final = 1_500_000_000


def time_functions(job: dict[str, Any]) -> Iterator[Result]:
    """For each function named in the job's cases: a row of figures, then CPython's outcome and
    native's."""
    python = prepare(job, artifact=None)
    native = prepare(job, artifact=job["artifact"])
    calls: dict[str, list[Case]] = {}
    for item in job["cases"]:
        case = Case.from_json(item)
        calls.setdefault(case.function, []).append(case)
    for cases in calls.values():
        case = max(cases, key=lambda case: _seconds(case, python))
        yield _time(case, python, native)
        yield observe(case, python, 0)
        yield observe(case, native, 0)


def _seconds(case: Case, module: ModuleType) -> int:
    """Duration of one call, in ns; its exception, if any, is part of the call."""
    return _block(*_prepare(case, module), loops=1)


def _prepare(case: Case, module: ModuleType) -> tuple[Callable[..., Any], Callable[[], Any]]:
    return builder(case.call, module.__dict__)


def _time(case: Case, python: ModuleType, native: ModuleType) -> dict[str, Any]:
    sides = _prepare(case, python), _prepare(case, native)
    once = max(1, min(_block(*sides[0], loops=1) for _ in range(3)))
    loops = min(MAX_LOOPS, -(-MIN_BLOCK_NS // once))
    rounds = max(3, min(ROUNDS, TIME_PER_FUNCTION_NS // (2 * once * loops)))
    times: tuple[list[int], list[int]] = [], []
    for number in range(rounds + WARM_UP):
        for side in (0, 1) if number % 2 else (1, 0):
            elapsed = _block(*sides[side], loops=loops)
            if number >= WARM_UP:
                times[side].append(elapsed)
    ratio = median(slow / max(1, fast) for slow, fast in zip(*times, strict=True))
    return {
        "function": case.function,
        "call": case.call,
        "loops": loops,
        "rounds": rounds,
        "cpython_ns": round(median(times[0]) / loops),
        "native_ns": round(median(times[1]) / loops),
        "ratio_milli": round(ratio * 1000),
    }


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
