"""``python -m tests.runtime.run_resume_fuzz programs|library VISITS``: the tally, as JSON.

A process of its own, because every resume forks and a test runner is large to fork.
"""

from __future__ import annotations

import json
import sys
from types import CodeType

from tests.runtime import library_drivers, programs
from tests.runtime.resume_fuzz import Fuzzer


def of_programs(code: CodeType) -> bool:
    return code.co_filename == programs.__file__ and code.co_name != "<lambda>"


def main() -> None:
    corpus, visits = sys.argv[1], int(sys.argv[2])
    own = corpus == "programs"
    fuzzer = Fuzzer(of_programs if own else library_drivers.watched, visits)
    for driver in programs.DRIVERS if own else library_drivers.DRIVERS:
        fuzzer.run(driver)
    tally = fuzzer.tally
    print(
        json.dumps(
            {
                "line": tally.line(),
                "tried": tally.tried,
                "identical": tally.identical,
                "points": len(tally.points),
                "chains": tally.chains,
                "unknown": tally.skipped["exception swallowed by C code"],
                "different": tally.different[:10],
            }
        )
    )


if __name__ == "__main__":
    main()
