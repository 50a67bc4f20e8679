"""Ways in at loop headers that gain nothing are dropped.

A running frame that enters native code at a loop's header pays for the way there and back. That is
worth it where a loop goes round natively, or calls native code, before it leaves. A loop whose
every pass comes to something only the interpreter does is straight-line code to that place: it is
left to the interpreter.
"""

from __future__ import annotations

from pyvorin.ir.model import Block, Function


def drop_useless(function: Function) -> None:
    """Drop entries at loop headers that lead to no loop and no native call, and the blocks that
    only they reach, in place.
    """
    straight = _straight(function)
    kept = [e for e in function.entries if e.header < 0 or e.block not in straight]
    if len(kept) == len(function.entries):
        return
    function.entries = kept
    reached = _reached([entry.block for entry in kept])
    function.blocks = [block for block in function.blocks if block in reached]


def _straight(function: Function) -> set[Block]:
    """The blocks from which control comes to no loop and no native call."""
    found: set[Block] = set()
    plain = [b for b in function.blocks if all(op.name != "call.native" for op in b.ops)]
    size = -1
    while size != len(found):
        size = len(found)
        for block in reversed(plain):
            if all(edge.block in found for edge in block.terminator.edges):
                found.add(block)
    return found


def _reached(work: list[Block]) -> set[Block]:
    found: set[Block] = set()
    while work:
        block = work.pop()
        if block not in found:
            found.add(block)
            work += [edge.block for edge in block.terminator.edges]
    return found
