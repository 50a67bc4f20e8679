from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compiler.golden.native import artifact_of

HERE = Path(__file__).parent
BEHAVIOURS = sorted((HERE / "behaviours").glob("*.py"))
QUICK = {"closures", "exceptions", "introspection", "lists", "recursion", "tracebacks"}


def _row(file: Path) -> object:
    return pytest.param(file, id=file.stem, marks=() if file.stem in QUICK else pytest.mark.slow)


def run(file: Path, artifact: Path | None) -> tuple[str, dict[str, dict[str, int]]]:
    """What a scenario prints in a process of its own, and the native counters."""
    command = [sys.executable, str(HERE / "run_behaviour.py"), str(file)]
    if artifact is not None:
        command.append(str(artifact))
    environment = {**os.environ, "PYTHONHASHSEED": "0", "COLUMNS": "80"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr[-3000:]}"
    return done.stdout, json.loads(done.stderr.splitlines()[-1])


@pytest.mark.parametrize("file", [_row(file) for file in BEHAVIOURS])
def test_native_behaves_as_cpython(file: Path, tmp_path: Path) -> None:
    expected, _ = run(file, None)
    actual, counts = run(file, artifact_of(file, tmp_path))
    assert actual == expected
    assert sum(count.get("entries", 0) for count in counts.values()) > 0, "nothing ran natively"
