"""`pyvorin doctor`: can this machine and this Python compile and check? A line a question."""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import sys
import tempfile
from collections.abc import Iterator

from pyvorin.check.case import Case
from pyvorin.check.process import Program
from pyvorin.check.run import Dropped, Side
from pyvorin.check.run import run as run_cases
from pyvorin.cli.request import tag, unsupported_here

Answer = tuple[bool, str, str]  # fine?, question, answer


def run(options: argparse.Namespace) -> int:
    """Print every answer; 1 if one of them is bad."""
    answers = list(_answers())
    for fine, question, answer in answers:
        print(f"{'ok  ' if fine else 'BAD '} {question:<12} {answer}")
    return 0 if all(fine for fine, _, _ in answers) else 1


def _answers() -> Iterator[Answer]:
    reason = unsupported_here()
    version = ".".join(map(str, sys.version_info[:3]))
    yield not reason, "python", reason or f"CPython {version} ({tag()}) on Linux x86-64"
    yield _code_generator()
    yield _executable_memory()
    yield _temporary_folder()
    yield _check_process()


def _code_generator() -> Answer:
    try:
        version = importlib.metadata.version("llvmlite")
        importlib.import_module("llvmlite.binding")
    except (ImportError, OSError, importlib.metadata.PackageNotFoundError) as error:
        return False, "llvmlite", f"cannot be imported: {error}"
    return True, "llvmlite", version


def _executable_memory() -> Answer:
    """Artifacts are mapped from sealed memory files."""
    try:
        descriptor = os.memfd_create("pyvorin", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except OSError as error:
        return False, "memfd", f"not available: {error.strerror}"
    os.close(descriptor)
    return True, "memfd", "sealed memory files work"


def _temporary_folder() -> Answer:
    """The check imports the artifact from a temporary file, so that folder must allow code."""
    folder = tempfile.gettempdir()
    try:
        flags = os.statvfs(folder).f_flag
        with tempfile.TemporaryFile():
            pass
    except OSError as error:
        return False, "temporary", f"{folder}: {error.strerror}"
    if flags & os.ST_NOEXEC:
        return False, "temporary", f"{folder} is mounted noexec; set TMPDIR to another folder"
    return True, "temporary", folder


def _check_process() -> Answer:
    """Whether a limited child process can run a call and report it."""
    program = Program("doctor.py", "def f(x): return x + 1\n")
    results, _ = run_cases(Side(program), [Case("f", "f(41)", "example")])
    if isinstance(results[0], Dropped):
        return False, "check", f"the checking process failed: {results[0].why}"
    return True, "check", "calls run in a separate limited process"
