"""Diagnostics for people and for machines: the same findings as text, JSON, SARIF 2.1.0 or GitHub
annotations.

    error[PYV101]: `eval` builds code at run time, so this function cannot be compiled ahead of time
      --> etl/rules.py:41:16
       41 |     return eval(rule, {}, row)
          |            ^^^^ text comes from parameter `rule`
       = result: `apply` not compiled
       = help: parse once, dispatch many
       = more: pyvorin-thin explain PYV101

The source excerpt comes from the reader's own file (`sources`), never over the wire. Columns are
shown from 1. Control and bidirectional characters of the source are escaped: what is shown is what
is there.
"""

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pyvorin_wire.diagnostic import Diagnostic, Severity, Span, Suggestion

SCHEMA_VERSION: Final = 1
MAX_LINE: Final = 160  # characters of a source line that are shown
_SARIF_LEVEL: Final = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.PERF: "note",
    Severity.NOTE: "note",
    Severity.OK: "none",
}
_GITHUB_LEVEL: Final = {Severity.ERROR: "error", Severity.WARNING: "warning"}
_COLOUR: Final = {
    Severity.ERROR: "\x1b[1;31m",
    Severity.WARNING: "\x1b[1;33m",
    Severity.PERF: "\x1b[1;35m",
    Severity.NOTE: "\x1b[1;36m",
    Severity.OK: "\x1b[1;32m",
}
_RESET: Final = "\x1b[0m"


class Rule(NamedTuple):
    """What SARIF says about a code."""

    title: str
    url: str = ""


def render_text(
    diagnostics: Iterable[Diagnostic],
    sources: Mapping[str, str],
    *,
    colour: bool = False,
    explain: str = "pyvorin-thin explain",
) -> str:
    """Text for a terminal, one blank line between findings, a line break at the end unless
    empty."""
    lines_of = {file: text.splitlines() for file, text in sources.items()}
    blocks = [
        "\n".join(_block(diagnostic, lines_of, colour, explain)) for diagnostic in diagnostics
    ]
    return "\n\n".join(blocks) + "\n" if blocks else ""


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """One JSON document: `{"schema_version": 1, "diagnostics": […]}`."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "diagnostics": [item.to_json() for item in diagnostics],
    }
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def render_sarif(
    diagnostics: Iterable[Diagnostic], *, tool: str, version: str, rules: Mapping[str, Rule]
) -> str:
    """SARIF 2.1.0 (OASIS), columns from 1."""
    found = list(diagnostics)
    codes = sorted({item.code for item in found})
    driver = {
        "name": tool,
        "version": version,
        "rules": [_sarif_rule(code, rules.get(code)) for code in codes],
    }
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_sarif_result(d) for d in found],
            }
        ],
    }
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    """GitHub Actions workflow commands, one line a finding."""
    return "".join(_github_line(item) + "\n" for item in diagnostics)


def visible(text: str) -> str:
    """Escape control, bidirectional and other invisible characters, so that text cannot move the
    cursor or reorder the line."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if _is_harmless(char) else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def _is_harmless(char: str) -> bool:
    return unicodedata.category(char)[0] not in "C" and char not in "\u2028\u2029"


def _block(
    diagnostic: Diagnostic, lines_of: Mapping[str, Sequence[str]], colour: bool, explain: str
) -> list[str]:
    head = f"{diagnostic.severity.value}[{diagnostic.code}]"
    if colour:
        head = f"{_COLOUR[diagnostic.severity]}{head}{_RESET}"
    lines = [f"{head}: {visible(diagnostic.message)}"]
    if diagnostic.span is not None:
        lines.append(f"  --> {_place(diagnostic.span)}")
        lines += _excerpt(diagnostic.span, diagnostic.label, "^", lines_of)
    for label in diagnostic.secondary:
        if diagnostic.span is None or label.span.file != diagnostic.span.file:
            lines.append(f"  ::: {_place(label.span)}")
        lines += _excerpt(label.span, label.text, "-", lines_of)
    return lines + _remarks(diagnostic, explain)


