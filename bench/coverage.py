"""How much of a program's work native code does, as a count and not as a time.

A function's weight is the number of lines that CPython executes in it on the program's sample call,
nested functions and comprehensions included. Its native share is what native code took and
finished: of all its calls and loop entries, those that were neither declined at the entry nor left
half-way. The program's coverage is the mean of the shares by weight, so a function that stays in
Python counts with all its lines.
"""

from __future__ import annotations

import copy
import functools
import importlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import drivers
import peers
from workloads import Workload


def weights(workload: Workload) -> dict[str, int]:
    """Lines executed on the sample, by the outermost function they belong to."""
    source = peers.source_of(workload)
    if source is None:
        return {}
    path = str(source)
    lines: Counter[str] = Counter()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != path:
            return None
        if event == "line":
            lines[frame.f_code.co_qualname.partition(".<locals>")[0]] += 1
        return trace

    with _importable(source) as module:
        function = _function(workload, module)
        arguments = copy.deepcopy(workload.sample)
        sys.settrace(trace)
        try:
            function(*arguments)
        finally:
            sys.settrace(None)
    return dict(lines)


@contextmanager
def _importable(source: Path) -> Iterator[ModuleType]:
    """The program as a module, which is forgotten afterwards."""
    sys.path.insert(0, str(source.parent))
    try:
        yield importlib.import_module(source.stem)
    finally:
        sys.path.remove(str(source.parent))
        sys.modules.pop(source.stem, None)


def _function(workload: Workload, module: ModuleType) -> Callable[..., Any]:
    if workload.origin:
        return functools.partial(getattr(drivers, workload.function), module)
    function: Callable[..., Any] = getattr(module, workload.function)
    return function


def share(weight: dict[str, int], functions: dict[str, Any]) -> float:
    """The native share of a program: `functions` are the attached ones with state and counts."""
    done = sum(lines * _native(functions.get(name)) for name, lines in weight.items())
    return done / (sum(weight.values()) or 1)


def _native(function: dict[str, Any] | None) -> float:
    if function is None or function["state"] != "native":
        return 0.0
    counts = function["counts"]
    taken = counts.get("entries", 0) + counts.get("osr", 0)
    lost = counts.get("resumes", 0) + counts.get("declines", 0)
    # Native callers reach a native function without counting an entry of it.
    return max(0.0, 1 - lost / (taken + lost)) if taken + lost else 1.0
