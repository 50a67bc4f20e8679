"""What the server adds to the one transition table of `pyvorin_wire.jobs`.

    queued → compiling → verifying → signing → complete
    any running state → rejected | mismatch | failed | timeout | cancelled | needs_source

Every change is a compare-and-set on state and fencing token (`builds.store`). One thing is not a
transition but a new attempt: after a crash another lease takes an open job over and begins again
at `compiling`.
"""

from pyvorin_wire.jobs import TRANSITIONS, JobState

TERMINAL = frozenset(state for state in JobState if state.is_terminal)
OPEN = frozenset(JobState) - TERMINAL
RUNNING = frozenset({JobState.COMPILING, JobState.VERIFYING, JobState.SIGNING})
CLAIMABLE = RUNNING | {JobState.QUEUED}


def before(state: JobState) -> frozenset[JobState]:
    """Return the states from which `state` may be entered."""
    return frozenset(earlier for earlier, after in TRANSITIONS.items() if state in after)
