"""A third of what is many of a kind: the minors take turns, and so do the states of the compiler.

    third(["0", "1", "2**63", …])       on 3.11 one third, on 3.12 and 3.13 the two others

Three minors try all of it in each run, and each minor all of it after some commits: the turn
follows the fuzz seed, which the sources of compiler and runtime decide (`tools/fuzz_seed.py`). It
is for large sets of equals (operands, modules of the library), where what is wrong on one minor
shows in any third of them; what is one of a kind runs on every minor every time. The items are
mixed first, always alike, so that a third is no column of a table.

    PYVORIN_THIRDS=0                    all of it at once
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterable
from typing import TypeVar

Item = TypeVar("Item")


def third(items: Iterable[Item]) -> list[Item]:
    """The items whose turn it is, in their order; of one or two, one."""
    found = list(items)
    if os.environ.get("PYVORIN_THIRDS") == "0" or not found:
        return found
    places = random.Random(3).sample(range(len(found)), len(found))
    return [found[place] for place in sorted(places[turn() % len(found) :: 3])]


def turn() -> int:
    """Which third this minor takes with this compiler: a seed's last seven digits are zeros."""
    return (int(os.environ["PYVORIN_FUZZ_SEED"]) // 10**7 + sys.version_info.minor) % 3
