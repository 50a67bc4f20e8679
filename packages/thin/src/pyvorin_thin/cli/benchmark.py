"""`pyvorin-thin benchmark PROGRAM …`: the whole program with and without native code, alternating,
answers compared.

A side whose output differs gets no speed-up: that is a mismatch (exit 3). Times are of whole
processes, start-up included.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

from pyvorin_wire.value import Value

from pyvorin_thin.cli import output
from pyvorin_thin.errors import UsageError


class Run(Value):
    seconds: float
    exit_code: int
    stdout: bytes


def run(options: argparse.Namespace) -> int:
    if options.runs < 1:
        raise UsageError("PYV870", "--runs must be at least 1")
    sides: dict[str, list[Run]] = {"off": [], "on": []}
    for number in range(options.runs + 1):
        for mode, results in sides.items():
            result = _once(options, mode)
            if result.exit_code and mode == "off":
                raise UsageError(
                    "PYV870",
                    f"`{options.program}` ended with exit code {result.exit_code} in plain Python, "
                    "so there is nothing to time",
                )
            if number:  # the first of each side warms the caches
                results.append(result)
    answers = {(one.exit_code, one.stdout) for results in sides.values() for one in results}
    if len(answers) != 1:
        output.say("pyvorin-thin: the outputs differ, so there is no speed-up to report")
        output.say(
            "if the program's output differs from run to run anyway, it cannot be compared this way"
        )
        return 3
    return _show(sides, options)


def _show(sides: dict[str, list[Run]], options: argparse.Namespace) -> int:
    medians = {
        mode: statistics.median(one.seconds for one in results) for mode, results in sides.items()
    }
    document = {
        "runs": options.runs,
        "python_ms": round(medians["off"] * 1000),
        "native_ms": round(medians["on"] * 1000),
        "ratio": f"{medians['off'] / medians['on']:.2f}",
        "exit_code": sides["on"][0].exit_code,
    }
    text = (
        f"python {medians['off']:.3f} s   native {medians['on']:.3f} s   {document['ratio']}x"
        f"   (median of {options.runs}, alternating, same output)\n"
    )
    output.data(document, text, options.format)
    return 0


def _once(options: argparse.Namespace, mode: str) -> Run:
    line = [sys.executable, "-P", "-m", "pyvorin_thin", "run"]
    line += ["-m"] * options.as_module + [options.program, *options.arguments]
    started = time.perf_counter()
    done = subprocess.run(
        line, stdout=subprocess.PIPE, env={**os.environ, "PYVORIN": mode}, check=False
    )
    return Run(time.perf_counter() - started, done.returncode, done.stdout)
