"""Start a child that runs user code, and read its frames under a deadline, whatever it does.

The deadline counts from the last frame, so one call that never returns is noticed after its own
limit. A child that stops, crashes or writes nonsense ends the conversation with a `ChildEnded` that
says how.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pyvorin_wire import frames
from pyvorin_wire.errors import WireError

from pyvorin.check.load import module_name

MEMORY_BYTES: Final = 1 << 30
IMPORT_MS: Final = 10_000
_AHEAD: Final = 1 << 16  # bytes, what a pipe holds
_CAPS: Final = frames.Caps(total_bytes=1 << 30)


class ChildEnded(Exception):  # an event that every caller expects
    """The child ended without finishing: `how` is "deadline", "signal SIGSEGV", "exit 1" or
    "protocol"."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


@dataclass(frozen=True, slots=True)
class Program:
    """The module under test. `artifact` is the path of a compiled one; None runs the source under
    CPython. `bundle` are the local modules that come with the source (see `bundle`)."""

    path: str
    source: str
    artifact: str | None = None
    bundle: Mapping[str, str] = field(default_factory=dict)

    def job(self, op: str, **more: Any) -> dict[str, Any]:
        """The job message for `child`, with the fields all jobs share."""
        name, root = module_name(self.path)
        return {
            "op": op,
            "path": self.path,
            "name": name,
            "root": root,
            "source": self.source,
            "artifact": self.artifact,
            "bundle": dict(self.bundle),
            "setup": "",
            "memory_bytes": MEMORY_BYTES,
            "import_ms": IMPORT_MS,
            **more,
        }


def converse(
    job: dict[str, Any], deadline_ms: int, environment: Mapping[str, str] | None = None
) -> Iterator[frames.Frame]:
    """Frames of the child's answer, each within `deadline_ms` of the one before (of the start: plus
    import time).

    Raises ChildEnded. The child and everything it started are gone when this generator is.
    """
    env = {**os.environ, "PYTHONHASHSEED": "0", **(environment or {})}
    command = [sys.executable, "-P", "-m", "pyvorin.check.child"]
    with tempfile.TemporaryFile() as request:
        _write_request(request, job)
        child = subprocess.Popen(
            command,
            stdin=request,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
            start_new_session=True,
        )
    assert child.stdout is not None
    reader = _TimedReader(child.stdout.fileno(), deadline_ms, 2 * job["import_ms"])
    try:
        for frame in frames.read_message(reader, _CAPS):
            yield frame
            reader.restart()
    except TimeoutError:
        raise ChildEnded("deadline") from None
    except WireError as error:
        raise ChildEnded(_how(child, error)) from None
    finally:
        _end(child)


def _write_request(request: Any, job: dict[str, Any]) -> None:
    frames.write_json(request, job)
    frames.write_end(request)
    request.seek(0)


def _how(child: subprocess.Popen[bytes], error: WireError) -> str:
    if error.code != "frame_eof":
        return "protocol"
    try:
        status = child.wait(timeout=5)
    except subprocess.TimeoutExpired:
        return "protocol"
    if status >= 0:
        return f"exit {status}"
    with contextlib.suppress(ValueError):
        return f"signal {signal.Signals(-status).name}"
    return f"signal {-status}"


def _end(child: subprocess.Popen[bytes]) -> None:
    """Kill the child's whole session and reap it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    assert child.stdout is not None
    child.stdout.close()


class _TimedReader:
    """Reads a pipe; TimeoutError when nothing comes before the deadline."""

    def __init__(self, descriptor: int, deadline_ms: int, first_ms: int) -> None:
        self.descriptor = descriptor
        self.deadline_ms = deadline_ms
        self.until = time.monotonic() + (deadline_ms + first_ms) / 1000
        self.ahead = b""

    def restart(self) -> None:
        self.until = time.monotonic() + self.deadline_ms / 1000

    def read(self, size: int, /) -> bytes:
        if not self.ahead:
            left = self.until - time.monotonic()
            ready, _, _ = select.select([self.descriptor], [], [], max(0.0, left))
            if not ready:
                raise TimeoutError
            self.ahead = os.read(self.descriptor, _AHEAD)
        part, self.ahead = self.ahead[:size], self.ahead[size:]
        return part
