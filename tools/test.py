"""Run the tests on every supported minor found, and say in one closing line what happened.

    python tools/test.py            all tests on the baseline, what runs beside user code on all
    python tools/test.py --fast     the quick tier, baseline only
    python tools/test.py -m attack  only tests with that mark, baseline only

A crashed interpreter, a test file that does not import, a minor that is installed but has no
environment, and a run in which no test was found all count as failures. Skips are listed with their
reasons and counted; none is silent. The files whose tests took longest are named, with seconds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

import interpreters
from fuzz_seed import fuzz_seed

ROOT = Path(__file__).resolve().parent.parent
# What runs in the user's process or depends on the minor; the rest is tested on the baseline.
ON_EVERY_MINOR = ("tests/wire", "tests/runtime", "tests/compiler", "tests/examples")
QUICK = "not slow and not fuzz and not attack"
ALL_ATTACKS = "tests/attacks"  # not even imported by the quick tier
NO_TESTS_FOUND = 5
LONGEST = 10  # files named at the end


@dataclass(slots=True)
class Tally:
    """Counts of one pytest run; `skips` maps a reason to how many tests gave it, `took_ms` a file
    to the time of its tests, their fixtures included.
    """

    passed: int = 0
    failed: int = 0
    skips: Counter[str] = field(default_factory=Counter)
    took_ms: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skips += other.skips
        self.took_ms += other.took_ms


def main(arguments: Sequence[str]) -> int:
    options = _parse(arguments)
    found = interpreters.find()
    if not found:
        print("no usable CPython found; run `make setup`", file=sys.stderr)
        return 1
    baseline, *others = found
    seed = os.environ.setdefault("PYVORIN_FUZZ_SEED", fuzz_seed())
    print(f"PYVORIN_FUZZ_SEED={seed}  # gives the same random programs again", flush=True)
    if options.fast or options.marks or options.paths:
        paths = options.paths or ["tests", *([f"--ignore={ALL_ATTACKS}"] if options.fast else [])]
        total = _run(baseline, ROOT / ".venv", paths, options)
    else:
        total = _everything(baseline, others, options)
    _report(total, [minor for minor in interpreters.SUPPORTED if minor not in found])
    return 1 if total.failed or not total.passed else 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="run the tests on every supported minor found")
    parser.add_argument("--fast", action="store_true", help="the quick tier, baseline only")
    parser.add_argument("-m", dest="marks", help="pytest mark expression, baseline only")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("paths", nargs="*", help="files or folders, baseline only")
    return parser.parse_args(arguments)


def _everything(baseline: str, others: list[str], options: argparse.Namespace) -> Tally:
    """All tests, in runs of their own that go on at once, so that no processor is idle while one
    waits for a service or for its last long test.

    What starts the service and its jails waits most, so it runs beside the further minors, which
    have a worker process each on two processors; when the first of them is done, the baseline
    begins with what runs beside user code. Each run's workers stay small, too: forking one costs
    by its size.
    """
    core = [path for path in ON_EVERY_MINOR if (ROOT / path).is_dir()]
    rest = ["tests", *(f"--ignore={path}" for path in core)]
    home, each = ROOT / ".venv", max(1, options.jobs // 2)
    total = Tally()
    with ThreadPoolExecutor(1 + len(others)) as pool:
        service = pool.submit(_run, baseline, home, rest, options)
        beside = [
            pool.submit(_run, minor, ROOT / ".venvs" / minor, core, options, jobs=each, aside=True)
            for minor in others
        ]
        wait(beside, return_when=FIRST_COMPLETED)
        total.add(_run(baseline, home, core, options, aside=True))
        for run in (*beside, service):
            total.add(run.result())
    return total


def _run(
    minor: str,
    home: Path,
    paths: list[str],
    options: argparse.Namespace,
    *,
    jobs: int = 0,
    aside: bool = False,
) -> Tally:
    """Run pytest in a minor's environment, in `jobs` worker processes (those of the options if 0),
    so that a crash costs one test. What runs `aside` of others says all at its end.
    """
    python = home / "bin/python"
    if not python.exists():
        print(f"FAILED: CPython {minor} is installed but {home} is missing; run `make setup`")
        return Tally(failed=1)
    marks = options.marks or (QUICK if options.fast else "not fuzz")
    name = f"CPython {minor}: {' '.join(paths)} ({marks})"
    print(f"=== {name}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder, "results.xml")
        command = [str(python), "-m", "pytest", "-q", "-m", marks, f"--junitxml={results}"]
        command += [f"--numprocesses={jobs or options.jobs}", "--dist=worksteal", *paths]
        status, said = _call(command, aside)
        took = time.monotonic() - began
        print(f"=== {name}: {took:.0f} s\n{said}", end="", flush=True)
        if status == NO_TESTS_FOUND:
            print(f"CPython {minor}: no test found in {' '.join(paths)}")
            return Tally(failed=0 if options.marks else 1)
        tally = _read(results) if results.exists() else Tally()
    if status != 0 and not tally.failed:
        print(f"FAILED: pytest on CPython {minor} ended with status {status}")
        tally.failed = 1
    return tally


def _call(command: list[str], aside: bool) -> tuple[int, str]:
    """Run a command; its status and, if it runs `aside`, what it printed."""
    # So that the many interpreters that tests start find modules compiled.
    environment = {n: v for n, v in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE if aside else None,
        stderr=subprocess.STDOUT if aside else None,
        text=True,
        errors="replace",
    )
    return done.returncode, done.stdout or ""


def _read(results: Path) -> Tally:
    tally = Tally()
    for case in ElementTree.parse(results).iter("testcase"):
        file = case.get("classname", "").replace(".", "/") + ".py"
        tally.took_ms[file] += round(1000 * float(case.get("time", "0")))
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            tally.failed += 1
        elif skipped is not None:
            tally.skips[skipped.get("message") or "no reason given"] += 1
        else:
            tally.passed += 1
    return tally


def _report(total: Tally, missing: list[str]) -> None:
    if total.skips:
        print("\nSKIPPED:")
        for reason, count in total.skips.most_common():
            print(f"  {count:5}  {reason}")
    for minor in missing:
        print(f"not tested here: CPython {minor} (not found on this machine)")
    print("\ntook longest, on all minors together:")
    for file, ms in total.took_ms.most_common(LONGEST):
        print(f"  {ms / 1000:5.0f} s  {file}")
    skipped = sum(total.skips.values())
    print(f"\n{total.passed} passed, {total.failed} failed, {skipped} skipped")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
