"""The values that go into a jail and come out of it, and the errors of this package.

SandboxError
├── JailRefused   a layer the required tier needs is missing; nothing of the job has run
├── PoolBusy      too many jobs wait already; try again later (HTTP 429)
└── PoolClosed    the pool is shutting down
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pyvorin_server.sandbox.tiers import Layer, Tier


class SandboxError(Exception):
    """Root of this package's errors."""


class JailRefused(SandboxError):
    """No jail of the required strength could be made, so the job was not started.

    `reasons` is what had been found out about the layers by then ("" = holds).
    """

    def __init__(self, layer: str, reason: str) -> None:
        super().__init__(f"jail refused: {layer}: {reason}")
        self.layer = layer
        self.reason = reason
        self.reasons: dict[Layer, str] = {}


class PoolBusy(SandboxError):
    """More jobs wait than the pool accepts."""


class PoolClosed(SandboxError):
    """The pool takes no more jobs."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one job may use. All are enforced from outside the job.

    `memory_bytes` and `pids` count the whole job where cgroups hold, else each process.
    `output_bytes` holds for stdout and for stderr, each. `file_bytes` is the size of the private
    temporary directory and of the largest file in it.
    """

    wall_s: float = 60.0
    cpu_s: float = 60.0
    memory_bytes: int = 1024 * 1024 * 1024
    pids: int = 8
    output_bytes: int = 64 * 1024 * 1024
    file_bytes: int = 64 * 1024 * 1024
    cpus: float = 1.0


@dataclass(frozen=True, slots=True)
class Bind:
    """One file or directory of the host that the job may read (never write), at the same path.

    A symbolic link is made again inside; it is not followed.
    """

    path: Path


class Ending(StrEnum):
    OK = "ok"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT_LIMIT = "output_limit"
    VIOLATION = "violation"
    CRASHED = "crashed"
    CANCELLED = "cancelled"


Listener = Callable[[bytearray], None]
"""Shown what a job has written to stdout so far, whenever there is more: hostile data."""


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a job ended and what it wrote.

    `stdout` is hostile data. `stderr_tail` has control characters escaped, but it may quote the
    user's source: show it to its owner, never log it.
    """

    ending: Ending
    message: str  # what happened, for a person: lower case, no full stop
    signal: int | None  # the signal that ended the job's first process
    exit_code: int | None
    stdout: bytes
    stderr_tail: str
    tier: Tier
    layers: frozenset[Layer]
    wall_s: float  # from handing over the input to the end of the job
    cpu_s: float  # user and system time of all processes of the job in that span
    max_rss_bytes: int
