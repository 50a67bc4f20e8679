"""Diagnostics and refusals, in the format that was asked for."""

import sys
from collections.abc import Iterable, Mapping

from pyvorin_wire import render
from pyvorin_wire.diagnostic import Diagnostic, Severity

from pyvorin_thin import codes
from pyvorin_thin.cli.arguments import VERSION
from pyvorin_thin.cli.output import colour, say
from pyvorin_thin.errors import ThinError


def show(found: Iterable[Diagnostic], sources: Mapping[str, str], style: str) -> None:
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


def complain(error: ThinError, style: str) -> int:
    """Show a refusal where the format wants it; the exit code."""
    diagnostics = list(error.diagnostics) or [diagnostic_of(error)]
    if style == "text":
        sources = {error.span.file: error.source} if error.span else {}
        text = render.render_text(diagnostics, sources, colour=colour(sys.stderr))
        sys.stderr.write(text)
        if error.diagnostics:
            say(f"pyvorin-thin: {error.message}")
    else:
        show(diagnostics, {}, style)
    return int(error.exit_code)


def diagnostic_of(error: ThinError) -> Diagnostic:
    slug = codes.CODES[error.code].slug if error.code in codes.CODES else ""
    code = error.code if error.code[:3] == "PYV" else "PYV837"
    return Diagnostic(code, Severity.ERROR, error.message, error.span, help=error.help, slug=slug)


def internal(error: Exception) -> Diagnostic:
    """A fault of the client; its kind only, for a message may hold the program's data."""
    return Diagnostic("PYV900", Severity.ERROR, f"internal error: {type(error).__name__}")


def _rules() -> dict[str, render.Rule]:
    return {code: render.Rule(entry.title) for code, entry in codes.CODES.items()}
