"""Findings about characters that make source look like something else than what Python reads.

    characters("tоtal = 1\\n", page)   (with a Cyrillic о)   →  [PYV105 at 1:1]

Direction controls anywhere in the file (PYV104, CVE-2021-42574), and names that mix alphabets or
that Python normalises to another spelling (PYV105, Unicode TR 36 and 39). Compiled code answers as
CPython does either way; a reader should know.
"""

from __future__ import annotations

import io
import re
import tokenize
import unicodedata
from collections.abc import Iterator
from typing import Final

from pyvorin_wire.diagnostic import Diagnostic, Span

from pyvorin.frontend.page import Page

_DIRECTION: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ALIKE: Final = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"})
_ONE_ALPHABET: Final = "spell the name with plain letters of one alphabet, everywhere it is used"


def characters(source: str, page: Page) -> list[Diagnostic]:
    """All of them, in source order; the first place of each name only."""
    if source.isascii():
        return []
    return [*_directions(source, page), *_names(source, page)]


def _directions(source: str, page: Page) -> Iterator[Diagnostic]:
    for number, line in enumerate(source.split("\n"), 1):
        for match in _DIRECTION.finditer(line):
            name = unicodedata.name(match[0]).lower()
            span = Span(page.path, number, match.start(), number, match.end())
            yield page.finding(
                "PYV104",
                span,
                f"this line holds the invisible character U+{ord(match[0]):04X}, {name}",
                help=(f"write it as the escape \\u{ord(match[0]):04x}, or remove it",),
            )


def _names(source: str, page: Page) -> Iterator[Diagnostic]:
    seen = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        name = token.string
        if token.type != tokenize.NAME or name.isascii() or name in seen:
            continue
        seen.add(name)
        message = _objection(name)
        if message:
            (line, start), (end_line, end) = token.start, token.end
            span = Span(page.path, line, start, end_line, end)
            yield page.finding("PYV105", span, message, help=(_ONE_ALPHABET,))


def _objection(name: str) -> str:
    plain = unicodedata.normalize("NFKC", name)
    if plain != name:
        return f"`{name}` is the name `{plain}` to Python"
    alphabets = {unicodedata.name(char, "").split(" ")[0] for char in name if char.isalpha()}
    mixed = sorted(alphabets & _ALIKE)
    if len(mixed) > 1:
        return f"`{name}` mixes {' and '.join(word.title() for word in mixed)} letters"
    return ""
