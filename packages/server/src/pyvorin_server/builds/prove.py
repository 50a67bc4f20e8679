"""Compile, check and time a program in jails. Nothing here decides whether it may be signed.

    compile jail ──calls──────────────── artifact ─→ native side ∥ timing       one pass
                   └─→ CPython's side ──────┘
    too slow? → the next pass compiles without those functions, on the same calls

The compile jail names the calls as soon as it knows which functions become native, and goes on to
make them; CPython makes the calls meanwhile. How compiling ends comes first: whatever CPython's
side did by then counts only where there is an artifact, so a build ends in one way only.

Every pass gives one `Proof`: the raw outputs for the verifier, and the report for the person who
asked. Figures in the report come from the timing jail, which runs the program, so they are read as
untrusted text; how many calls agreed is counted here. Measured calls are the program's data and
stay out of it.
"""

import asyncio
import io
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyvorin_wire import frames
from pyvorin_wire.errors import FrameError, WireError
from pyvorin_wire.jobs import JobState

from pyvorin_server.builds.jails import ENDINGS, OwnJails, ending_report, tier_in_manifest
from pyvorin_server.kit.stages import Stages
from pyvorin_server.sandbox.model import Ending, JobResult
from pyvorin_server.verifier.judge import Compiled, read_compiled

MAX_PASSES = 3
_CHECK_SEED = 0
_MAX_REASON = 300
_UNTIMED = "its gain could not be measured"
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
_FIGURES = ("cpython_s", "native_s", "ratio")
_RAISED = b"X"  # second byte of an outcome that is an exception (pyvorin_wire.outcome)

Report = dict[str, Any]


class Stopped(Exception):
    """The build ends here: in this state, with this code."""

    def __init__(self, state: JobState, code: str, report: Report | None = None) -> None:
        super().__init__(state.value)
        self.state = state
        self.code = code
        self.report = report or {}


class LeaseLost(Exception):
    """Another attempt, a cancellation or a revocation has overtaken this one."""


@dataclass(slots=True)
class Measured:
    """What the timing jails said so far: gains by function, those left in Python, findings."""

    gains: dict[str, dict[str, Any]] = field(default_factory=dict)
    left: dict[str, tuple[str, str]] = field(default_factory=dict)
    diagnostics: list[Any] = field(default_factory=list)

    def add(self, stdout: bytes, timed: set[str]) -> frozenset[str]:
        """Read a timing jail's answer; return the functions to leave in Python: those that gain too
        little, and those of `timed` that have no figures, because native code ended or hung there.

        Raises `WireError` when it is malformed.
        """
        (only,) = frames.read_message(io.BytesIO(stdout))
        answer: Any = only.json()
        if not isinstance(answer, dict):
            raise FrameError("the timing jail gave no answer")
        self.gains |= dict(_gains(answer.get("gains")))
        left = {name: ("PYV605", _UNTIMED) for name in timed - self.gains.keys()}
        left |= dict(_left(answer.get("left")))
        self.left |= left
        found = answer.get("diagnostics")
        self.diagnostics += found if isinstance(found, list) else []
        return frozenset(left)


@dataclass(frozen=True, slots=True)
class Proof:
    """One pass. `outputs` are what the verifier reads, after the name; `slower` the functions that
    must not ship.
    """

    compiled: Compiled
    outputs: tuple[bytes, bytes, bytes]
    report: Report
    slower: frozenset[str]

    def nothing_left(self) -> bool:
        """Whether every native function is too slow."""
        return self.slower >= {entry.qualname for entry in self.compiled.functions()}


