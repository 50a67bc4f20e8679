"""What a jail writes is hostile: nothing in it may end the reader other than by a typed error.

A few thousand cases in every run; 100,000 with `HYPOTHESIS_PROFILE=fuzz`.
"""

import asyncio
import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyvorin_server.builds.prove import (
    Calls,
    Measured,
    Stopped,
    _first_code,
    filled,
    kept_calls,
    tally,
)
from pyvorin_server.sandbox import microvm, policies, status
from pyvorin_server.sandbox.conversation import Conversation, printable
from pyvorin_server.sandbox.detect import detect
from pyvorin_server.sandbox.jail import Jail
from pyvorin_server.sandbox.model import Ending, JailRefused, Limits
from pyvorin_server.sandbox.plan import JailSpec
from pyvorin_server.sandbox.tiers import Layer
from pyvorin_server.sandbox.warm import Nursery
from pyvorin_server.verifier.judge import judge, read_compiled, read_digest
from pyvorin_wire import frames
from pyvorin_wire.errors import WireError

FUZZING = os.environ.get("HYPOTHESIS_PROFILE") == "fuzz"
EXAMPLES = 10_000 if FUZZING else 250  # of each of the twelve properties that need no jail
JAILS = 500 if FUZZING else 15
many = settings(max_examples=EXAMPLES, deadline=None)
some = settings(max_examples=JAILS, deadline=None)
pytestmark = [pytest.mark.attack, *([pytest.mark.fuzz] if FUZZING else [])]

scalars = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.floats()
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
NAMES = (
    "ok",
    "meta",
    "functions",
    "toolchain",
    "diagnostics",
    "cases",
    "setup",
    "counts",
    "digest",
    "gains",
    "left",
    "name",
    "verdict",
)
answers = st.dictionaries(st.sampled_from(NAMES), values, max_size=6) | values


def _frame(kind: bytes, payload: bytes, length: int | None) -> bytes:
    size = len(payload) if length is None else length
    return size.to_bytes(4, "big") + kind + payload


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


lengths = st.none() | st.integers(0, 2**32 - 1)
kinds = st.sampled_from([b"J", b"B", b"E", b"\0", b"Z"])
pieces = st.one_of(
    st.builds(_frame, kinds, st.binary(max_size=40), lengths),
    st.builds(_frame, st.just(b"J"), answers.map(_json), st.none()),
    st.builds(_frame, st.just(b"B"), st.binary(max_size=60), st.none()),
    st.just(b"\0\0\0\0E"),
    st.binary(max_size=20),
)
END = b"\0\0\0\0E"
whole = st.builds(  # a message that is well framed, around an answer that may be anything
    lambda answer, blobs: b"".join(
        [_frame(b"J", _json(answer), None), *(_frame(b"B", blob, None) for blob in blobs), END]
    ),
    answers,
    st.lists(st.binary(max_size=30), max_size=2),
)
outcomes = st.builds(
    lambda blobs, last: b"".join(
        [*(_frame(b"B", blob, None) for blob in blobs), _frame(b"J", _json(last), None), END]
    ),
    st.lists(st.binary(min_size=1, max_size=12), max_size=3),
    answers,
)
streams = st.lists(pieces, max_size=6).map(b"".join) | whole | outcomes


@many
@given(streams)
def test_a_compile_answer_is_read_or_refused(data: bytes) -> None:
    try:
        compiled = read_compiled(data)
    except WireError:
        return
    try:
        compiled.functions()
        compiled.toolchain()
    except WireError:
        pass
    assert isinstance(_first_code(compiled), str)


@many
@given(streams)
def test_a_digest_answer_is_read_or_refused(data: bytes) -> None:
    try:
        found = read_digest(data)
    except WireError:
        return
    assert found is None or isinstance(found, str)


@many
@given(streams, streams)
def test_two_hostile_outcome_streams_never_pass(one: bytes, other: bytes) -> None:
    assert judge(one, other).result in ("incomplete", "mismatch")
    assert judge(one, one).result in ("incomplete", "mismatch", "pass")


@many
@given(streams, st.integers(1, 9))
def test_the_calls_that_compiling_names_are_read_or_end_the_build(data: bytes, size: int) -> None:
    async def told() -> dict[str, Any]:
        calls = Calls()
        for end in range(size, len(data) + size, size):
            calls.listen(bytearray(data[:end]))
        await asyncio.sleep(0)
        calls.end()
        return await calls.told()

    with contextlib.suppress(Stopped):
        assert set(asyncio.run(told())) == {"cases", "setup"}


@many
@given(streams)
def test_the_calls_that_were_kept_are_read_or_end_the_build(data: bytes) -> None:
    try:
        found = kept_calls(data)
    except Stopped:
        return
    assert set(found) == {"cases", "setup"}


@many
@given(streams)
def test_figures_of_a_timing_jail_are_read_or_end_the_build(data: bytes) -> None:
    measured = Measured()
    try:
        left = measured.add(data, {"f"})
    except (WireError, ValueError):
        return
    assert "f" in left or "f" in measured.gains


@many
@given(answers, streams, streams)
def test_a_report_of_any_shape_is_filled_in(report: Any, one: bytes, other: bytes) -> None:
    measured = Measured()
    with contextlib.suppress(WireError, ValueError):
        measured.add(one, set())
    found = filled(report, tally([["f", "f()", "type"]], one, other), measured)
    assert type(found) is type(report)


