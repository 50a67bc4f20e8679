"""Blocks come before their successors, whichever of several ways in leads to them."""

from pyvorin.ir.dominance import Dominance
from pyvorin.ir.text import parse

# What the second way in reaches goes on in a block that the first one reaches too.
TWO_WAYS = """\
function 'f' index=0 variant='base' result=i64 nlocals=1
entry -1 entry.0 [('local', 0)]
entry 8 loop.1 [('local', 0)]

entry.0(%0:obj 'n'):
  %1:i64 = obj.unbox_i64 %0 @2 [2 | %0 | ]
  br -> after.3(%1)

loop.1(%2:obj 'n'):
  %3:i64 = obj.unbox_i64 %2 @8 [8 | %2 | ]
  %4:i1 = i64.cmp %3, %3 {op='<'}
  condbr %4 -> loop.1(%2), body.2()

body.2():
  br -> after.3(%3)

after.3(%5:i64 's'):
  ret %5
"""


def test_what_only_a_later_way_in_reaches_comes_first() -> None:
    function = parse(TWO_WAYS)
    blocks = {block.label: block for block in function.blocks}
    dominance = Dominance(function)
    place = {block.label: number for number, block in enumerate(dominance.order)}
    assert place["loop.1"] < place["body.2"] < place["after.3"]
    assert place["entry.0"] < place["after.3"]
    assert dominance.immediate(blocks["after.3"]) is None
    assert dominance.immediate(blocks["body.2"]) is blocks["loop.1"]
    assert dominance.dominates(blocks["loop.1"], blocks["body.2"])
    assert not dominance.dominates(blocks["entry.0"], blocks["after.3"])
