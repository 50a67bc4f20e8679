"""The compiler on this machine, as a separate process: no service, no account, no network.

The client never imports the compiler: its faults and its memory stay in its own process, and its
wheel is optional. Findings come back as JSON.
"""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from pyvorin_wire.diagnostic import Diagnostic
from pyvorin_wire.errors import WireError
from pyvorin_wire.value import Value

from pyvorin_thin.errors import ServiceError, UsageError


class Outcome(Value):
    """What the compiler answered. `document` is its whole JSON answer."""

    exit_code: int
    diagnostics: tuple[Diagnostic, ...]
    document: dict[str, Any]


def is_installed() -> bool:
    """Whether `python -m pyvorin` exists for this interpreter; nothing of it is imported."""
    return importlib.util.find_spec("pyvorin") is not None


def require() -> None:
    if not is_installed():
        raise UsageError(
            "PYV880",
            "the compiler is not installed for this Python",
            (
                f"{os.path.basename(sys.executable)} -m pip install pyvorin",
                "or use a service: pyvorin-thin activate URL --trust trust.json",
            ),
        )


def call(*words: str, timeout_s: float | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run `python -m pyvorin WORDS`. -P: a `json.py` beside the program is not the compiler's."""
    line = [sys.executable, "-P", "-m", "pyvorin", *words]
    return subprocess.run(line, capture_output=True, timeout=timeout_s, check=False)


def run(command: str, arguments: Sequence[str], *, timeout_s: float | None = None) -> Outcome:
    """Run `python -m pyvorin COMMAND … --format json`. Its messages for people go to our standard
    error."""
    require()
    try:
        done = call(command, "--format", "json", *arguments, timeout_s=timeout_s)
    except subprocess.TimeoutExpired as error:
        raise ServiceError(
            "PYV881", f"the compiler did not end within {timeout_s:.0f} s"
        ) from error
    if done.returncode < 0:
        raise ServiceError("PYV881", f"the compiler was ended by signal {-done.returncode}")
    _forward(done.stderr.decode("utf-8", "replace"))
    try:
        document = json.loads(done.stdout) if done.stdout.strip() else {}
        found = tuple(Diagnostic.from_json(item) for item in document.get("diagnostics", ()))
    except (ValueError, WireError) as error:
        raise ServiceError(
            "PYV881", f"the compiler's answer cannot be read (exit {done.returncode})"
        ) from error
    return Outcome(done.returncode, found, document)


def _forward(text: str) -> None:
    """The compiler's words for people; which files it wrote is said by whoever asked for them."""
    for line in text.splitlines():
        if not line.startswith("wrote "):
            print(line, file=sys.stderr)
