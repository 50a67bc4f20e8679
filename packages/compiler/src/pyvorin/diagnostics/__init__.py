"""The diagnostic codes PYV1xx to PYV7xx and PYV9xx: each is declared once, in this package.

A code never changes its meaning and is never used again. `page` is what `pyvorin explain CODE`
prints, under fixed headings. Severities: an *error* keeps its function from being compiled, or
stops the build; a *warning* is a place that only the interpreter executes (the answer is the same,
the time is CPython's); a *note* costs nothing.

    1xx language   2xx types   3xx exact numbers   4xx control flow
    5xx speed      6xx verification                7xx packaging    9xx internal

Trust, licence and network (8xx), and what a service's build can end with, are the client's codes.
"""

from __future__ import annotations

from textwrap import indent

from pyvorin.diagnostics import build as _build
from pyvorin.diagnostics import language as _language
from pyvorin.diagnostics.row import CODES, Code

__all__ = ["CODES", "Code", "find", "page"]
_DECLARING = (_language, _build)  # imported for the rows they declare


def page(code: str) -> str:
    """The explanation of a code as Markdown. Raises KeyError for an unknown one."""
    row = CODES[code]
    sections = (
        ("What it means", row.meaning),
        ("Why", row.why),
        ("Example", indent(row.example, "    ")),
        ("Instead", indent(row.instead, "    ") if "\n" in row.instead else row.instead),
    )
    text = f"# {row.code} {row.slug}: {row.title}\n\nSeverity: {row.severity}\n"
    return text + "".join(f"\n## {heading}\n\n{body}\n" for heading, body in sections)


def find(word: str) -> Code | None:
    """A code by its number, in either case, or by its slug."""
    named = word.upper()
    return CODES.get(named) or next((row for row in CODES.values() if row.slug == word), None)
