"""`make soak`: 10,000 jobs in a row, or as many as asked; the report is kept in bench/results.

python -m tests.soak [--jobs 10000] [--tier native] [--minutes M]
"""

import argparse
import json
import os
import platform
import sys
from pathlib import Path

from pyvorin_server.builds.jails import PRELOAD
from pyvorin_server.sandbox.tiers import Tier

from tests.soak.run import LIMITS, as_json, as_text, soak

RESULTS = Path(__file__).parents[2] / "bench" / "results"


def main() -> int:
    parser = argparse.ArgumentParser(description="run many jobs and see what piles up")
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--tier", type=Tier, default=Tier.NATIVE)
    options = parser.parse_args()
    report = soak(options.jobs, options.tier, LIMITS, PRELOAD)
    problems = report.check()
    machine = f"{os.cpu_count()} cores, {platform.platform()}, CPython {platform.python_version()}"
    text = f"{machine}, tier {options.tier}\n\n{as_text(report, problems)}"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "soak.txt").write_text(text)
    document = {"machine": machine, **as_json(report, problems)}
    (RESULTS / "soak.json").write_text(json.dumps(document, indent=1) + "\n")
    print(text)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
