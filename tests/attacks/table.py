"""The table of attacks: every promised control is attacked by at least one row.

A row is a function that really tries. It returns, in a few words, how it was stopped; it raises
`Breach` when it got through and `NotTried` when this machine cannot try it (loud, and counted).

    @attack("A01", "flip a byte of a cached artifact", where="loader")
    def flip_a_byte(ground: Ground) -> str:
        ...
        return "refused before dlopen: artifact_digest"

To add rows, put a file named `*_attacks.py` beside this one; it is found by its name. Ids are
those of the threat catalogue and stable. After every row the host is looked over (`ground`).
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tests.attacks.ground import Breach, Ground, NotTried

MICROVM_VARIABLE = "PYVORIN_ATTACK_MICROVM"  # each such row boots a machine, so only when asked


class Standing(StrEnum):
    HELD = "held"
    BREACHED = "BREACHED"
    NOT_TRIED = "NOT TRIED"


@dataclass(frozen=True, slots=True)
class Attack:
    """One row. `where` is the place attacked: `compile/native`, `loader`, `api`, …"""

    id: str
    title: str
    where: str
    run: Callable[[Ground], str]

    @property
    def name(self) -> str:
        return f"{self.id} {self.where}: {self.title}"


@dataclass(frozen=True, slots=True)
class Finding:
    attack: Attack
    standing: Standing
    how: str


_ROWS: list[Attack] = []


def register(row: Attack) -> None:
    """Add a row. Names are unique, so that a report has one line for each."""
    assert row.name not in {known.name for known in _ROWS}, row.name
    _ROWS.append(row)


def attack(
    id: str, title: str, *, where: str
) -> Callable[[Callable[[Ground], str]], Callable[[Ground], str]]:
    """Register the decorated function as a row."""

    def add(run: Callable[[Ground], str]) -> Callable[[Ground], str]:
        register(Attack(id, title, where, run))
        return run

    return add


def rows() -> list[Attack]:
    """All rows of all `*_attacks.py` files, in the order of their ids."""
    for file in sorted(Path(__file__).parent.glob("*_attacks.py")):  # imported at most once
        importlib.import_module(f"tests.attacks.{file.stem}")
    return sorted(_ROWS, key=lambda row: (row.id, row.where, row.title))


def carry_out(row: Attack, ground: Ground) -> Finding:
    """Run one row and look over the host. A row that could not be carried out has not held."""
    try:
        how = row.run(ground)
        ground.check()
    except Breach as breach:
        return Finding(row, Standing.BREACHED, str(breach))
    except NotTried as reason:
        return Finding(row, Standing.NOT_TRIED, str(reason))
    except Exception as error:
        return Finding(row, Standing.BREACHED, f"not carried out: {type(error).__name__}: {error}")
    return Finding(row, Standing.HELD, how)
