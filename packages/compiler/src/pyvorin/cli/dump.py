"""`pyvorin dump FILE --after PASS`: the intermediate representation, for people who work on it.

frontend   generic operations, one a bytecode operation
lower      typed operations, every body of every function
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Final

from pyvorin import driver
from pyvorin.cli import request
from pyvorin.cli.program import running
from pyvorin.errors import RefusedError
from pyvorin.infer.program import Program
from pyvorin.ir.text import write
from pyvorin.options import CompileOptions

PASSES: Final = ("frontend", "lower")


def run(options: argparse.Namespace) -> int:
    """Print the functions as they are after a pass."""
    if options.after not in PASSES:
        raise RefusedError(f"no pass `{options.after}`", hint=f"passes: {', '.join(PASSES)}")
    wanted = request.make(options)
    program, bodies, outcomes = lowered(wanted.source, wanted.path, wanted.options)
    for outcome in outcomes:
        print(f"pyvorin: `{outcome.name}` is not compiled: {outcome.reason}", file=sys.stderr)
    for text in _texts(program, bodies, options.after):
        print(text)
    return 0


def lowered(
    source: str, path: str, options: CompileOptions
) -> tuple[Program, driver.Bodies, list[driver.Outcome]]:
    """Types and typed bodies; what the program prints meanwhile goes to standard error."""
    with running(source, path):
        return driver.lower_source(source, path, options)


def _texts(program: Program, bodies: driver.Bodies, after: str) -> Iterator[str]:
    if after == "frontend":
        for function in program.module.functions.values():
            if function.built.function is not None:
                yield write(function.built.function)
        return
    for name in bodies.names():
        for body in bodies.of(name):
            yield write(body.function)
