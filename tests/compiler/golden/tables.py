"""Functions compiled for the types of their recorded calls, which then meet all other calls.

    compare(source, recorded, calls, share)                    as it is delivered
    compare(source, recorded, calls, share, ("once", …))       with guards failed on purpose

What was not predicted must answer as exactly as what was. Tests of one file ask for the same again:
a source is compiled once for each set of recorded calls, and CPython answers a list of calls once.

Both sides are processes of their own, so no answer may hold an address, or show the order of a set
that holds nan or None: that is by address (`tests.compiler.fuzz.engine` forks both sides).
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

from pyvorin.check.case import Case, Inputs
from pyvorin.check.process import Program
from pyvorin.check.run import PATIENCE, Side, differ, run
from pyvorin.options import CompileOptions

from tests.compiler.golden.native import driver, in_turn
from tests.thirds import third

_FOLDER = tempfile.TemporaryDirectory()
_PATH = str(Path(_FOLDER.name, "table.py"))
_KEPT = 8  # more than a file asks for by turns


def compare(
    source: str,
    recorded: Sequence[str],
    calls: Sequence[str],
    share: float,
    forced: Sequence[str] = ("",),
    *,
    first: Sequence[str] = (),
) -> None:
    """Compile with the recorded calls and run these, then the others. Every call must answer as in
    CPython, a `share` of them in functions that are native, and native code must be entered in
    each of these.

    `first` are run instead of `recorded`: all that tests record which share the other calls. So
    CPython answers once for all of them.
    """
    taken = in_turn(calls)
    cases, expected = _answers(source, (*(first or recorded), *taken))
    for force in forced:
        artifact, native = _compiled(source, tuple(recorded), bool(force))
        program = replace(Program(_PATH, source), artifact=artifact)
        side = Side(program, "", (0, 0), PATIENCE, {"PYVORIN_FORCE": force})
        actual, counts = run(side, cases)
        wrong = [
            f"{case.call}: {differ(one, other)[0]}"
            for case, one, other in zip(cases, expected, actual, strict=True)
            if one != other and differ(one, other)
        ]
        assert not wrong, "\n".join([f"forced {force!r}", *wrong[:20]])
        called = [case.function for case in cases if case.function in native]
        assert called
        assert len(called) >= share * len(taken)
        idle = {name for name in called if not counts.get(name, {}).get("entries", 0)}
        assert not idle, (force, idle)


def turns(recorded: Iterable[str], forced: Iterable[str]) -> list[tuple[str, str]]:
    """Each set of recorded calls as it is delivered; a third of them with guards forced to fail."""
    whole = list(recorded)
    return [(name, "") for name in whole] + list(product(third(whole), forced))


@functools.lru_cache(_KEPT)
def _compiled(source: str, recorded: tuple[str, ...], force: bool) -> tuple[str, frozenset[str]]:
    """The artifact's file, and the functions that are native in it."""
    inputs = Inputs(tuple(_case(call, "example") for call in recorded))
    options = CompileOptions(on_unsupported="keep-python", inputs=inputs, force=force)
    result = driver.compile_module(source, _PATH, options)
    assert result.shared_object is not None
    suffix = ".so" if result.shared_object.startswith(b"\x7fELF") else ".py"
    with tempfile.NamedTemporaryFile(dir=_FOLDER.name, suffix=suffix, delete=False) as file:
        file.write(result.shared_object)
    native = (item.name for item in result.functions if item.verdict == "native")
    return file.name, frozenset(native)


@functools.lru_cache(_KEPT)
def _answers(source: str, calls: tuple[str, ...]) -> tuple[list[Case], list[bytes]]:
    """The calls that CPython ends in time, and what it answers where no other call was made."""
    cases = [_case(call, "neighbour") for call in calls]
    side = Side(Program(_PATH, source))
    while True:
        results, _ = run(side, cases)
        kept = [(c, one) for c, one in zip(cases, results, strict=True) if isinstance(one, bytes)]
        if len(kept) == len(cases):
            return cases, [one for _, one in kept]
        cases, side = [case for case, _ in kept], replace(side, patience=4)


def _case(call: str, origin: str) -> Case:
    return Case(call.partition("(")[0], call, origin)
