"""Who owns which reference: where native code must count references to the objects it works on.

An OBJ value is **borrowed** when something else keeps its object alive as long as the value is
used:

* the caller or the interpreter's frame, for parameters of an entry (and block parameters that only
  ever get such);
* the function's table of objects, for `const.obj`; the process, for True and False;
* the list, tuple or instance it was read from, when it is used only in the block that reads it,
  nothing up to the last use writes or calls, and the container is alive until then: `a[i]` read and
  unboxed costs no count. (Dropping
  a reference in native code never runs Python code and never changes a container: `release_last` in
  `support/numbers.py`.)

Any other is **owned** from its definition: dropped after its last use, or handed on to a block
parameter, a caller or the record of a frame that leaves. Operations never take over their operands.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyvorin.backend.sites import may_leave
from pyvorin.ir.model import Block, Op, Rep, Value, state_values
from pyvorin.ir.optable import OPS, Effect

READS = ("list.get", "tuple.get", "dict.value", "hash.key", "hash.value", "attr.get")
HARMLESS = ("hash.step", "array.set")  # write, but let go of nothing
WRITES = (Effect.WRITE, Effect.CALL)


def uses(op: Op) -> list[Value]:
    """The values that an operation needs, without edge arguments."""
    return [*op.operands, *state_values(op.state)] if may_leave(op) else op.operands


class Liveness:
    """Ownership in one body.

    `before[block][i]`: the owned values that are alive before operation i; `inside[block]`: at its
    start, parameters not counted.
    """

    def __init__(self, blocks: list[Block]) -> None:
        self.blocks = blocks
        self.borrowed: set[Value] = set()
        self.inside: dict[Block, frozenset[Value]] = {b: frozenset() for b in blocks}
        self.before: dict[Block, list[frozenset[Value]]] = {}
        self.uses = {block: [uses(op) for op in block.ops] for block in blocks}
        self._borrow_from_callers()
        self._solve()
        self.before = {block: self._scan(block) for block in blocks}
        if lent := self._borrow_from_containers():
            for block, sets in self.before.items():
                self.before[block] = [alive - lent for alive in sets]
                self.inside[block] -= lent

    def _solve(self) -> None:
        """Find what is alive at the start of each block: what it needs, and what its successors do
        and it does not define.
        """
        needed, defined = {}, {}
        for block in self.blocks:
            alive: set[Value] = set(self._passed(block))
            for op, used in zip(reversed(block.ops), reversed(self.uses[block]), strict=True):
                alive.difference_update(op.results)
                alive.update(filter(self.owned, used))
            results = {value for op in block.ops for value in op.results}
            needed[block] = frozenset(alive.difference(block.params))
            defined[block] = results.union(block.params)
        changed = True
        while changed:
            changed = False
            for block in reversed(self.blocks):
                later: set[Value] = set()
                later.update(*(self.inside[edge.block] for edge in block.terminator.edges))
                start = needed[block] | (later - defined[block])
                changed |= start != self.inside[block]
                self.inside[block] = start

    def _passed(self, block: Block) -> Iterator[Value]:
        """The owned values that a block hands to the parameters of its successors."""
        return (arg for e in block.terminator.edges for arg in e.args if self.owned(arg))

    def owned(self, value: Value) -> bool:
        """Must this value's reference be dropped or handed on?"""
        return value.rep is Rep.OBJ and value not in self.borrowed

    def after(self, block: Block, index: int) -> frozenset[Value]:
        """The owned values alive after operation `index`, which is not the terminator."""
        return self.before[block][index + 1]

    def _borrow_from_callers(self) -> None:
        """Assume that every parameter is borrowed, and drop what is not until nothing changes."""
        blocks = self.blocks
        for op in (op for block in blocks for op in block.ops):
            if op.name in ("const.obj", "py.const", "box.i1"):
                self.borrowed.update(op.results)
        self.borrowed.update(p for block in blocks for p in block.params if p.rep is Rep.OBJ)
        edges = [edge for block in blocks for edge in block.terminator.edges]
        changed = True
        while changed:
            changed = False
            for edge in edges:
                for param, arg in zip(edge.block.params, edge.args, strict=True):
                    if param in self.borrowed and arg not in self.borrowed:
                        self.borrowed.discard(param)
                        changed = True

    def _borrow_from_containers(self) -> set[Value]:
        elsewhere: dict[Value, set[Block]] = {}
        for block in self.blocks:
            for op, used in zip(block.ops, self.uses[block], strict=True):
                for value in (*used, *(arg for edge in op.edges for arg in edge.args)):
                    elsewhere.setdefault(value, set()).add(block)
        found: set[Value] = set()
        for block in self.blocks:
            for index, op in enumerate(block.ops):
                here = op.name in READS and elsewhere.get(op.result, {block}) == {block}
                if here and self._is_safe(block, index, op):
                    found.add(op.result)
                    self.borrowed.add(op.result)
        return found

    def _is_safe(self, block: Block, index: int, op: Op) -> bool:
        """Does nothing let go of the item before its last use, and is that no edge?"""
        last, used = index, self.uses[block]
        for place in range(index + 1, len(block.ops)):
            if any(op.result in edge.args for edge in block.ops[place].edges):
                return False
            if op.result in used[place]:
                last = place
        container, after = op.operands[0], self.before[block][last + 1 :]
        if container not in self.borrowed and (not after or container not in after[0]):
            return False
        between = block.ops[index + 1 : last + 1]
        return not any(
            OPS[later.name].effect in WRITES and later.name not in HARMLESS for later in between
        )

    def _scan(self, block: Block) -> list[frozenset[Value]]:
        """The owned values alive before each operation of a block."""
        alive: set[Value] = set(self._passed(block))
        alive.update(*(self.inside[edge.block] for edge in block.terminator.edges))
        before: list[frozenset[Value]] = []
        for op, used in zip(reversed(block.ops), reversed(self.uses[block]), strict=True):
            alive.difference_update(op.results)
            alive.update(filter(self.owned, used))
            before.append(frozenset(alive))
        return before[::-1]
