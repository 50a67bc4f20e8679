"""How much faster each function became, measured before it is shipped.

    measure(program, artifact, agreed)   →   {"luhn": Gain(cpython_ns=9120, native_ns=510, …)}

Only calls on which both sides agreed are timed, recorded ones before generated ones, and their
answers are compared once more. `slow` then decides what is left in Python: a function below the
least gain is not shipped, unless a faster function of the module calls it natively.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

from pyvorin_wire import frames

from pyvorin.check.case import RECORDED, Case, shown
from pyvorin.check.definitions import definitions
from pyvorin.check.process import ChildEnded, Program, converse
from pyvorin.check.run import differ

MAX_CALLS: Final = 24  # candidates of one function
DEADLINE_MS: Final = 60_000


class Gain(NamedTuple):
    """Times of one call in nanoseconds, medians; `ratio` is the median ratio of paired rounds."""

    function: str
    call: str
    cpython_ns: int
    native_ns: int
    ratio: float
    loops: int
    rounds: int
    equal: bool
    recorded: bool

    def to_json(self) -> dict[str, Any]:
        """Decimal text where the figure is not whole: canonical JSON has no floats."""
        return {
            "cpython_s": _decimal(self.cpython_ns),
            "native_s": _decimal(self.native_ns),
            "ratio": f"{self.ratio:.2f}",
            "call": shown(self.call, 200),
            "recorded": self.recorded,
            "loops": self.loops,
            "rounds": self.rounds,
        }


def _decimal(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e9:.9f}"


def measure(
    program: Program, artifact: str, agreed: Sequence[Case], setup: str = ""
) -> dict[str, Gain]:
    """Time a call of each function. A function whose native side crashed or hung is missing."""
    cases = [case for name in _names(agreed) for case in _candidates(name, agreed)]
    job = program.job(
        "time", setup=setup, cases=[case.to_json() for case in cases], artifact=artifact
    )
    received: list[frames.Frame] = []
    with suppress(ChildEnded):
        for frame in converse(job, DEADLINE_MS):
            received.append(frame)
    gains: dict[str, Gain] = {}
    for row, expected, actual in zip(received[::3], received[1::3], received[2::3], strict=False):
        figures = row.json()
        recorded = any(c.origin in RECORDED for c in cases if c.call == figures["call"])
        both = expected.kind == actual.kind == frames.BYTES
        equal = both and not differ(expected.payload, actual.payload)
        gains[figures["function"]] = Gain(
            figures["function"],
            figures["call"],
            figures["cpython_ns"],
            figures["native_ns"],
            figures["ratio_milli"] / 1000,
            figures["loops"],
            figures["rounds"],
            equal,
            recorded,
        )
    return gains


def _names(cases: Sequence[Case]) -> list[str]:
    return list(dict.fromkeys(case.function for case in cases))


def _candidates(function: str, agreed: Sequence[Case]) -> list[Case]:
    """The recorded calls of a function; without any, guessed ones; without those, neighbours."""
    own = [case for case in agreed if case.function == function]
    for origins in (RECORDED, {"evidence"}, {"neighbour"}):
        chosen = [case for case in own if case.origin in origins]
        if chosen:
            return chosen[:MAX_CALLS]
    return []


def slow(gains: Mapping[str, Gain], source: str, least: float) -> tuple[list[str], dict[str, str]]:
    """Functions to leave in Python, and the slow ones that stay: name → the function they serve."""
    below = [name for name, gain in gains.items() if gain.ratio < least]
    callers = _callers(source)
    serving: dict[str, str] = {}
    for name in below:
        fast = [c for c in callers.get(name, ()) if c in gains and gains[c].ratio >= least]
        if fast:
            serving[name] = max(fast, key=lambda caller: gains[caller].ratio)
    return [name for name in below if name not in serving], serving


def _callers(source: str) -> dict[str, set[str]]:
    """For each function of the module, the functions that reach it through calls by name."""
    direct: dict[str, set[str]] = {}
    for name, definition in definitions(source).items():
        for node in ast.walk(definition):
            match node:
                case ast.Call(func=ast.Name(id=called)) if called != name:
                    direct.setdefault(called, set()).add(name)
    for _ in direct:
        for callers in direct.values():
            callers.update(*(direct.get(caller, set()) for caller in list(callers)))
    return direct
