"""What a job may do, by kind of job.

Both kinds run code made by a stranger, so both are equally tight towards the host; they differ in
what the honest worker needs. Compiling needs threads at most. Checking forks one child for CPython
and one for the native code, so that a crash of either is an outcome rather than the end.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Policy:
    """One kind of job. `name` appears in results and in provenance."""

    name: str
    may_fork: bool  # new processes; threads are always allowed
    may_load_code: bool  # map files of the private /tmp executable (dlopen of the artifact)


COMPILE: Final = Policy("compile", may_fork=False, may_load_code=False)
CHECK: Final = Policy("check", may_fork=True, may_load_code=True)
