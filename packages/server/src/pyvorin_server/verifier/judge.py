"""Judge one build from the raw framed outputs of its four jails.

    digest jail    J{"digest"}  E
    compile jail   J{"cases", "setup"}  J{"ok": true, "meta"…}  B(artifact)  E
    check jail     one B frame a call: the outcome on CPython's side, or the native side; then J

All bytes come from jails that ran the judged program, so they are read by the bounded readers of
`pyvorin_wire` only, and the artifact is hashed here. A build passes when both sides gave the same
number of outcomes, at least one, all equal by `pyvorin_wire.outcome_tree.compare`.
"""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyvorin_wire import frames
from pyvorin_wire.artifact import FunctionEntry
from pyvorin_wire.errors import FrameError, WireError
from pyvorin_wire.outcome_tree import Difference, compare

_WAYS_IN = ("entries", "osr")
MAX_DIFFERENCES = 20
MAX_TEXT = 500


@dataclass(frozen=True, slots=True)
class Compiled:
    """What the compile jail said, read and hashed outside it."""

    ok: bool
    answer: dict[str, Any]
    artifact: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.artifact).hexdigest()

    def functions(self) -> tuple[FunctionEntry, ...]:
        """Native functions of the artifact. Raises `WireError` when they are not well formed."""
        entries = self.answer.get("meta", {}).get("functions", [])
        if not isinstance(entries, list):
            raise FrameError("functions")
        return tuple(
            FunctionEntry.from_json(
                {"qualname": entry.get("qualname"), "code_sha256": entry.get("code_sha256")}
            )
            for entry in entries
            if isinstance(entry, dict)
        )

    def toolchain(self) -> dict[str, str]:
        """Names and versions of what built it."""
        chain = self.answer.get("meta", {}).get("toolchain", {})
        if not isinstance(chain, dict):
            raise FrameError("toolchain")
        return {str(name)[:64]: str(version)[:64] for name, version in chain.items()}


@dataclass(frozen=True, slots=True)
class Judgement:
    """`pass`, `mismatch` or `incomplete`; differences hold the user's values: show, never log."""

    result: str
    cases: int
    differences: Sequence[Difference] = ()


def read_compiled(stdout: bytes) -> Compiled:
    """Read the compile jail's answer. Raises `WireError` when it is not one."""
    message = list(frames.read_message(io.BytesIO(stdout)))
    documents = [frame for frame in message if frame.kind == frames.JSON]
    if not documents or not isinstance(answer := documents[-1].json(), dict):
        raise FrameError("the worker gave no answer")
    if not isinstance(answer.get("meta", {}), dict):
        raise FrameError("the worker's answer is malformed")
    ok = answer.get("ok") is True
    blobs = [frame.payload for frame in message if frame.kind == frames.BYTES]
    if len(blobs) != (1 if ok else 0) or len(documents) > 2:
        raise FrameError("the worker's answer has not exactly one artifact")
    return Compiled(ok, answer, blobs[0] if blobs else b"")


def read_digest(stdout: bytes) -> str | None:
    """Return the digest; None when the source has none. Raises `WireError` when the answer is
    malformed.
    """
    message = list(frames.read_message(io.BytesIO(stdout)))
    if len(message) != 1:
        raise FrameError("the digest jail gave no answer")
    answer: Any = message[0].json()
    digest = answer.get("digest") if isinstance(answer, dict) else None
    return digest if isinstance(digest, str) else None


def judge(cpython_stdout: bytes, native_stdout: bytes) -> Judgement:
    """Compare both sides, case by case. Malformed bytes are `incomplete`, never a pass, and so are
    equal outcomes of calls that never entered native code: they say nothing about it.
    """
    try:
        expected, actual = _outcomes(cpython_stdout), _outcomes(native_stdout)
        if not expected or len(expected) != len(actual):
            return Judgement("incomplete", min(len(expected), len(actual)))
        found = _compare_all(expected, actual)
        if found.result == "pass" and not _entered_native_code(native_stdout):
            return Judgement("incomplete", found.cases)
        return found
    except WireError:
        return Judgement("incomplete", 0)


def _compare_all(expected: list[bytes], actual: list[bytes]) -> Judgement:
    found: list[Difference] = []
    for number, (one, other) in enumerate(zip(expected, actual, strict=True), 1):
        for difference in compare(one, other):
            path = f"case {number}: {difference.path}"
            found.append(Difference(path, difference.expected, difference.actual))
        if len(found) >= MAX_DIFFERENCES:
            break
    result = "mismatch" if found else "pass"
    return Judgement(result, len(expected), tuple(found[:MAX_DIFFERENCES]))


def _entered_native_code(stdout: bytes) -> bool:
    """Whether the native side says that at least one call went into native code."""
    *_, last = frames.read_message(io.BytesIO(stdout))
    answer = last.json() if last.kind == frames.JSON else None
    counts = answer.get("counts") if isinstance(answer, dict) else None
    functions = counts.values() if isinstance(counts, dict) else ()
    entered = [each.get(way) for each in functions if isinstance(each, dict) for way in _WAYS_IN]
    return any(isinstance(number, int) and number > 0 for number in entered)


def _outcomes(stdout: bytes) -> list[bytes]:
    message = frames.read_message(io.BytesIO(stdout))
    return [frame.payload for frame in message if frame.kind == frames.BYTES]
