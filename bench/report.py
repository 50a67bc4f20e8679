"""Turn the benchmark's document into text: ratios, cost of a call, cost of building."""

from __future__ import annotations

import os
import platform
import statistics
from pathlib import Path
from typing import Any

import coverage

OURS = "Pyvorin"
REFERENCE = "CPython"


def machine() -> dict[str, Any]:
    """Name the machine: what a reader needs to judge the figures."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "load": round(os.getloadavg()[0], 1),
    }


def text(document: dict[str, Any]) -> str:
    """Return the whole report."""
    parts = [_heading(document), _ratios(document)]
    if document["calls"]:
        parts.append(_calls(document["calls"]))
    parts += [_costs(document), _problems(document)]
    return "\n".join(part for part in parts if part)


def _heading(document: dict[str, Any]) -> str:
    where = document["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in document["peers"].items())
    lines = [
        f"{where['processor']}, {where['cores']} cores, {where['system']}, load {where['load']}",
        versions,
        *(f"missing: {name}: {reason}" for name, reason in document["missing"].items()),
        f"CPU time of one call, median of {document['rounds']} after warm-up, peers alternating",
    ]
    return "\n".join(lines) + "\n"


def _ratios(document: dict[str, Any]) -> str:
    """How many times faster than CPython each peer is; means are over right answers only."""
    others = [name for name in document["peers"] if name != REFERENCE]
    head = ["program", REFERENCE, *others, "ours/C time", "native", "state"]
    rows = []
    overall: dict[str, list[float]] = {name: [] for name in others}
    measured = document["measured"]
    for category in dict.fromkeys(row["category"] for row in measured.values()):
        gains: dict[str, list[float]] = {name: [] for name in others}
        programs = [name for name, row in measured.items() if row["category"] == category]
        rows += [[category.upper(), *[""] * (len(head) - 1)]]
        for program in programs:
            rows.append(_program(program, measured[program], gains))
        rows += [_means(gains, len(programs)), [""] * len(head)]
        for name, more in gains.items():
            overall[name] += more
    rows.append(_means(overall, len(measured), "all programs"))
    counts = [f"{len(overall[name])} of {len(measured)}" for name in others]
    rows.append(["right answers", "", *counts, "", "", ""])
    return _table([head, *rows], words=1)


def _program(program: str, measured: dict[str, Any], gains: dict[str, list[float]]) -> list[str]:
    by_peer = {outcome["peer"]: outcome for outcome in measured["outcomes"]}
    base = _median(by_peer[REFERENCE])
    row = [program, "-" if base is None else f"{base * 1000:.1f} ms"]
    for name in gains:
        row.append(_gain(by_peer.get(name), base, gains[name]))
    native = _coverage(by_peer.get(OURS), measured["weights"])
    return [*row, _against_c(by_peer), native, _state(by_peer.get(OURS))]


def _means(gains: dict[str, list[float]], programs: int, name: str = "") -> list[str]:
    """Geometric means; a star where a peer has no right answer for some program of the row."""
    cells = [
        f"{statistics.geometric_mean(g):.2f}x{'' if len(g) == programs else '*'}" if g else "-"
        for g in gains.values()
    ]
    return [f"{name or 'geometric mean'}", "", *cells, "", "", ""]


def _gain(outcome: dict[str, Any] | None, base: float | None, gains: list[float]) -> str:
    median = _median(outcome) if outcome else None
    if outcome is None or base is None or not median:
        wrong = outcome is not None and outcome["problem"].startswith("wrong")
        without = outcome is not None and outcome["problem"].endswith("no twin")
        return "wrong" if wrong else "" if without else "failed"
    gains.append(base / median)
    return f"{base / median:.2f}x"


def _against_c(by_peer: dict[str, dict[str, Any]]) -> str:
    ours = _median(by_peer[OURS]) if OURS in by_peer else None
    twin = _median(by_peer["C"]) if "C" in by_peer else None
    return f"{ours / twin:.2f}" if ours and twin else "-"


def _coverage(outcome: dict[str, Any] | None, weights: dict[str, int]) -> str:
    if not outcome or outcome["problem"]:
        return "-"
    return f"{coverage.share(weights, outcome['functions']):.1%}"


def _state(outcome: dict[str, Any] | None) -> str:
    """How many functions are native, and the codes of those that stay in Python."""
    if not outcome:
        return ""
    rows = outcome["report"].get("functions", ())
    if not rows:
        return "no build" if outcome["problem"] else "python"
    native = sum(row["verdict"] == "native" for row in rows)
    codes = sorted({row["code"] or row["verdict"] for row in rows if row["verdict"] != "native"})
    return " ".join(["native" if not codes else f"{native} of {len(rows)} native", *codes])


def _calls(outcomes: list[dict[str, Any]]) -> str:
    """What calling the smallest function costs from a Python loop."""
    rows = [["one call", *(outcome["peer"] for outcome in outcomes)]]
    medians = [_median(outcome) for outcome in outcomes]
    rows.append(["", *map(_nanoseconds, medians)])
    return _table(rows)


def _nanoseconds(seconds: float | None) -> str:
    """Below a nanosecond the peer has inlined the call or removed it."""
    if seconds is None:
        return "failed"
    return f"{seconds * 1e9:.1f} ns" if seconds >= 1e-9 else "below 1 ns"


def _costs(document: dict[str, Any]) -> str:
    """What each peer costs besides running: medians over the programs."""
    rows = [["median", "build", "size", "first call", "memory"]]
    for name in document["peers"]:
        mine = [
            o for row in document["measured"].values() for o in row["outcomes"] if o["peer"] == name
        ]
        mine = [outcome for outcome in mine if not outcome["problem"]]
        if not mine:
            continue
        build_s, size, cold_s, memory = (
            statistics.median(outcome[key] for outcome in mine)
            for key in ("build_s", "size_bytes", "cold_s", "memory_bytes")
        )
        built = [f"{build_s:.2f} s", f"{size / 1024:.0f} KiB"] if size else ["-", "-"]
        rows.append([name, *built, f"{cold_s * 1000:.1f} ms", f"{memory / 2**20:.0f} MiB"])
    return _table(rows)


def _problems(document: dict[str, Any]) -> str:
    lines = []
    rows = [(name, row["outcomes"]) for name, row in document["measured"].items()]
    for program, outcomes in [*rows, ("call", document["calls"])]:
        for outcome in outcomes:
            if outcome["problem"] and not outcome["problem"].endswith("no twin"):
                lines.append(f"{outcome['peer']}, {program}: {outcome['problem'][:140]}")
    return "\n".join(lines) + "\n" if lines else ""


def _median(outcome: dict[str, Any]) -> float | None:
    return (
        statistics.median(outcome["warm_s"])
        if outcome["warm_s"] and not outcome["problem"]
        else None
    )


def _table(rows: list[list[str]], words: int = 0) -> str:
    """Columns: the first and the last `words` flush left, figures flush right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    left = {0, *range(len(widths) - words, len(widths))}
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"
