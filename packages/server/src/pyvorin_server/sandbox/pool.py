"""Jails made ahead of time, so that a job finds its command already started.

Making a jail and starting Python with LLVM takes a few hundred milliseconds; handing the input to
one that waits takes a few. The pool keeps `size` jails ready. Each serves one job and dies:

    making ──▶ ready ──run()──▶ running ──▶ destroyed
       ▲         │ died, or older than `max_age_s`
       └─────────┘ one thread replaces whatever is missing

Back-pressure: at most `size` jobs run at once; up to `max_waiting` more wait for a place, and the
next one is told PoolBusy at once. When jails cannot be made, jobs are told why (JailRefused)
instead of waiting, and making is tried again with growing pauses.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol

from pyvorin_server.sandbox import cgroups, scratch
from pyvorin_server.sandbox.model import (
    Ending,
    JailRefused,
    JobResult,
    Listener,
    PoolBusy,
    PoolClosed,
    SandboxError,
)

_CHECK_S: Final = 1.0
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class PoolHealth:
    """A moment of the pool, for `/ready` and metrics."""

    ready: int
    running: int
    waiting: int
    made: int  # jails since the start
    lost: int  # jails that died while they waited
    turned_away: int  # jobs that were told PoolBusy
    endings: Mapping[Ending, int]  # of all jobs since the start
    waited_s: float  # by all jobs together, until they had a jail
    last_refusal: str  # why the latest attempt to make a jail failed, "" when it did not

    @property
    def is_healthy(self) -> bool:
        return not self.last_refusal


class ReadyJail(Protocol):
    """What the pool needs of a jail; `jail.Jail` is one."""

    started_at: float  # time.monotonic()

    def is_alive(self) -> bool: ...
    def run(
        self,
        stdin: bytes,
        cancel: threading.Event | None = None,
        listener: Listener | None = None,
    ) -> JobResult: ...
    def destroy(self) -> None: ...


class Pool:
    """Thread-safe. `make` starts one jail (`lambda: Jail(make_spec(...))`).

    What a supervisor killed earlier left behind is swept up first.
    """

    def __init__(
        self,
        make: Callable[[], ReadyJail],
        size: int,
        *,
        max_waiting: int = 64,
        max_age_s: float = 900.0,
    ) -> None:
        self._make = make
        self._size = size
        self._max_waiting = max_waiting
        self._max_age_s = max_age_s
        self._change = threading.Condition()
        self._ready: deque[ReadyJail] = deque()
        self._running = self._waiting = self._made = self._lost = self._turned_away = 0
        self._endings: Counter[Ending] = Counter()
        self._waited_s = 0.0
        self._refusal: JailRefused | None = None
        self._closed = False
        self._keeper = threading.Thread(target=self._keep_filled, name="jail-pool", daemon=True)
        self._keeper.start()

    def __enter__(self) -> "Pool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def run(
        self,
        stdin: bytes,
        cancel: threading.Event | None = None,
        listener: Listener | None = None,
    ) -> JobResult:
        """Run one job in the oldest ready jail. Blocks until it has ended.

        Raises PoolBusy, PoolClosed, JailRefused when no jail can be made, or SandboxError when
        something of one cannot be removed.
        """
        before = time.monotonic()
        jail = self._take()
        waited_s = time.monotonic() - before
        result: JobResult | None = None
        try:
            result = jail.run(stdin, cancel, listener)
            return result
        except OSError as error:
            raise SandboxError(f"a jail did not end well: {error}") from error
        finally:
            with self._change:
                self._waited_s += waited_s
                if result is not None:
                    self._endings[result.ending] += 1
                self._running -= 1
                self._change.notify_all()

    def health(self) -> PoolHealth:
        with self._change:
            return PoolHealth(
                ready=len(self._ready),
                running=self._running,
                waiting=self._waiting,
                made=self._made,
                lost=self._lost,
                turned_away=self._turned_away,
                endings=dict(self._endings),
                waited_s=self._waited_s,
                last_refusal=str(self._refusal or ""),
            )

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the pool is full. False at the timeout."""
        with self._change:
            return self._change.wait_for(lambda: len(self._ready) >= self._size, timeout_s)

    def close(self, timeout_s: float = 60.0) -> None:
        """Take no more jobs, let running ones end, destroy the rest."""
        with self._change:
            self._closed = True
            self._change.notify_all()
            self._change.wait_for(lambda: self._running == 0, timeout_s)
        self._keeper.join(timeout_s)
        while self._ready:
            self._destroy(self._ready.popleft())

    # ---- taking

    def _take(self) -> ReadyJail:
        with self._change:
            if self._waiting >= self._max_waiting:
                self._turned_away += 1
                raise PoolBusy(f"{self._waiting} jobs wait already")
            self._waiting += 1
            try:
                while True:
                    self._change.wait_for(self._may_proceed)
                    if self._closed:
                        raise PoolClosed("the pool is shutting down")
                    if not self._ready and self._refusal is not None:
                        raise JailRefused(self._refusal.layer, self._refusal.reason)
                    jail = self._ready.popleft()
                    self._change.notify_all()
                    if jail.is_alive():
                        self._running += 1
                        return jail
                    self._lose(jail)
            finally:
                self._waiting -= 1

    def _may_proceed(self) -> bool:
        if self._closed or (self._refusal is not None and not self._ready):
            return True
        return bool(self._ready) and self._running < self._size

    def _lose(self, jail: ReadyJail) -> None:
        self._lost += 1
        self._destroy(jail)

    def _destroy(self, jail: ReadyJail) -> None:
        try:
            jail.destroy()
        except OSError as error:
            self._refusal = _as_refusal(error)  # shows in health until the next jail is made

    # ---- keeping it filled

    def _keep_filled(self) -> None:
        cgroups.sweep()
        scratch.sweep()
        pause_s = _FIRST_PAUSE_S
        while self._wait_for_work():
            try:
                jail = self._make()
            except Exception as error:  # nothing may end this thread, or jobs would wait for ever
                self._note(_as_refusal(error))
                self._pause(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            else:
                pause_s = _FIRST_PAUSE_S
                self._add(jail)

    def _wait_for_work(self) -> bool:
        """Sleep until a jail is missing, looking after the ready ones. False when closed."""
        while True:
            with self._change:
                if self._closed:
                    return False
                if len(self._ready) < self._size:
                    return True
                self._change.wait(_CHECK_S)
                worn = [jail for jail in self._ready if self._is_worn(jail)]
                for jail in worn:
                    self._ready.remove(jail)
            for jail in worn:
                with self._change:
                    self._lost += not jail.is_alive()
                self._destroy(jail)

    def _is_worn(self, jail: ReadyJail) -> bool:
        return not jail.is_alive() or time.monotonic() - jail.started_at > self._max_age_s

    def _note(self, refused: JailRefused) -> None:
        with self._change:
            self._refusal = refused
            self._change.notify_all()

    def _pause(self, pause_s: float) -> None:
        with self._change:
            self._change.wait_for(lambda: self._closed, pause_s)

    def _add(self, jail: ReadyJail) -> None:
        with self._change:
            self._made += 1
            self._refusal = None
            self._ready.append(jail)
            self._change.notify_all()


def _as_refusal(error: Exception) -> JailRefused:
    if isinstance(error, JailRefused):
        return error
    return JailRefused("jail", f"{type(error).__name__}: {error}")
