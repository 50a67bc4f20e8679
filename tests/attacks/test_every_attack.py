"""Each row of the table as one test. The same rows as `python -m tests.attacks`, but for places
that take long to start: of tiers with a kernel of their own, one row of each id; of jails whose
launcher is started by exec, one of each id, and a third of all in turn. These differ from jails
that a zygote forks in how they begin, and in nothing that holds them.
"""

from collections.abc import Iterator

import pytest
from pyvorin_server.sandbox.tiers import Tier

from tests.attacks.ground import Ground
from tests.attacks.table import Attack, Standing, carry_out, rows
from tests.thirds import third

COLD = " cold"


def _tested() -> list[Attack]:
    strong = tuple(f"/{tier}" for tier in Tier if not tier.shares_kernel)
    cold = [row for row in rows() if row.where.endswith(COLD)]
    guests = [row for row in rows() if row.where.endswith(strong)]
    left_out = {row.name for row in (*cold, *guests)}
    left_out -= {row.name for row in (*_one_of_each(cold), *_one_of_each(guests), *third(cold))}
    return [row for row in rows() if row.name not in left_out]


def _one_of_each(some: list[Attack]) -> list[Attack]:
    """One row of each id."""
    return list({row.id: row for row in some}.values())


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with Ground() as made:
        yield made


@pytest.mark.attack
@pytest.mark.parametrize("row", _tested(), ids=lambda row: row.name)
def test_attack_is_stopped(row: Attack, ground: Ground) -> None:
    finding = carry_out(row, ground)
    if finding.standing is Standing.NOT_TRIED:
        pytest.skip(f"NOT TRIED: {finding.how}")
    assert finding.standing is Standing.HELD, finding.how
