"""The order of a build's jails: CPython's side beside the compiler, and how each end of either ends
the build. The jails are played; real ones are in test_flow.py.
"""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from pyvorin_server.builds.prove import LeaseLost, Prover, Stopped
from pyvorin_server.kit.stages import Stages
from pyvorin_server.sandbox.model import Ending, JobResult, Listener, PoolBusy
from pyvorin_server.sandbox.tiers import Tier
from pyvorin_wire import frames
from pyvorin_wire.jobs import JobState
from pyvorin_wire.outcome import encode_outcome

from tests.server.service import PATIENCE_S

CALLS = {"cases": [["f", "f()", "main"]], "setup": ""}
ANSWER = {"ok": True, "meta": {"functions": [{"qualname": "f", "code_sha256": "ab" * 32}]}}
GAIN = {"cpython_s": "0.9", "native_s": "0.1", "ratio": "9.00"}


def message(*parts: Any) -> bytes:
    out = io.BytesIO()
    for part in parts:
        if isinstance(part, bytes):
            frames.write_bytes(out, part)
        else:
            frames.write_json(out, part)
    frames.write_end(out)
    return out.getvalue()


REFUSED = message(CALLS, {"ok": False, "diagnostics": [{"code": "PYV101", "severity": "error"}]})
COMPILED = message(CALLS, ANSWER, b"\x7fELF")
PYTHON = message(encode_outcome(value=1), {**CALLS, "counts": {}})
NATIVE = message(encode_outcome(value=1), {**CALLS, "counts": {"f": {"entries": 1}}})


def ended(stdout: bytes = b"", ending: Ending = Ending.OK) -> JobResult:
    return JobResult(ending, "", None, 0, stdout, "", Tier.NATIVE, frozenset(), 0.0, 0.0, 0)


@dataclass
class Jails:
    """Plays the jails of one organisation and notes what ran when."""

    compiling: Callable[[Jails, Listener], Awaitable[JobResult]]
    python: Callable[[Jails], Awaitable[JobResult]]
    log: list[str] = field(default_factory=list)
    tier: Tier = Tier.NATIVE
    running: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)  # CPython's side
    cancel: threading.Event = field(default_factory=threading.Event)

    async def compile(self, stdin: bytes, cancel: threading.Event, listener: Listener) -> JobResult:
        self.log.append("compile")
        work = asyncio.ensure_future(self.compiling(self, listener))
        return await self._until_cancelled(work, cancel)

    async def check(self, stdin: bytes, cancel: threading.Event) -> JobResult:
        (asked, *_) = frames.read_message(io.BytesIO(stdin))
        request = asked.json()
        assert {name: request[name] for name in CALLS} == CALLS
        side = request["side"] if request["op"] == "check" else "timing"
        self.log.append(side)
        if side == "native":
            return ended(NATIVE)
        if side == "timing":
            return ended(message({"gains": {"f": GAIN}, "left": {}, "diagnostics": []}))
        self.begun.set()
        return await self._until_cancelled(asyncio.ensure_future(self.python(self)), cancel)

    async def _until_cancelled(
        self, work: asyncio.Future[JobResult], cancel: threading.Event
    ) -> JobResult:
        self.running += 1
        try:
            while not work.done() and not cancel.is_set():
                await asyncio.wait([work], timeout=0.01)
            return work.result() if work.done() else ended(ending=Ending.CANCELLED)
        finally:
            work.cancel()
            self.running -= 1


async def prove(jails: Jails) -> None:
    """A build as far as this module has to do with it. Nothing of it may run on afterwards."""
    try:
        async with Prover(jails, {"source": ""}, jails.cancel, 1 << 20, Stages()) as prover:  # type: ignore[arg-type]  # has what is asked
            proof = await prover.prove(*await prover.compile(), last=False)
            assert proof.outputs == (COMPILED, PYTHON, NATIVE)
            assert proof.report["tier"] == "native"
    finally:
        assert jails.running == 0


def run(jails: Callable[[], Jails]) -> Jails:
    async def made() -> Jails:
        played = jails()
        await asyncio.wait_for(prove(played), PATIENCE_S)
        return played

    return asyncio.run(made())


def end_of(jails: Jails) -> tuple[JobState, str]:
    with pytest.raises(Stopped) as stopped:
        run(lambda: jails)
    return stopped.value.state, stopped.value.code


async def tell(listener: Listener, stdout: bytes = COMPILED) -> None:
    """Write the calls, in pieces and from another thread, as a real jail does."""
    for end in range(1, len(message(CALLS)) + 1):
        await asyncio.to_thread(listener, bytearray(stdout[:end]))


async def for_ever(_: Jails) -> JobResult:
    await asyncio.Event().wait()
    raise AssertionError


async def answers(_: Jails) -> JobResult:
    return ended(PYTHON)


def compiling(
    result: JobResult, *, told: bool = True
) -> Callable[[Jails, Listener], Awaitable[JobResult]]:
    """Name the calls, wait until CPython's side makes them, then end so."""

    async def play(jails: Jails, listener: Listener) -> JobResult:
        if told:
            await tell(listener)
            await jails.begun.wait()
        return result

    return play