class Prover:
    """The passes of one build, each with what the ones before it measured."""

    def __init__(
        self,
        jails: OwnJails,
        asked: Mapping[str, Any],
        cancel: threading.Event,
        artifact_max_bytes: int,
        stages: Stages,
    ) -> None:
        self._jails = jails
        self._asked = dict(asked)
        self._cancel = Withdrawal(cancel)
        self._max_bytes = artifact_max_bytes
        self._stages = stages
        self._measured = Measured()
        self._python_side: asyncio.Task[JobResult] | None = None

    async def __aenter__(self) -> "Prover":
        return self

    async def __aexit__(self, *_: object) -> None:
        """However the build ended, no jail of it goes on."""
        self._cancel.set()
        if self._python_side is not None:
            await asyncio.gather(self._python_side, return_exceptions=True)

    async def compile(self) -> tuple[bytes, Compiled]:
        """Compile what is not left in Python; the raw output and what it says. Raises Stopped."""
        left = {name: list(why) for name, why in self._measured.left.items()}
        request = {"op": "compile", **self._asked, "left": left}
        calls = Calls()
        if self._python_side is None:
            self._python_side = asyncio.create_task(self._run_python_side(calls))
        try:
            with self._stages.of("compile"):
                result = await self._jails.compile(message(request), self._cancel, calls.listen)
        finally:
            calls.end()
        stop_unless_ok(result)
        try:
            compiled = read_compiled(result.stdout)
        except WireError:
            raise Stopped(JobState.FAILED, "PYV901") from None
        if not compiled.ok:
            raise Stopped(JobState.REJECTED, _first_code(compiled), self._report(compiled, {}))
        if len(compiled.artifact) > self._max_bytes:
            raise Stopped(JobState.FAILED, "PYV904")
        return result.stdout, compiled

    async def prove(self, stdout: bytes, compiled: Compiled, *, last: bool) -> Proof:
        """Run both sides and time them. `last`: no pass may follow, so nothing is timed again."""
        python_stdout = await self._python_stdout(compiled)
        calls = kept_calls(python_stdout)
        native = asyncio.ensure_future(self._native_side(calls, compiled))
        timed = None if last else asyncio.ensure_future(self._time(calls, compiled))
        await asyncio.wait([task for task in (native, timed) if task is not None])
        native_stdout = native.result()
        slower = timed.result() if timed is not None else frozenset[str]()
        checks = tally(calls["cases"], python_stdout, native_stdout)
        return Proof(
            compiled,
            (stdout, python_stdout, native_stdout),
            self._report(compiled, checks),
            slower,
        )

    async def _run_python_side(self, calls: "Calls") -> JobResult:
        """CPython's side, from when its calls are known. It runs once: later passes repeat its
        calls.
        """
        request = {**self._check_request(), "side": "cpython", **await calls.told()}
        with self._stages.of("cpython"):
            return await self._jails.check(message(request), self._cancel)

    async def _python_stdout(self, compiled: Compiled) -> bytes:
        """What CPython's side answered, once it has. Raises Stopped."""
        assert self._python_side is not None
        result = await self._python_side
        stop_if_out_of_time(result)
        if result.ending != Ending.OK:
            raise Stopped(JobState.FAILED, "PYV602", self._report(compiled, {}))
        return result.stdout

    async def _native_side(self, calls: Mapping[str, Any], compiled: Compiled) -> bytes:
        request = {**self._check_request(), **calls, "side": "native"}
        with self._stages.of("native"):
            result = await self._jails.check(message(request, compiled.artifact), self._cancel)
        stop_if_out_of_time(result)
        if result.ending != Ending.OK:
            raise Stopped(JobState.MISMATCH, "PYV603", self._report(compiled, {}))
        return result.stdout

    async def _time(self, calls: Mapping[str, Any], compiled: Compiled) -> frozenset[str]:
        native = {entry.qualname for entry in compiled.functions()}
        cases = [case for case in calls["cases"] if case[0] in native]
        request = {**self._check_request(), **calls, "op": "measure", "cases": cases}
        with self._stages.of("timing"):
            result = await self._jails.check(message(request, compiled.artifact), self._cancel)
        if result.ending != Ending.CRASHED:
            stop_unless_ok(result)
        try:
            return self._measured.add(result.stdout, {case[0] for case in cases})
        except (WireError, ValueError):
            raise Stopped(JobState.FAILED, "PYV605", self._report(compiled, {})) from None

    def _check_request(self) -> dict[str, Any]:
        names = ("path", "source", "bundle", "functions", "options")
        asked = {name: self._asked.get(name) for name in names}
        return {"op": "check", "seed": _CHECK_SEED, **asked}

    def _report(self, compiled: Compiled, checks: Mapping[str, Any]) -> Report:
        found = compiled.answer.get("diagnostics")
        said = found if isinstance(found, list) else []
        return {
            "report": filled(compiled.answer.get("report"), checks, self._measured),
            "diagnostics": [*said, *self._measured.diagnostics],
            "tier": tier_in_manifest(self._jails.tier),
        }

    def all_too_slow(self, proof: Proof) -> Stopped:
        """The end of a build of which nothing is worth shipping."""
        report = {**proof.report, "report": filled(proof.report["report"], {}, self._measured)}
        return Stopped(JobState.REJECTED, "PYV510", report)


class Withdrawal(threading.Event):
    """Set by itself, or with another event: one jail can be given up while the job goes on."""

    def __init__(self, job: threading.Event) -> None:
        super().__init__()
        self._job = job

    def is_set(self) -> bool:
        return super().is_set() or self._job.is_set()


class Calls:
    """The calls that a compile jail names before it is done: the first frame of its answer."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._told: asyncio.Future[Any] = self._loop.create_future()
        self._is_whole = False

    def listen(self, stdout: bytearray) -> None:
        """Called in the jail's thread with what it wrote so far."""
        if self._is_whole:
            return
        try:
            frame = frames.first_frame(stdout)
            told = frame.json() if frame is not None else None
        except WireError:
            told = {}
        if told is not None:
            self._is_whole = True
            self._loop.call_soon_threadsafe(self._tell, told)

    def end(self) -> None:
        """The jail has ended: what was not told by now never will be."""
        self._tell({})

    def _tell(self, told: Any) -> None:
        if not self._told.done():
            self._told.set_result(told)

    async def told(self) -> dict[str, Any]:
        """Wait for the calls, and the code before them. Raises Stopped where there are none."""
        return calls_in(await self._told, "PYV901")


