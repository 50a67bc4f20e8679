"""Types of calls of heapq's and bisect's C functions on lists."""

from __future__ import annotations

from pyvorin.infer.calls import ROWS, Args, CallPlan
from pyvorin.infer.lists import OBJECT, SEQUENCES, Recorded, is_object
from pyvorin.infer.methods import Row, receiver_of
from pyvorin.types import INT, LIST, NONE, Obj


def _fits(args: Args, count: int) -> bool:
    """A list, and further arguments that are objects?"""
    return len(args) == count and receiver_of(args[0]) is LIST and all(map(is_object, args[1:]))


def _push(args: Args, recorded: Recorded) -> CallPlan | None:
    return CallPlan("op", (LIST, OBJECT), NONE, "heap.push") if _fits(args, 2) else None


def _answering(op: str, count: int) -> Row:
    """An operation that answers an item."""

    def row(args: Args, recorded: Recorded) -> CallPlan | None:
        fits = _fits(args, count)
        return CallPlan("op", (LIST, OBJECT)[:count], Obj(recorded), op) if fits else None

    return row


def _bisect(right: str) -> Row:
    def row(args: Args, recorded: Recorded) -> CallPlan | None:
        kind = receiver_of(args[0]) if len(args) == 2 else None
        if kind is None or kind not in SEQUENCES or not is_object(args[1]):
            return None
        return CallPlan("bisect", (kind, OBJECT), INT, right)

    return row


def _insort(right: str) -> Row:
    def row(args: Args, recorded: Recorded) -> CallPlan | None:
        return CallPlan("insort", (LIST, OBJECT), NONE, right) if _fits(args, 2) else None

    return row


ROWS.update(
    {
        ("_heapq", "heappush"): _push,
        ("_heapq", "heappop"): _answering("heap.pop", 1),
        ("_heapq", "heapreplace"): _answering("heap.replace", 2),
        ("_heapq", "heappushpop"): _answering("heap.pushpop", 2),
        ("_bisect", "bisect_left"): _bisect(""),
        ("_bisect", "bisect_right"): _bisect("right"),
        ("_bisect", "insort_left"): _insort(""),
        ("_bisect", "insort_right"): _insort("right"),
    }
)
