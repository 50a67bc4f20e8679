"""Compile one program in a forked process, run it on both sides in two more, compare here.

The parent has the compiler loaded and never runs a program itself, so a fork costs milliseconds and
a crash, wherever it happens, costs one process. Each side sees the calls in the same order from a
fresh start; calls that CPython cannot finish within the limit are left out on both.
"""

from __future__ import annotations

import faulthandler
import os
import select
import signal
import sys
import sysconfig
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, BinaryIO

from pyvorin.check.case import Case, Inputs
from pyvorin.check.observe import run_cases
from pyvorin.check.run import Dropped, differ
from pyvorin.options import CompileOptions
from pyvorin_wire import frames
from pyvorin_wire.errors import WireError

from tests.compiler.fuzz.programs import Program

LIMITS_MS = (150, 500)
COMPILE_S = 300.0
SILENCE_S = 30.0

NEVER = "every:1000000"

Compiler = Callable[[str, str, CompileOptions], Any]


@dataclass(frozen=True)
class Plan:
    """How a program is compiled and which values of PYVORIN_FORCE are tried."""

    opt_level: int = 2
    forced: tuple[str, ...] = ()


def plan(seed: int, eager: bool = False) -> Plan:
    """Most programs at the cheapest level, one in 8 at the product's own; in one of 10 guards are
    also failed on purpose: each site's first execution, every few, and some sites always. One more,
    or with `eager` all others, can fail guards but do not: such builds open arrays at once.
    """
    forced: tuple[str, ...] = ()
    if seed % 10 == 0:
        random = Random(f"force {seed}")
        sites = [f"site:{random.randint(0, 40)}" for _ in range(2)]
        forced = ("once", f"every:{random.choice((1, 2, 3, 7))}", *sites)
    elif seed % 10 == 5 or eager:
        forced = (NEVER,)
    return Plan(2 if seed % 8 == 0 else 0, forced)


PRODUCT = Plan()


@dataclass
class Result:
    """What one program showed. `failures` hold a line of explanation each."""

    seed: int
    agreed: int = 0
    raised: int = 0
    dropped: int = 0
    native: int = 0
    python: int = 0
    reasons: list[str] = field(default_factory=list)  # why functions were not native
    failures: list[str] = field(default_factory=list)
    failing: list[Case] = field(default_factory=list)


class Ended(Exception):
    """A forked process ended early; the message says how."""


def run_program(program: Program, compiler: Compiler, how: Plan = PRODUCT) -> Result:
    """Compile and compare, with each value of PYVORIN_FORCE in a process of its own."""
    result = Result(program.seed)
    name = f"fuzzed_{program.seed}" if program.seed >= 0 else "kept_program"
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, f"{name}.py"))
        artifact = _compile(program, compiler, path, result, how)
        if artifact is None:
            return result
        file = Path(folder, name + str(sysconfig.get_config_var("EXT_SUFFIX")))
        file.write_bytes(artifact)
        stored = str(file) if artifact.startswith(b"\x7fELF") else _stand_in(file)
        cases, expected = _reference(program, path, name, result)
        for force in ("", *how.forced):
            job = _job(path, name, program.source, cases, stored, (0, 0))
            actual = _collect(job, {"PYVORIN_FORCE": force})
            _compare(cases, expected, actual, force, result)
    return result


def _stand_in(file: Path) -> str:
    """A stand-in compiler's artifact is Python source."""
    return str(file.rename(file.with_suffix(".py")))


def _compile(
    program: Program, compiler: Compiler, path: str, result: Result, how: Plan
) -> bytes | None:
    options = CompileOptions(
        inputs=Inputs(program.cases),
        on_unsupported="keep-python",
        opt_level=how.opt_level,
        force=bool(how.forced),
    )

    def work() -> Iterator[bytes | dict[str, Any]]:
        try:
            compiled = compiler(program.source, path, options)
        except BaseException:
            yield {"error": _shortened(traceback.format_exc())}
            return
        yield {"functions": [[f.name, f.verdict, f.reason] for f in compiled.functions]}
        yield compiled.shared_object or b""

    try:
        answer = list(_forked(work, COMPILE_S, {}))
    except Ended as ended:
        result.failures.append(f"compiler: {ended}")
        return None
    if "error" in answer[0]:
        result.failures.append(f"compiler: {answer[0]['error']}")
        return None
    for name, verdict, reason in answer[0]["functions"]:
        result.native += verdict == "native"
        result.python += verdict != "native"
        if verdict != "native":
            result.reasons.append(f"{name}: {reason}")
    return answer[1] or None


