"""The report of a build as a table: what became native, how much it gained, what stays Python.

The report's form is the compiler's (`NAME.pyv.json`). It comes from a service, so nothing in it is
taken for granted: a figure that is none is shown as missing, control characters not at all.
"""

import math
from collections.abc import Mapping
from typing import Any

from pyvorin_thin.cli import output

HEADER = ("function", "CPython", "native", "gain", "inputs agreed", "")


def of_report(report: Mapping[str, Any]) -> str:
    """The table, and a line that adds it up; "" without functions."""
    listed = report.get("functions")
    entries = (
        [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    )
    if not entries:
        return ""
    native = [entry for entry in entries if entry.get("verdict") == "native"]
    inputs = sum(agreed(entry) for entry in native)
    text = output.table([HEADER, *(_row(entry) for entry in entries)])
    return f"{text}{len(native)} of {len(entries)} functions native, exact on {inputs:,} inputs\n"


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    times = tuple(duration(seconds(entry, side)) for side in ("cpython_s", "native_s"))
    found = ratio(entry)
    gain = f"{found:.1f}x" if found is not None else "-"
    if entry.get("verdict") == "native":
        return (_plain(entry.get("name")), *times, gain, f"{agreed(entry):,}", "")
    why = " ".join(_plain(entry.get(part)) for part in ("code", "reason"))
    return (_plain(entry.get("name")), *times, gain, "-", f"stays in Python: {why}".rstrip(": "))


def agreed(entry: Mapping[str, Any]) -> int:
    """On how many inputs both sides agreed."""
    checks = entry.get("checks")
    number = checks.get("agreed") if isinstance(checks, dict) else 0
    return number if isinstance(number, int) else 0


def ratio(entry: Mapping[str, Any]) -> float | None:
    """The measured gain; None if there is none."""
    return _figure(entry, "ratio")


def seconds(entry: Mapping[str, Any], side: str) -> float | None:
    """The time of one call on `cpython_s` or `native_s`; None if it was not measured."""
    return _figure(entry, side)


def _figure(entry: Mapping[str, Any], name: str) -> float | None:
    gain = entry.get("gain")
    try:
        figure = float(gain[name]) if isinstance(gain, dict) else math.nan
    except (KeyError, TypeError, ValueError):
        return None
    return figure if math.isfinite(figure) else None


def duration(value: float | None) -> str:
    """Three digits with a unit: 0.0000123 is 12.3 µs."""
    if value is None:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def _plain(text: Any) -> str:
    return "".join(char for char in str(text or "") if char.isprintable())
