"""A ceiling for the memory that recorded calls take.

A representative call may take all memory there is, by a list that doubles in each pass of a loop:
below a ceiling the program gets a MemoryError, above it the machine ends some process.
"""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator


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
