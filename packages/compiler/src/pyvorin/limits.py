"""Limits on what a call of the program may take while it is looked at: CPU time and memory.

    with time_limit(2000), memory_ceiling(1 << 29):
        …                                            →  TimeUp, or the program's own MemoryError

A representative call may take all memory there is, by a list that doubles in each pass of a loop,
or not end in an hour, by integers that square. Where a jail limits both as well, these come first,
and cost one call rather than the job.
"""

from __future__ import annotations

import contextlib
import resource
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_AGAIN_S = 0.05


class TimeUp(BaseException):  # ends a call; it is not an error of the program
    """A call reached its time limit. Raised by the alarm, so it appears inside user code."""


@contextlib.contextmanager
def time_limit(limit_ms: int) -> Iterator[None]:
    """Raise TimeUp in the body after `limit_ms` of CPU time, and again every 50 ms in case user
    code swallows it; 0 is no limit. Waiting costs no CPU time; whoever waits for the process ends
    that. Python handles signals in the main thread only: in another there is no limit."""

    def ring(signum: int, frame: FrameType | None) -> None:
        raise TimeUp

    if not limit_ms or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, limit_ms / 1000, _AGAIN_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_IGN if before is None else before)


@contextlib.contextmanager
def memory_ceiling(more: int) -> Iterator[None]:
    """At most `more` bytes of address space beyond what is mapped now, for as long as it lasts.

    A lower limit that there is already stays. Without /proc (in a jail, which limits memory itself)
    nothing is done.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    try:
        with open("/proc/self/statm", "rb") as statm:
            mapped = int(statm.read().split()[0]) * resource.getpagesize()
    except FileNotFoundError:
        yield
        return
    bounds = [bound for bound in (soft, hard) if bound != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min([*bounds, mapped + more]), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextlib.contextmanager
def data_ceiling(total: int) -> Iterator[None]:
    """Refuse memory once this process has `total` bytes of its own, for as long as it lasts; 0 is
    no ceiling. Needs no /proc, and unlike `memory_ceiling` is the same for every process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if not total:
        yield
        return
    bounds = [bound for bound in (soft, hard) if bound != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min([*bounds, total]), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
