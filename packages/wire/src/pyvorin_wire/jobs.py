"""Job states and the one transition table; exit codes. Server, client and dashboard read them here.

    queued → compiling → verifying → signing → complete
    any running state → rejected | mismatch | failed | timeout | cancelled | needs_source
    needs_source → queued | failed | cancelled

What may never change: the texts of states, the numbers of exit codes.
"""

from enum import IntEnum, StrEnum
from typing import Final


class JobState(StrEnum):
    QUEUED = "queued"
    COMPILING = "compiling"
    VERIFYING = "verifying"
    SIGNING = "signing"
    NEEDS_SOURCE = "needs_source"
    COMPLETE = "complete"
    REJECTED = "rejected"
    MISMATCH = "mismatch"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        return not TRANSITIONS[self]


_STOPPED: Final = frozenset({JobState.FAILED, JobState.CANCELLED})
_BROKEN: Final = _STOPPED | {JobState.TIMEOUT, JobState.NEEDS_SOURCE}

TRANSITIONS: Final[dict[JobState, frozenset[JobState]]] = {
    JobState.QUEUED: _BROKEN | {JobState.COMPILING},
    JobState.COMPILING: _BROKEN | {JobState.VERIFYING, JobState.REJECTED},
    JobState.VERIFYING: _BROKEN | {JobState.SIGNING, JobState.MISMATCH, JobState.REJECTED},
    JobState.SIGNING: _STOPPED | {JobState.COMPLETE, JobState.TIMEOUT},
    JobState.NEEDS_SOURCE: _STOPPED | {JobState.QUEUED},
    JobState.COMPLETE: frozenset(),
    JobState.REJECTED: frozenset(),
    JobState.MISMATCH: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.TIMEOUT: frozenset(),
    JobState.CANCELLED: frozenset(),
}
"""State → states it may become. Terminal states become nothing."""


def may_become(old: JobState, new: JobState) -> bool:
    return new in TRANSITIONS[old]


class ExitCode(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    MISMATCH = 3
    SERVICE = 4
    PROVENANCE = 5
    LICENCE = 6
    LIMIT = 7
    INTERNAL = 70
    INTERRUPTED = 130


JOB_EXIT: Final[dict[JobState, ExitCode]] = {
    JobState.COMPLETE: ExitCode.OK,
    JobState.REJECTED: ExitCode.FINDINGS,
    JobState.MISMATCH: ExitCode.MISMATCH,
    JobState.FAILED: ExitCode.SERVICE,
    JobState.TIMEOUT: ExitCode.LIMIT,
    JobState.CANCELLED: ExitCode.INTERRUPTED,
}
"""Exit code of a command that waited for a job to end in this state."""
