"""`python -m tests.compiler.fuzz`: many programs, one process, a line now and then, a record in a
file. `--program SEED` runs one again.

The record (`--resume FILE`) is JSON: python, seeds, programs by commit, counts, failing seeds. A
run that was stopped goes on where it was, also on a later commit (there a seed may be another
program: the record says how many each commit ran); a finished one is extended by a larger
`--count`.
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
from typing import Any

from tests.compiler.fuzz import containers, keep, nests, programs
from tests.compiler.fuzz.engine import Compiler, Result, plan, run_program
from tests.compiler.fuzz.programs import Program

MILLION = 1_000_000  # programs of one `--seed`
GRAMMARS = {"programs": programs.make, "containers": containers.make, "nests": nests.make}
MAX_KEPT = 5  # reduced in one run; reducing costs a minute each


@dataclass
class Record:
    """What a run has done so far."""

    python: str
    seed: int
    shard: str
    done: int = 0
    seconds: float = 0.0
    commits: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    failing: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {name: dict(v) if isinstance(v, Counter) else v for name, v in vars(self).items()}

    def add(self, result: Result, commit: str) -> None:
        self.commits[commit] += 1
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
    driver = importlib.import_module("pyvorin.driver")
    driver.warm()  # once, not in each of the forks that compile
    compiler: Compiler = driver.compile_module
    if options.program is not None:
        return _one(options, compiler)
    index, shards = (int(part) for part in options.shard.split("/"))
    record = _record(options)
    commit = _commit()
    start = time.monotonic()
    before = record.seconds
    while record.done < options.count:
        number = record.done
        record.done += 1
        if number % shards != index - 1:
            continue
        program = GRAMMARS[options.grammar](options.seed * MILLION + number)
        result = run_program(program, compiler, plan(program.seed, options.grammar == "nests"))
        record.add(result, commit)
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
    parser.add_argument("--grammar", choices=GRAMMARS, default="programs")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--shard", default="1/1", help="i/k: every k-th program, from the i-th")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resume", metavar="FILE", type=Path, help="record; go on where it ends")
    parser.add_argument("--program", type=int, metavar="SEED", help="only this one, shown")
    parser.add_argument("--keep", action="store_true", help="reduce and keep what differs")
    return parser.parse_args(arguments)


def _one(options: argparse.Namespace, compiler: Compiler) -> int:
    """Show a program and run it as it is run among others."""
    program = GRAMMARS[options.grammar](options.program)
    print(program.source)
    how = plan(program.seed, options.grammar == "nests")
    result = run_program(program, compiler, how)
    print(how, *result.failures or ["no difference"], sep="\n")
    return bool(result.failures)


def _commit() -> str:
    command = ["git", "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _record(options: argparse.Namespace) -> Record:
    version = ".".join(map(str, sys.version_info[:3]))
    record = Record(version, options.seed, options.shard)
    if options.resume is None or not options.resume.exists():
        return record
    known = json.loads(options.resume.read_text())
    same = ("python", "seed", "shard")
    if any(known[name] != getattr(record, name) for name in same):
        raise SystemExit(f"{options.resume} is the record of another run")
    counted = ("commits", "counts", "reasons")
    return Record(**known | {name: Counter(known[name]) for name in counted})


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
    crashed = result.failures[0].startswith("compiler:")

    def fails(candidate: Program) -> bool:
        found = run_program(
            candidate, compiler, plan(program.seed, options.grammar == "nests")
        ).failures
        return bool(found) and found[0].startswith("compiler:") == crashed

    reduced = keep.reduce(replace(program, cases=program.cases), fails)
    file = keep.save(reduced, result.failures[0])
    record.counts["kept"] += 1
    print(f"kept as {file}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
