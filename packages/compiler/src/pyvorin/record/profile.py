"""What recorded runs showed, function by function and value by value.

A profile refers to IR values by id and to blocks by label; both are the same each time the front
end builds the same code object on the same minor version. It is JSON-able:

    {"format": 1, "functions": {"f": {"calls": 10, "news": 3, "raised": 0, "left": 1,
      "signatures": [[["int", "list"], 9], [["wide", "list"], 1]],
      "values": {"3": {"int": 40, "float": 2}}, "elements": {"1": {"float": 8}}, "inner": {},
      "blocks": {"loop30.1": 41}, "edges": {"loop30.1": [40, 1]}, "resumed": {}}}}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pyvorin.ir.dominance import Dominance
from pyvorin.ir.model import Block, Function, Value

FORMAT = 1
MAX_CLASSES = 16  # of one value; more are counted as "other"
ClassCounts = Counter[str]
Values = dict[int, set[str]]  # IR value id → classes seen


@dataclass(slots=True)
class Loop:
    """How often a loop was entered, and how often its header was passed in all."""

    header: str
    entries: int
    iterations: int

    @property
    def trips(self) -> float:
        """Mean number of header passes an entry; the last one usually leaves the loop."""
        return self.iterations / self.entries if self.entries else 0.0


@dataclass(slots=True)
class FunctionProfile:
    """What recorded calls of one function showed.

    calls       calls recorded; of these `raised` ended in an exception and `left` gave up
    news        the last of them that showed something new
    signatures  classes of the arguments, in parameter order, with the number of calls
    values      for each IR value id the classes seen
    elements    for each IR value id that was a list or tuple, the classes of sampled elements
    inner       the same of the elements of these elements
    by_signature  for each of the signatures the classes seen of each IR value in its calls
    blocks      for each block label how often it ran; `edges`: how often each edge was taken
    resumed     for each loop header how often CPython came there, having gone on from elsewhere
    """

    calls: int = 0
    news: int = 0
    raised: int = 0
    left: int = 0
    signatures: Counter[tuple[str, ...]] = field(default_factory=Counter)
    values: dict[int, ClassCounts] = field(default_factory=dict)
    elements: dict[int, ClassCounts] = field(default_factory=dict)
    inner: dict[int, ClassCounts] = field(default_factory=dict)
    by_signature: dict[tuple[str, ...], Values] = field(default_factory=dict)
    blocks: Counter[str] = field(default_factory=Counter)
    edges: dict[str, list[int]] = field(default_factory=dict)
    resumed: Counter[str] = field(default_factory=Counter)

    def classes(self, value: Value | int) -> frozenset[str]:
        """The classes seen of a value; empty when it was never reached."""
        counts = self.values.get(value if isinstance(value, int) else value.id)
        return frozenset(counts) if counts else frozenset()

    def element_classes(self, value: Value | int) -> frozenset[str]:
        """The classes seen among the elements of a list or tuple value."""
        counts = self.elements.get(value if isinstance(value, int) else value.id)
        return frozenset(counts) if counts else frozenset()

    def reached(self, block: Block) -> bool:
        """Say whether recorded calls reached a block."""
        return self.blocks[block.label] > 0

    def loops(self, function: Function) -> list[Loop]:
        """The natural loops of the function, hottest first."""
        dominance = Dominance(function)
        back: Counter[str] = Counter()
        headers: dict[str, Block] = {}
        for block, number, target in _edges(function):
            if dominance.dominates(target, block):
                headers[target.label] = target
                back[target.label] += self.edges.get(block.label, [0, 0])[number]
        loops = [Loop(h, self.blocks[h] - back[h], self.blocks[h]) for h in headers]
        return sorted(loops, key=lambda loop: -loop.iterations)

    def count(self, table: dict[int, ClassCounts], value: int, name: str) -> None:
        """Count one observation in `values` or `elements`."""
        counts = table.get(value)
        if counts is None:
            counts = table[value] = Counter()
        if name not in counts:
            self.news = self.calls
            if len(counts) >= MAX_CLASSES:
                name = "other"
        counts[name] += 1

    def to_json(self) -> dict[str, Any]:
        """The profile as JSON values."""
        return {
            "calls": self.calls,
            "news": self.news,
            "raised": self.raised,
            "left": self.left,
            "signatures": [[list(names), n] for names, n in self.signatures.most_common()],
            "values": _table_to_json(self.values),
            "elements": _table_to_json(self.elements),
            "inner": _table_to_json(self.inner),
            "by_signature": [
                [list(names), {str(value): sorted(seen) for value, seen in values.items()}]
                for names, values in self.by_signature.items()
            ],
            "blocks": dict(self.blocks),
            "edges": self.edges,
            "resumed": dict(self.resumed),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> FunctionProfile:
        """Read what `to_json` made."""
        return cls(
            calls=data["calls"],
            news=data["news"],
            raised=data["raised"],
            left=data["left"],
            signatures=Counter({tuple(names): n for names, n in data["signatures"]}),
            values=_table_from_json(data["values"]),
            elements=_table_from_json(data["elements"]),
            inner=_table_from_json(data["inner"]),
            by_signature={
                tuple(names): {int(value): set(seen) for value, seen in values.items()}
                for names, values in data["by_signature"]
            },
            blocks=Counter(data["blocks"]),
            edges={label: list(counts) for label, counts in data["edges"].items()},
            resumed=Counter(data["resumed"]),
        )


@dataclass(slots=True)
class Profile:
    """What recorded runs showed of a module. `exhausted` says that the total budget ran out."""

    functions: dict[str, FunctionProfile] = field(default_factory=dict)
    exhausted: bool = False

    def to_json(self) -> dict[str, Any]:
        """The profile as JSON values."""
        functions = {name: profile.to_json() for name, profile in self.functions.items()}
        return {"format": FORMAT, "exhausted": self.exhausted, "functions": functions}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Profile:
        """Read what `to_json` made. Raises ValueError for another format."""
        if data["format"] != FORMAT:
            raise ValueError(f"profile format {data['format']}, not {FORMAT}")
        functions = {n: FunctionProfile.from_json(f) for n, f in data["functions"].items()}
        return cls(functions, data["exhausted"])


def _edges(function: Function) -> Iterator[tuple[Block, int, Block]]:
    for block in function.blocks:
        for number, edge in enumerate(block.terminator.edges):
            yield block, number, edge.block


def _table_to_json(table: dict[int, ClassCounts]) -> dict[str, dict[str, int]]:
    return {str(value): dict(counts.most_common()) for value, counts in sorted(table.items())}


def _table_from_json(table: dict[str, dict[str, int]]) -> dict[int, ClassCounts]:
    return {int(value): Counter(counts) for value, counts in table.items()}
