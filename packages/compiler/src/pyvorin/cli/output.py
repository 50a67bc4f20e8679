"""What the command prints: findings in four formats; a refusal is one sentence, or one finding."""

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


def emit(text: str) -> None:
    """Write the result. Raises RefusedError if standard output is a file on a full disk."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RefusedError(f"cannot write the output: {reason}", code="PYV703") from None


def complain(error: RefusedError, style: str = "text") -> None:
    """Say why a file or a request is refused: on standard error for people, with the place if there
    is one; in any other format as a document on standard output, like every finding.
    """
    if style != "text":
        sys.stdout.write(findings([finding(error)], {}, style))
        return
    place = f"{_place(error.span)}: " if error.span else ""
    print(f"pyvorin: {place}{visible(error.message)} [{error.code}]", file=sys.stderr)
    if error.excerpt:
        print(error.excerpt, file=sys.stderr)
    if error.hint:
        print(f"  help: {visible(error.hint)}", file=sys.stderr)


def finding(error: RefusedError) -> Diagnostic:
    """The refusal as a diagnostic."""
    help_ = (error.hint,) if error.hint else ()
    slug = CODES[error.code].slug
    return Diagnostic(error.code, Severity.ERROR, error.message, error.span, help=help_, slug=slug)


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
