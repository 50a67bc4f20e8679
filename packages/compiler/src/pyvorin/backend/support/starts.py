"""How often calls ask to go in: those of a function that never does must cost next to nothing.

calls in vain, in a row       up to 15   16   17   18   …   22 and more
go by unasked after each         0        1    2    4   …       64
"""

from __future__ import annotations

from pyvorin.backend.support.frames import DECLINES, PASSES, VAIN
from pyvorin.backend.support.language import cold, data, i64, inline

VAIN_STARTS = 16  # so many calls in a row may ask in vain; then some go by unasked,
MOST_PASSES = 6  # in the end 2 to this power: asking costs more than a short function


@inline
def smaller(a: int, b: int) -> int:
    if a < b:
        return a
    return b


@cold
def decline(state: int) -> int:
    i64[state + DECLINES] = i64[state + DECLINES] + 1
    return 0


@inline
def passes_of(vain: int) -> int:
    """How many calls go by unasked after so many that asked in vain."""
    if vain < VAIN_STARTS or i64[data.force_kind]:
        return 0
    return 1 << smaller(vain - VAIN_STARTS, MOST_PASSES)


@cold
def start_in_vain(state: int) -> int:
    """A call has asked in vain. Those of a function that never goes in must cost next to nothing;
    one that does again is found out soon (`count_entry`).
    """
    i64[state + VAIN] = i64[state + VAIN] + 1
    i64[state + PASSES] = passes_of(i64[state + VAIN])
    return decline(state)


def pass_by(state: int) -> int:
    """A call goes by unasked."""
    i64[state + PASSES] = i64[state + PASSES] - 1
    return decline(state)
