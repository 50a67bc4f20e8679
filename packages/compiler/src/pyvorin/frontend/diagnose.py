"""Findings about a module's source, in Python's terms: what is not compiled, where, what to write.

    diagnose("def f(v):\\n    return sum(x * x for x in v)\\n", "app.py")
        →  [PYV118 at 2:15 …]

Every construct outside the supported language has its code. An *error* is a construct for which
`frontend.build` refuses the whole function (`tests/compiler/frontend/test_diagnose.py` holds the
two together); a *warning* is a place that native code leaves to the interpreter. All findings of
all functions come in one run, in source order. Nothing is executed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from pyvorin_wire.diagnostic import Diagnostic

from pyvorin.check.definitions import LEFT, is_plain_method
from pyvorin.frontend.characters import characters
from pyvorin.frontend.page import Page
from pyvorin.frontend.scope import module_names, top_functions
from pyvorin.frontend.walk import FunctionFindings


def diagnose(
    source: str, path: str, wanted: Callable[[str], bool] = lambda name: True
) -> list[Diagnostic]:
    """Find all there is to say about the functions that `wanted` accepts, and the module's top.

    Raises SyntaxError for source that does not parse.
    """
    tree = ast.parse(source, path)
    page = Page(source, path)
    names = module_names(tree)
    found = characters(source, page) + _module_findings(tree, page)
    for function in top_functions(tree.body):
        if wanted(function.name):
            found += FunctionFindings(function, names, page).run()
    return sorted(found, key=_position)


def _position(item: Diagnostic) -> tuple[int, int, str]:
    return (item.span.line, item.span.col, item.code) if item.span else (0, 0, item.code)


def _module_findings(tree: ast.Module, page: Page) -> list[Diagnostic]:
    found: list[Diagnostic] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found += _class_findings(node, page)
        elif isinstance(node, ast.For | ast.While):
            found.append(
                page.finding(
                    "PYV136",
                    page.span(node, first_line=True),
                    "a loop at module level stays in Python",
                    help=("put it into a function and call that",),
                )
            )
    return found


def _class_findings(node: ast.ClassDef, page: Page) -> list[Diagnostic]:
    methods = [m for m in node.body if isinstance(m, ast.FunctionDef) and m.name not in LEFT]
    left = [f"`{method.name}`" for method in methods if not is_plain_method(method)]
    if not left:
        return []
    verb = "stay" if left[1:] else "stays"
    return [
        page.finding(
            "PYV120",
            page.span(node, first_line=True),
            f"of class `{node.name}`, {', '.join(left)} {verb} in Python",
            help=("move the loop to a plain method or function and call that",),
        )
    ]