@many
@given(streams)
def test_frames_are_capped(data: bytes) -> None:
    caps = frames.Caps(frame_bytes=64, total_bytes=128, frames=4)
    try:
        read = list(frames.read_message(io.BytesIO(data), caps))
    except WireError:
        return
    assert len(read) <= caps.frames
    assert sum(len(frame.payload) for frame in read) <= caps.total_bytes


@many
@given(st.binary(max_size=300))
def test_a_machines_output_is_split_or_kept(data: bytes) -> None:
    stdout, stderr, status = microvm.decode_output(data)
    assert len(stdout) + len(stderr) <= len(data)
    assert (status is None) == (stdout == data)


@many
@given(st.binary(max_size=300))
def test_what_reaches_a_log_is_printable(data: bytes) -> None:
    assert all(c.isprintable() or c in "\n\t" for c in printable(data))


words = st.sampled_from(
    ("keeper", "layers", "refused", "reason", "sealed", "kernel", "exit", "cpu_s", "max_rss_bytes")
)
lines = st.one_of(
    st.dictionaries(words, values, max_size=4).map(_json),
    st.fixed_dictionaries({"refused": values, "reason": values}).map(_json),
    st.fixed_dictionaries({"exit": values, "cpu_s": values, "max_rss_bytes": values}).map(_json),
    st.fixed_dictionaries({"keeper": values}).map(_json),
    st.dictionaries(st.sampled_from(sorted(Layer)), st.text(), max_size=3).map(
        lambda layers: _json({"layers": layers})
    ),
    values.map(_json),
    st.binary(max_size=40),
)


@many
@given(st.lists(lines, max_size=6).map(b"\n".join), st.integers(1, 9))
def test_the_status_pipe_is_read_as_if_it_were_hostile(data: bytes, size: int) -> None:
    reader, found = status.Reader(), []
    for start in range(0, len(data), size):
        found += reader.feed(data[start : start + size])
    assert found == status.Reader().feed(data)
    for message in found:
        assert set(message.get("layers", {})) <= set(Layer)
        if "exit" in message:
            os.waitstatus_to_exitcode(message["exit"] & 0xFF00)
        if "refused" in message:
            assert JailRefused(message["refused"], message["reason"])


def test_a_status_line_without_end_is_not_kept() -> None:
    reader = status.Reader()
    (said,) = [m for _ in range(20) for m in reader.feed(b"x" * 60_000)]
    assert "refused" in said


class Pipes:
    """Stands for a launched job: its pipes, filled and closed before the supervisor looks."""

    def __init__(self, stdout: bytes, stderr: bytes) -> None:
        taken, self.given = os.pipe()
        self.stdin = io.FileIO(self.given, "wb")
        os.close(taken)
        self.stdout, self.stderr = (self._filled(data) for data in (stdout, stderr))

    @staticmethod
    def _filled(data: bytes) -> io.FileIO:
        reader, writer = os.pipe()
        os.write(writer, data)
        os.close(writer)
        return io.FileIO(reader)

    def close(self) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            stream.close()


@many
@given(streams, st.binary(max_size=80), st.binary(max_size=80), st.integers(0, 60))
def test_a_conversation_keeps_its_caps(out: bytes, err: bytes, asked: bytes, cap: int) -> None:
    pipes, (ended, end) = Pipes(out, err), os.pipe()
    os.close(end)
    talk = Conversation(pipes, ended, lambda: False, Limits(output_bytes=cap, wall_s=5.0))  # type: ignore[arg-type]  # has what is asked
    try:
        stop = talk.hold(asked, lambda: None) or talk.drain() or talk.overflow()
    finally:
        pipes.close()
        os.close(ended)
    assert (stop is not None) == (max(len(out), len(err)) > cap)
    for stream, written in ((talk.stdout, out), (talk.stderr, err)):
        assert bytes(stream.data) == written[: len(stream.data)]
        assert len(stream.data) <= cap + 1


SPRAY = """
import os, sys
data = sys.stdin.buffer.read()
for descriptor in data[0], data[1]:
    try:
        os.write(descriptor, data[3:])
    except OSError:
        pass
if data[2] & 1:
    os.close(1)
os._exit(data[2] >> 1)
"""


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery(sys.executable, "import json")
    yield made
    made.close()


@pytest.mark.skipif(detect().reached is None, reason="no jail can be made here")
@some
@given(streams, st.sampled_from([1, 1, 2, 3, 4, 5, 9]), st.integers(0, 63), st.integers(0, 255))
def test_a_jail_may_write_anything_anywhere(
    nursery: Nursery, data: bytes, one: int, other: int, end: int
) -> None:
    tier = detect().reached
    assert tier is not None
    limits = Limits(wall_s=20.0, output_bytes=100)
    spec = JailSpec((sys.executable, "-I", "-c", SPRAY), limits, policies.CHECK, tier)
    with Jail(spec, nursery) as jail:
        result = jail.run(bytes([one, other, end]) + data)
    assert len(result.stdout) <= limits.output_bytes
    written = sum(len(data) for each in (one, other) if each == 1)
    if written > limits.output_bytes:
        assert result.ending is Ending.OUTPUT_LIMIT
    elif result.ending is not Ending.OUTPUT_LIMIT:
        assert (result.exit_code, result.ending is Ending.OK) == (end >> 1, end >> 1 == 0)
    with contextlib.suppress(WireError):
        read_compiled(result.stdout)
    assert judge(result.stdout, b"").result in ("incomplete", "mismatch")
