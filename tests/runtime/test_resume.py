from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.runtime import programs
from tests.runtime.resume_fuzz import Fuzzer, Twin
from tests.runtime.run_resume_fuzz import of_programs


def tally_of(corpus: str, visits: int) -> dict[str, Any]:
    run = subprocess.run(
        [sys.executable, "-m", "tests.runtime.run_resume_fuzz", corpus, str(visits)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert run.returncode == 0, run.stderr
    tally: dict[str, Any] = json.loads(run.stdout)
    print(tally["line"])
    return tally


def assert_all_identical(tally: dict[str, Any]) -> None:
    assert tally["different"] == []
    assert tally["identical"] + tally["unknown"] == tally["tried"]
    assert tally["unknown"] < tally["tried"] // 100


@pytest.mark.slow
def test_resuming_programs_anywhere_ends_identically() -> None:
    tally = tally_of("programs", 1)
    assert_all_identical(tally)
    assert tally["points"] > 1400
    assert tally["chains"] > 80


@pytest.mark.fuzz
@pytest.mark.slow
def test_resuming_programs_at_later_visits_ends_identically() -> None:
    assert_all_identical(tally_of("programs", 12))


@pytest.mark.fuzz
@pytest.mark.slow
def test_resuming_the_library_anywhere_ends_identically() -> None:
    tally = tally_of("library", 1)
    assert_all_identical(tally)
    assert tally["points"] > 8000


@pytest.mark.parametrize("wrong", ["local", "stack"])
def test_a_wrong_state_does_not_go_unnoticed(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoilt(self: Twin, frame: object, _capture: object = Twin.capture) -> object:
        state = _capture(self, frame)  # type: ignore[operator]
        if state is None:
            return None
        *slots, point, stack = state
        if wrong == "local":
            slots = [slot + 1 if type(slot) is int else slot for slot in slots]
        else:
            stack = tuple(item + 1 if type(item) is int else item for item in stack)
        return (*slots, point, stack)

    monkeypatch.setattr(Twin, "capture", spoilt)
    fuzzer = Fuzzer(of_programs, visits=1, budget=60)
    fuzzer.run(lambda: programs.nested_loops(4, 7))
    assert len(fuzzer.tally.different) > 5
