"""Calls near a representative one: where annotations and examples are blind, compilers go wrong.

    f(3, [1.5, 2.5])   →   f(True, …)  f(3.0, …)  f(2**63, …)  f(3, [])  f(3, None)  f(n=3, xs=…)

Works on the source of the arguments, never on values, so nothing of the user's runs here.
Deterministic: the same case, seed and limit give the same calls in the same order.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Sequence
from typing import Final

from pyvorin.check.case import Case, join, split

Argument = tuple[str | None, str]

_WIDTHS: Final = (15, 31, 53, 63, 64)
SMALL_INTS: Final = ("0", "1", "-1", "2", "3", "7", "10")
EDGE_INTS: Final = tuple(
    str(sign * 2**bits + step) for bits in _WIDTHS for sign in (1, -1) for step in (-1, 0, 1)
)
EDGE_FLOATS: Final = (
    "0.0", "-0.0", "1.0", "-1.5", "nan", "inf", "-inf", "5e-324", "1.7976931348623157e+308",
    "9007199254740993.0", "0.1",
)  # fmt: skip
TEXTS: Final = ("''", "'a'", "'abc'", "'é'", "'\\U0001f600x'", "'\\ud800'", "'0'")
WRONG: Final = ("None", "'x'", "()", "[]", "1j", "b'x'", "{}")


def neighbours(case: Case, parameters: Sequence[str], seed: int, limit: int) -> list[Case]:
    """At most `limit` calls near `case`, all different from it. `parameters` are the positional
    ones, by name."""
    function, given = split(case.call)
    chooser = random.Random(f"{seed}:{case.call}")
    groups = [
        list(dict.fromkeys(_near(text))) for keyword, text in given if not _starred(keyword, text)
    ]
    calls: list[str] = []
    for position, (keyword, text) in enumerate(given):
        if _starred(keyword, text):
            continue
        near = groups[position] if position < len(groups) else []
        calls += [join(function, _replace(given, position, option)) for option in near]
    forms = list(_forms(function, given, parameters))
    pairs = list(_pairs(function, given, groups, chooser, limit))
    chooser.shuffle(calls)
    chosen = dict.fromkeys([*forms, *calls[: limit * 2 // 3], *pairs, *calls[limit * 2 // 3 :]])
    chosen.pop(case.call, None)
    return [Case(case.function, call, "neighbour") for call in list(chosen)[:limit]]


def _starred(keyword: str | None, text: str) -> bool:
    return keyword is None and text.startswith("*")


def _replace(given: Sequence[Argument], position: int, text: str) -> list[Argument]:
    changed = list(given)
    changed[position] = (changed[position][0], text)
    return changed


def _forms(function: str, given: list[Argument], parameters: Sequence[str]) -> Iterator[str]:
    """The same values passed otherwise: by keyword, with defaults left out, too few, too many, an
    unknown keyword."""
    if any(_starred(*argument) for argument in given):
        return
    positional = [text for keyword, text in given if keyword is None]
    if len(positional) <= len(parameters):
        named = list(zip(parameters, positional, strict=False))
        rest = [argument for argument in given if argument[0] is not None]
        yield join(function, [*named, *rest])
        yield join(function, [*reversed(named), *rest])
        if len(named) > 1:
            yield join(function, [(None, positional[0]), *named[1:], *rest])
    if given:
        yield join(function, given[:-1])
    yield join(function, [*given, ("_unknown", "0")])
    if len(positional) == len(given):
        yield join(function, [*given, (None, "0")])


def _pairs(
    function: str,
    given: list[Argument],
    groups: list[list[str]],
    chooser: random.Random,
    limit: int,
) -> Iterator[str]:
    """Several arguments changed at once, and one list passed for two of them."""
    lists = [i for i, (_, text) in enumerate(given) if text.startswith("[")]
    if len(lists) > 1:
        aliased = _replace(given, lists[0], f"(_shared := {given[lists[0]][1]})")
        for other in lists[1:]:
            aliased = _replace(aliased, other, "_shared")
        yield join(function, aliased)
    if len(given) < 2 or len(groups) != len(given) or not all(groups):
        return
    for _ in range(limit):
        changed = given
        for position in range(len(given)):
            if chooser.random() < 0.7:
                changed = _replace(changed, position, chooser.choice(groups[position]))
        yield join(function, changed)


def _near(text: str) -> list[str]:
    """Other values for one argument, most telling first."""
    try:
        node = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return list(WRONG)
    if isinstance(node, ast.NamedExpr):
        node = node.value
    value = _literal(node)
    match value:
        case bool():
            return [repr(not value), "0", "1", "2", "0.0", "-0.0", "None", "'x'"]
        case int():
            return _near_int(value)
        case float():
            return [*EDGE_FLOATS, repr(-value), "0", "1", "True", str(2**53 + 1), *WRONG]
        case str():
            return [*TEXTS, *_near_text(value), "0", "None", "b'x'", "['a']"]
        case None if isinstance(node, ast.Constant):
            return ["0", "1.5", "'x'", "[]", "True"]
    if isinstance(node, ast.Call) and [ast.Name, ast.Dict] == [type(a) for a in node.args]:
        return _near_instance(node)
    if isinstance(node, ast.List):
        return _near_list(text, [ast.unparse(item) for item in node.elts])
    if isinstance(node, ast.Tuple):
        items = [ast.unparse(item) for item in node.elts]
        return [f"[{', '.join(items)}]", "()", *(f"({item},)" for item in items[:1]), *WRONG]
    return ["0", "[]", "()", *WRONG]


def _literal(node: ast.expr) -> object:
    """The value of a number or string literal, with its sign; None for everything else."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name) and node.id in ("nan", "inf"):
        return float(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _literal(node.operand)
        return -value if isinstance(value, int | float) else None
    return None


def _near_int(value: int) -> list[str]:
    close = [str(value + step) for step in (-1, 1)] if abs(value) < 2**70 else []
    as_float = [f"{value}.0"] if abs(value) < 2**53 else []
    return ["True", "False", *as_float, str(-value), *close, *SMALL_INTS, *EDGE_INTS, *WRONG,
            "nan", "-0.0", "inf"]  # fmt: skip


def _near_text(value: str) -> list[str]:
    """Pieces of a text, and a short beginning of it with one character changed or removed."""
    if len(value) < 2:
        return []
    start = value[:40]
    near = [
        value[:1],
        start,
        start[1:],
        start[:-1],
        start[::-1],
        start + "é",
        start * 2,
        value[-30:],
    ]
    for place in sorted({0, 1, len(start) // 3, len(start) // 2, len(start) - 1}):
        before, after = start[:place], start[place + 1 :]
        near += [before + other + after for other in _CHARACTERS]
        near.append(before + after)
    return [ascii(text) for text in near]


_CHARACTERS: Final = (" ", "-", "0", "9", "a", "Z", "\n", "\x00", "é", "٣", "\U0001f600")


def _near_instance(node: ast.Call) -> list[str]:
    """The same instance with one attribute of another type or at an edge, or without it."""
    cls, state = node.args
    assert isinstance(state, ast.Dict)
    items = [ast.unparse(item) for item in (cls, *filter(None, state.keys), *state.values)]
    keys, values = items[1 : 1 + len(state.values)], items[1 + len(state.values) :]
    near: list[str] = []
    for place in range(len(values)) if len(keys) == len(values) else ():
        pairs = list(zip(keys, values, strict=True))
        near.append(_instance(items[0], pairs[:place] + pairs[place + 1 :]))
        for other in _near(values[place])[:24]:
            near.append(
                _instance(items[0], [*pairs[:place], (keys[place], other), *pairs[place + 1 :]])
            )
    return ["None", "0", *near]


def _instance(cls: str, state: Sequence[tuple[str, str]]) -> str:
    return f"_instance({cls}, {{{', '.join(f'{name}: {value}' for name, value in state)}}})"


def _near_list(text: str, items: list[str]) -> list[str]:
    """Shorter, longer, reversed; one element of another type or at an edge; a tuple instead."""
    shapes = [[], items[:1], items[::-1], items + items]
    near = [f"[{', '.join(shape)}]" for shape in shapes]
    if items:
        for place in sorted({0, len(items) // 2, len(items) - 1}):
            others = _near(items[place])
            near += [
                f"[{', '.join([*items[:place], other, *items[place + 1 :]])}]"
                for other in others[:24]
            ]
    near.append(f"({', '.join(items)}{',' if len(items) == 1 else ''})")
    return [*near, f"[{text}]", "range(3)", "'abc'", "None", "0"]
