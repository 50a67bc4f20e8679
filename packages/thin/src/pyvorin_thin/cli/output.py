"""How results reach people and machines. Standard output is data; everything for people goes to
standard error."""

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any


def data(document: Mapping[str, Any], text: str, style: str) -> None:
    """Write a result: the document as JSON, or its text."""
    if style == "json":
        import json  # most answers are text, and it takes long to import

        text = json.dumps({"schema_version": 1, **document}, indent=2, sort_keys=True) + "\n"
    sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")


def say(text: str) -> None:
    """A line for the person, on standard error."""
    print(text, file=sys.stderr)


def colour(stream: Any) -> bool:
    """Colour only on a terminal, and never against the user's will (NO_COLOR, TERM=dumb);
    FORCE_COLOR asks for it."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"


def table(rows: Iterable[tuple[str, ...]]) -> str:
    """Left-aligned columns, two spaces apart."""
    listed = list(rows)
    if not listed:
        return ""
    widths = [max(len(row[i]) for row in listed) for i in range(len(listed[0]))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in listed
    )
    return "\n".join(line.rstrip() for line in lines) + "\n"
