"""A finding about the user's program, as the compiler emits it and every client shows it.

    Diagnostic("PYV101", Severity.ERROR, "`eval` builds code at run time, so this function cannot be
    compiled ahead of time",
               Span("etl/rules.py", 41, 15, 41, 19), label="text comes from parameter `rule`",
               help=("parse once, dispatch many",), result="`apply` not compiled")

Texts are lower case without a full stop, in Python's terms, values in backticks. What may never
change: member names and their meaning; new members come with a default.
"""

from enum import StrEnum
from typing import Final

from pyvorin_wire.record import Annotated, Check, Record

Code = Annotated[str, Check(pattern="PYV[0-9]{3}")]
Position = Annotated[int, Check(low=0, high=2**31)]
MAX_DIAGNOSTICS: Final = 10_000


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    PERF = "perf"
    NOTE = "note"
    OK = "ok"


class Applicability(StrEnum):
    """How far a suggestion may be trusted (rustc's four levels). Only MACHINE may be applied
    without a person."""

    MACHINE = "machine-applicable"
    MAYBE = "maybe-incorrect"
    PLACEHOLDERS = "has-placeholders"
    MANUAL = "manual"


class Span(Record):
    """Lines from 1; columns from 0 in characters; the end is exclusive. `line` 0 means the file as
    a whole."""

    file: str
    line: Position
    col: Position
    end_line: Position
    end_col: Position


class Label(Record):
    """A second place that explains the first: where a type or value came from."""

    span: Span
    text: str


class Edit(Record):
    """Replace the text of `span`."""

    span: Span
    replacement: Annotated[str, Check(high=100_000)]


class Suggestion(Record):
    """A rewrite. `edits` for tools, or `diff` (lines beginning with `-` or `+`) where it can only
    be shown."""

    text: str
    applicability: Applicability = Applicability.MANUAL
    edits: tuple[Edit, ...] = ()
    diff: tuple[str, ...] = ()


class Diagnostic(Record):
    """One finding. `message` is one searchable sentence; `result` what was or was not compiled;
    `notes` why; `help` what to do."""

    code: Code
    severity: Severity
    message: str
    span: Span | None = None
    label: str = ""
    secondary: tuple[Label, ...] = ()
    result: str = ""
    notes: tuple[str, ...] = ()
    help: tuple[str, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    function: str = ""
    slug: str = ""
