"""Nests of loops, and what it takes to write one twice.

A nest is a strongly connected part of the control-flow graph; without its header, what is still
strongly connected are the loops inside. A header is where a loop polls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pyvorin.ir.dominance import Dominance
from pyvorin.ir.model import Block, Edge, Function, Value, state_values
from pyvorin.lower.hoist import mapped


@dataclass(slots=True)
class Nest:
    """Loops: where the outermost begins, its blocks in order, and those of the loops inside."""

    header: Block
    blocks: list[Block]
    members: set[Block]
    inner: list[Block]


def nests(function: Function, without: set[Block]) -> Iterator[Nest]:
    """The nests that have loops inside, outermost first, without those that have certain blocks."""
    order = Dominance(function).order
    work = _parts(order)
    while work:
        part = work.pop(0)
        members = set(part)
        header = _header(part, order)
        if header is None:
            continue
        inside = _parts([block for block in part if block is not header])
        work += inside
        if inside and not members & without:
            yield Nest(header, part, members, [block for found in inside for block in found])


def _header(part: list[Block], order: list[Block]) -> Block | None:
    """Where a nest is entered: the first block that polls and that other blocks lead to."""
    members = set(part)
    entered = {
        edge.block for b in order if b not in members for edge in b.terminator.edges
    } & members
    return next((b for b in part if b in entered and _polls(b)), None)


def _polls(block: Block) -> bool:
    return any(op.name == "poll" for op in block.ops)


def _parts(blocks: list[Block]) -> list[list[Block]]:
    """The strongly connected parts of more than nothing, each in the order of `blocks`: Tarjan's
    algorithm, with a stack of its own.
    """
    allowed, found = set(blocks), []
    number: dict[Block, int] = {}
    low: dict[Block, int] = {}
    open_: list[Block] = []
    is_open: set[Block] = set()
    for start in blocks:
        if start in number:
            continue
        work: list[tuple[Block, Iterator[Edge]]] = []

        def enter(block: Block) -> None:
            number[block] = low[block] = len(number)
            open_.append(block)
            is_open.add(block)
            work.append((block, iter(block.terminator.edges)))  # noqa: B023

        enter(start)
        while work:
            block, edges = work[-1]
            edge = next(edges, None)
            if edge is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[block])
                if low[block] == number[block]:
                    place = open_.index(block)
                    part = open_[place:]
                    del open_[place:]
                    is_open.difference_update(part)
                    if len(part) > 1 or any(e.block is block for e in block.terminator.edges):
                        found.append(set(part))
            elif edge.block in allowed and edge.block not in number:
                enter(edge.block)
            elif edge.block in is_open:
                low[block] = min(low[block], number[edge.block])
    return [[block for block in blocks if block in part] for part in reversed(found)]


# ---- values that are defined in two copies -------------------------------------------------------
def repair(
    function: Function,
    first: set[Block],
    ends: Mapping[Block, Block],
    twins: Mapping[Value, Value],
) -> None:
    """After a copy of blocks was added: what follows uses the values of the copy that it came from.

    `first`: the blocks that were copied, `ends` those by which the copy is left, `twins` the
    values of the copy.
    """
    _Repair(function, first, ends, twins).run()


class _Repair:
    def __init__(
        self,
        function: Function,
        first: set[Block],
        ends: Mapping[Block, Block],
        twins: Mapping[Value, Value],
    ) -> None:
        self.first, self.ends, self.twins = first, ends, twins
        self.function = function
        self.ways: dict[Block, list[tuple[Block, Edge]]] = {}
        for block in function.blocks:
            for edge in block.terminator.edges:
                self.ways.setdefault(edge.block, []).append((block, edge))
        self.known: dict[tuple[Value, Block], Value] = {}
        self.defined = {v for b in first for op in b.ops for v in op.results}
        self.defined.update(param for block in first for param in block.params)

    def run(self) -> None:
        """Every block that control comes to from the nest, without the copies themselves."""
        work = list(dict.fromkeys(self.ends.values()))
        after = set(work)
        while work:
            for edge in work.pop().terminator.edges:
                if edge.block not in after and edge.block not in self.first:
                    after.add(edge.block)
                    work.append(edge.block)
        for block in (block for block in self.function.blocks if block in after):
            self._block(block)

    def _block(self, block: Block) -> None:
        for op in block.ops:
            used = [*op.operands, *state_values(op.state), *(a for e in op.edges for a in e.args)]
            now = {v: self._at_start(v, block) for v in used if v in self.defined}
            if not now:
                continue
            op.operands = [now.get(value, value) for value in op.operands]
            if op.state is not None:
                op.state = mapped(op.state, now)
            for edge in op.edges:
                edge.args = [now.get(value, value) for value in edge.args]

    def _at_start(self, value: Value, block: Block) -> Value:
        """What a value is at the start of a block behind the nest."""
        if (value, block) not in self.known:
            ways = self.ways[block]
            if len(ways) == 1:
                self.known[value, block] = self._at_end(value, ways[0][0])
            else:
                param = self.function.new_value(value.rep, value.hint)
                self.known[value, block] = param
                block.params.append(param)
                for before, edge in ways:
                    edge.args.append(self._at_end(value, before))
        return self.known[value, block]

    def _at_end(self, value: Value, block: Block) -> Value:
        if block in self.first:
            return value
        return self.twins.get(value, value) if block in self.ends else self._at_start(value, block)
