"""The examples are right under plain Python: doctests pass and main blocks run."""

from __future__ import annotations

import doctest
import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.py"))


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 6


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_doctests_pass(path: Path) -> None:
    namespace = runpy.run_path(str(path), run_name=path.stem)
    finder = doctest.DocTestFinder()
    runner = doctest.DocTestRunner()
    source = path.read_text()
    functions = [value for value in namespace.values() if callable(value)]
    for function in functions:
        for case in finder.find(function, globs=namespace, module=False):
            runner.run(case)
    assert runner.tries >= source.count(">>>") > 0
    assert runner.failures == 0


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_main_block_runs_and_prints(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out.count("\n") >= 1