def filled(report: Any, checks: Mapping[str, Any], measured: Measured) -> Any:
    """The compiler's report with checks, gains and what stays in Python, function by function."""
    rows = report.get("functions") if isinstance(report, dict) else None
    if not isinstance(rows, list):
        return report
    return {**report, "functions": [_filled(row, checks, measured) for row in rows]}


def _filled(row: Any, checks: Mapping[str, Any], measured: Measured) -> Any:
    name = row.get("name") if isinstance(row, dict) else None
    if not isinstance(name, str):
        return row
    row = dict(row)
    if name in measured.left:
        code, reason = measured.left[name]
        row |= {"verdict": "python", "code": code, "reason": reason}
    if name in measured.gains:
        row["gain"] = measured.gains[name]
    if name in checks and row.get("verdict") == "native":
        row["checks"] = checks[name]
    return row


def tally(cases: list[list[str]], python_side: bytes, native_side: bytes) -> dict[str, Any]:
    """Counts of the compared calls by function, as if all agreed: where they do not, the verifier
    stops the build.
    """
    counts = _last(native_side).get("counts")
    outcomes = [f.payload for f in _frames(python_side) if f.kind == frames.BYTES]
    found: dict[str, dict[str, Any]] = {}
    for case, outcome in zip(cases, outcomes, strict=False):
        entry = found.setdefault(case[0], {"agreed": 0, "raised": 0, "origins": Counter()})
        entry["agreed"] += 1
        entry["raised"] += outcome[1:2] == _RAISED
        entry["origins"][case[2]] += 1
    for name, entry in found.items():
        own = counts.get(name) if isinstance(counts, dict) else None
        said = own.items() if isinstance(own, dict) else ()
        entry["native"] = {str(key)[:40]: value for key, value in said if type(value) is int}
        entry["origins"] = dict(entry["origins"])
    return found


def _frames(stdout: bytes) -> list[frames.Frame]:
    try:
        return list(frames.read_message(io.BytesIO(stdout)))
    except WireError:
        return []


def _last(stdout: bytes) -> dict[str, Any]:
    received = _frames(stdout)
    try:
        answer = received[-1].json() if received and received[-1].kind == frames.JSON else None
    except WireError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _gains(given: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The well-formed figures of a timing jail; what is not is dropped."""
    for name, figures in given.items() if isinstance(given, dict) else ():
        if not isinstance(figures, dict):
            continue
        texts = {key: figures.get(key) for key in _FIGURES}
        if all(isinstance(text, str) and _DECIMAL.fullmatch(text) for text in texts.values()):
            counts = {key: figures.get(key) for key in ("loops", "rounds")}
            numbers = {key: value for key, value in counts.items() if type(value) is int}
            yield name, {**texts, **numbers, "recorded": figures.get("recorded") is True}


def _left(given: Any) -> Iterator[tuple[str, tuple[str, str]]]:
    """Functions to leave in Python; the only reason there can be is the measured gain."""
    for name, why in given.items() if isinstance(given, dict) else ():
        reason = why[1] if isinstance(why, list) and len(why) == 2 else ""
        yield name, ("PYV510", str(reason)[:_MAX_REASON])


def message(request: Mapping[str, Any], *blobs: bytes) -> bytes:
    """A request to a jail, framed."""
    out = io.BytesIO()
    frames.write_json(out, request)
    for blob in blobs:
        frames.write_bytes(out, blob)
    frames.write_end(out)
    return out.getvalue()


def stop_unless_ok(result: JobResult) -> None:
    """Raise LeaseLost or Stopped for a jail that did not end well."""
    if result.ending == Ending.CANCELLED:
        raise LeaseLost
    if result.ending != Ending.OK:
        raise Stopped(*ENDINGS[result.ending], ending_report(result))


def stop_if_out_of_time(result: JobResult) -> None:
    """As `stop_unless_ok`, for endings that say nothing about the program's answers."""
    if result.ending in (Ending.TIMEOUT, Ending.CANCELLED):
        stop_unless_ok(result)


def kept_calls(stdout: bytes) -> dict[str, Any]:
    """The calls, and the code before them, that CPython's side says it ran."""
    return calls_in(_last(stdout), "PYV602")


def calls_in(answer: Any, code: str) -> dict[str, Any]:
    """The calls of a jail's answer, and the code before them. Raises Stopped with this code."""
    cases = answer.get("cases") if isinstance(answer, dict) else None
    if not isinstance(cases, list) or not all(map(_is_case, cases)) or "setup" not in answer:
        raise Stopped(JobState.FAILED, code)
    return {"cases": cases, "setup": answer["setup"]}


def _is_case(item: Any) -> bool:
    """Whether it is [function, call, origin]."""
    return isinstance(item, list) and len(item) == 3 and all(type(part) is str for part in item)


def _first_code(compiled: Compiled) -> str:
    found = compiled.answer.get("diagnostics", [])
    for item in found if isinstance(found, list) else []:
        if isinstance(item, dict) and item.get("severity") == "error":
            return str(item.get("code", ""))[:6]
    return "PYV901"
