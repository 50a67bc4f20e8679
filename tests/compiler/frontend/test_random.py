"""Random programs mean the same by IR, and CPython can go on from a random frame state."""

from random import Random
from types import FunctionType
from typing import Any

import pytest
from pyvorin.ir.model import Op

from tests.compiler.frontend.compare import Case, Program, by_ir, program, under_python
from tests.compiler.frontend.generate import program as source_of

ARGUMENTS = [(3, 2, [1, 5, 0]), (0, -7, [2]), (1.5, 4, [0, 3, 8, 1])]
QUICK = 60
LONG = 3000


def built(seed: int) -> Program:
    names: dict[str, Any] = {}
    exec(compile(source_of(seed), f"random{seed}.py", "exec"), names)
    assert isinstance(names["f"], FunctionType)
    return program(names)


class Once:
    """Makes one operation of a run give up, at random."""

    def __init__(self, random: Random) -> None:
        self.left = random.randrange(60)

    def __call__(self, op: Op) -> bool:
        self.left -= 1
        return self.left == -1


def agree(seed: int) -> None:
    made = built(seed)
    random = Random(seed)
    for args in ARGUMENTS:
        case = Case(made, "f", args)
        expected = under_python(case)
        assert by_ir(case) == expected, source_of(seed)
        assert by_ir(case, Once(random)) == expected, source_of(seed)


@pytest.mark.parametrize("seed", range(QUICK))
def test_random_programs(seed: int) -> None:
    agree(seed)


@pytest.mark.fuzz
@pytest.mark.slow
def test_many_random_programs() -> None:
    for seed in range(QUICK, LONG):
        agree(seed)
