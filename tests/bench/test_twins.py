"""Every benchmark program has a workload and a C twin, and both give the same answer."""

from __future__ import annotations

import copy
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))

import twins  # noqa: E402  (the benchmark is a folder of scripts, not a package)
import workloads  # noqa: E402

SMALL: dict[str, list[Any]] = {
    "checksum": ["Wikipedia"],
    "collatz": [1000],
    "cubes": [200000],
    "fib": [15],
    "gcd": [60],
    "integrate": [1.0, 101],
    "knapsack": [[3, 4, 5], [4, 5, 7], [0] * 13],
    "lcg_moments": [50, 42],
    "mandelbrot": [24, 18, 60],
    "miller_rabin": [2000000000, 2000000400],
    "montecarlo": [5000, 7],
    "queens": [7],
}


def test_every_program_has_a_workload_and_a_twin() -> None:
    programs = {path.stem for path in (BENCH / "programs").glob("*.py")}
    assert {w.program for w in workloads.WORKLOADS} | {workloads.CALL.program} == programs
    assert {path.stem for path in (BENCH / "c").glob("*.c")} == programs - {"call"} == set(SMALL)


@pytest.mark.parametrize("workload", workloads.WORKLOADS, ids=lambda w: w.program)
def test_twin_agrees_with_program(workload: workloads.Workload, tmp_path: Path) -> None:
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("no gcc: C twins not compared")
    library = tmp_path / "twin.so"
    source = BENCH / "c" / f"{workload.program}.c"
    flags = ["-O3", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, source, "-o", library, "-lm"], check=True, timeout=60)
    program = runpy.run_path(str(BENCH / "programs" / f"{workload.program}.py"))
    expected = program[workload.function](*copy.deepcopy(SMALL[workload.program]))
    prepare, timed = twins.load(workload.program, str(library))
    answer = timed(*prepare(SMALL[workload.program]))()
    assert (type(answer), repr(answer)) == (type(expected), repr(expected))
