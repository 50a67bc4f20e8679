"""The report of a build: `NAME.pyv.json`, and the table a person sees.

Canonical JSON (`pyvorin_wire.canonical`), so no floats: seconds and ratios are decimal text.

    {"format": 1,
     "source": "app.py",                     as given on the command line
     "python": "3.12",                       the minor it was built for and under
     "seed": 32570,                          of the neighbours
     "functions": [
       {"name": "luhn",                      qualified
        "line": 12,                          of its `def`
        "verdict": "native",                 or "python" (kept), or "rejected" (stops the build)
        "code": "", "reason": "",            why not native: a diagnostic code and a sentence
        "checks": {                          absent when nothing was checked
          "agreed": 204, "raised": 31,       calls both sides answered alike; of those, exceptions
          "origins": {"doctest": 2, …},      where the agreed calls came from
          "dropped": {"time": 3, …},         calls left out on both sides, and why
          "native": {"entries": 260, …}},    the native side's own counters
        "gain": {                            absent when nothing was measured
          "cpython_s": "0.000009120", "native_s": "0.000000510", "ratio": "17.88",
          "call": "luhn('…')", "recorded": true, "loops": 220, "rounds": 7},
        "sites": [{"line": 14, "reason": …}]}]}   where only the interpreter goes on

A member is only ever added; `format` changes if one has to go.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pyvorin_wire import canonical

from pyvorin.check.gain import Gain
from pyvorin.check.run import Tally

FORMAT: Final = 1

Report = dict[str, Any]


def assemble(
    rows: Sequence[Mapping[str, Any]],
    *,
    path: str,
    seed: int,
    tallies: Mapping[str, Tally],
    gains: Mapping[str, Gain],
    left: Mapping[str, tuple[str, str]],
) -> Report:
    """The whole report: a row a function, with the counts, the gains, and what was left in Python.

    `left` maps a function that could be native and is not to its (code, reason).
    """
    functions = []
    for given in rows:
        entry = {"code": "", "reason": "", **given}
        name = entry["name"]
        if name in left:
            entry |= {"verdict": "python", "code": left[name][0], "reason": left[name][1]}
        if name in tallies and entry["verdict"] == "native":
            entry["checks"] = tallies[name].to_json()
        if name in gains:
            entry["gain"] = gains[name].to_json()
        functions.append(entry)
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {
        "format": FORMAT,
        "source": path,
        "python": python,
        "seed": seed,
        "functions": functions,
    }


def encode(report: Report) -> bytes:
    """The bytes of `NAME.pyv.json`: canonical JSON and a line break."""
    return canonical.dumps(report) + b"\n"


def table(report: Report) -> str:
    """One line a function: verdict, gain, times, checked calls; then one line that adds them up."""
    rows = [_row(entry) for entry in report["functions"]]
    if not rows:
        return "no functions\n"
    header = ("function", "verdict", "gain", "CPython", "native", "checked")
    widths = [max(len(row[i]) for row in (header, *(r[:6] for r in rows))) for i in range(6)]
    lines = [_line(header, widths)]
    for row in rows:
        lines.append(f"{_line(row[:6], widths)}  {row[6]}".rstrip())
    return "\n".join(lines) + "\n\n" + summary(report) + "\n"


def summary(report: Report) -> str:
    """How many functions became native, and on how many calls they agree with CPython."""
    functions = report["functions"]
    native = [entry for entry in functions if entry["verdict"] == "native"]
    agreed = sum(entry.get("checks", {}).get("agreed", 0) for entry in native)
    text = f"{len(native)} of {len(functions)} functions native"
    kept = sum(entry["verdict"] == "python" for entry in functions)
    rejected = sum(entry["verdict"] == "rejected" for entry in functions)
    text += f", {kept} kept in Python" if kept else ""
    text += f", {rejected} rejected" if rejected else ""
    if not native:
        return text
    return text + (f"; exact on {agreed:,} checked calls" if agreed else "; not checked")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, verdict, *figures = cells
    aligned = [f"{first:<{widths[0]}}", f"{verdict:<{widths[1]}}"]
    aligned += [f"{cell:>{width}}" for cell, width in zip(figures, widths[2:], strict=True)]
    return "  ".join(aligned).rstrip()


def _row(entry: Mapping[str, Any]) -> tuple[str, ...]:
    gain, checks = entry.get("gain"), entry.get("checks")
    ratio = f"{_three_digits(float(gain['ratio']))}x" if gain else "-"
    times = [duration(float(gain[side])) if gain else "-" for side in ("cpython_s", "native_s")]
    checked = f"{checks['agreed']:,}" if checks else "-"
    why = " ".join(part for part in (entry["code"], entry["reason"]) if part)
    return (entry["name"], entry["verdict"], ratio, *times, checked, why)


def _three_digits(number: float) -> str:
    return (
        f"{number:.0f}" if number >= 100 else f"{number:.1f}" if number >= 10 else f"{number:.2f}"
    )


def duration(seconds: float) -> str:
    """Three digits with a unit: 0.0000123 is 12.3 µs."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{_three_digits(seconds / size)} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def exactness(name: str, tally: Tally) -> str:
    """The statement for one function: what was compared, where the calls came from."""
    origins = ", ".join(f"{origin} {count:,}" for origin, count in tally.origins.most_common())
    dropped = sum(tally.dropped.values())
    text = f"`{name}` agrees with CPython on {tally.agreed:,} calls ({origins})"
    text += f", {tally.raised:,} of them raising" if tally.raised else ""
    return text + (f"; {dropped:,} left out" if dropped else "")
