"""`python -m tests.compiler.fuzz`: many programs, one process, a line now and then, a record in a
file.

The record (`--resume FILE`) is JSON: commit, python, seeds, counts, failing seeds. A run that was
stopped goes on where it was; a finished one is extended by a larger `--count`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from tests.compiler.fuzz import keep
from tests.compiler.fuzz.engine import Compiler, Result, run_program
from tests.compiler.fuzz.programs import Program, make

MAX_KEPT = 5  # reduced in one run; reducing costs a minute each


@dataclass
class Record:
    """What a run has done so far."""

    commit: str
    python: str
    seed: int
    shard: str
    force: bool
    done: int = 0
    seconds: float = 0.0
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    failing: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "counts": dict(self.counts), "reasons": dict(self.reasons)}

    def add(self, result: Result) -> None:
        self.counts["programs"] += 1
        for name in ("agreed", "raised", "dropped", "native", "python"):
            self.counts[name] += getattr(result, name)
        self.counts["failing"] += bool(result.failures)
        for reason in result.reasons:
            self.reasons[reason.partition(": ")[2][:60]] += 1
        if result.failures:
            self.failing[str(result.seed)] = result.failures[0][:2000]


def main(arguments: list[str]) -> int:
    options = _parse(arguments)
    compiler: Compiler = importlib.import_module("pyvorin.driver").compile_module
    index, shards = (int(part) for part in options.shard.split("/"))
    record = _record(options)
    start = time.monotonic()
    before = record.seconds
    while record.done < options.count:
        number = record.done
        record.done += 1
        if number % shards != index - 1:
            continue
        program = make(options.seed * 1_000_000 + number)
        result = run_program(program, compiler, _forced(program) if options.force else ())
        record.add(result)
        record.seconds = round(before + time.monotonic() - start, 1)
        if result.failures:
            _fail(program, result, compiler, options, record)
        if record.counts["programs"] % 25 == 0 or record.done >= options.count:
            _progress(record)
            _save(options.resume, record)
    _progress(record)
    _save(options.resume, record)
    return 1 if record.counts["failing"] else 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.compiler.fuzz")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--shard", default="1/1", help="i/k: every k-th program, from the i-th")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", metavar="FILE", type=Path, help="record; go on where it ends")
    parser.add_argument("--force", action="store_true", help="also fail guards on purpose")
    parser.add_argument("--keep", action="store_true", help="reduce and keep what differs")
    return parser.parse_args(arguments)


def _forced(program: Program) -> tuple[str, ...]:
    """Ways to fail guards: each site's first execution, every few, and some sites always."""
    random = Random(f"force {program.seed}")
    sites = [f"site:{random.randint(0, 40)}" for _ in range(2)]
    return ("once", f"every:{random.choice((1, 2, 3, 7))}", *sites)


def _record(options: argparse.Namespace) -> Record:
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    version = ".".join(map(str, sys.version_info[:3]))
    record = Record(commit, version, options.seed, options.shard, options.force)
    if options.resume is None or not options.resume.exists():
        return record
    known = json.loads(options.resume.read_text())
    same = ("python", "seed", "shard", "force")
    if any(known[name] != getattr(record, name) for name in same):
        raise SystemExit(f"{options.resume} is the record of another run")
    known["counts"], known["reasons"] = Counter(known["counts"]), Counter(known["reasons"])
    return Record(**known)


def _save(file: Path | None, record: Record) -> None:
    if file is not None:
        aside = file.with_suffix(f".{os.getpid()}")
        aside.write_text(json.dumps(record.to_json(), indent=1) + "\n")
        aside.replace(file)


def _progress(record: Record) -> None:
    shown = ", ".join(f"{count} {name}" for name, count in record.counts.items())
    print(f"{record.seconds:8.1f} s  {shown}", flush=True)


def _fail(
    program: Program,
    result: Result,
    compiler: Compiler,
    options: argparse.Namespace,
    record: Record,
) -> None:
    print(f"seed {program.seed}: {result.failures[0]}", flush=True)
    if not options.keep or record.counts["kept"] >= MAX_KEPT:
        return
    forced = _forced(program) if options.force else ()
    crashed = result.failures[0].startswith("compiler:")

    def fails(candidate: Program) -> bool:
        found = run_program(candidate, compiler, forced).failures
        return bool(found) and found[0].startswith("compiler:") == crashed

    reduced = keep.reduce(replace(program, cases=program.cases), fails)
    file = keep.save(reduced, result.failures[0])
    record.counts["kept"] += 1
    print(f"kept as {file}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
