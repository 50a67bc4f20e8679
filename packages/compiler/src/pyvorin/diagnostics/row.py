"""A row of the table of codes, and how rows are declared."""

from __future__ import annotations

from textwrap import dedent
from typing import Final, NamedTuple

from pyvorin_wire.diagnostic import Severity


class Code(NamedTuple):
    """A row of the table. `example` and `instead` are Python source or prose."""

    code: str
    slug: str
    severity: Severity
    title: str
    meaning: str
    why: str
    example: str
    instead: str


CODES: Final[dict[str, Code]] = {}


def declare(
    code: str,
    slug: str,
    severity: Severity,
    title: str,
    *,
    meaning: str,
    why: str,
    example: str,
    instead: str,
) -> None:
    texts = [" ".join(dedent(part).split()) for part in (meaning, why)]
    blocks = [dedent(part).strip("\n") for part in (example, instead)]
    CODES[code] = Code(code, slug, severity, title, texts[0], texts[1], blocks[0], blocks[1])
