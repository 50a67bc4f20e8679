"""A table of what was recorded, for the command line."""

from __future__ import annotations

from collections.abc import Mapping

from pyvorin.ir.model import Function
from pyvorin.ir.table import Row, table
from pyvorin.record.profile import FunctionProfile


def recorded(function: Function, profile: FunctionProfile) -> str:
    """The classes recorded for each value, and for its elements."""
    rows: list[Row] = [("value", "name", "classes", "elements")]
    for block in function.blocks:
        for value in (*block.params, *(value for op in block.ops for value in op.results)):
            classes = _counts(profile.values.get(value.id, {}))
            if classes:
                elements = _counts(profile.elements.get(value.id, {}))
                rows.append((repr(value), value.hint, classes, elements))
    return table(rows, numbers=0)


def _counts(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count}" for name, count in ordered)