def _remarks(diagnostic: Diagnostic, explain: str) -> list[str]:
    lines = [f"   = result: {visible(diagnostic.result)}"] if diagnostic.result else []
    lines += [f"   = {visible(note)}" for note in diagnostic.notes]
    lines += [f"   = help: {visible(text)}" for text in diagnostic.help]
    for suggestion in diagnostic.suggestions:
        lines += _suggestion(suggestion)
    if diagnostic.severity is not Severity.OK and explain:
        lines.append(f"   = more: {explain} {diagnostic.code}")
    return lines


def _suggestion(suggestion: Suggestion) -> list[str]:
    lines = [f"   = help ({suggestion.applicability.value}): {visible(suggestion.text)}"]
    lines += [f"       {visible(line)}" for line in suggestion.diff]
    lines += [
        f"       + {visible(line)}"
        for edit in suggestion.edits
        for line in edit.replacement.splitlines()
    ]
    return lines


def _place(span: Span) -> str:
    return visible(span.file) + (f":{span.line}:{span.col + 1}" if span.line else "")


def _excerpt(span: Span, text: str, mark: str, lines_of: Mapping[str, Sequence[str]]) -> list[str]:
    """The first line of the span, underlined. A span over several lines is underlined to the end of
    its first."""
    lines = lines_of.get(span.file, ())
    if not 1 <= span.line <= len(lines):
        return [f"      = {visible(text)}"] if text else []
    line, start = lines[span.line - 1].expandtabs(1), span.col
    end = span.end_col if span.end_line == span.line else len(line)
    before, after = "", ""
    if len(line) > MAX_LINE:  # only what lies around the place
        cut = max(0, start - MAX_LINE // 2)
        before, after = "…" * bool(cut), "…" * (cut + MAX_LINE < len(line))
        line, start, end = line[cut : cut + MAX_LINE], start - cut, min(end - cut, MAX_LINE)
    lead, under = before + visible(line[:start]), visible(line[start:end])
    gutter = f"{span.line:>5}"
    underline = " " * _width(lead) + mark * max(1, _width(under))
    shown = f"{before}{visible(line)}{after}"
    return [f"{gutter} | {shown}", f"{'':>5} | {underline} {visible(text)}".rstrip()]


def _width(text: str) -> int:
    """Terminal cells: wide and full-width characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_cells(char) for char in text)


def _cells(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _sarif_rule(code: str, rule: Rule | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": code}
    if rule is not None:
        entry["shortDescription"] = {"text": rule.title}
        if rule.url:
            entry["helpUri"] = rule.url
    return entry


def _sarif_result(diagnostic: Diagnostic) -> dict[str, Any]:
    text = "\n".join(
        [diagnostic.message, *diagnostic.notes, *(f"help: {text}" for text in diagnostic.help)]
    )
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "level": _SARIF_LEVEL[diagnostic.severity],
        "message": {"text": text},
        "partialFingerprints": {
            "pyvorin/v1": f"{diagnostic.code}:{diagnostic.function}:{diagnostic.message}"
        },
    }
    if diagnostic.span is not None:
        result["locations"] = [_sarif_location(diagnostic.span)]
    if diagnostic.secondary:
        result["relatedLocations"] = [
            {**_sarif_location(label.span), "message": {"text": label.text}}
            for label in diagnostic.secondary
        ]
    return result


def _sarif_location(span: Span) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": span.file}}
    if span.line:
        physical["region"] = {
            "startLine": span.line,
            "startColumn": span.col + 1,
            "endLine": span.end_line,
            "endColumn": span.end_col + 1,
        }
    return {"physicalLocation": physical}


def _github_line(diagnostic: Diagnostic) -> str:
    level = _GITHUB_LEVEL.get(diagnostic.severity, "notice")
    fields = {"title": diagnostic.code}
    if diagnostic.span is not None:
        span = diagnostic.span
        fields = {
            "file": span.file,
            "line": str(span.line or 1),
            "col": str(span.col + 1),
            **fields,
        }
    joined = ",".join(
        f"{name}={_github_escape(value, fields=True)}" for name, value in fields.items()
    )
    text = diagnostic.message + (f" ({diagnostic.help[0]})" if diagnostic.help else "")
    return f"::{level} {joined}::{_github_escape(text)}"


def _github_escape(text: str, *, fields: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if fields else text
