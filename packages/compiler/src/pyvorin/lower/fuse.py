"""Use slices without making the lists that they are.

    %8:obj = seq.slice %1, %2, %3, %4
    list.set_slice %0, %5, %6, %7, %8     =>     list.copy_slice %0, %5, %6, %7, %1, %2, %3, %4

That is exact where nothing else has the list that a slice makes, and nothing between the two has an
effect: whatever leaves there leaves before the first slice, which the interpreter then repeats.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from pyvorin.ir.model import Block, FrameState, Function, Op, Value, state_values
from pyvorin.ir.optable import OPS, Effect

# What takes a slice → what takes it apart, and which operands, the last ones, are slices.
FUSED = {
    "list.set_slice": ("list.copy_slice", 1),
    "list.extend": ("list.extend_slice", 1),
    "seq.concat": ("seq.concat_slices", 2),
}
QUIET = (Effect.PURE, Effect.READ)


def fuse(function: Function) -> None:
    """Do it wherever it can be done, in place."""
    if not any(op.name == "seq.slice" for op in function.ops()):
        return
    counted = places(function)
    for block in function.blocks:
        for last in [op for op in block.ops if op.name in FUSED]:
            found = _found(block, last, counted)
            if found is not None:
                found.join(block, last)


def is_quiet(op: Op) -> bool:
    """Has it no effect, so that it may be done again?"""
    return OPS[op.name].effect in QUIET and op.name != "poll"


def places(function: Function) -> Counter[Value]:
    """In how many operations and edges every value occurs."""
    found: Counter[Value] = Counter()
    for op in function.ops():
        found.update({*op.operands, *state_values(op.state)})
        found.update(arg for edge in op.edges for arg in edge.args)
    return found


@dataclass(slots=True)
class _Found:
    """Slices that one operation takes, and what is between them and it."""

    slices: list[Op]
    between: list[Op]
    state: FrameState | None

    def join(self, block: Block, last: Op) -> None:
        for op in (*self.between, last):
            if op.state is not None:
                op.state = self.state
        last.name, count = FUSED[last.name]
        parts = [value for op in self.slices for value in op.operands]
        last.operands = [*last.operands[:-count], *parts]
        block.ops = [op for op in block.ops if op not in self.slices]


def _found(block: Block, last: Op, counted: Counter[Value]) -> _Found | None:
    count = FUSED[last.name][1]
    wanted = last.operands[-count:]
    others = last.operands[:-count]
    slices = [op for op in block.ops if op.name == "seq.slice" and op.result in wanted]
    if [op.result for op in slices] != wanted or set(wanted) & set(others):
        return None
    begin, end = block.ops.index(slices[0]), block.ops.index(last)
    inside = block.ops[begin + 1 : end]
    between = [op for op in inside if op not in slices]
    for op in between:
        if not is_quiet(op) or set(wanted) & {*op.operands}:
            return None
    if any(set(wanted) & {*op.operands} for op in slices):
        return None
    seen: Counter[Value] = Counter()
    for op in (*inside, last):
        seen.update({*op.operands, *state_values(op.state)})
    if any(seen[value] != counted[value] for value in wanted):
        return None
    return _Found(slices, between, slices[0].state)
