"""The command line's grammar. Imports nothing of the client, so that every start is quick."""

import argparse
import itertools
import sys
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

VERSION: Final = "0.1.0"
FINDINGS: Final = ("text", "json", "sarif", "github")
EXAMPLES: Final = """\
examples:
  pyvorin-thin report -- python app.py            what would compiling gain? (no account)
  pyvorin-thin compile app.py --local-native      compile with the compiler on this machine
  pyvorin-thin activate URL --trust trust.json    join your organisation's service
  pyvorin-thin run app.py                         run with what is compiled
"""


class BadUsage(Exception):
    """A command line that cannot be parsed: what is wrong, and where to read on."""


class _Parser(argparse.ArgumentParser):
    """An `ArgumentParser` whose complaint is one sentence and where to read on."""

    def error(self, message: str) -> NoReturn:
        raise BadUsage(message, f"see `{self.prog} --help`")


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Parse; `module` names the module of `pyvorin_thin.cli` to run. Raises BadUsage."""
    if any(word.lower().startswith("pyvk1_") for word in words):
        sys.stderr.write(
            "pyvorin-thin: PYV824: a licence key does not belong on the command line, where others"
            " can see it; give it on standard input or with --key-file, and ask for a new one\n"
        )
        raise SystemExit(2)
    return parser(words).parse_args(words)


def style(words: Sequence[str]) -> str:
    """The format asked for, also on a command line that does not parse."""
    pairs = itertools.zip_longest(words, words[1:], fillvalue="")
    asked = [two if one == "--format" else one[9:] for one, two in pairs if one[:8] == "--format"]
    return asked[-1] if asked and asked[-1] in ("json", "sarif", "github") else "text"


def parser(words: Sequence[str] | None = None) -> argparse.ArgumentParser:
    """The whole grammar; with `words`, of the commands that are among them, which is much less."""
    whole = _Parser(
        prog="pyvorin-thin",
        description="Compile Python to native code that answers exactly as CPython does.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    whole.add_argument("--version", action="version", version=f"pyvorin-thin {VERSION}")
    commands = whole.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary, grammar in COMMANDS:
        added = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        if words is None or name in words:
            added.set_defaults(module=name)
            formats = FINDINGS if name in ("check", "compile") else ("text", "json")
            added.add_argument("--format", choices=formats, default="text")
            grammar(added)
    return whole


def _nothing(parser: argparse.ArgumentParser) -> None:
    """The grammar of a command without arguments."""


def _explain(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", metavar="CODE", nargs="?", help="all codes if left out")


def _telemetry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("on", "off", "status", "show"))


def _off(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--undo", action="store_true", help="attach again")


def _privacy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", help="show its bytes, as they would go")


def _completion(parser: argparse.ArgumentParser) -> None:
    use = "bash, zsh: source <(pyvorin-thin completion SHELL); fish: … | source"
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help=use)


def _activate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "url", metavar="URL", nargs="?", help="default: the first URL of the trust file"
    )
    parser.add_argument(
        "--trust", metavar="FILE", required=True, help="trust.json from the administrator"
    )
    parser.add_argument(
        "--trust-digest", metavar="DIGEST", help="short digest of the trust file, to compare"
    )
    parser.add_argument(
        "--key-file", metavar="FILE", help="0600 file with the licence key; default: standard input"
    )
    parser.add_argument("--name", default="", help="name for this device that administrators see")


def _check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", metavar="FILE", nargs="+")
    parser.add_argument("--exit-zero", action="store_true", help="exit 0 whatever is found")


def _compile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE")
    parser.add_argument(
        "--function", metavar="NAME", action="append", help="only this function (repeatable)"
    )
    parser.add_argument(
        "--target",
        metavar="TAG",
        help="such as cp312; only this Python's own can be built from here",
    )
    parser.add_argument("--opt-level", type=int, choices=range(4), metavar="0-3")
    parser.add_argument("--on-unsupported", choices=("error", "keep-python"))
    parser.add_argument(
        "--local-native",
        action="store_true",
        help="use the compiler on this machine; sends nothing",
    )
    parser.add_argument("-o", "--output", metavar="DIR", help="with --local-native: where to write")
    parser.add_argument("--include-source", action="store_true", help="first opt-in to send source")
    parser.add_argument("--examples", metavar="FILE", help="calls that show typical use")
    parser.add_argument(
        "--include-examples", action="store_true", help="opt-in to send the examples as well"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print the exact bytes that would be sent; send nothing",
    )
    parser.add_argument("--url", metavar="URL", dest="url")


def _verify(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", metavar="MODULE|FILE", help="a module, a .py file, or a .pyva file")


def _program(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-m", dest="as_module", action="store_true", help="PROGRAM is a module")
    parser.add_argument("program", metavar="PROGRAM")
    parser.add_argument("arguments", metavar="ARG", nargs=argparse.REMAINDER)


def _benchmark(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runs", type=int, default=5, metavar="N", help="runs of each side, alternating"
    )
    _program(parser)


def _report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--top", type=int, default=10, metavar="N", help="functions to look at")
    parser.add_argument(
        "--fail-under", type=float, metavar="X", help="exit 1 if the estimated gain is less"
    )
    parser.add_argument("program", metavar="-- COMMAND", nargs=argparse.REMAINDER)


def _cache(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("stats", "ls", "why", "rm", "gc", "verify"))
    parser.add_argument("name", nargs="?", metavar="MODULE")


def _job(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "status", "cancel"))
    parser.add_argument("job_id", nargs="?", metavar="JOB")


COMMANDS: Final[tuple[tuple[str, str, Callable[[argparse.ArgumentParser], None]], ...]] = (
    ("activate", "join a service with a licence key, read from standard input", _activate),
    ("status", "activation, licence, artifacts, fallbacks, telemetry", _nothing),
    ("check", "say what would compile and what must not be sent; offline", _check),
    ("compile", "get native code for a file", _compile),
    ("verify", "verify stored artifacts, and that they fit the source as it is", _verify),
    ("inspect", "show an artifact's manifest and signed provenance", _verify),
    ("run", "run a program with native code attached", _program),
    ("benchmark", "time a program with and without native code", _benchmark),
    ("report", "profile, compile, verify and time; no account needed", _report),
    ("explain", "explain a diagnostic code; offline", _explain),
    ("cache", "look after stored artifacts", _cache),
    ("keys", "the keys that this machine trusts, and those it holds", _nothing),
    ("privacy", "what would be sent, and what is kept; sends nothing", _privacy),
    ("telemetry", "see and switch usage events", _telemetry),
    ("sync", "fetch recall list, trust updates and licence", _nothing),
    ("job", "jobs of your organisation", _job),
    ("doctor", "check this machine, and say what to do", _nothing),
    ("completion", "print a completion script for a shell", _completion),
    ("off", "stop attaching native code on this machine", _off),
)
"""Name, summary and grammar of every command; its module has its name."""
