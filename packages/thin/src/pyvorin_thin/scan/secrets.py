"""Find credentials in source text, by a table of rules (`credential_rules.toml`).

Lines are read as they stand, and once more with each text constant as Python would join it, so that
`"AKIA" "…"`, `"AKIA" + "…"` and escapes hide nothing.

A rule matches a prefix or a form; its value must then look random: at least `entropy` bits a
character, and no placeholder such as `EXAMPLE` or `xxxx`. Keywords are looked for first, so a text
without any is read once. Patterns are linear-time (no nested repetition), lines over 10,000
characters are cut.

The finding shows the rule, the line and a redacted prefix, never the value. A line is allowed with
a reason: `# pyv: allow-secret[reason]`.
"""

import ast
import math
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Final

from pyvorin_wire.diagnostic import Diagnostic, Severity, Span
from pyvorin_wire.value import Value

from pyvorin_thin import events

MAX_LINE: Final = 10_000
ALLOW: Final = re.compile(r"#\s*pyv:\s*allow-secret\[([^\]]{3,200})\]")
_PLACEHOLDER: Final = re.compile(
    r"example|placeholder|changeme|your[_-]?|dummy|redacted|xxxx|\*\*\*\*|0000000|1234567", re.I
)


class Rule(Value):
    """`keywords` are lower case, one must be on the line; group 1 of `pattern` is the value (or the
    whole match)."""

    id: str
    title: str
    pattern: re.Pattern[str]
    keywords: tuple[str, ...]
    entropy: float


@cache
def rules() -> tuple[Rule, ...]:
    """The table, compiled once."""
    table = tomllib.loads((files("pyvorin_thin.scan") / "credential_rules.toml").read_text("utf-8"))
    return tuple(
        Rule(r["id"], r["title"], re.compile(r["pattern"]), tuple(r["keywords"]), r["entropy"])
        for r in table["rule"]
    )


def scan(file: str, text: str) -> Iterator[Diagnostic]:
    """One finding a line and rule. Allowed lines are recorded in the local log instead."""
    lines = text.splitlines()
    seen = set()
    for number, column, shown in (
        *((i, None, line) for i, line in enumerate(lines, 1)),
        *joined(text),
    ):
        allowed = ALLOW.search(lines[number - 1])
        for rule, start, end in matches(shown[:MAX_LINE]):
            if column is not None:
                if (number, rule.id) in seen:
                    continue
                end, start = end - start + column, column
            seen.add((number, rule.id))
            if allowed:
                events.record("secret-allowed", rule=rule.id, line=number, reason=allowed[1])
                continue
            yield _finding(file, number, start, end, rule, lines[number - 1][start : start + 4])


def joined(text: str) -> Iterator[tuple[int, int, str]]:
    """(line, column, the line as it would be with the constant in one piece) for each text constant
    that is not in the source as it is."""
    try:
        tree = ast.parse(text)
        constants = [(node, _constant(node)) for node in ast.walk(tree)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    lines = text.splitlines()
    for node, value in constants:
        if value and value not in text and isinstance(node, ast.expr):
            before = lines[node.lineno - 1].encode()[: node.col_offset].decode(errors="ignore")
            for part in value.splitlines():
                yield node.lineno, len(before), f'{before}"{part}"'


def _constant(node: ast.AST) -> str | None:
    """The text of a constant or of constants that are added."""
    match node:
        case ast.Constant(value=str() as value):
            return value
        case ast.Constant(value=bytes() as data):
            return data.decode("latin-1")
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            one, other = _constant(left), _constant(right)
            return None if one is None or other is None else one + other
    return None


def matches(line: str) -> Iterator[tuple[Rule, int, int]]:
    """(rule, start, end) of each credential on a line; the first rule wins where they overlap."""
    lowered = line.lower()
    taken: list[tuple[int, int]] = []
    for rule in rules():
        if not any(word in lowered for word in rule.keywords):
            continue
        for match in rule.pattern.finditer(line):
            group = 1 if rule.pattern.groups else 0
            start, end = match.span(group)
            if _is_random(match[group], rule.entropy) and not any(
                start < e and s < end for s, e in taken
            ):
                taken.append((start, end))
                yield rule, start, end


def entropy(text: str) -> float:
    """Shannon entropy in bits a character."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values()) if text else 0.0


def _is_random(value: str, floor: float) -> bool:
    return entropy(value) >= floor and not _PLACEHOLDER.search(value)


def _finding(file: str, line: int, start: int, end: int, rule: Rule, prefix: str) -> Diagnostic:
    hidden = end - start - len(prefix)
    return Diagnostic(
        "PYV811",
        Severity.ERROR,
        f"line {line} looks like {rule.title}; nothing was sent",
        Span(file, line, start, line, end),
        label=f'"{prefix}…" ({hidden} characters hidden), rule {rule.id}',
        help=("remove it, or `# pyv: allow-secret[reason]` on that line (logged)",),
        slug="secret-found",
    )
