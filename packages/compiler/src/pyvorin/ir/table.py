"""Plain-text tables for the command line."""

from __future__ import annotations

from collections.abc import Iterator

Row = tuple[str, ...]


def table(rows: list[Row], numbers: int) -> str:
    """Columns padded to their widest cell; the first `numbers` of them to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join(f"{'  '.join(_cells(row, widths, numbers)).rstrip()}\n" for row in rows)


def _cells(row: Row, widths: list[int], numbers: int) -> Iterator[str]:
    for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
        yield cell.rjust(width) if place < numbers else cell.ljust(width)
