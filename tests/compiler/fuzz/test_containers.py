from __future__ import annotations

import pytest
from pyvorin import driver

from tests.compiler.fuzz.containers import make
from tests.compiler.fuzz.engine import Plan, run_program

SEEDS = range(8)


def test_a_seed_makes_the_same_valid_program() -> None:
    for seed in range(30):
        program = make(seed)
        assert make(seed) == program
        compile(program.source, "fuzzed", "exec")


@pytest.mark.parametrize("seed", SEEDS)
def test_programs_about_containers_agree(seed: int) -> None:
    forced = ("once", "every:3") if seed % 4 == 0 else ()
    result = run_program(make(seed), driver.compile_module, Plan(0, forced))
    assert not result.failures, result.failures
    assert result.native
