"""Run the same calls under CPython and native in separate processes, and compare outside both.

    check(Program(path, source), artifact, inputs)  →  Verdict

CPython goes first, alone and limited: calls that run too long, take too much memory, or print too
much are dropped from both sides. The calls that are left then run in fresh processes, in the same
order, on either side. Where they differ, CPython runs once more: a call that disagrees with itself
(random numbers, the clock) is set aside as unrepeatable. What remains is a mismatch, and so is a
native process that crashes or does not finish. The judged code never judges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from pyvorin_wire import frames
from pyvorin_wire.errors import OutcomeError
from pyvorin_wire.outcome_tree import Difference, compare

from pyvorin.check.case import Case, Inputs
from pyvorin.check.observe import MAX_LOST, is_far
from pyvorin.check.process import ChildEnded, Program, converse

LIMITS_MS: Final = (200, 4000)  # of a generated call, of a recorded one
PATIENCE: Final = 10  # native may take this many times CPython's limit before it counts as hung
MAX_RESTARTS: Final = 40
_OTHER_SEED: Final = {"PYTHONHASHSEED": "1"}
SLACK_MS: Final = 3000  # beyond a call's CPU time, for a machine that is busy


class Dropped(NamedTuple):
    """A call without an outcome, and why: "time", "memory", "output", "size", "import: …", "signal
    SIGSEGV", …"""

    why: str


Result = bytes | Dropped


class Mismatch(NamedTuple):
    """A call that native code answers otherwise. `number` is its place among the compared calls."""

    case: Case
    number: int
    differences: tuple[Difference, ...]


@dataclass(slots=True)
class Tally:
    """What was compared for one function."""

    agreed: int = 0
    raised: int = 0  # of the agreed ones, how many raised the same exception
    origins: Counter[str] = field(default_factory=Counter)  # of the agreed ones
    dropped: Counter[str] = field(default_factory=Counter)
    native: dict[str, int] = field(default_factory=dict)  # the native side's own counts

    def to_json(self) -> dict[str, Any]:
        return {
            "agreed": self.agreed,
            "raised": self.raised,
            "origins": dict(self.origins),
            "dropped": dict(self.dropped),
            "native": self.native,
        }


class Verdict(NamedTuple):
    """The result of a check. `agreed` are the calls that both sides answer alike, in order."""

    tallies: dict[str, Tally]
    mismatches: tuple[Mismatch, ...]
    agreed: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One way to run the calls of a program. `patience` multiplies the time limits; 0 in
    `limits_ms` is no limit."""

    program: Program
    setup: str = ""
    limits_ms: tuple[int, int] = LIMITS_MS
    patience: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)


def check(
    program: Program, artifact: str, inputs: Inputs, environment: Mapping[str, str] | None = None
) -> Verdict:
    """Compare a compiled artifact with CPython on the inputs. `environment` is the native side's,
    beyond ours."""
    python = Side(program, inputs.setup)
    tallies = {case.function: Tally() for case in inputs.cases}
    probed, _ = run(python, inputs.cases)
    cases, reference = _survivors(inputs.cases, probed, tallies)
    if len(cases) < len(inputs.cases):
        settled, _ = run(replace(python, patience=4), cases)
        cases, reference = _survivors(cases, settled, tallies)
    native = Side(
        replace(program, artifact=artifact), inputs.setup, (0, 0), PATIENCE, environment or {}
    )
    actual, counts = run(native, cases)
    differing = {i: found for i in range(len(cases)) if (found := differ(reference[i], actual[i]))}
    if differing:
        again, _ = run(replace(python, patience=4), cases)
        for i in [i for i in differing if again[i] != reference[i]]:
            del differing[i]
            tallies[cases[i].function].dropped["unrepeatable"] += 1
            actual[i] = Dropped("unrepeatable")
    agreed = [i for i in range(len(cases)) if i not in differing and isinstance(actual[i], bytes)]
    for i in agreed:
        tally = tallies[cases[i].function]
        tally.agreed += 1
        tally.raised += reference[i][1:2] == b"X"
        tally.origins[cases[i].origin] += 1
    for function, figures in counts.items():
        tallies[function].native = figures
    mismatches = tuple(Mismatch(cases[i], i, tuple(found)) for i, found in differing.items())
    return Verdict(tallies, mismatches, tuple(cases[i] for i in agreed))


def repeatable(side: Side, cases: Sequence[Case]) -> tuple[list[Result], dict[str, dict[str, int]]]:
    """As `run`, but each call that has an outcome runs once more, later and with another hash seed;
    one that disagrees with itself is dropped.
    """
    first, counts = run(side, cases)
    kept = [number for number, result in enumerate(first) if isinstance(result, bytes)]
    other = replace(side, patience=4, environment={**side.environment, **_OTHER_SEED})
    again, _ = run(other, [cases[number] for number in kept])
    results = list(first)
    for number, result in zip(kept, again, strict=True):
        if result != first[number]:
            results[number] = Dropped("unrepeatable")
    return results, counts


def _survivors(
    cases: Sequence[Case], results: Sequence[Result], tallies: Mapping[str, Tally]
) -> tuple[list[Case], list[bytes]]:
    """The calls that have an outcome, and the outcomes; the others are counted."""
    kept: list[tuple[Case, bytes]] = []
    for case, result in zip(cases, results, strict=True):
        if isinstance(result, bytes):
            kept.append((case, result))
        else:
            tallies[case.function].dropped[result.why] += 1
    return [case for case, _ in kept], [outcome for _, outcome in kept]


def differ(expected: Result, actual: Result) -> list[Difference]:
    """Where native differs from CPython's outcome; empty if nowhere, or if CPython has none."""
    if isinstance(expected, Dropped):
        return []
    if isinstance(actual, Dropped):
        return [Difference("outcome", _summary(expected), f"no answer: {actual.why}")]
    try:
        return compare(expected, actual)
    except OutcomeError as error:
        return [Difference("outcome", _summary(expected), f"no answer: {error}")]