def _shortened(text: str) -> str:
    """The error and the innermost places of a traceback, in one line."""
    lines = text.strip().splitlines()
    raised = next((line for line in lines[1:] if not line.startswith(" ")), lines[-1])
    places = [line.partition("pyvorin/")[2] for line in lines if line.startswith("  File ")]
    return f"{raised} at {' < '.join(places[:-4:-1])}"


def _reference(
    program: Program, path: str, name: str, result: Result
) -> tuple[list[Case], list[bytes]]:
    """The calls that CPython finishes, and what they did, all in one process without any other."""
    cases = list(program.cases)
    for _ in range(3):
        job = _job(path, name, program.source, cases, None, LIMITS_MS)
        outcomes = _collect(job)
        kept = [i for i, outcome in enumerate(outcomes) if isinstance(outcome, bytes)]
        result.dropped += len(cases) - len(kept)
        cases = [cases[i] for i in kept]
        if len(kept) == len(outcomes):
            return cases, [outcome for outcome in outcomes if isinstance(outcome, bytes)]
    return [], []


def _compare(
    cases: Sequence[Case],
    expected: Sequence[bytes],
    actual: Sequence[bytes | Dropped],
    force: str,
    result: Result,
) -> None:
    for case, one, other in zip(cases, expected, actual, strict=True):
        found = differ(one, other)
        if found:
            how = f" (forced {force})" if force else ""
            where = "; ".join(f"{d.path}: {d.expected} but {d.actual}" for d in found[:3])
            result.failures.append(f"{case.call}{how}: {where}")
            result.failing.append(case)
            return
        result.agreed += 1
        result.raised += one[1:2] == b"X"


def _job(
    path: str,
    name: str,
    source: str,
    cases: Sequence[Case],
    artifact: str | None,
    limits: tuple[int, int],
) -> dict[str, Any]:
    return {
        "path": path,
        "name": name,
        "root": "",
        "source": source,
        "artifact": artifact,
        "setup": "",
        "import_ms": 5000,
        "limits_ms": limits,
        "lost": {},
        "cases": [case.to_json() for case in cases],
    }


def _collect(
    job: dict[str, Any], environment: dict[str, str] | None = None
) -> list[bytes | Dropped]:
    """One outcome a call; after a crash the call it was in, and all later ones, are dropped."""
    outcomes: list[bytes | Dropped] = []
    how = "ended early"
    try:
        for item in _forked(lambda: run_cases(job), SILENCE_S, environment or {}):
            if isinstance(item, bytes):
                outcomes.append(item)
            elif "dropped" in item:
                outcomes.append(Dropped(str(item["dropped"])))
    except Ended as ended:
        how = str(ended)
    return outcomes + [Dropped(how)] * (len(job["cases"]) - len(outcomes))


def _forked(
    work: Callable[[], Iterator[Any]], silence_s: float, environment: dict[str, str]
) -> Iterator[Any]:
    """Items that `work` yields in a forked process: bytes, or JSON. Raises Ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _serve(work, os.fdopen(writing, "wb"), environment)
    os.close(writing)
    try:
        yield from _received(reading, child, silence_s)
    finally:
        os.close(reading)
        try:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def _serve(work: Callable[[], Iterator[Any]], pipe: BinaryIO, environment: dict[str, str]) -> None:
    """In the child: write the items and end without cleaning up."""
    status = 1
    try:
        warnings.simplefilter("ignore")
        faulthandler.disable()
        sys.setrecursionlimit(_depth() + 1000)  # both sides have the same room, wherever we are
        os.environ.update({name: value for name, value in environment.items() if value})
        quiet = os.open(os.devnull, os.O_RDWR)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        for item in work():
            if isinstance(item, bytes):
                frames.write_bytes(pipe, item)
            else:
                frames.write_json(pipe, item)
            pipe.flush()
        frames.write_end(pipe)
        status = 0
    finally:
        os._exit(status)


def _depth() -> int:
    frame, depth = sys._getframe(), 0
    while frame.f_back is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


def _received(descriptor: int, child: int, silence_s: float) -> Iterator[Any]:
    reader = _Reader(descriptor, silence_s)
    try:
        for frame in frames.read_message(reader):
            yield frame.payload if frame.kind == frames.BYTES else frame.json()
    except TimeoutError:
        raise Ended(f"nothing for {silence_s:g} s") from None
    except WireError:
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        raise Ended(f"signal {-code}" if code < 0 else f"exit {code}") from None


class _Reader:
    """Reads a pipe; TimeoutError after silence."""

    def __init__(self, descriptor: int, silence_s: float) -> None:
        self.descriptor = descriptor
        self.silence_s = silence_s

    def read(self, size: int, /) -> bytes:
        ready, _, _ = select.select([self.descriptor], [], [], self.silence_s)
        if not ready:
            raise TimeoutError
        return os.read(self.descriptor, size)
