"""`pyvorin-thin report -- COMMAND`: profile, then compile, verify and time the hot functions. No
account, no service.

With the compiler on this machine every hot function gets a measured gain and a verdict. Without it
the shares are shown, and what would be needed for the rest.
"""

import argparse
from collections.abc import Iterable, Sequence
from typing import Any

from pyvorin_wire.value import Value

from pyvorin_thin import local, profile
from pyvorin_thin.cli import output
from pyvorin_thin.profile import Hot


class Row(Value):
    """One hot function and what compiling did for it; `ratio` None if not measured."""

    hot: Hot
    verdict: str
    ratio: float | None
    inputs: int


def run(options: argparse.Namespace) -> int:
    words = options.program[1:] if options.program[:1] == ["--"] else options.program
    found = profile.profile(words, limit=options.top)
    if found.exit_code:
        output.say(f"note: the program ended with exit code {found.exit_code}")
    rows = _judge(found.functions)
    gain = _whole(rows)
    document = {
        "total_ms": round(found.total_s * 1000),
        "functions": [_document(row) for row in rows],
        "estimated_gain": f"{gain:.2f}",
        "compiler": local.is_installed(),
    }
    output.data(document, _text(found, rows, gain), options.format)
    return 1 if options.fail_under and gain < options.fail_under else 0


def _judge(functions: Sequence[Hot]) -> list[Row]:
    """Ask the compiler about each file that holds a hot function."""
    if not local.is_installed():
        return [Row(hot, "needs the compiler to say", None, 0) for hot in functions]
    rows = []
    reports = {file: _report_of(file) for file in dict.fromkeys(hot.file for hot in functions)}
    for hot in functions:
        entry = reports[hot.file].get((hot.line, hot.name))
        rows.append(_row(hot, entry))
    return rows


def _report_of(file: str) -> dict[tuple[int, str], dict[str, Any]]:
    """(line of `def`, last part of the name) → the compiler's entry."""
    done = local.run("report", [file, "--on-unsupported", "keep-python"])
    listed: Iterable[dict[str, Any]] = done.document.get("report", {}).get("functions", ())
    return {(entry["line"], entry["name"].rpartition(".")[2]): entry for entry in listed}


def _row(hot: Hot, entry: dict[str, Any] | None) -> Row:
    if entry is None:
        return Row(hot, "not looked at by the compiler", None, 0)
    inputs = int(entry.get("checks", {}).get("agreed", 0))
    ratio = float(entry["gain"]["ratio"]) if "gain" in entry else None
    if entry["verdict"] == "native":
        return Row(hot, "adopt (exact)" if ratio else "compiles (not measured)", ratio, inputs)
    reason = f"leave in Python ({entry['code']})" if entry["code"] else "leave in Python"
    return Row(hot, reason, None, inputs)


def _whole(rows: Sequence[Row]) -> float:
    """Estimated gain of the whole run by Amdahl's law, over measured functions only."""
    saved = sum(
        row.hot.share * (1 - 1 / row.ratio)
        for row in rows
        if row.ratio and row.verdict.startswith("adopt")
    )
    return 1 / (1 - min(saved, 0.999))


def _text(found: profile.Profile, rows: Sequence[Row], gain: float) -> str:
    covered = sum(row.hot.share for row in rows)
    head = (
        f"ran {found.total_s:.2f} s under the profiler; these functions are {covered:.0%} of it\n"
    )
    lines = [("function", "share", "own time", "gain", "inputs", "verdict")]
    for row in rows:
        ratio = f"{row.ratio:.1f}x" if row.ratio else "-"
        place = f"{row.hot.file}:{row.hot.line} {row.hot.name}"
        inputs = str(row.inputs) if row.inputs else "-"
        lines.append(
            (place, f"{row.hot.share:.0%}", f"{row.hot.own_s:.3f} s", ratio, inputs, row.verdict)
        )
    text = head + output.table(lines)
    if not local.is_installed():
        return (
            text + "for measured gains: pip install pyvorin (nothing leaves this machine), or "
            "a service: pyvorin-thin activate\n"
        )
    return text + f"whole run, estimated: {gain:.2f}x\n"


def _document(row: Row) -> dict[str, Any]:
    return {
        "file": row.hot.file,
        "line": row.hot.line,
        "name": row.hot.name,
        "share": f"{row.hot.share:.4f}",
        "own_ms": round(row.hot.own_s * 1000),
        "calls": row.hot.calls,
        "gain": f"{row.ratio:.2f}" if row.ratio else None,
        "inputs": row.inputs,
        "verdict": row.verdict,
    }
