"""The smallest call on which native code still differs, found by trying smaller ones on both sides.

    median([7, -0.0, 3.25, 0.0])   →   median([-0.0, 0.0])

Each round makes every one-step smaller call of the present one (an argument dropped, a list cut, a
number nearer to zero or rounder), runs them all on both sides, and goes on from the smallest that
differs. A call that differs only after others (state in the module) is kept as it is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Final, NamedTuple

from pyvorin_wire.outcome_tree import Difference

from pyvorin.check.case import Case, join, split
from pyvorin.check.run import Dropped, Mismatch, Side, differ, run

MAX_ROUNDS: Final = 24
MAX_TRIALS: Final = 80  # calls tried in a round


class Shrunk(NamedTuple):
    """`alone` says whether the call differs in a fresh process, without the calls before it."""

    original: Mismatch
    case: Case
    differences: tuple[Difference, ...]
    alone: bool


def shrink(mismatch: Mismatch, python: Side, native: Side) -> Shrunk:
    """Find a smaller call that still differs. Costs two processes a round, at most MAX_ROUNDS."""
    found = _first_differing([mismatch.case], python, native)
    if found is None:
        return Shrunk(mismatch, mismatch.case, mismatch.differences, alone=False)
    case, differences = found
    for _ in range(MAX_ROUNDS):
        trials = [Case(case.function, call, case.origin) for call in smaller(case.call)]
        found = _first_differing(trials, python, native)
        if found is None:
            break
        case, differences = found
    return Shrunk(mismatch, case, differences, alone=True)


def _first_differing(
    cases: Sequence[Case], python: Side, native: Side
) -> tuple[Case, tuple[Difference, ...]] | None:
    expected, _ = run(python, cases)
    kept = [i for i, result in enumerate(expected) if not isinstance(result, Dropped)]
    actual, _ = run(native, [cases[i] for i in kept])
    for i, result in zip(kept, actual, strict=True):
        differences = differ(expected[i], result)
        if differences:
            return cases[i], tuple(differences)
    return None


def smaller(call: str) -> list[str]:
    """Calls one step smaller, the boldest steps first, at most MAX_TRIALS."""
    function, arguments = split(call)
    calls: list[str] = []
    for place, (keyword, text) in enumerate(arguments):
        for option in _smaller(text):
            changed = [*arguments[:place], (keyword, option), *arguments[place + 1 :]]
            calls.append(join(function, changed))
    if arguments:
        calls.append(join(function, arguments[:-1]))
    unique = [option for option in dict.fromkeys(calls) if _size(option) < _size(call)]
    return sorted(unique, key=_size)[:MAX_TRIALS]


def _size(call: str) -> tuple[int, int, str]:
    """An order in which every step of `smaller` goes down."""
    return len(call), sum(map(ord, call)), call


def _smaller(text: str) -> Iterator[str]:
    """Smaller expressions in place of one."""
    try:
        node = ast.parse(text.lstrip("*"), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    if text.startswith("*"):
        return
    yield from _of_node(node, text)


def _of_node(node: ast.expr, text: str) -> Iterator[str]:
    match node:
        case ast.NamedExpr(value=value):
            yield ast.unparse(value)
        case ast.Constant(value=bool() | None):
            return
        case ast.Constant(value=int() | float()) | ast.UnaryOp(operand=ast.Constant()):
            yield from _of_number(ast.literal_eval(text))
        case ast.Constant(value=str() | bytes() as value):
            for cut in _cuts(len(value)):
                yield ascii(value[cut])
        case ast.List(elts=items) | ast.Tuple(elts=items):
            opening, closing = ("[", "]") if isinstance(node, ast.List) else ("(", ")")
            yield from _of_items([ast.unparse(item) for item in items], opening, closing)
        case ast.BinOp(
            left=ast.List() as repeated, op=ast.Mult(), right=ast.Constant(value=int(n))
        ):
            for count in (1, 2, n // 2):
                yield f"{ast.unparse(repeated)} * {count}"
        case ast.Call(func=ast.Name(id="list"), args=[ast.Call(args=[start, stop, *step])]):
            values = range(*(ast.literal_eval(item) for item in (start, stop, *step)))
            for cut in _cuts(len(values)):
                kept = values[cut]
                yield str(list(kept)) if len(kept) < 9 else f"list({kept!r})"


def _of_number(value: complex) -> Iterator[str]:
    if isinstance(value, bool | complex):
        return
    if isinstance(value, float):
        if isfinite(value):
            candidates = (0.0, 1.0, float(round(value)) if abs(value) < 2**53 else value, value / 2)
            yield from (repr(number) for number in candidates)
        return
    candidates_of_int = [0, 1, 2, value // 2, value - 1 if value > 0 else value + 1, -value]
    yield from (str(number) for number in candidates_of_int if abs(number) <= abs(value))


def _of_items(items: list[str], opening: str, closing: str) -> Iterator[str]:
    def shown(kept: list[str]) -> str:
        comma = "," if len(kept) == 1 and opening == "(" else ""
        return f"{opening}{', '.join(kept)}{comma}{closing}"

    for cut in _cuts(len(items)):
        yield shown(items[cut])
    for place, item in enumerate(items[:12]):
        yield shown([*items[:place], *items[place + 1 :]])
        for option in _smaller(item):
            yield shown([*items[:place], option, *items[place + 1 :]])


def _cuts(length: int) -> list[slice]:
    """Nothing, either half, and all but either end."""
    half = length // 2
    cuts = [slice(0, 0), slice(0, half), slice(half, None), slice(1, None), slice(0, length - 1)]
    return cuts if length else []
