"""Feeding a job its input and collecting its output, while watching every limit.

Nothing here blocks on the job: pipes are non-blocking, and at least every `_TICK_S` the deadline
and the caller's own limits are looked at.
"""

import os
import selectors
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pyvorin_server.sandbox.model import Ending, Limits, Listener
from pyvorin_server.sandbox.warm import Launched

_TICK_S: Final = 0.05
_DRAIN_S: Final = 5.0
_CHUNK: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Stop:
    """Why the supervisor ended the job."""

    ending: Ending
    message: str


@dataclass(slots=True)
class Stream:
    """One output pipe of the job, read up to a limit."""

    descriptor: int
    limit_bytes: int
    data: bytearray = field(default_factory=bytearray)
    listener: Listener | None = None  # is shown all of `data` whenever there is more

    def read(self) -> bool:
        """Take what is there, at most one byte above the limit. False at the end of file."""
        try:
            chunk = os.read(self.descriptor, _CHUNK)
        except BlockingIOError:
            return True
        self.data += chunk[: self.limit_bytes + 1 - len(self.data)]
        if self.listener is not None:
            self.listener(self.data)
        return bool(chunk)

    @property
    def is_over(self) -> bool:
        return len(self.data) > self.limit_bytes


class Conversation:
    """One input, two outputs. `read_status` returns False once the job has ended."""

    def __init__(
        self,
        process: Launched,
        status: int,
        read_status: Callable[[], bool],
        limits: Limits,
        listener: Listener | None = None,
    ) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._stdin = process.stdin
        self._status = status
        self._read_status = read_status
        self._limits = limits
        self.stdout = Stream(process.stdout.fileno(), limits.output_bytes, listener=listener)
        self.stderr = Stream(process.stderr.fileno(), limits.output_bytes)
        for pipe in (process.stdin, process.stdout, process.stderr):
            os.set_blocking(pipe.fileno(), False)

    def hold(self, stdin: bytes, look_after: Callable[[], Stop | None]) -> Stop | None:
        """Talk until the job ends (None) or has to be stopped (why).

        `look_after` is asked every `_TICK_S` for limits that are not the pipes' or the clock's.
        """
        deadline = time.monotonic() + self._limits.wall_s
        self._left = memoryview(stdin)
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdin, selectors.EVENT_WRITE, self._write)
            selector.register(self.stdout.descriptor, selectors.EVENT_READ, self.stdout.read)
            selector.register(self.stderr.descriptor, selectors.EVENT_READ, self.stderr.read)
            selector.register(self._status, selectors.EVENT_READ, self._read_status)
            while True:
                stop = self.overflow() or self._overdue(deadline) or look_after()
                if stop is not None:
                    return stop
                for key, _ in selector.select(min(_TICK_S, deadline - time.monotonic())):
                    if not key.data():
                        selector.unregister(key.fileobj)
                        if key.fileobj == self._status:
                            return None

    def drain(self) -> None:
        """Read what the dead job left in its pipes. Call when nothing inside lives any more."""
        deadline = time.monotonic() + _DRAIN_S
        for stream in (self.stdout, self.stderr):
            while not stream.is_over and time.monotonic() < deadline:
                before = len(stream.data)
                if not stream.read() or len(stream.data) == before:
                    break

    def overflow(self) -> Stop | None:
        if self.stdout.is_over or self.stderr.is_over:
            return Stop(Ending.OUTPUT_LIMIT, f"wrote more than {self._limits.output_bytes} bytes")
        return None

    def _write(self) -> bool:
        """Write what the pipe takes. False when all is written or nobody reads any more."""
        try:
            self._left = self._left[os.write(self._stdin.fileno(), self._left[:_CHUNK]) :]
        except BlockingIOError:
            return True
        except BrokenPipeError:
            return False
        if not self._left:
            self._stdin.close()
        return bool(self._left)

    def _overdue(self, deadline: float) -> Stop | None:
        if time.monotonic() >= deadline:
            return Stop(Ending.TIMEOUT, f"ran longer than {self._limits.wall_s:g} s")
        return None


def printable(data: bytes) -> str:
    """Text with every control character but newline and tab escaped: it may reach a terminal."""
    text = data.decode("utf-8", "backslashreplace")
    return "".join(
        c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text
    )
