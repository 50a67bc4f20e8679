import ast
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyvorin import driver
from pyvorin.check.case import Case
from pyvorin.options import CompileOptions

from tests.compiler.fuzz import keep
from tests.compiler.fuzz.__main__ import MILLION
from tests.compiler.fuzz.engine import Compiler, plan, run_program
from tests.compiler.fuzz.programs import Program, make

ROOT = Path(__file__).parents[3]


@dataclass
class _Outcome:
    name: str
    verdict: str = "native"
    reason: str = ""


@dataclass
class _Compiled:
    shared_object: bytes
    functions: list[_Outcome]


def _stand_in(old: str = "", new: str = "") -> Compiler:
    """A compiler whose artifact is the program's own source, with one text replaced."""

    def compiler(source: str, path: str, options: CompileOptions) -> _Compiled:
        names = [node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
        return _Compiled(source.replace(old, new).encode(), [_Outcome(name) for name in names])

    return compiler


def test_a_seed_makes_the_same_valid_program() -> None:
    for seed in range(30):
        program = make(seed)
        assert make(seed) == program
        compile(program.source, "fuzzed", "exec")


def test_most_calls_of_generated_programs_return() -> None:
    results = [run_program(make(seed), _stand_in()) for seed in range(12)]
    assert not [failure for result in results for failure in result.failures]
    agreed, raised = sum(r.agreed for r in results), sum(r.raised for r in results)
    assert agreed > 200
    assert 0.02 < raised / agreed < 0.5


@pytest.mark.slow
def test_a_wrong_answer_is_found_and_reduced() -> None:
    wrong = _stand_in("min(", "max(")
    failing = next(seed for seed in range(50) if run_program(make(seed), wrong).failures)

    def fails(program: Program) -> bool:
        return bool(run_program(program, wrong).failures)

    reduced = keep.reduce(make(failing), fails, budget_s=15)
    assert fails(reduced)
    assert len(reduced.cases) == 1
    assert len(reduced.source) < len(make(failing).source) / 2


def test_a_crash_is_a_failure_of_that_program_alone() -> None:
    cases = tuple(Case("f", call, "example") for call in ("f(1)", "f(2)"))
    program = Program(7, "def f(x):\n    return x\n", cases)
    crash = _stand_in("return x", "import os; os.kill(os.getpid(), 11)")
    result = run_program(program, crash)
    assert "signal 11" in result.failures[0]


def test_a_kept_program_reads_back(tmp_path: Path) -> None:
    program = make(5)
    file = keep.save(program, "why", tmp_path)
    again = keep.load(file)
    assert again.cases == program.cases
    assert program.source.strip() in again.source


KEPT = sorted(keep.FOLDER.glob("*.py"))


@pytest.mark.slow
@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_kept_program(file: Path) -> None:
    result = run_program(keep.load(file), driver.compile_module)
    assert not result.failures


# Fresh programs for every changed compiler: the seed (tools/fuzz_seed.py) follows its sources. Each
# minor runs others.
SEED = int(os.environ["PYVORIN_FUZZ_SEED"]) + sys.version_info.minor * MILLION
PROGRAMS = int(os.environ.get("PYVORIN_FUZZ_PROGRAMS", "334"))  # 1,000 on three minors
SHARES = 9  # one program in ten fails its guards, one in eight is optimised: not all in one share


@pytest.mark.slow
@pytest.mark.parametrize("share", range(1, SHARES + 1))
def test_fresh_programs_agree(share: int) -> None:
    """In a process of their own: each program is forked several times, and a test runner is large
    to fork.
    """
    chosen = ["--seed", str(SEED // MILLION), "--count", str(PROGRAMS)]
    command = [sys.executable, "-m", "tests.compiler.fuzz", *chosen, "--shard", f"{share}/{SHARES}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, cwd=ROOT)
    tried = len(range(share - 1, PROGRAMS, SHARES))
    assert f" {tried} programs" in done.stdout, done.stderr
    again = "again with: python -m tests.compiler.fuzz --program SEED"
    assert done.returncode == 0, f"{done.stdout}{again}"


def test_one_program_in_ten_fails_its_guards() -> None:
    plans = [plan(seed) for seed in range(SEED, SEED + PROGRAMS)]
    assert sum(bool(how.forced) for how in plans) >= PROGRAMS // 10
    assert sum(how.opt_level == CompileOptions().opt_level for how in plans) >= PROGRAMS // 8
