"""`pyvorin-thin check FILE…`: what would compile, and what must not be sent. Nothing leaves the
machine, nothing is written."""

import argparse
from collections.abc import Iterator

from pyvorin_wire.diagnostic import Diagnostic, Severity

from pyvorin_thin import local, scan
from pyvorin_thin.cli import findings, output
from pyvorin_thin.scan import notpython


def run(options: argparse.Namespace) -> int:
    sources = {path: notpython.read_source(path) for path in options.paths}
    found = [item for path, text in sources.items() for item in _findings(path, text)]
    findings.show(found, sources, options.format)
    if not local.is_installed():
        output.say(
            "the compiler is not installed here, so only what must not be sent was checked: "
            "pip install pyvorin"
        )
    errors = sum(item.severity is Severity.ERROR for item in found)
    output.say(f"{len(sources)} file(s), {errors} error(s), {len(found) - errors} note(s)")
    return 0 if options.exit_zero or not errors else 1


def _findings(path: str, text: str) -> Iterator[Diagnostic]:
    yield from scan.upload({path: text})
    if local.is_installed():
        yield from local.run("check", [path]).diagnostics
