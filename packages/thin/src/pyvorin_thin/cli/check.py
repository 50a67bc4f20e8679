"""`pyvorin-thin check FILE…`: what would compile, and what must not be sent. Nothing leaves the
machine, nothing is written."""

import argparse

from pyvorin_wire.diagnostic import Severity

from pyvorin_thin import local, scan
from pyvorin_thin.cli import findings, output
from pyvorin_thin.scan import notpython


def run(options: argparse.Namespace) -> int:
    sources = {path: notpython.read_source(path) for path in options.paths}
    found = []
    worst = 0  # what the compiler could not even read, or could not answer
    for path, text in sources.items():
        found += scan.upload({path: text})
        if local.is_installed():
            done = local.run("check", ["--", path])
            found += done.diagnostics
            worst = max(worst, done.exit_code)
    findings.show(found, sources, options.format)
    if not local.is_installed():
        output.say(
            "the compiler is not installed here, so only what must not be sent was checked: "
            "pip install pyvorin"
        )
    errors = sum(item.severity is Severity.ERROR for item in found)
    output.say(f"{len(sources)} file(s), {errors} error(s), {len(found) - errors} note(s)")
    if options.exit_zero and worst <= 1:
        return 0
    return worst if worst > 1 else int(bool(errors))
