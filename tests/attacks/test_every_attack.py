"""Each row of the table as one test. The same rows as `python -m tests.attacks`, but for tiers with
a kernel of their own, which take seconds to start: of those, one row of each id.
"""

from collections.abc import Iterator

import pytest
from pyvorin_server.sandbox.tiers import Tier

from tests.attacks.ground import Ground
from tests.attacks.table import Attack, Standing, carry_out, rows


def _tested() -> list[Attack]:
    strong = tuple(f"/{tier}" for tier in Tier if not tier.shares_kernel)
    chosen: dict[str, Attack] = {}
    for row in rows():
        chosen.setdefault(row.id if row.where.endswith(strong) else row.name, row)
    return list(chosen.values())


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
