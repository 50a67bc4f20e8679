"""Run every program under every peer, alternating, and print ratios; `make bench`.

    python bench/run.py [PROGRAM …] [--ours] [--resume] [--rounds 7]

`--ours` is for work on the compiler: CPython, ours and C only, built again only where the compiler
changed. Results are written after every program; `--resume` goes on where a run was stopped, and
measures those again whose program, compiler or peers changed. Each row is from one run.

For each program all peers are started, warmed up, and then called in turn, round after round, so
that whatever slows the machine slows all of them. The figure is the median of the rounds. The
answer of every call is compared with CPython's, type and text; a peer that is wrong once gets no
speed-up for that program. Prints a table and writes text and JSON to bench/results: `latest` for
all programs under all peers, `ours` and `some` for less. See bench/README.md for how to read it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import select
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import coverage
import peers
import published
import report
import workloads
from workloads import CALL, Workload

WORKLOADS = (*workloads.WORKLOADS, *published.WORKLOADS)
RESULTS = peers.ROOT / "bench/results"
WORKER = peers.ROOT / "bench/worker.py"
REPLY_LIMIT_S = 180
WARM_UP_CALLS = 3
CALLS = 300_000
QUICK = ("CPython", peers.OURS, "C")


@dataclass(slots=True)
class Outcome:
    """What one peer did with one program; times in seconds, memory and size in bytes."""

    peer: str
    problem: str = ""
    answer: str = ""
    cold_s: float = 0.0
    warm_s: list[float] = field(default_factory=list)
    build_s: float = 0.0
    size_bytes: int = 0
    memory_bytes: int = 0
    functions: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def median_s(self) -> float | None:
        return statistics.median(self.warm_s) if self.warm_s and not self.problem else None


def _environment(peer: peers.Peer) -> dict[str, str]:
    """Every worker finds pyperf, which the published programs import, and nothing else of ours."""
    return {**os.environ, "PYTHONPATH": str(peers.PUBLISHED), **peer.environment}


class Failed(Exception):
    """A peer could not load or run a program; the text says why."""


class Runner:
    """A worker process of one peer, and the outcome it is filling."""

    def __init__(self, peer: peers.Peer, workload: Workload) -> None:
        self.outcome = Outcome(peer.name)
        self.process: subprocess.Popen[str] | None = None
        built = peers.build(peer, workload)
        if isinstance(built, peers.Unavailable):
            self.outcome.problem = f"not built: {built.reason}"
            return
        self.outcome.build_s, self.outcome.size_bytes = built.seconds, built.size_bytes
        self.outcome.report = built.report
        self.process = subprocess.Popen(
            [str(peer.python), str(WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=_environment(peer),
        )
        self.ask(
            do="load",
            folder=built.folder,
            program=workload.program,
            function=workload.function,
            arguments=repr(workload.arguments),
            mode=peer.mode,
            driver=bool(workload.origin),
        )

    def ask(self, **command: Any) -> dict[str, Any]:
        """Send one command; a failure ends this peer's part and yields an empty answer."""
        if self.outcome.problem or self.process is None:
            return {}
        try:
            return _exchange(self.process, command)
        except Failed as failure:
            self.outcome.problem = str(failure)
            return {}

    def call(self, warm: bool) -> None:
        reply = self.ask(do="run")
        if not reply:
            return
        if not self.outcome.answer:
            self.outcome.answer, self.outcome.cold_s = reply["answer"], reply["seconds"]
        if reply["answer"] != self.outcome.answer:
            self.outcome.problem = "answers differ from call to call"
        if warm:
            self.outcome.warm_s.append(reply["seconds"])

    def finish(self) -> Outcome:
        facts = self.ask(do="facts")
        self.outcome.memory_bytes = facts.get("memory_bytes", 0)
        self.outcome.functions = facts.get("functions", {})
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
        return self.outcome


