"""A program declared native does its work natively; one that lives in the interpreter fails.

Coverage is a count (bench/coverage.py), not a time.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))

import coverage  # noqa: E402  (the benchmark is a folder of scripts, not a package)
import peers  # noqa: E402
import run  # noqa: E402
from workloads import NATIVE, Workload  # noqa: E402

LEAST = 0.95
CALLS = 3


def compiled(workload: Workload, source: Path, folder: Path) -> None:
    """Compile as the benchmark does; the comparison of answers is the caller's."""
    ours = peers._ours(checked=False)
    assert isinstance(ours, peers.Peer), ours
    assert ours.command
    environment = run._environment(ours)
    command = ours.command(source, workload, folder)
    subprocess.run(command, check=True, capture_output=True, timeout=120, env=environment)


def worked(workload: Workload, folder: Path) -> tuple[str, dict[str, Any]]:
    """The answer on the sample, and the attached functions with their counts."""
    load = {
        "do": "load",
        "folder": str(folder),
        "program": workload.program,
        "function": workload.function,
        "arguments": repr(workload.sample),
        "mode": "plain",
        "driver": bool(workload.origin),
    }
    commands = [load, *[{"do": "run"}] * CALLS, {"do": "facts"}]
    answer = subprocess.run(
        [sys.executable, str(BENCH / "worker.py")],
        input="".join(json.dumps(command) + "\n" for command in commands),
        env={"PYTHONPATH": str(peers.PUBLISHED)},
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    _, *runs, facts = map(json.loads, answer.stdout.splitlines())
    assert len({reply["answer"] for reply in runs}) == 1
    return runs[0]["answer"], facts["functions"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "workload", [w for w in run.WORKLOADS if w.native], ids=lambda w: w.program
)
def test_program_declared_native_is_native(workload: Workload, tmp_path: Path) -> None:
    source = peers.source_of(workload)
    if source is None:
        pytest.skip("pyperformance is not installed (`make bench` does): coverage not looked at")
    compiled(workload, source, tmp_path)
    expected, _ = worked(workload, source.parent)
    answer, functions = worked(workload, tmp_path)
    assert answer == expected
    share = coverage.share(coverage.weights(workload), functions)
    assert share >= LEAST, {name: f["counts"] for name, f in functions.items()}


def test_declared_programs_exist() -> None:
    assert {w.program for w in run.WORKLOADS} >= NATIVE


def counts(entries: int, resumes: int, osr: int = 0, declines: int = 0) -> dict[str, Any]:
    found = {"entries": entries, "resumes": resumes, "osr": osr, "declines": declines}
    return {"state": "native", "counts": found}


@pytest.mark.parametrize(
    ("functions", "share"),
    [
        ({}, 0.0),
        ({"f": counts(10, 0), "g": counts(10, 0)}, 1.0),
        ({"f": counts(10, 0)}, 0.9),
        ({"g": counts(10, 0)}, 0.1),
        ({"f": counts(10, 0), "g": {**counts(10, 0), "state": "python"}}, 0.9),
        ({"f": counts(10, 10), "g": counts(10, 0)}, 0.55),
        ({"f": counts(1, 100, osr=99), "g": counts(10, 0)}, 0.55),
        ({"f": counts(0, 0, declines=7), "g": counts(10, 0)}, 0.1),
        ({"f": counts(10, 0), "g": counts(0, 0)}, 1.0),
    ],
)
def test_share_counts_what_was_left_to_the_interpreter(
    functions: dict[str, Any], share: float
) -> None:
    assert coverage.share({"f": 90, "g": 10}, functions) == pytest.approx(share)


def test_lines_of_inner_functions_belong_to_the_outermost() -> None:
    workload = next(w for w in run.WORKLOADS if w.program == "spectral_norm")
    assert set(coverage.weights(workload)) == {
        "entry",
        "times",
        "times_transposed",
        "spectral_norm",
    }