def test_cpython_makes_the_calls_while_the_rest_is_compiled() -> None:
    jails = run(lambda: Jails(compiling(ended(COMPILED)), answers))
    assert jails.log[:2] == ["compile", "cpython"]
    assert sorted(jails.log[2:]) == ["native", "timing"]


BAD_ENDS = [
    (ended(REFUSED), (JobState.REJECTED, "PYV101")),
    (ended(b"\xff" * 99), (JobState.FAILED, "PYV901")),
    (ended(message(CALLS, ANSWER)), (JobState.FAILED, "PYV901")),
    (ended(ending=Ending.CRASHED), (JobState.FAILED, "PYV901")),
    (ended(ending=Ending.MEMORY), (JobState.FAILED, "PYV902")),
    (ended(ending=Ending.TIMEOUT), (JobState.TIMEOUT, "PYV903")),
    (ended(ending=Ending.VIOLATION), (JobState.FAILED, "PYV905")),
]


@pytest.mark.parametrize(("result", "end"), BAD_ENDS)
def test_when_compiling_ends_badly_cpythons_side_is_stopped(
    result: JobResult, end: tuple[JobState, str]
) -> None:
    jails = Jails(compiling(result), for_ever)
    assert end_of(jails) == end
    assert jails.log == ["compile", "cpython"]


@pytest.mark.parametrize(("result", "end"), BAD_ENDS)
def test_when_compiling_ends_before_it_names_calls_nothing_else_starts(
    result: JobResult, end: tuple[JobState, str]
) -> None:
    jails = Jails(compiling(result, told=False), for_ever)
    assert end_of(jails) == end
    assert jails.log == ["compile"]


@pytest.mark.parametrize("ending", [e for e in Ending if e is not Ending.OK])
@pytest.mark.parametrize(("result", "end"), BAD_ENDS)
def test_the_end_of_compiling_counts_whatever_cpythons_side_did(
    result: JobResult, end: tuple[JobState, str], ending: Ending
) -> None:
    async def at_once(_: Jails) -> JobResult:
        return ended(ending=ending)

    assert end_of(Jails(compiling(result), at_once)) == end


@pytest.mark.parametrize(
    ("ending", "end"),
    [
        (Ending.CRASHED, (JobState.FAILED, "PYV602")),
        (Ending.MEMORY, (JobState.FAILED, "PYV602")),
        (Ending.TIMEOUT, (JobState.TIMEOUT, "PYV903")),
    ],
)
def test_when_cpythons_side_ends_badly_the_build_does_once_it_is_compiled(
    ending: Ending, end: tuple[JobState, str]
) -> None:
    async def at_once(_: Jails) -> JobResult:
        return ended(ending=ending)

    jails = Jails(compiling(ended(COMPILED)), at_once)
    assert end_of(jails) == end
    assert jails.log == ["compile", "cpython"]


@pytest.mark.parametrize("first", [b"[]", b"null", b'{"cases":[["f"]],"setup":""}', b"\xff", b"{}"])
def test_calls_that_are_none_end_the_build(first: bytes) -> None:
    stdout = len(first).to_bytes(4, "big") + b"J" + first + message(ANSWER, b"\x7fELF")

    async def play(_: Jails, listener: Listener) -> JobResult:
        await tell(listener, stdout)
        return ended(stdout)

    jails = Jails(play, for_ever)
    assert end_of(jails) == (JobState.FAILED, "PYV901")
    assert jails.log == ["compile"]


def test_a_cancelled_build_stops_both_and_ends_by_itself() -> None:
    async def play(jails: Jails, listener: Listener) -> JobResult:
        await tell(listener)
        await jails.begun.wait()
        jails.cancel.set()
        return await for_ever(jails)

    jails = Jails(play, for_ever)
    with pytest.raises(LeaseLost):
        run(lambda: jails)
    assert jails.log == ["compile", "cpython"]


def test_without_a_jail_to_compile_in_nobody_waits_for_calls() -> None:
    async def play(_: Jails, listener: Listener) -> JobResult:
        raise PoolBusy

    with pytest.raises(PoolBusy):
        run(lambda: Jails(play, for_ever))


def test_without_a_jail_for_cpythons_side_the_build_ends_once_it_is_compiled() -> None:
    async def play(_: Jails) -> JobResult:
        raise PoolBusy

    with pytest.raises(PoolBusy):
        run(lambda: Jails(compiling(ended(COMPILED)), play))


def test_an_abandoned_build_leaves_no_jail() -> None:
    async def abandoned() -> None:
        jails = Jails(compiling(ended(COMPILED)), for_ever)
        build = asyncio.create_task(prove(jails))
        await jails.begun.wait()
        build.cancel()
        with pytest.raises(asyncio.CancelledError):
            await build
        assert jails.log == ["compile", "cpython"]

    asyncio.run(asyncio.wait_for(abandoned(), PATIENCE_S))


def test_a_later_pass_makes_the_same_calls() -> None:
    async def twice() -> None:
        jails = Jails(compiling(ended(COMPILED)), answers)
        async with Prover(jails, {"source": ""}, jails.cancel, 1 << 20, Stages()) as prover:  # type: ignore[arg-type]  # has what is asked
            for _ in range(2):
                await prover.prove(*await prover.compile(), last=True)
        assert jails.log == ["compile", "cpython", "native", "compile", "native"]

    asyncio.run(asyncio.wait_for(twice(), PATIENCE_S))
