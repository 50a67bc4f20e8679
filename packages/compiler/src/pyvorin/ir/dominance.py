"""Which blocks lie on every path to which others.

Cooper, Harvey and Kennedy, "A simple, fast dominance algorithm" (2001). All entries hang below one
imaginary root; a block that no entry reaches becomes a root itself, in block order (a loop header
behind an instruction that only the interpreter executes has no path from the function's start).
"""

from __future__ import annotations

from pyvorin.ir.model import Block, Function


class Dominance:
    """The dominator tree of a function as it was when this was made."""

    def __init__(self, function: Function) -> None:
        self.order = _reverse_postorder(function)
        self._number = {block: number for number, block in enumerate(self.order)}
        self._parent = self._immediate_dominators(_roots(function, self.order))

    def immediate(self, block: Block) -> Block | None:
        """The closest other block that dominates `block`, or None."""
        parent = self._parent[self._number[block]]
        return None if parent < 0 else self.order[parent]

    def dominates(self, upper: Block, lower: Block) -> bool:
        """Say whether every path to `lower` passes `upper` (a block dominates itself)."""
        wanted, number = self._number[upper], self._number[lower]
        while number > wanted:
            number = self._parent[number]
        return number == wanted

    def _immediate_dominators(self, roots: set[Block]) -> list[int]:
        """One parent number a block, -1 for the imaginary root. Parents have lower numbers."""
        unknown = -2
        parents = [unknown] * len(self.order)
        predecessors = self._predecessors()
        changed = True
        while changed:
            changed = False
            for number, block in enumerate(self.order):
                found = -1 if block in roots else unknown
                for before in predecessors[number]:
                    if parents[before] != unknown:
                        found = before if found == unknown else _meet(parents, found, before)
                if parents[number] != found:
                    parents[number] = found
                    changed = True
        return parents

    def _predecessors(self) -> list[list[int]]:
        before: list[list[int]] = [[] for _ in self.order]
        for number, block in enumerate(self.order):
            for edge in block.terminator.edges:
                if edge.block in self._number:
                    before[self._number[edge.block]].append(number)
        return before


def _meet(parents: list[int], one: int, other: int) -> int:
    """The closest common dominator; -1 is the imaginary root."""
    while one != other:
        if one > other:
            one = parents[one]
        else:
            other = parents[other]
    return one


def _reverse_postorder(function: Function) -> list[Block]:
    """All blocks, each before its successors except along back edges.

    What only a later start reaches comes first: it may lead into what an earlier one reaches, and
    never the other way round.
    """
    seen: set[Block] = set()
    starts = [entry.block for entry in function.entries] + function.blocks
    parts: list[list[Block]] = []
    for start in starts:
        if start not in seen:
            parts.append(_postorder(start, seen)[::-1])
    return [block for part in reversed(parts) for block in part]


def _postorder(start: Block, seen: set[Block]) -> list[Block]:
    order: list[Block] = []
    seen.add(start)
    stack = [(start, iter(start.terminator.edges))]
    while stack:
        block, edges = stack[-1]
        for edge in edges:
            if edge.block not in seen:
                seen.add(edge.block)
                stack.append((edge.block, iter(edge.block.terminator.edges)))
                break
        else:
            order.append(block)
            stack.pop()
    return order


def _roots(function: Function, order: list[Block]) -> set[Block]:
    """The entry blocks, and the first block of each part that no entry reaches."""
    roots = {entry.block for entry in function.entries}
    reached: set[Block] = set()
    for block in [*roots, *order]:
        if block not in reached:
            roots.add(block)
            reached.update(_postorder(block, reached))
    return roots
