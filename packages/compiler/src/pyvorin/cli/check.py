"""`pyvorin check FILE`: what would not compile, and what to write instead. Runs nothing."""

from __future__ import annotations

import argparse
import sys

from pyvorin_wire.diagnostic import Severity

from pyvorin.check.definitions import definitions
from pyvorin.cli import output, request
from pyvorin.errors import FINDINGS, OK
from pyvorin.frontend.diagnose import diagnose


def run(options: argparse.Namespace) -> int:
    """Print the findings; 1 if one of them keeps a function from being compiled."""
    source = request.admitted(options.file)
    chosen = request.choose(source, options.file, options.function)
    found = diagnose(source, options.file, lambda name: chosen is None or name in chosen)
    output.emit(output.findings(found, {options.file: source}, options.format))
    errors = {item.function for item in found if item.severity is Severity.ERROR}
    wanted = [name for name in definitions(source) if chosen is None or name in chosen]
    clean = len(wanted) - len(errors & set(wanted))
    print(
        f"{clean} of {len(wanted)} functions can be compiled; {output.count(found)}",
        file=sys.stderr,
    )
    return FINDINGS if errors else OK
