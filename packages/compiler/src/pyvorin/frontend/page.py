"""Make diagnostics about places of one source file."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from pyvorin_wire.diagnostic import Diagnostic, Span, Suggestion

from pyvorin.diagnostics import CODES


class Page:
    """Makes diagnostics for one file. AST columns are bytes of UTF-8, spans count characters."""

    def __init__(self, source: str, path: str) -> None:
        self.path = path
        self.lines = [line.encode() for line in source.splitlines()]

    def span(self, node: ast.AST, *, first_line: bool = False) -> Span:
        """The place of a node; only its first line for a statement with a body."""
        assert isinstance(node, ast.stmt | ast.expr | ast.pattern | ast.arg | ast.ExceptHandler), (
            node
        )
        line, end = node.lineno, node.end_lineno or node.lineno
        column = self._column(line, node.col_offset)
        if first_line and end != line:
            return Span(self.path, line, column, line, len(self.lines[line - 1].decode()))
        return Span(self.path, line, column, end, self._column(end, node.end_col_offset or 0))

    def _column(self, line: int, offset: int) -> int:
        return len(self.lines[line - 1][:offset].decode(errors="replace"))

    def finding(
        self,
        code: str,
        span: Span,
        message: str,
        *,
        function: str = "",
        result: str = "",
        notes: Iterable[str] = (),
        help: Iterable[str] = (),
        suggestions: Iterable[Suggestion] = (),
    ) -> Diagnostic:
        row = CODES[code]
        return Diagnostic(
            code,
            row.severity,
            message,
            span,
            result=result,
            notes=tuple(notes),
            help=tuple(help),
            suggestions=tuple(suggestions),
            function=function,
            slug=row.slug,
        )
