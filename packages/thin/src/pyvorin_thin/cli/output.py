"""How results reach people and machines. Standard output is data; everything for people goes to
standard error."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from pyvorin_wire import render
from pyvorin_wire.diagnostic import Diagnostic, Severity

from pyvorin_thin import codes
from pyvorin_thin.cli.arguments import VERSION
from pyvorin_thin.errors import ThinError


def data(document: Mapping[str, Any], text: str, style: str) -> None:
    """Write a result: the document as JSON, or its text."""
    if style == "json":
        text = json.dumps({"schema_version": 1, **document}, indent=2, sort_keys=True) + "\n"
    sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")


def say(text: str) -> None:
    """A line for the person, on standard error."""
    print(text, file=sys.stderr)


def findings(found: Iterable[Diagnostic], sources: Mapping[str, str], style: str) -> None:
    """Write diagnostics to standard output in one of the four formats."""
    listed = list(found)
    match style:
        case "json":
            text = render.render_json(listed)
        case "sarif":
            text = render.render_sarif(listed, tool="pyvorin-thin", version=VERSION, rules=_rules())
        case "github":
            text = render.render_github(listed)
        case _:
            text = render.render_text(listed, sources, colour=colour(sys.stdout))
    sys.stdout.write(text)


def is_refusal(error: Exception) -> bool:
    return isinstance(error, ThinError)


def complain(error: ThinError, style: str) -> int:
    """Show a refusal where the format wants it; the exit code."""
    diagnostics = list(error.diagnostics) or [diagnostic_of(error)]
    if style == "text":
        text = render.render_text(diagnostics, {}, colour=colour(sys.stderr))
        sys.stderr.write(text)
        if error.diagnostics:
            say(f"pyvorin-thin: {error.message}")
    else:
        findings(diagnostics, {}, style)
    return int(error.exit_code)


def diagnostic_of(error: ThinError) -> Diagnostic:
    slug = codes.CODES[error.code].slug if error.code in codes.CODES else ""
    code = error.code if error.code[:3] == "PYV" else "PYV837"
    return Diagnostic(code, Severity.ERROR, error.message, help=error.help, slug=slug)


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


def _rules() -> dict[str, render.Rule]:
    return {code: render.Rule(entry.title) for code, entry in codes.CODES.items()}
