"""Exchange two items of lists: `a[i], b[j] = b[j], a[i]`.

    %3 = seq.index %j …      %5 = list.get %b, %3
    %4 = seq.index %i …      %6 = list.get %a, %4           %3 = …  %4 = …
    %7 = seq.index %i …      list.set %a, %7, %5     =>     list.swap %a, %4, %b, %3
    %8 = seq.index %j …      list.set %b, %8, %6

Both objects stay in lists, so no reference is counted and nothing is released; and as storing
changes no length, the places found first are still right. Nothing before the exchange has an
effect: whatever leaves there leaves before all of it, which the interpreter then repeats.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from pyvorin.ir.model import Block, Function, Op, Value, state_values
from pyvorin.lower.fuse import is_quiet, places


def swap(function: Function) -> None:
    """Do it wherever it can be done, in place."""
    found: Counter[Value] | None = None
    for block in function.blocks:
        stores = [op for op in block.ops if op.name == "list.set"]
        for first, second in pairwise(stores):
            found = places(function) if found is None else found
            if first.name == second.name == "list.set":  # neither belongs to another exchange
                _swap(block, first, second, found)


def _swap(block: Block, first: Op, second: Op, found: Counter[Value]) -> None:
    made = {value: op for op in block.ops for value in op.results}
    (a, at_a, x), (b, at_b, y) = first.operands, second.operands
    reads = made.get(x), made.get(y)
    read_x, read_y = reads
    if read_x is None or read_y is None or {read_x.name, read_y.name} != {"list.get"}:
        return
    if read_x.operands[0] is not b or read_y.operands[0] is not a:
        return
    of_x, of_y = made.get(read_x.operands[1]), made.get(read_y.operands[1])
    again_a, again_b = made.get(at_a), made.get(at_b)
    if not _is_same(of_y, again_a, a, made) or not _is_same(of_x, again_b, b, made):
        return
    assert of_x is not None
    begin, end = block.ops.index(of_x), block.ops.index(second)
    inside = block.ops[begin : end + 1]
    gone = (read_x, read_y, again_a, again_b, first)
    if not all(op is first or op is second or is_quiet(op) for op in inside):
        return
    seen: Counter[Value] = Counter()
    for op in inside:
        seen.update({*op.operands, *state_values(op.state)})
    takers = {x: (first,), y: (second,), at_a: (first,), at_b: (second,)}
    if len(takers) < 4 or any(op not in inside for op in gone):
        return
    for value, ops in takers.items():
        if seen[value] != found[value] or any(
            value in op.operands for op in inside if op not in ops
        ):
            return
    for op in inside:
        if op.state is not None:
            op.state = of_x.state
    second.name, second.state, second.attrs = "list.swap", None, {}
    second.operands = [a, read_y.operands[1], b, read_x.operands[1]]
    block.ops = [op for op in block.ops if op not in gone]


def _is_same(one: Op | None, two: Op | None, of: Value, made: dict[Value, Op]) -> bool:
    """Do two operations find one place of a list?"""
    if one is None or two is None or one is two or {one.name, two.name} != {"seq.index"}:
        return False
    lengths = [made.get(op.operands[1]) for op in (one, two)]
    same = one.operands[0] is two.operands[0]
    return same and all(op and op.name == "list.len" and op.operands[0] is of for op in lengths)
