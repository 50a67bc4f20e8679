"""Run the user's program inside the command: its output kept apart, its failure told as its own."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from traceback import walk_tb

from pyvorin_wire.diagnostic import Span

from pyvorin.check.load import import_parents, module_name
from pyvorin.cli.output import excerpt
from pyvorin.errors import FINDINGS, RefusedError


@contextlib.contextmanager
def running(source: str, path: str) -> Iterator[None]:
    """What the program prints meanwhile goes to standard error. Raises RefusedError, with the line,
    for an exception that the program raises while it is imported.
    """
    try:
        with _output_to_stderr():
            yield
    except (KeyboardInterrupt, RefusedError):
        raise
    except BaseException as error:
        frames = list(walk_tb(error.__traceback__))
        lines = [line for frame, line in frames if frame.f_code.co_filename == path]
        if lines:
            raise _failed(error, source, path, lines[-1]) from error
        if any(frame.f_code is import_parents.__code__ for frame, _ in frames):
            raise _package_failed(error, path) from error
        raise


def _package_failed(error: BaseException, path: str) -> RefusedError:
    """A package is imported before its modules, and its failure is not theirs."""
    message = f"importing the package that `{path}` is in raised {_spelled(error)}"
    hint = f"`python -c 'import {module_name(path)[0]}'` shows where"
    return RefusedError(message, FINDINGS, hint=hint, code=_code(error))


def _spelled(error: BaseException) -> str:
    return type(error).__name__ + (f": {error}" if str(error) else "")


def _code(error: BaseException) -> str:
    return "PYV701" if isinstance(error, ModuleNotFoundError) else "PYV702"


def _failed(error: BaseException, source: str, path: str, line: int) -> RefusedError:
    text = source.split("\n")[line - 1]
    span = Span(path, line, len(text) - len(text.lstrip()), line, len(text.rstrip()))
    message = f"importing `{path}` raised {_spelled(error)}"
    refused = RefusedError(message, FINDINGS, span, code=_code(error))
    refused.excerpt = excerpt(span, source)
    return refused


@contextlib.contextmanager
def _output_to_stderr() -> Iterator[None]:
    """Both `print` and what writes to file descriptor 1: standard output is the command's alone."""
    try:
        sys.stdout.flush()
        kept = os.dup(1)
        os.dup2(2, 1)
    except OSError:  # a stream is closed; then nothing can be mixed up
        kept = -1
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        if kept >= 0:
            os.dup2(kept, 1)
            os.close(kept)
