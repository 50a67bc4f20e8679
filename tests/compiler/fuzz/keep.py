"""Programs that once differed, reduced and kept: `kept/NAME.py`, run by the ordinary tests for
ever.

    def f0(p0):                the reduced program
        return p0 + 1

    # call example f0(1)       its calls, in order, with their origin
    # call neighbour f0(True)
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from pyvorin.check.case import Case

from tests.compiler.fuzz.programs import Program

FOLDER = Path(__file__).parent / "kept"
_MARK = "# call "


def load(file: Path) -> Program:
    """Read a kept program."""
    text = file.read_text(encoding="utf-8")
    source, *calls = text.split(_MARK)
    cases = [line.strip().split(" ", 1) for line in calls]
    found = [Case(call.partition("(")[0], call, origin) for origin, call in cases]
    return Program(-1, source, tuple(found))


def save(program: Program, why: str, folder: Path = FOLDER) -> Path:
    """Write a program where the tests find it."""
    folder.mkdir(exist_ok=True)
    file = folder / f"seed_{program.seed}.py"
    note = "".join(f"# {line}\n" for line in why.splitlines()[:3])
    calls = "".join(f"{_MARK}{case.origin} {case.call}\n" for case in program.cases)
    file.write_text(f"{note}{program.source.rstrip()}\n\n{calls}", encoding="utf-8")
    return file


def reduce(program: Program, fails: Callable[[Program], bool], budget_s: float = 60.0) -> Program:
    """A smaller program that still fails: fewer calls, then fewer statements, within the budget."""
    until = time.monotonic() + budget_s
    program = _fewer_calls(program, fails, until)
    shrinking = True
    while shrinking and time.monotonic() < until:
        shrinking = False
        for candidate in _smaller(program):
            if time.monotonic() > until:
                break
            if fails(candidate):
                program, shrinking = candidate, True
                break
    return program


def _fewer_calls(program: Program, fails: Callable[[Program], bool], until: float) -> Program:
    size = max(1, len(program.cases) // 2)
    while time.monotonic() < until:
        for start in range(0, len(program.cases), size):
            cases = program.cases[:start] + program.cases[start + size :]
            candidate = replace(program, cases=cases)
            if cases and fails(candidate):
                program = candidate
                break
        else:
            if size == 1:
                break
            size //= 2
    return program


def _smaller(program: Program) -> Iterator[Program]:
    """The program without one statement, or with a compound statement replaced by its body."""
    count = sum(len(block) for block in _blocks(ast.parse(program.source)))
    for number in range(count):
        for hoist in (False, True):
            tree = ast.parse(program.source)
            if _edit(tree, number, hoist):
                yield replace(program, source=ast.unparse(tree) + "\n")


def _blocks(tree: ast.AST) -> list[list[ast.stmt]]:
    blocks: list[list[ast.stmt]] = []
    for node in ast.walk(tree):
        for field in ("body", "orelse"):
            block = getattr(node, field, None)
            if isinstance(block, list):
                blocks.append(block)
    return blocks


def _edit(tree: ast.AST, number: int, hoist: bool) -> bool:
    """Remove statement `number`, or put its body in its place; False if that changes nothing."""
    for block in _blocks(tree):
        if number >= len(block):
            number -= len(block)
            continue
        statement = block[number]
        if hoist:
            body = getattr(statement, "body", None)
            if not body or isinstance(statement, ast.FunctionDef):
                return False
            block[number : number + 1] = body
        elif isinstance(statement, ast.Pass):
            return False
        else:
            del block[number]
            if not block and block is not getattr(tree, "body", None):
                block.append(ast.Pass())
        return True
    return False
