"""What keeps the benchmark's functions from native code: the compiler's work list.

    python bench/blockers.py [PROGRAM …]

Two lists, each sorted by the number of programs concerned. The first: constructs for which a whole
function stays in Python, found by `pyvorin check`, with what the compiler itself gave as its reason
where the last build of a program is at hand (`make bench-ours`). The second: places that native
code leaves to the interpreter, of which those on each pass of a loop are the dear ones. `share` is
the part of the programs' lines (bench/coverage.py) that lie in the functions concerned, added up
over the programs: 1.00 is all of one program. Writes bench/results/blockers.json too.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import coverage
import peers
import run
from workloads import Workload


@dataclass(frozen=True, slots=True)
class Finding:
    """One construct at one place. `whole`: the function stays in Python because of it."""

    program: str
    function: str
    line: int
    code: str
    message: str
    whole: bool

    @property
    def construct(self) -> str:
        """The message without names the program chose; those of methods and builtins stay."""
        return self.message if self.code in NAMED else NAMES.sub("…", self.message)


@dataclass(slots=True)
class Blocker:
    """A construct with everything it concerns."""

    code: str
    message: str
    programs: dict[str, list[str]] = field(default_factory=dict)
    share: float = 0.0

    def add(self, finding: Finding) -> None:
        self.programs.setdefault(finding.program, []).append(f"{finding.function}:{finding.line}")


def main(arguments: Sequence[str]) -> int:
    chosen = [w for w in run.WORKLOADS if w.program in arguments or not arguments]
    weights = {w.program: coverage.weights(w) for w in chosen}
    _, ours = peers.find(run.QUICK)[0][:2]
    findings = [finding for workload in chosen for finding in find(ours, workload)]
    lists = {
        "functions that stay in Python": blockers([f for f in findings if f.whole], weights),
        "places left to the interpreter": blockers([f for f in findings if not f.whole], weights),
    }
    for title, rows in lists.items():
        print(f"{title}\n\n{table(rows)}")
    run.RESULTS.mkdir(exist_ok=True)
    document = {title: [asdict(row) for row in rows] for title, rows in lists.items()}
    Path(run.RESULTS, "blockers.json").write_text(json.dumps(document, indent=1) + "\n")
    return 0


def find(ours: peers.Peer, workload: Workload) -> Iterator[Finding]:
    """Everything `pyvorin check` says about a program, then what only its last build knows."""
    source = peers.source_of(workload)
    if source is None:
        print(f"not looked at: {workload.program}: pyperformance is missing", file=sys.stderr)
        return
    command = [str(Path(sys.executable).with_name("pyvorin")), "check", str(source)]
    answer = subprocess.run([*command, "--format", "json"], capture_output=True, text=True)
    blocked = set()
    for item in json.loads(answer.stdout)["diagnostics"]:
        whole = item["severity"] == "error" or item["code"] in WHOLE
        blocked |= {item["function"]} if whole else set()
        line = (item["span"] or {}).get("line", 0)
        function, message = item["function"], item["message"]
        if of_class := METHODS.match(message):
            function, message = of_class[1], "methods of a class stay in Python"
        yield Finding(workload.program, function, line, item["code"], message, whole)
    for row in _built(ours, workload, source):
        if row["verdict"] != "native" and row["name"] not in blocked:
            reason = row["reason"] or row["verdict"]
            yield Finding(workload.program, row["name"], row["line"], row["code"], reason, True)


NAMED = {"PYV130", "PYV131"}
"""Codes whose message names a method or a builtin, which is the construct."""
NAMES = re.compile(r"`[^`]*`(, `[^`]*`)*|(?<=closure )\w+(, \w+)*")
METHODS = re.compile(r"the .*method.* of class `(\w+)`")
WHOLE = {"PYV120"}
"""Findings about a class: its methods stay in Python, though no single function is at fault."""


def _built(ours: peers.Peer, workload: Workload, source: Path) -> list[dict[str, Any]]:
    """The functions of the last build, unless the compiler or the program changed since."""
    built = peers.kept(ours, workload, source)
    if not isinstance(built, peers.Built):
        return []
    rows: list[dict[str, Any]] = built.report.get("functions") or []
    return rows


def blockers(findings: list[Finding], weights: dict[str, dict[str, int]]) -> list[Blocker]:
    """Group by code and message; most programs first, then the greater share of their work."""
    rows: dict[tuple[str, str], Blocker] = {}
    concerned: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for finding in findings:
        key = (finding.code, finding.construct)
        rows.setdefault(key, Blocker(*key)).add(finding)
        concerned.setdefault(key, set()).add((finding.program, finding.function))
    for key, functions in concerned.items():
        rows[key].share = sum(_part(weights[program], function) for program, function in functions)
    return sorted(rows.values(), key=lambda row: (-len(row.programs), -row.share, row.code))


def _part(weight: dict[str, int], function: str) -> float:
    """The part of a program's lines in a function, or in the methods of a class of that name."""
    mine = sum(n for name, n in weight.items() if name.split(".")[0] == function.split(".")[0])
    return mine / (sum(weight.values()) or 1)


def table(rows: list[Blocker]) -> str:
    lines = ["programs  share  code    construct"]
    for row in rows:
        lines.append(f"{len(row.programs):8}  {row.share:5.2f}  {row.code:<6}  {row.message}")
        for program, places in row.programs.items():
            lines.append(f"{'':25}{program}: {', '.join(places)}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
