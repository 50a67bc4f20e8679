"""Every code that the product can print has a page: what it means, why, an example, a way out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pyvorin.diagnostics import CODES as COMPILER
from pyvorin.diagnostics import page
from pyvorin_server.builds.codes import CODES as SERVICE
from pyvorin_thin.codes import CODES as CLIENT
from pyvorin_thin.endings import ENDINGS

PACKAGES = Path(__file__).parent.parent / "packages"
CODE = re.compile(r"PYV\d{3}")


def printed() -> dict[str, Path]:
    """Each code that any package's source names, and a file that does."""
    files = PACKAGES.rglob("src/**/*.py")
    return {code: path for path in files for code in CODE.findall(path.read_text())}


@pytest.mark.parametrize("code", sorted(printed()))
def test_every_code_that_is_printed_has_a_page(code: str) -> None:
    assert code in COMPILER.keys() | CLIENT.keys() | ENDINGS.keys(), printed()[code]


def test_each_code_is_declared_once() -> None:
    tables = [set(COMPILER), set(CLIENT), set(ENDINGS)]
    assert sum(map(len, tables)) == len(set.union(*tables))


@pytest.mark.parametrize("code", sorted(COMPILER))
def test_a_page_of_the_compiler_has_all_its_parts(code: str) -> None:
    row = COMPILER[code]
    for part in (row.slug, row.title, row.meaning, row.why, row.example, row.instead):
        assert part.strip()
    headings = re.findall(r"^## (.+)$", page(code), re.MULTILINE)
    assert headings == ["What it means", "Why", "Example", "Instead"]


@pytest.mark.parametrize("code", sorted([*CLIENT, *ENDINGS]))
def test_a_page_of_the_client_has_all_its_parts(code: str) -> None:
    row = (CLIENT | ENDINGS)[code]
    for part in (row.slug, row.title, row.what, row.why, row.example, row.do):
        assert part.strip()
    assert row.what.endswith(".")
    assert row.do.endswith(".")


def test_whatever_ends_a_job_can_be_explained_without_the_compiler() -> None:
    assert {code for code in SERVICE if code not in COMPILER} <= ENDINGS.keys()
