from __future__ import annotations

import pytest
from pyvorin import driver

from tests.compiler.fuzz.engine import Plan, run_program
from tests.compiler.fuzz.nests import make

SEEDS = (*range(4), 2_000_001, 2_000_007)  # those two once differed


def test_a_seed_makes_the_same_valid_program() -> None:
    for seed in range(30):
        program = make(seed)
        assert make(seed) == program
        compile(program.source, "fuzzed", "exec")


@pytest.mark.parametrize("seed", SEEDS)
def test_programs_about_nests_agree(seed: int) -> None:
    """Builds with a test at every guard open arrays at once."""
    forced = ("every:1000000", "every:3") if seed % 2 == 0 else ("every:1000000", "once")
    result = run_program(make(seed), driver.compile_module, Plan(0, forced))
    assert not result.failures, result.failures
    assert result.native
