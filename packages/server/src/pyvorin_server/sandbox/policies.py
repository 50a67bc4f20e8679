"""What a job may do, by kind of job.

Both kinds run code made by a stranger, so both are equally tight towards the host; they differ in
what the honest worker needs. Compiling needs threads at most. Checking starts the interpreter again
as a child that runs the judged calls, so that a crash or a hang of one call is an outcome and not
the end; the child's hash seed is fixed, which only its environment can do.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Policy:
    """One kind of job. `name` appears in results and in provenance."""

    name: str
    may_start_processes: bool  # fork, exec, own session; threads are always allowed
    may_load_code: bool  # map files of the private /tmp executable (dlopen of the artifact)


COMPILE: Final = Policy("compile", may_start_processes=False, may_load_code=False)
CHECK: Final = Policy("check", may_start_processes=True, may_load_code=True)
