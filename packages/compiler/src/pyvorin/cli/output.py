"""What the command prints: findings in four formats, and refusals as one sentence."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pyvorin_wire.diagnostic import Diagnostic, Severity, Span
from pyvorin_wire.render import (
    Rule,
    render_github,
    render_json,
    render_sarif,
    render_text,
    visible,
)

from pyvorin.cli.arguments import VERSION
from pyvorin.diagnostics import CODES
from pyvorin.errors import RefusedError

EXPLAIN: Final = "pyvorin explain"


def findings(
    diagnostics: Sequence[Diagnostic],
    sources: Mapping[str, str],
    style: str,
) -> str:
    """The findings in a format; every format holds all of them."""
    match style:
        case "json":
            return render_json(diagnostics)
        case "sarif":
            rules = {code: Rule(row.title) for code, row in CODES.items()}
            return render_sarif(diagnostics, tool="pyvorin", version=VERSION, rules=rules)
        case "github":
            return render_github(diagnostics)
    return render_text(diagnostics, sources, colour=coloured(sys.stdout), explain=EXPLAIN)


def document(diagnostics: Sequence[Diagnostic], **members: Any) -> str:
    """Findings and more as one JSON document; the findings as in `render_json`."""
    whole = json.loads(render_json(diagnostics))
    return json.dumps({**whole, **members}, indent=2, sort_keys=True) + "\n"


def coloured(stream: Any) -> bool:
    """Whether to colour: on a terminal, unless NO_COLOR is set (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def complain(error: RefusedError) -> None:
    """Say on standard error why a file or a request is refused, with the place if there is one."""
    place = f"{_place(error.span)}: " if error.span else ""
    print(f"pyvorin: {place}{visible(error.message)}", file=sys.stderr)
    if error.excerpt:
        print(error.excerpt, file=sys.stderr)
    if error.hint:
        print(f"  help: {visible(error.hint)}", file=sys.stderr)


def excerpt(span: Span, source: str) -> str:
    """The line of a place with carets under it, as in every other finding."""
    item = Diagnostic("PYV100", Severity.ERROR, "", span)
    lines = render_text([item], {span.file: source}, explain="").splitlines()
    return "\n".join(lines[2:])


def _place(span: Span) -> str:
    return f"{visible(span.file)}:{span.line}:{span.col + 1}"


def count(diagnostics: Sequence[Diagnostic]) -> str:
    """Such as "2 errors, 1 note"."""
    words = []
    for severity in Severity:
        number = sum(item.severity is severity for item in diagnostics)
        if number:
            plural = "s" if number > 1 and severity in (Severity.ERROR, Severity.WARNING) else ""
            words.append(f"{number} {severity.value}{plural}")
    return ", ".join(words) or "no findings"
