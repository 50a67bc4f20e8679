"""The process that runs user code: `python -P -m pyvorin.check.child`, frames on 0 and 1.

    in    J {"op", "path", "name", "root", "source", "artifact", "setup", "cases", …}, E
    out   "run"      a case: B (pyvorin_wire.outcome) or J {"dropped": why};
                     then J {"counts": {function: …}}, E
          "collect"  J {"case": [function, call, origin]} …, E
          "time"     a function: J {"function", "call", "cpython_ns", "native_ns", …},
                     B CPython's outcome, B native's; E

It reports what happened and judges nothing. A check starts several of these, so each imports only
what its own operation needs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from pyvorin_wire import frames

from pyvorin.check.bundle import provide
from pyvorin.check.observe import Result, run_cases
from pyvorin.check.pipes import limit_resources, take_pipes


def main() -> int:
    reader, writer = take_pipes()
    (job,) = (frame.json() for frame in frames.read_message(reader))
    limit_resources(job["memory_bytes"])
    for result in perform(job):
        if isinstance(result, bytes):
            frames.write_bytes(writer, result)
        else:
            frames.write_json(writer, result)
        writer.flush()
    frames.write_end(writer)
    return 0


def perform(job: dict[str, Any]) -> Iterator[Result]:
    """Do what the job asks; the frames of the answer."""
    provide(job["bundle"])
    match job["op"]:
        case "run":
            yield from run_cases(job)
        case "collect":
            from pyvorin.check.collect import collect

            yield from ({"case": case.to_json()} for case in collect(job))
        case "time":
            from pyvorin.check.timing import time_functions

            yield from time_functions(job)


if __name__ == "__main__":
    sys.exit(main())
