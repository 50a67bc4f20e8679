"""Generic IR means what the bytecode means: value, exception, text, mutation, output."""

import pytest
from pyvorin.ir.model import Op

from tests.compiler.frontend.compare import Case, by_ir, corpus_cases, under_python

CASES = dict(corpus_cases())
MOST_FORCED = 25


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_ir_answers_as_cpython(case: Case) -> None:
    assert by_ir(case) == under_python(case)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_cpython_can_go_on_from_every_frame_state(case: Case) -> None:
    expected = under_python(case)
    for number in range(MOST_FORCED):
        countdown = Countdown(number)
        assert by_ir(case, countdown) == expected, countdown.op
        if countdown.left >= 0:
            return  # the run has no more places


class Countdown:
    """Makes the operation number `left` of a run give up, and no other."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.op: Op | None = None

    def __call__(self, op: Op) -> bool:
        self.left -= 1
        if self.left == -1:
            self.op = op
        return self.left == -1
