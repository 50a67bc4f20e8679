"""The command line's grammar. Imports nothing that compiles, so that every start is quick."""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Sequence
from typing import Final, NoReturn

from pyvorin.errors import RefusedError

FORMATS: Final = ("text", "json", "sarif", "github")
VERSION: Final = "0.1.0"


class _Parser(argparse.ArgumentParser):
    """An `ArgumentParser` whose complaint is one sentence and where to read on."""

    def error(self, message: str) -> NoReturn:
        raise RefusedError(message, hint=f"see `{self.prog} --help`")


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse; `module` names the module of `pyvorin.cli` that runs the command. Raises RefusedError;
    SystemExit after `--help` and `--version`.
    """
    return _parser().parse_args(arguments)


def style(arguments: Sequence[str]) -> str:
    """The format asked for, also on a command line that does not parse."""
    pairs = itertools.zip_longest(arguments, arguments[1:], fillvalue="")
    asked = [two if one == "--format" else one[9:] for one, two in pairs if one[:8] == "--format"]
    return asked[-1] if asked and asked[-1] in FORMATS else "text"


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="pyvorin",
        description="Compile unmodified Python to native code that answers as CPython does.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"pyvorin {VERSION}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def command(name: str, module: str, summary: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        added.set_defaults(module=module)
        return added

    compiled = command("compile", "compile", "compile a module, check it and write the artifact")
    _add_build(compiled)
    compiled.add_argument("-o", "--output", metavar="DIR", default="build/pyvorin")
    compiled.add_argument("--no-check", action="store_true", help="do not run it: unproved")

    checked = command("check", "check", "say what would not compile, without running anything")
    _add_file(checked)
    _add_choice(checked)

    report = command("report", "report", "compile, verify and time every function; write nothing")
    _add_build(report)

    explain = command("explain", "explain", "explain a diagnostic code")
    explain.add_argument("code", metavar="CODE", nargs="?", help="all codes if left out")

    dump = command("dump", "dump", "print the intermediate representation")
    _add_file(dump)
    _add_choice(dump)
    dump.add_argument("--after", metavar="PASS", default="lower", help="the pass to stop after")

    why = command("why", "why", "say how one line was compiled, and why")
    _add_file(why)
    why.add_argument("place", metavar="FUNC:LINE")

    command("doctor", "doctor", "check that this machine and Python can compile")
    worker = command("worker", "worker", "serve one request of the service on standard input")
    worker.set_defaults(module="serve")
    return parser


def _add_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a Python source file")
    parser.add_argument("--examples", metavar="FILE", help="calls, or a program that makes them")
    parser.add_argument("--format", choices=FORMATS, default="text")


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--function", metavar="NAME", action="append", help="only this function (repeatable)"
    )


def _add_build(parser: argparse.ArgumentParser) -> None:
    _add_file(parser)
    _add_choice(parser)
    parser.add_argument("--on-unsupported", choices=("error", "keep-python"), help="default: error")
    parser.add_argument(
        "--min-speedup",
        metavar="X",
        type=_speedup,
        help="leave functions that gain less in Python (default 1.2)",
    )
    parser.add_argument("--target", metavar="TAG", help="such as cp312; this Python's own only")
    parser.add_argument("--opt-level", type=int, choices=range(4), default=2, metavar="0-3")
    parser.add_argument("--seed", type=_number, help="of the neighbours; reports name the one used")


def _number(text: str) -> int:
    return int(text, 0)


def _speedup(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or value < 0:
        raise argparse.ArgumentTypeError("must be a number from 0 up")
    return value
