"""Each row of the table as one test. The same rows as `python -m tests.attacks`."""

from collections.abc import Iterator

import pytest

from tests.attacks.ground import Ground
from tests.attacks.table import Attack, Standing, carry_out, rows


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with Ground() as made:
        yield made


@pytest.mark.attack
@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_attack_is_stopped(row: Attack, ground: Ground) -> None:
    finding = carry_out(row, ground)
    if finding.standing is Standing.NOT_TRIED:
        pytest.skip(f"NOT TRIED: {finding.how}")
    assert finding.standing is Standing.HELD, finding.how
