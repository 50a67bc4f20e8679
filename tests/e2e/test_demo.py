"""The demo does what the README says, and notices when it leaves something running."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import demo  # noqa: E402  (tools is a folder of scripts, not a package)

LIMIT_S = 600


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[tuple[demo.Demo, subprocess.Popen[bytes]]]:
    run = demo.Demo(tmp_path)
    process = subprocess.Popen(["sleep", "300"], env=run.environment)
    yield run, process
    process.kill()
    process.wait()


def test_a_process_left_running_is_found_by_its_mark(
    sleeper: tuple[demo.Demo, subprocess.Popen[bytes]],
) -> None:
    run, process = sleeper
    assert run.leftovers() == [f"{process.pid} sleep"]
    process.kill()
    process.wait()
    assert run.leftovers() == []


def test_a_process_without_the_mark_is_found_by_ancestry(tmp_path: Path) -> None:
    run = demo.Demo(tmp_path)
    process = subprocess.Popen(["sleep", "300"], env={"PATH": "/usr/bin:/bin"})
    try:
        run.started = demo.processes_below(process.pid)
        assert run.leftovers() == [f"{process.pid} sleep"]
    finally:
        process.kill()
        process.wait()
    assert run.leftovers() == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [("1.5", "1.5 s"), ("0.0123", "12.3 ms"), ("0.00000456", "4.56 µs"), ("0.00000005", "50 ns")],
)
def test_durations_have_three_digits(seconds: str, text: str) -> None:
    assert demo.duration(seconds) == text


def test_a_function_left_in_python_says_why() -> None:
    entry = {"name": "f", "verdict": "python", "code": "PYV510", "reason": "no gain"}
    assert demo.row("x", entry, False)[3:] == ["stays in Python", "PYV510", "no gain"]


@pytest.mark.slow
def test_the_demo_runs_to_the_end() -> None:
    answer = subprocess.run(
        [sys.executable, str(ROOT / "tools/demo.py")],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert answer.returncode == 0, answer.stdout[-4000:] + answer.stderr[-2000:]
    table = answer.stdout[answer.stdout.rindex("\nfunction ") :]
    verified = [line.split()[0] for line in table.splitlines() if line.endswith(" verified")]
    inside = {"queens.place", "checksums.adler32", "orbit.travel"}
    assert inside <= set(verified)
    assert "nothing left running" in table
