"""`pyvorin report FILE`: compile, verify and time; a verdict per function. Writes nothing."""

from __future__ import annotations

import argparse

from pyvorin.build import build
from pyvorin.cli import compile as compiling
from pyvorin.cli import output, request


def run(options: argparse.Namespace) -> int:
    """Build with functions that cannot be compiled kept in Python, and show the whole report."""
    options.on_unsupported = options.on_unsupported or "keep-python"
    wanted = request.make(options)
    built = build(wanted, compiling.compile_module)
    output.emit(compiling.shown(built, wanted, options.format, []))
    return built.exit_code
