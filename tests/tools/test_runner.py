"""The test runner and the set-up tell the truth: no failure or omission looks like success."""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import interpreters  # noqa: E402  (tools is a folder of scripts, not a package)
import setup  # noqa: E402
from fuzz_seed import SOURCES, fuzz_seed  # noqa: E402

MIXED = {
    "test_good.py": "def test_a(): pass\ndef test_b(): pass",
    "test_bad.py": "def test_a(): assert False",
    "test_left_out.py": "import pytest\ndef test_a(): pytest.skip('no database')",
    "test_broken.py": "import nothing_of_this_name",
    "test_crash.py": "import ctypes\ndef test_a(): ctypes.string_at(0)",
}


_spec = importlib.util.spec_from_file_location("runner", ROOT / "tools/test.py")
assert _spec is not None
assert _spec.loader is not None
runner = sys.modules["runner"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(runner)


def run(folder: Path, files: dict[str, str]) -> tuple[str, int]:
    """Run the runner on a folder of test files; return what it printed and its status."""
    for name, text in files.items():
        (folder / name).write_text(text)
    command = [sys.executable, str(ROOT / "tools/test.py"), "--jobs", "1", str(folder)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return answer.stdout.strip(), answer.returncode


@pytest.mark.slow
def test_failures_crashes_and_skips_are_counted(tmp_path: Path) -> None:
    output, status = run(tmp_path, MIXED)
    assert output.splitlines()[-1] == "2 passed, 3 failed, 1 skipped"
    assert "no database" in output
    assert "test_good.py\n" in output.partition("took longest")[2]
    assert status == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["test_left_out.py", "test_none.py"])
def test_a_run_in_which_nothing_passed_is_no_success(tmp_path: Path, name: str) -> None:
    assert run(tmp_path, {name: MIXED.get(name, "")})[1] == 1


@pytest.mark.slow
def test_a_run_without_failures_succeeds(tmp_path: Path) -> None:
    output, status = run(tmp_path, {"test_good.py": MIXED["test_good.py"]})
    assert (output.splitlines()[-1], status) == ("2 passed, 0 failed, 0 skipped", 0)


@pytest.mark.parametrize(("jobs", "each"), [(1, 1), (2, 1), (5, 2), (8, 4)])
def test_everything_runs_once_and_what_can_at_once(
    monkeypatch: pytest.MonkeyPatch, jobs: int, each: int
) -> None:
    together = threading.Barrier(3)
    given = []

    def instead(
        minor: str, _home: Path, paths: list[str], _options: Any, *, jobs: int = 0, **_: Any
    ) -> Any:
        if minor != "3.11" or "tests" in paths:
            together.wait(60)
        given.append((minor, *paths[:1], jobs))
        return runner.Tally(passed=1)

    monkeypatch.setattr(runner, "_run", instead)
    options = argparse.Namespace(jobs=jobs)
    assert runner._everything("3.11", ["3.12", "3.13"], options).passed == 4
    first, *_ = runner.ON_EVERY_MINOR
    beside, alone = {("3.12", first, each), ("3.13", first, each)}, ("3.11", first, 0)
    assert set(given) == {("3.11", "tests", 0), *beside, alone}
    assert beside & set(given[: given.index(alone)])


def test_what_runs_aside_says_all_at_its_end(capfd: pytest.CaptureFixture[str]) -> None:
    code = "import sys; print('one', flush=True); print('two', file=sys.stderr); sys.exit(3)"
    assert runner._call([sys.executable, "-c", code], True) == (3, "one\ntwo\n")
    assert capfd.readouterr().out == ""
    assert runner._call([sys.executable, "-c", code], False) == (3, "")
    assert capfd.readouterr() == ("one\n", "two\n")


def test_this_interpreter_is_found() -> None:
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert minor in interpreters.find()


def test_a_candidate_that_is_no_python_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / f"python{interpreters.BASELINE}"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    before = interpreters.find()
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert fake.resolve() in [path.resolve() for path in interpreters.candidates()]
    assert interpreters.find() == before


def test_every_minor_found_gets_an_environment() -> None:
    found = interpreters.find()
    planned = [environment.interpreter.minor for environment in setup.plan("test")]
    assert planned == list(found)


def test_random_programs_change_with_the_compiler_and_with_nothing_else(tmp_path: Path) -> None:
    for folder in SOURCES:
        (tmp_path / folder / "pyvorin").mkdir(parents=True)
        (tmp_path / folder / "pyvorin" / "a.py").write_text("one = 1\n")
    seeds = [fuzz_seed(tmp_path)]
    (tmp_path / "README.md").write_text("not compiled\n")
    (tmp_path / SOURCES[0] / "pyvorin" / "a.cpython-311.pyc").write_bytes(b"not a source")
    assert fuzz_seed(tmp_path) == seeds[0]
    for folder in SOURCES:
        (tmp_path / folder / "pyvorin" / "a.py").write_text("one = 2\n")
        seeds.append(fuzz_seed(tmp_path))
    (tmp_path / SOURCES[0] / "pyvorin" / "a.py").rename(tmp_path / SOURCES[0] / "pyvorin" / "b.py")
    seeds.append(fuzz_seed(tmp_path))
    assert len(set(seeds)) == 4
    assert all(seed.endswith("0" * 7) and len(seed) <= 13 for seed in seeds)
