"""Which builtins and functions of `math` have a native form, and what to write instead of others.

The list is for diagnostics only; `infer.calls` decides call by call. A test keeps them together.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from pyvorin_wire.diagnostic import Applicability, Suggestion

NATIVE_BUILTINS = frozenset(
    [
        "abs",
        "bool",
        "chr",
        "divmod",
        "float",
        "hash",
        "int",
        "len",
        "max",
        "min",
        "ord",
        "pow",
        "range",
        "round",
    ]
)
DYNAMIC_BUILTINS = frozenset({"eval", "exec", "locals"})  # a function that uses one has no IR
MATH_OF_ITERABLES = frozenset({"fsum", "prod", "sumprod", "dist"})  # not native

ADVICE: dict[str, str] = {
    "all": "loop, and return False at the first item that is false",
    "any": "loop, and return True at the first item that is true",
    "dict": "make the dict in the caller",
    "enumerate": "loop over `range(len(items))` and read `items[i]`",
    "input": "read input in the caller and pass the value",
    "isinstance": "write one function for each class of argument",
    "list": "make the list in the caller and pass it in",
    "map": "loop and call the function yourself",
    "open": "read the file in the caller and pass its contents",
    "print": "return the values and print them in the caller, or print after the loop",
    "reversed": "count an index down: `range(len(items) - 1, -1, -1)`",
    "set": "make the set in the caller",
    "sorted": "sort in the caller and pass the result",
    "str": "return the number and make the text in the caller",
    "sum": "add in a loop (from Python 3.12 `sum` rounds floats differently from a loop)",
    "tuple": "write the elements: `(a, b)`",
    "zip": "loop over `range(min(len(a), len(b)))` and read both by index",
}


def rewrite_loop(node: ast.For) -> Suggestion | None:
    """A `for` over `enumerate`, `reversed` or `zip` of names as a `for` over `range`."""
    match node.iter:
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _LOOPS:
            if args and all(isinstance(argument, ast.Name) for argument in args):
                plus = _LOOPS[name](node.target, [ast.unparse(argument) for argument in args])
                if plus:
                    minus = f"for {_target(node.target)} in {ast.unparse(node.iter)}:"
                    return Suggestion(
                        "loop over indices (the same for lists, tuples and strings that do not "
                        "change meanwhile)",
                        Applicability.MAYBE,
                        diff=(f"- {minus}", *(f"+ {line}" for line in plus)),
                    )
    return None


def _target(target: ast.expr) -> str:
    return ast.unparse(target).removeprefix("(").removesuffix(")")


def _enumerate(target: ast.expr, names: list[str]) -> list[str]:
    match target, names:
        case ast.Tuple(elts=[ast.Name(id=index), item]), [items]:
            first = f"for {index} in range(len({items})):"
            return [first, f"    {_target(item)} = {items}[{index}]"]
    return []


def _reversed(target: ast.expr, names: list[str]) -> list[str]:
    if len(names) != 1:
        return []
    (items,) = names
    first = f"for i in range(len({items}) - 1, -1, -1):"
    return [first, f"    {_target(target)} = {items}[i]"]


def _zip(target: ast.expr, names: list[str]) -> list[str]:
    match target:
        case ast.Tuple(elts=parts) if len(parts) == len(names) > 1:
            lengths = ", ".join(f"len({name})" for name in names)
            reads = [f"    {_target(p)} = {n}[i]" for p, n in zip(parts, names, strict=True)]
            return [f"for i in range(min({lengths})):", *reads]
    return []


_LOOPS: dict[str, Callable[[ast.expr, list[str]], list[str]]] = {
    "enumerate": _enumerate,
    "reversed": _reversed,
    "zip": _zip,
}
