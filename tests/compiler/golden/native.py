"""Compile a golden program once, as `pyvorin compile` would, without its gain test."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest
from pyvorin.build import skipped
from pyvorin.check.case import Case
from pyvorin.check.inputs import collect
from pyvorin.options import CompileOptions

from tests.compiler.fuzz.programs import Program
from tests.thirds import third

MANY = 60  # calls of one function

driver = pytest.importorskip("pyvorin.driver")


def compiled(source: str, path: str, *, skip: frozenset[str] = frozenset()) -> tuple[bytes, str]:
    """The artifact, and which functions are not native, for the message of a failing test.

    What is recorded is what `recorded()` of the program calls, else `scenario()`, else itself.
    """
    runs = [name for name in ("recorded", "scenario") if f"def {name}()" in source]
    calling = f"{source}\n{runs[0]}()\n" if runs else source
    inputs = collect(calling, path)
    options = CompileOptions(
        exclude=skipped(source) | skip, on_unsupported="keep-python", inputs=inputs
    )
    result = driver.compile_module(source, path, options)
    left = [f"{item.name}: {item.reason}" for item in result.functions if item.verdict != "native"]
    assert result.shared_object is not None, left
    return result.shared_object, "; ".join(left)


def artifact_of(file: Path, folder: Path) -> Path:
    """Compile a file's program into a folder; the artifact's path."""
    data, _ = compiled(file.read_text(encoding="utf-8"), str(file))
    suffix = ".so" if data.startswith(b"\x7fELF") else ".py"
    target = folder / (file.stem + suffix)
    target.write_bytes(data)
    return target


def program_of(source: str, calls: Iterable[tuple[str, bool]]) -> Program:
    """A program with its calls, each with whether the compiler may record it."""
    cases = [
        Case(call.partition("(")[0], call, "example" if recorded else "neighbour")
        for call, recorded in calls
    ]
    return Program(-1, source, tuple(cases))


def in_turn(calls: Iterable[str]) -> list[str]:
    """The calls, in order; of a function with many only the third whose turn it is on this minor.

    Many calls of one function are a grid of operands of the same few classes, and a third of it has
    them all. Few are each about something of its own.
    """
    listed = list(calls)
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, call in enumerate(listed):
        places[call.partition("(")[0]].append(place)
    taken = (third(some) if len(some) >= MANY else some for some in places.values())
    return [listed[k] for k in sorted(k for some in taken for k in some)]
