"""Representative calls of a module: what people wrote, what a run does, and their neighbours.

    collect(source, path, functions=None, examples=None, seed=…)  →  Inputs

Sources, in order: an examples file (its calls, and those it makes as it runs), doctests, the
module's level and `if __name__ == "__main__"` block (run once in a limited process that records
arguments), evidence in the code for functions that nothing calls; then neighbours of all.
Deterministic for a program whose run is; the seed chooses among neighbours.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection
from typing import Any, Final

from pyvorin_wire.errors import WireError

from pyvorin.check.case import LONG, Case, Inputs
from pyvorin.check.definitions import definitions, is_method
from pyvorin.check.evidence import evidence, positional
from pyvorin.check.examples import examples as read_examples
from pyvorin.check.neighbours import neighbours
from pyvorin.check.process import IMPORT_MS, ChildEnded, Program, converse

NEIGHBOURS: Final = 160  # a function
Recorder = Callable[[dict[str, Any]], list[Case]]

MAX_SEEDS: Final = 12  # calls of one function that get neighbours


def collect(
    source: str,
    path: str,
    functions: Collection[str] | None = None,
    examples: str | None = None,
    seed: int = 0,
    recorder: Recorder | None = None,
) -> Inputs:
    """Representative calls of the module's plain functions and methods (those named, or all).

    `recorder` runs the program and records calls: by default in a process of its own; `no_run` runs
    nothing, so that examples and evidence are all there is. Raises ValueError for a bad examples
    file, SyntaxError for source that does not parse.
    """
    found = definitions(source)
    wanted = [name for name in found if functions is None or name in functions]
    written, setup = read_examples(examples, frozenset(found)) if examples else ([], "")
    job = Program(path, source).job("collect", functions=wanted, setup=setup)
    recorded = (recorder or in_process_of_its_own)(job)
    if examples and functions is None and not _has_examples(*written, *recorded):
        raise ValueError("it calls no function of the module, neither directly nor as it runs")
    cases: list[Case] = []
    for name in wanted:
        real = [case for case in (*written, *recorded) if case.function == name]
        real = real or ([] if is_method(name) else evidence(found[name]))
        cases += _with_neighbours(real, found[name], seed)
    return Inputs(tuple(cases), setup if written else "")


def _has_examples(*cases: Case) -> bool:
    return any(case.origin == "example" for case in cases)


def in_process_of_its_own(job: dict[str, Any]) -> list[Case]:
    """Calls recorded in a run of the module; those so far if the process fails."""
    cases: list[Case] = []
    try:
        for frame in converse(job, 3 * IMPORT_MS):
            cases.append(Case.from_json(frame.json()["case"]))
    except (ChildEnded, WireError, ValueError, KeyError, TypeError):
        return cases
    return [case for case in cases if case.function in job["functions"]]


def no_run(job: dict[str, Any]) -> list[Case]:
    """Record nothing."""
    return []


def _with_neighbours(real: list[Case], definition: ast.FunctionDef, seed: int) -> list[Case]:
    """The calls and up to NEIGHBOURS others, shared evenly among a spread of the calls."""
    known = {case.call for case in real}
    real = [case for i, case in enumerate(real) if case.call not in {c.call for c in real[:i]}]
    step = max(1, len(real) // MAX_SEEDS)
    seeds = [case for case in real[::step] if len(case.call) < LONG][:MAX_SEEDS]
    near: dict[str, Case] = {}
    for case in seeds:
        share = -(-NEIGHBOURS // len(seeds))
        for other in neighbours(case, positional(definition), seed, share):
            if other.call not in known:
                near.setdefault(other.call, other)
    return [*real, *near.values()]
