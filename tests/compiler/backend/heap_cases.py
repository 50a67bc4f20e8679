"""Cases of the operations on heaps and sorted lists, for `test_ops`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

Row = tuple[str, str, tuple[str, ...], str, str, tuple[Any, ...], str]
TWO = ("obj", "obj")


class Unordered:
    """What only Python code can compare."""

    def __repr__(self) -> str:
        return "Unordered"

    def __lt__(self, other: object) -> bool:
        return True


HEAPS: list[list[Any]] = [
    *([1, 5, 2, 9, 6, 3, 4][:size] for size in range(8)),
    *([-0.0, 0.0, 2.5, 1], ["", "b", "a"], [(1, "a"), (1, "b"), (2, "a")], [(1,), (1, 2)]),
    *([1, 1, 2, 2**70], [(1, [2]), (1, [3])], [[1], [1, 2], []], [1, "x"], [None], [True, 2]),
    *([Unordered(), 1], [(1, Unordered()), (2, Unordered())], [float("nan"), 1.0]),
]
ITEMS = [0, 4, 2**70, 1.5, "x", None, (1, "y"), (1, [2], 3), (2, Unordered()), [0], float("nan")]
PAIRS = tuple(itertools.product(HEAPS, ITEMS))
SAME = "  %7:i1 = const {value=True}\n  %9:obj = select %7, %0, %0"


def rows() -> Iterator[Row]:
    """What `test_ops.Case` takes."""
    push = f"heap.push %0, %1 STATE\n{SAME}"
    yield "heap.push", "(heapq.heappush(a, b), a)[1]", TWO, "obj", "", PAIRS, push
    ways = (
        ("heap.pop", "heapq.heappop(a)", "%0"),
        ("heap.replace", "heapq.heapreplace(a, b)", "%0, %1"),
        ("heap.pushpop", "heapq.heappushpop(a, b)", "%0, %1"),
    )
    for op, python, operands in ways:
        body = f"%8:obj = {op} {operands} STATE\n  %9:obj = tuple.new %8, %0"
        yield op, f"({python}, a)", TWO, "obj", "", PAIRS, body
    either = (*PAIRS, *((tuple(heap), item) for heap, item in PAIRS))
    for side in ("left", "right"):
        python = f"bisect.bisect_{side}(a, b)"
        yield "seq.bisect", python, TWO, "i64", f"right={side == 'right'}", either, ""
