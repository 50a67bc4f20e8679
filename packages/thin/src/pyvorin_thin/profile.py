"""Find where a program spends its time: the first half of `report`, which needs nobody's compiler
and nobody's service.

The program runs once under cProfile in its own process. Reported are functions of files below the
current folder (not of installed packages), by own time: that is what compiling them could change.
"""

import os
import pstats
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from typing import Any, Final

from pyvorin_wire.value import Value

from pyvorin_thin.errors import UsageError

_STDERR: Final = 2  # the program's output is not the report


class Hot(Value):
    """One function: own seconds, share of the run's profiled time (0–1), calls."""

    file: str
    line: int
    name: str
    own_s: float
    share: float
    calls: int


class Profile(Value):
    """`exit_code` is the program's; `total_s` its profiled time."""

    total_s: float
    exit_code: int
    functions: tuple[Hot, ...]


def profile(command: Sequence[str], *, limit: int = 20) -> Profile:
    """Run `command` (a script with arguments, optionally behind `python`, or `-m module …`) and
    find its hot functions."""
    line = _python_arguments(command)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "profile")
        safe = [] if line[0] == "-m" else ["-P"]  # a script has its own folder on the path only
        full = [sys.executable, *safe, "-m", "cProfile", "-o", path, *line]
        done = subprocess.run(full, check=False, stdout=_STDERR)
        if not os.path.exists(path):
            raise UsageError(
                "PYV870", f"`{' '.join(command)}` did not run to its end (exit {done.returncode})"
            )
        stats: Any = pstats.Stats(path)
    return Profile(stats.total_tt, done.returncode, tuple(_hot(stats, limit)))


def _python_arguments(command: Sequence[str]) -> list[str]:
    if not command:
        raise UsageError("PYV870", "what shall run? e.g. pyvorin-thin report -- python app.py")
    words = list(command)
    if os.path.basename(words[0]).startswith("python"):
        words = words[1:]
    elif not words[0].endswith(".py") and words[0] != "-m":
        words = ["-m", *words]  # pytest, say
    if not words or (words[0].startswith("-") and words[0] != "-m"):
        raise UsageError("PYV870", "give a script or -m module, without options of Python itself")
    return words


def _hot(stats: Any, limit: int) -> list[Hot]:
    rows = []
    for (file, line, name), (_, calls, own_s, _, _) in stats.stats.items():
        if _is_own(file) and not name.startswith("<"):
            shown = os.path.relpath(file)
            rows.append(Hot(shown, line, name, own_s, own_s / (stats.total_tt or 1), calls))
    return sorted(rows, key=lambda row: -row.own_s)[:limit]


def _is_own(file: str) -> bool:
    """A file below the current folder, and not in an environment installed there."""
    path = os.path.realpath(file)
    if not os.path.isfile(path):  # `<frozen …>`, `~` for builtins
        return False
    names = ("stdlib", "purelib", "platlib")
    installed = (os.path.realpath(sysconfig.get_path(name)) + os.sep for name in names)
    return path.startswith(os.path.realpath(os.getcwd()) + os.sep) and not path.startswith(
        tuple(installed)
    )
