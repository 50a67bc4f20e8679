"""Compile a golden program once, as `pyvorin compile` would, without its gain test."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from pyvorin.build import skipped
from pyvorin.check.case import Case
from pyvorin.check.inputs import collect
from pyvorin.options import CompileOptions

from tests.compiler.fuzz.programs import Program

driver = pytest.importorskip("pyvorin.driver")


def compiled(source: str, path: str, *, skip: frozenset[str] = frozenset()) -> tuple[bytes, str]:
    """The artifact, and which functions are not native, for the message of a failing test."""
    calling = source + "\nscenario()\n" if "def scenario" in source else source
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
