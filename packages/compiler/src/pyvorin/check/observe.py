"""Make one call and encode what it did. Runs beside user code, judges nothing.

Everything here is written so that user code which patches builtins, exits, or never returns ends in
a missing or dropped case, which the reader counts; it cannot produce agreement.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from time import process_time
from types import ModuleType
from typing import Any, Final

from pyvorin_wire.errors import OutcomeError
from pyvorin_wire.outcome import encode_outcome

from pyvorin.check import load
from pyvorin.check.case import RECORDED, Case, builder
from pyvorin.check.definitions import resolve
from pyvorin.check.pipes import OutputOverflow, captured
from pyvorin.limits import TimeUp, data_ceiling, time_limit

_HARNESS_FRAMES: Final = 1  # _outcome's own frame heads every traceback

FAR_BYTES: Final = 256 << 20  # that a process making a far call may have: filling more takes long
LEAST_PART: Final = 25  # of the limit; a thousand times what short calls take
MAX_LOST: Final = 6  # calls of one function that hit a limit before its far neighbours are left out

Result = bytes | dict[str, Any]


def run_cases(job: dict[str, Any]) -> Iterator[Result]:
    """One encoded outcome or {"dropped": why} for each case, in order; last {"counts": …}.

    A module that cannot be imported drops every case, with the reason.
    """
    cases = [Case.from_json(item) for item in job["cases"]]
    try:
        module = prepare(job, artifact=job["artifact"])
    except BaseException as error:
        for _ in cases:
            yield {"dropped": f"import: {type(error).__name__}"}
        yield {"counts": {}}
        return
    lost = Counter(job["lost"])
    slowest: Counter[str] = (
        Counter()
    )  # ms of CPU time that a call of a function took, if no neighbour
    for case in cases:
        far = is_far(case)
        if lost[case.function] >= MAX_LOST and far:
            yield {"dropped": "skipped"}
            continue
        began = process_time()
        with data_ceiling(FAR_BYTES if far else 0):
            result = observe(case, module, _limit_ms(case, job["limits_ms"], slowest))
        if isinstance(result, dict):
            lost[case.function] += 1
        elif case.origin != "neighbour":
            took = int((process_time() - began) * 1000)
            slowest[case.function] = max(slowest[case.function], took)
        yield result
    yield {"counts": native_counts(module, sorted({case.function for case in cases}))}


def _limit_ms(case: Case, limits_ms: list[int], slowest: Mapping[str, int]) -> int:
    """The time a call may take; 0 is no limit.

    A neighbour gets a few times what the calls took whose neighbour it is, and at least a small
    part of the limit: nearly all that do not end by then would not end in an hour.
    """
    generated, recorded = limits_ms
    if case.origin in RECORDED:
        return recorded
    if case.origin != "neighbour":
        return generated
    return min(generated, max(generated // LEAST_PART, 3 * slowest[case.function]))


def is_far(case: Case) -> bool:
    """Whether a generated call has a number so large that a loop over it would not end."""
    return case.origin not in RECORDED and re.search("[0-9]{5}", case.call) is not None


def prepare(job: dict[str, Any], artifact: str | None) -> ModuleType:
    """Import the module, from the artifact if there is one, and run the setup in it. Whatever that
    raises passes."""
    if job["root"] and job["root"] not in sys.path:
        sys.path.insert(0, job["root"])
    load.remember_source(job["path"], job["source"])

    def action() -> ModuleType:
        if artifact is None:
            return load.load_source(job["path"], job["source"], job["name"])
        return load.load_artifact(artifact, job["path"], job["name"], job["source"])

    with time_limit(job["import_ms"]):
        module, _, _ = captured(action)
        if job["setup"]:
            code = compile(job["setup"], "<setup>", "exec", dont_inherit=True)
            captured(lambda: exec(code, module.__dict__))
    return module


def observe(case: Case, module: ModuleType, limit_ms: int) -> Result:
    """Make the call and encode what it did; dropped if it exceeds a limit. `limit_ms` 0 means no
    time limit."""
    try:
        function, make = builder(case.call, module.__dict__)
        args, kwargs = make()
    except BaseException as error:
        return {"dropped": f"arguments: {type(error).__name__}"}
    try:
        with time_limit(limit_ms):
            (value, raised), out, err = captured(lambda: _outcome(function, args, kwargs))
    except TimeUp:
        return {"dropped": "time"}
    except OutputOverflow:
        return {"dropped": "output"}
    if isinstance(raised, MemoryError):
        return {"dropped": "memory"}
    try:
        return encode_outcome(
            value=value,
            error=raised,
            arguments=(args, kwargs),
            stdout=out,
            stderr=err,
            skip_frames=_HARNESS_FRAMES,
        )
    except (OutcomeError, MemoryError):
        return {"dropped": "size"}


def _outcome(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, BaseException | None]:
    try:
        return function(*args, **kwargs), None
    except (TimeUp, OutputOverflow):
        raise
    except BaseException as error:
        return None, error


def native_counts(module: ModuleType, functions: list[str]) -> dict[str, dict[str, int]]:
    """How often native code was entered and left, for each function that says so
    (`fn.__pyvorin__.counts`)."""
    found: dict[str, dict[str, int]] = {}
    for name in functions:
        try:
            state = getattr(resolve(vars(module), name), "__pyvorin__", None)
        except KeyError:
            continue
        counts = getattr(state, "counts", None)
        if callable(counts):
            counts = counts()
        if isinstance(counts, dict):
            found[name] = {
                str(key): value for key, value in counts.items() if isinstance(value, int)
            }
    return found
