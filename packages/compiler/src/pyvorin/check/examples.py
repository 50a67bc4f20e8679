"""Calls that a person wrote down for the compiler: `pyvorin compile app.py --examples calls.py`.

    rows = [[1.5, 2.0], [0.0, -0.0]]          other statements run once, in the module, before
    norm(rows, scale=2)                       a call as a statement is representative as it stands
    for n in range(3): norm(rows[:n])         calls that other statements make are recorded
    {"function": "norm", "args": [[[1.5]]]}   or a file of JSON lines

Calls stay source: nothing is evaluated here (`collect` runs what is to be recorded).
"""

from __future__ import annotations

import ast
import json

from pyvorin.check.case import Case
from pyvorin.check.spell import spell_call


def examples(text: str, functions: frozenset[str]) -> tuple[list[Case], str]:
    """Calls in an examples file, and its other statements as setup. Raises ValueError naming the
    line.

    JSON lines `{"function": "f", "args": [1, [2.0]], "kwargs": {}}`, or Python whose expression
    statements are calls.
    """
    if text.lstrip().startswith(("{", "[")):
        return _json_examples(text, functions), ""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"not Python: {error}") from None
    cases: list[Case] = []
    setup: list[str] = []
    for statement in tree.body:
        match statement:
            case ast.Expr(value=ast.Call(func=ast.Name(id=name)) as call) if name in functions:
                cases.append(Case(name, _one_line(call), "example"))
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Expr() if not any(isinstance(n, ast.Call) for n in ast.walk(statement)):
                raise ValueError(f"line {statement.lineno}: neither a call nor a statement")
            case _:
                setup.append(ast.unparse(statement))
    return cases, "\n".join(setup)


def _one_line(call: ast.Call) -> str:
    text = ast.unparse(call)
    if "\n" in text:
        raise ValueError(f"line {call.lineno}: a call with a multi-line string has to escape it")
    return text


def _json_examples(text: str, functions: frozenset[str]) -> list[Case]:
    cases: list[Case] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
            name, args, kwargs = item["function"], item.get("args", []), item.get("kwargs", {})
            call = spell_call(name, args, kwargs, {})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"line {number}: {error}") from None
        if name not in functions:
            raise ValueError(f"line {number}: no function `{name}` in the module")
        cases.append(Case(name, call, "example"))
    return cases
