"""enumerate, zip and reversed: iterators that are never built."""

from __future__ import annotations

from pyvorin.infer.arith import number
from pyvorin.infer.calls import ROWS, Args, CallPlan
from pyvorin.infer.flow import ITERATORS, sequence_of
from pyvorin.types import BOOL, INT, Iter, Range, Type

Recorded = frozenset[str]
MOST = 8  # iterators of one zip


def over(type_: Type) -> Type | None:
    """The iterator that goes over a value."""
    if isinstance(type_, Range):
        return Range(type_.step, True)
    return type_ if isinstance(type_, Iter) else ITERATORS.get(sequence_of(type_))


def _enumerate(args: Args, recorded: Recorded) -> CallPlan | None:
    inner = over(args[0]) if 1 <= len(args) <= 2 else None
    if inner is None or (len(args) == 2 and number(args[1]) not in (INT, BOOL)):
        return None
    return CallPlan("enumerate", args, Iter("enumerate", (inner,)))


def _zip(args: Args, recorded: Recorded) -> CallPlan | None:
    inner = tuple(over(arg) for arg in args)
    if None in inner or not 1 <= len(args) <= MOST:
        return None
    return CallPlan("zip", args, Iter("zip", tuple(item for item in inner if item is not None)))


def _reversed(args: Args, recorded: Recorded) -> CallPlan | None:
    if len(args) != 1:
        return None
    (arg,) = args
    if isinstance(arg, Range) and not arg.iterating and arg.step is not None:
        return CallPlan("reversed range", args, Range(-arg.step, True))
    sequence = sequence_of(arg)
    return CallPlan("reversed", args, Iter("reversed", (sequence,))) if sequence else None


ROWS.update(
    {
        ("", "enumerate"): _enumerate,
        ("", "enumerate:start"): _enumerate,
        ("", "zip"): _zip,
        ("", "reversed"): _reversed,
    }
)
