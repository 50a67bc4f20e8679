"""Who owns which reference: where native code must count references to the objects it works on.

An OBJ value is **borrowed** when something else keeps its object alive as long as the value is
used:

* the caller or the interpreter's frame, for parameters of an entry (and block parameters that only
  ever get such);
* the function's table of objects, for `const.obj`; the process, for True and False;
* the list or tuple it was read from, when it is used only in the block that reads it, nothing up to
  the last use writes
  or calls, and the container is alive until then: `a[i]` read and unboxed costs no count. (Dropping
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

READS = ("list.get", "tuple.get", "dict.value", "hash.key", "hash.value")
HARMLESS = ("hash.step",)  # writes, but lets go of nothing
WRITES = (Effect.WRITE, Effect.CALL)


def uses(op: Op) -> Iterator[Value]:
    """The values that an operation needs, without edge arguments."""
    yield from op.operands
    if may_leave(op):
        yield from state_values(op.state)


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
        self._borrow_from_callers()
        self._solve()
        self._borrow_from_containers()
        for block, sets in self.before.items():
            self.before[block] = [alive - self.borrowed for alive in sets]
            self.inside[block] -= self.borrowed

    def _solve(self) -> None:
        changed = True
        while changed:
            changed = False
            for block in reversed(self.blocks):
                self.before[block] = self._scan(block)
                start = self.before[block][0] - set(block.params)
                changed |= start != self.inside[block]
                self.inside[block] = start

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

    def _borrow_from_containers(self) -> None:
        elsewhere: dict[Value, set[Block]] = {}
        for block in self.blocks:
            for op in block.ops:
                for value in (*uses(op), *(arg for edge in op.edges for arg in edge.args)):
                    elsewhere.setdefault(value, set()).add(block)
        for block in self.blocks:
            for index, op in enumerate(block.ops):
                here = op.name in READS and elsewhere.get(op.result, {block}) == {block}
                if here and self._is_safe(block, index, op):
                    self.borrowed.add(op.result)

    def _is_safe(self, block: Block, index: int, op: Op) -> bool:
        """Does nothing let go of the item before its last use, and is that no edge?"""
        last = index
        for place in range(index + 1, len(block.ops)):
            later = block.ops[place]
            if any(op.result in edge.args for edge in later.edges):
                return False
            if op.result in uses(later):
                last = place
        container, after = op.operands[0], self.before[block][last + 1 :]
        if container not in self.borrowed and (not after or container not in after[0]):
            return False
        between = block.ops[index + 1 : last + 1]
        return not any(
            OPS[later.name].effect in WRITES and later.name not in HARMLESS for later in between
        )

    def _scan(self, block: Block) -> list[frozenset[Value]]:
        alive: set[Value] = set()
        for edge in block.terminator.edges:
            alive |= self.inside[edge.block]
            alive.update(arg for arg in edge.args if self.owned(arg))
        before: list[frozenset[Value]] = []
        for op in reversed(block.ops):
            alive.difference_update(op.results)
            alive.update(value for value in uses(op) if self.owned(value))
            before.append(frozenset(alive))
        return before[::-1]
