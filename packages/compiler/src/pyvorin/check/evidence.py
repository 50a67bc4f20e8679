"""First guesses at arguments for a function that nobody has called: annotations, defaults, and how
parameters are used.

    def f(n, xs, scale=1.0):             n  is passed to range()      → ints
        for i in range(n):               xs is subscripted            → lists
            total += xs[i] * scale       scale has a default          → floats

A wrong guess costs nothing: CPython runs first, and both must answer alike, exceptions included.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import islice, product
from typing import Final

from pyvorin.check.case import Case, join

MAX_CASES: Final = 48

_INTS: Final = ("5", "2", "0", "13", "-3", "1")
_FLOATS: Final = ("0.5", "2.0", "-1.25", "1e10", "0.0")
_TEXTS: Final = ("'abc'", "''", "'12 ab'", "'a'")
_INT_LISTS: Final = ("[3, 1, 2]", "[5, 0, -2, 7, 7, 1]", "[]", "[4]")
_FLOAT_LISTS: Final = ("[0.5, 1.5, -2.0]", "[]", "[1.0]")
_TEXT_LISTS: Final = ("['b', 'a', 'b']", "[]", "['']")
_MATRICES: Final = ("[[1, 2], [3, 4]]", "[[1.0, 0.5], [0.25, 2.0]]", "[]")
_ANYTHING: Final = ("5", "[3, 1, 2]", "0.5", "'abc'", "[[1, 2], [3, 4]]", "True", "None")

_BY_ANNOTATION: Final = {
    "int": _INTS, "float": _FLOATS, "bool": ("True", "False"), "str": _TEXTS, "list": _INT_LISTS,
    "list[int]": _INT_LISTS, "list[float]": _FLOAT_LISTS, "list[str]": _TEXT_LISTS,
    "list[list[int]]": _MATRICES, "list[list[float]]": _MATRICES, "None": ("None",),
    "tuple": ("(1, 2)", "()"), "object": _ANYTHING,
}  # fmt: skip
_INT_OPERATORS: Final = (ast.LShift, ast.RShift, ast.BitAnd, ast.BitOr, ast.BitXor, ast.Mod)


def positional(definition: ast.FunctionDef) -> list[str]:
    """Names of the parameters that can be passed by position."""
    return [item.arg for item in (*definition.args.posonlyargs, *definition.args.args)]


def evidence(definition: ast.FunctionDef) -> list[Case]:
    """Guessed calls of a function, at most MAX_CASES, the likeliest first."""
    parameters = definition.args
    plain = [*parameters.posonlyargs, *parameters.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(parameters.defaults))
    defaults += parameters.defaults
    pools = [
        _pool(definition, item, default) for item, default in zip(plain, defaults, strict=True)
    ]
    named = [
        (item.arg, _pool(definition, item, None)[0])
        for item, default in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True)
        if default is None
    ]
    calls = (
        join(definition.name, [*((None, text) for text in values), *named])
        for values in _combinations(pools)
    )
    unique = dict.fromkeys(islice(calls, MAX_CASES))
    return [Case(definition.name, call, "evidence") for call in unique]


def _combinations(pools: list[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """The first of each pool, then all in step, then every combination."""
    if pools:
        for turn in range(max(map(len, pools))):
            yield tuple(pool[turn % len(pool)] for pool in pools)
    yield from product(*pools)


def _pool(
    definition: ast.FunctionDef, parameter: ast.arg, default: ast.expr | None
) -> tuple[str, ...]:
    if parameter.annotation is not None:
        known = _BY_ANNOTATION.get(ast.unparse(parameter.annotation).replace("typing.", "").lower())
        if known is not None:
            return known
    if isinstance(default, ast.Constant) and default.value is not None:
        known = _BY_ANNOTATION.get(type(default.value).__name__)
        if known is not None:
            return known
    uses = {use for node in ast.walk(definition) for use in _uses(node, parameter.arg)}
    if "nested" in uses:
        return (*_MATRICES, *_INT_LISTS)
    if "sequence" in uses:
        return (*_INT_LISTS[:2], *_FLOAT_LISTS[:1], *_TEXTS[:1], *_TEXT_LISTS[:1], "[]")
    if "int" in uses:
        return _INTS
    if "number" in uses:
        return (*_INTS[:2], *_FLOATS[:2], *_INTS[2:], *_FLOATS[2:])
    return _ANYTHING


def _uses(node: ast.AST, name: str) -> Iterator[str]:
    """What one node shows about the variable `name`."""

    def named(item: ast.AST) -> bool:
        return isinstance(item, ast.Name) and item.id == name

    match node:
        case ast.Subscript(value=ast.Subscript(value=inner)) if named(inner):
            yield "nested"
        case ast.Subscript(value=value, slice=index):
            if named(value):
                yield "sequence"
            if named(index):
                yield "int"
        case ast.For(iter=iterated) | ast.comprehension(iter=iterated) if named(iterated):
            yield "sequence"
        case ast.Call(func=ast.Name(id="range"), args=args) if any(map(named, args)):
            yield "int"
        case ast.Call(func=ast.Name(id="len" | "enumerate" | "sorted"), args=args):
            if any(map(named, args)):
                yield "sequence"
        case ast.BinOp(left=left, op=op, right=right) if named(left) or named(right):
            yield "int" if isinstance(op, _INT_OPERATORS) else "number"
        case ast.Compare(left=left, comparators=others):
            if named(left) or any(map(named, others)):
                yield "number"
        case _:
            return