def _exchange(process: subprocess.Popen[str], command: dict[str, Any]) -> dict[str, Any]:
    assert process.stdin
    assert process.stdout
    try:
        process.stdin.write(json.dumps(command) + "\n")
        process.stdin.flush()
    except OSError as error:
        raise Failed("crashed") from error
    if not select.select([process.stdout], [], [], REPLY_LIMIT_S)[0]:
        raise Failed(f"no answer within {REPLY_LIMIT_S} s")
    line = process.stdout.readline()
    if not line:
        raise Failed(f"crashed (exit {process.wait()})")
    reply: dict[str, Any] = json.loads(line)
    if "error" in reply:
        raise Failed(reply["error"])
    return reply


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="run every program under every peer")
    parser.add_argument("programs", nargs="*", help="only these")
    parser.add_argument("--ours", action="store_true", help="CPython, ours and C only")
    parser.add_argument("--resume", action="store_true", help="keep rows of unchanged inputs")
    parser.add_argument("--rounds", type=int, default=7, help="timed calls a peer, at least 5")
    options = parser.parse_args(arguments)
    if unknown := set(options.programs) - {w.program for w in WORKLOADS}:
        parser.error(f"no such program: {', '.join(sorted(unknown))}")
    chosen = [w for w in WORKLOADS if w.program in options.programs or not options.programs]
    found, missing = peers.find(QUICK if options.ours else ())
    for name, reason in missing.items():
        print(f"missing: {name}: {reason.reason}", file=sys.stderr)
    name = "ours" if options.ours else "some" if options.programs else "latest"
    file = RESULTS / f"{name}.json"
    earlier = _earlier(file) if options.resume else {}
    RESULTS.mkdir(exist_ok=True)
    rounds = max(options.rounds, 5)
    document = {
        "machine": report.machine(),
        "rounds": rounds,
        "peers": {peer.name: peer.version for peer in found},
        "missing": {name: reason.reason for name, reason in missing.items()},
        "measured": {},
        "calls": [],
    }
    for workload in chosen:
        inputs = hashlib.sha256(f"{rounds} {peers.inputs(found, workload)}".encode()).hexdigest()
        row = earlier.get(workload.program, {})
        if row.get("inputs") != inputs:
            row = {"inputs": inputs, **_measured(found, workload, rounds)}
        document["measured"][workload.program] = row
        file.write_text(json.dumps(document, indent=1) + "\n")
    if not options.programs:
        document["calls"] = [asdict(outcome) for outcome in measure_calls(found, rounds)]
    file.write_text(json.dumps(document, indent=1) + "\n")
    text = report.text(document)
    file.with_suffix(".txt").write_text(text)
    print(text, end="")
    return 0


def _earlier(file: Path) -> dict[str, Any]:
    """The rows of an earlier run, by program."""
    if not file.exists():
        return {}
    rows: dict[str, Any] = json.loads(file.read_text()).get("measured", {})
    return rows


def _measured(found: list[peers.Peer], workload: Workload, rounds: int) -> dict[str, Any]:
    return {
        "category": workload.category,
        "weights": coverage.weights(workload),
        "outcomes": [asdict(outcome) for outcome in measure(found, workload, rounds)],
    }


def measure(found: list[peers.Peer], workload: Workload, rounds: int) -> list[Outcome]:
    """Run one program under all peers, alternating; the first peer's answer is the right one."""
    print(f"running: {workload.program}", file=sys.stderr, flush=True)
    runners = [Runner(peer, workload) for peer in found]
    for number in range(WARM_UP_CALLS + rounds):
        for runner in runners:
            runner.call(warm=number >= WARM_UP_CALLS)
    outcomes = [runner.finish() for runner in runners]
    right = outcomes[0].answer
    for outcome in outcomes:
        if not outcome.problem and outcome.answer != right:
            outcome.problem = f"wrong: {outcome.answer}"
    return outcomes


def measure_calls(found: list[peers.Peer], rounds: int) -> list[Outcome]:
    """Time one call of the smallest function from a Python loop; C has no such call."""
    print("running: cost of a call", file=sys.stderr, flush=True)
    runners = [Runner(peer, CALL) for peer in found if peer.mode != "c"]
    for number in range(1 + rounds):
        for runner in runners:
            reply = runner.ask(do="calls", count=CALLS)
            if reply and number:
                runner.outcome.warm_s.append(reply["seconds"] / CALLS)
    return [runner.finish() for runner in runners]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