def _summary(outcome: bytes) -> str:
    return "raised" if outcome[1:2] == b"X" else "returned"


def run(side: Side, cases: Sequence[Case]) -> tuple[list[Result], dict[str, dict[str, int]]]:
    """Run the calls in order; one result each, and the native side's counts by function.

    A call that ends its process is dropped, and the rest goes on in a new one.
    """
    results: list[Result] = []
    counts: dict[str, dict[str, int]] = {}
    lost: Counter[str] = Counter()
    for _ in range(MAX_RESTARTS):
        try:
            for item in _one_process(side, cases[len(results) :], lost):
                if isinstance(item, dict):
                    counts = item
                else:
                    results.append(item)
        except ChildEnded as ended:
            if len(results) < len(cases):
                lost[cases[len(results)].function] += 2
                results.append(Dropped("time" if ended.how == "deadline" else ended.how))
                _skip_far(cases, results, lost)
        if len(results) >= len(cases):
            break
    results += [Dropped("too many crashes")] * (len(cases) - len(results))
    return results[: len(cases)], counts


def _one_process(
    side: Side, cases: Sequence[Case], lost: Counter[str]
) -> Iterator[Result | dict[str, Any]]:
    """Results from one child, then its counts. Raises ChildEnded."""
    limits = [limit * side.patience for limit in side.limits_ms]
    job = side.program.job(
        "run",
        setup=side.setup,
        cases=[case.to_json() for case in cases],
        limits_ms=limits,
        lost=dict(lost) if side.limits_ms[0] else {},
    )
    deadline_ms = (max(limits) or side.patience * max(LIMITS_MS)) + SLACK_MS
    for frame in converse(job, deadline_ms, side.environment):
        if frame.kind == frames.BYTES:
            yield frame.payload
            continue
        message = frame.json()
        if "counts" in message:
            yield dict(message["counts"])
            return
        yield Dropped(str(message.get("dropped", "protocol")))


def _skip_far(cases: Sequence[Case], results: list[Result], lost: Counter[str]) -> None:
    """Drop the next calls, while they are far neighbours of a function that already lost too much
    time."""
    while len(results) < len(cases):
        case = cases[len(results)]
        if lost[case.function] < MAX_LOST or not is_far(case):
            return
        results.append(Dropped("skipped"))
