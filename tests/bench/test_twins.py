"""Every benchmark program has a workload, and answers as its C twin where it has one."""

from __future__ import annotations

import copy
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))

import twins  # noqa: E402  (the benchmark is a folder of scripts, not a package)
import workloads  # noqa: E402


def test_every_program_has_a_workload_and_every_twin_a_program() -> None:
    programs = {path.stem for path in (BENCH / "programs").glob("*.py")}
    assert {w.program for w in workloads.WORKLOADS} | {workloads.CALL.program} == programs
    twinned = {w.program for w in workloads.WORKLOADS if w.twin}
    assert {path.stem for path in (BENCH / "c").glob("*.c")} == twinned


@pytest.mark.parametrize(
    "workload", [w for w in workloads.WORKLOADS if w.twin], ids=lambda w: w.program
)
def test_twin_agrees_with_program(workload: workloads.Workload, tmp_path: Path) -> None:
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("no gcc: C twins not compared")
    library = tmp_path / "twin.so"
    source = BENCH / "c" / f"{workload.program}.c"
    flags = ["-O3", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off", "-shared", "-fPIC"]
    # Python 3.12 made `sum` of floats more exact (bench/c/sum.h).
    flags += ["-DCOMPENSATED"] if sys.version_info >= (3, 12) else []
    subprocess.run([compiler, *flags, source, "-o", library, "-lm"], check=True, timeout=60)
    program = runpy.run_path(str(BENCH / "programs" / f"{workload.program}.py"))
    expected = program[workload.function](*copy.deepcopy(workload.sample))
    prepare, timed = twins.load(workload.program, str(library))
    answer = timed(*prepare(copy.deepcopy(list(workload.sample))))()
    assert (type(answer), repr(answer)) == (type(expected), repr(expected))
