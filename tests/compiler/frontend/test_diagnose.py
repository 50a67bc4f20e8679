"""Findings about source: golden Markdown, agreement with the front end, positions, pages."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest
from pyvorin.diagnostics import CODES, find, page
from pyvorin.frontend.build import build_function
from pyvorin.frontend.diagnose import diagnose
from pyvorin.frontend.native import ALIASES, NATIVE_BUILTINS, NATIVE_OF_MODULES
from pyvorin_wire.diagnostic import Severity

from tests.compiler.frontend.compare import CORPUS

GOLDEN = Path(__file__).parent / "golden"
_BLOCK = re.compile(r"```python\n(.*?)```", re.S)
_MARK = re.compile(r"# (error|warning|note): \[(PYV\d{3})\]")


def golden() -> Iterator[tuple[str, str]]:
    for path in sorted(GOLDEN.glob("*.md")):
        for section in path.read_text().split("\n## ")[1:]:
            (source,) = _BLOCK.findall(section)
            yield f"{path.stem}: {section.splitlines()[0]}", source


BLOCKS = dict(golden())


@pytest.mark.parametrize("source", BLOCKS.values(), ids=BLOCKS)
def test_findings_are_where_the_page_says(source: str) -> None:
    expected = sorted(
        (number, severity, code)
        for number, line in enumerate(source.splitlines(), 1)
        for severity, code in _MARK.findall(line)
    )
    found = [
        (item.span.line, item.severity.value, item.code)
        for item in diagnose(source, "golden.py")
        if item.span
    ]
    assert sorted(found) == expected


@pytest.mark.parametrize("source", BLOCKS.values(), ids=BLOCKS)
def test_an_error_is_exactly_what_the_front_end_refuses(source: str) -> None:
    tree = ast.parse(source)
    keep = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = ast.Module([node for node in tree.body if isinstance(node, keep)], [])
    for node in functions.body:
        assert isinstance(node, keep)
        node.decorator_list.clear()
    names: dict[str, Any] = {}
    exec(compile(functions, "golden.py", "exec"), names)
    wrong = {
        item.function for item in diagnose(source, "golden.py") if item.severity is Severity.ERROR
    }
    for name, function in names.items():
        if isinstance(function, FunctionType):
            assert (build_function(function).function is None) == (name in wrong), name


def test_every_severity_is_that_of_its_code() -> None:
    for source in BLOCKS.values():
        for item in diagnose(source, "golden.py"):
            assert item.severity is CODES[item.code].severity
            assert item.slug == CODES[item.code].slug
            assert len(item.message) <= 90
            assert item.help


def test_all_language_codes_have_a_golden_case() -> None:
    shown = {code for source in BLOCKS.values() for _, code in _MARK.findall(source)}
    elsewhere = {"PYV100", "PYV102", "PYV103"}  # made by `pyvorin.build` and `pyvorin.source`
    assert shown == {code for code in CODES if code.startswith("PYV1")} - elsewhere


def test_spans_count_characters() -> None:
    (item,) = diagnose('def f(a):\n    return "äöü", a.__doc__\n', "x.py")
    assert item.span is not None
    assert (item.span.col, item.span.end_col) == (18, 27)


def test_only_wanted_functions_are_looked_at() -> None:
    source = "def f(a):\n    return a.__doc__\ndef g(a):\n    return a.__doc__\n"
    found = diagnose(source, "x.py", lambda name: name == "g")
    assert [item.function for item in found] == ["g"]


def test_findings_say_whether_they_are_in_a_loop() -> None:
    source = "def f(a, n):\n    b = a.__doc__\n    while n:\n        n -= a.__doc__\n    return b\n"
    before, inside = diagnose(source, "x.py")
    assert "next pass" in before.result
    assert "each pass" in inside.result


def test_pages_have_the_fixed_headings() -> None:
    for code, row in CODES.items():
        text = page(code)
        assert re.findall(r"^## (.*)$", text, re.M) == [
            "What it means",
            "Why",
            "Example",
            "Instead",
        ]
        assert row.code == code
        assert find(row.slug) is row
        assert find(code.lower()) is row
    assert len({row.slug for row in CODES.values()}) == len(CODES)
    assert find("PYV999") is None


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_programs_that_leave_nothing_have_no_errors(path: Path) -> None:
    found = diagnose(path.read_text(), path.name)
    assert [item for item in found if item.severity is Severity.ERROR] == []


def test_native_builtins_are_those_that_inference_plans() -> None:
    calls = pytest.importorskip("pyvorin.infer.program").calls
    planned = {name.partition(":")[0] for of, name in calls.ROWS if of == ""} | calls.PURE_BUILTINS
    assert planned == NATIVE_BUILTINS


def test_native_functions_of_modules_are_those_that_inference_plans() -> None:
    calls = pytest.importorskip("pyvorin.infer.program").calls
    planned = {*calls.ROWS, *((of, name) for of, names in calls.PURE.items() for name in names)}
    library = pytest.importorskip("pyvorin.types").LIBRARY
    named = {
        (library[module], name) for module, names in NATIVE_OF_MODULES.items() for name in names
    }
    assert named == {row for row in planned if row[0] not in ("", "math")}
    for module, names in NATIVE_OF_MODULES.items():
        found = {getattr(importlib.import_module(module), name).__module__ for name in names}
        assert found == {library[module]}
    for (module, alias), name in ALIASES.items():
        assert getattr(importlib.import_module(module), alias).__name__ == name


def test_functions_of_modules_that_are_native_are_not_mentioned() -> None:
    source = """
import heapq as hq, heapq, bisect
from bisect import insort as put, bisect as place

def f(heap, x):
    hq.heappush(heap, heapq.heappop(heap))
    put(heap, x)
    least = heapq.nsmallest(2, heap)
    return place(heap, x), bisect.bisect_left(heap, x), bisect.bisect(heap, x), least
"""
    found = [item.message for item in diagnose(source, "x.py")]
    assert len(found) == 2
    assert "nsmallest" in found[0]
    assert "bisect.bisect" in found[1]
