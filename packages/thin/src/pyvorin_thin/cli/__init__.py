"""The program `pyvorin-thin`: one module a command, imported when it is chosen.

    main(["status"])  →  exit code     (0 ok · 1 findings · 2 usage · 3 mismatch · 4 service · 5
    provenance · 6 licence · 7 limit · 70 internal · 130 interrupted)

Standard output is data, standard error is for people. This is the one place that catches
everything.
"""

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from pyvorin_thin.cli.arguments import parse


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    result = _guarded(words)
    return result if isinstance(result, int) else result()


def _guarded(words: list[str]) -> int | Callable[[], int]:
    """The command's exit code; or, of `run`, the user's program, whose errors are not ours to
    handle."""
    options: Any = None
    try:
        options = parse(words)
        command = importlib.import_module(f"pyvorin_thin.cli.{options.module}")
        result: int | Callable[[], int] = command.run(options)
        sys.stdout.flush()
        return result
    except SystemExit as end:  # argparse: 0 after --help and --version, 2 for bad usage
        return end.code if isinstance(end.code, int) else 2
    except KeyboardInterrupt:
        print("pyvorin-thin: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # no second complaint
        return 0
    except Exception as error:
        return _complain(error, getattr(options, "format", "text"))


def _complain(error: Exception, style: str) -> int:
    findings = importlib.import_module("pyvorin_thin.cli.findings")
    if findings.is_refusal(error):
        return int(findings.complain(error, style))
    if os.environ.get("PYVORIN_DEBUG"):
        raise error
    print(
        f"pyvorin-thin: internal error: {type(error).__name__}\n"
        "this is a fault of pyvorin-thin; set PYVORIN_DEBUG=1 to see where it happened",
        file=sys.stderr,
    )
    return 70
