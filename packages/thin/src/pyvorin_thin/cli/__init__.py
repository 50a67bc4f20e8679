"""The program `pyvorin-thin`: one module a command, imported when it is chosen.

    main(["status"])  →  exit code     (0 ok · 1 findings · 2 usage · 3 mismatch · 4 service · 5
    provenance · 6 licence · 7 limit · 70 internal · 130 interrupted · 141 nobody reads the output)

Standard output is data, standard error is for people. This is the one place that catches
everything.
"""

import errno
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Final

from pyvorin_wire import streams

from pyvorin_thin.cli.arguments import BadUsage, parse, style

UNREAD: Final = 141  # as a shell shows the end by SIGPIPE
_MACHINE: Final = (  # what the machine refuses, whatever the program
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ENAMETOOLONG),
    *(errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOTDIR, errno.EISDIR),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    result = _guarded(words)
    return result if isinstance(result, int) else result()


def _guarded(words: list[str]) -> int | Callable[[], int]:
    """The command's exit code; or, of `run`, the user's program, whose errors are not ours to
    handle."""
    try:
        result = _run(words)
        if sys.stdout is not None and isinstance(result, int):
            sys.stdout.flush()
        return result
    except BrokenPipeError:
        streams.discard_output()
        return UNREAD
    except OSError as error:  # standard output is a file, and its disk is full
        streams.discard_output()
        reason = (error.strerror or str(error)).lower()
        print(f"pyvorin-thin: cannot write the output: {reason}", file=sys.stderr)
        return 2


def _run(words: list[str]) -> int | Callable[[], int]:
    try:
        options = parse(words)
        if options.module != "run":
            streams.steady()
        command = importlib.import_module(f"pyvorin_thin.cli.{options.module}")
        result: int | Callable[[], int] = command.run(options)
        return result
    except SystemExit as end:  # argparse: 0 after --help and --version
        return end.code if isinstance(end.code, int) else 2
    except KeyboardInterrupt:
        print("pyvorin-thin: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        raise
    except Exception as error:
        streams.steady()
        return _complain(error, style(words))


def _complain(error: Exception, format_: str) -> int:
    if isinstance(error, BadUsage) and format_ == "text":
        print("pyvorin-thin: {} ({})".format(*error.args), file=sys.stderr)
        return 2
    findings = importlib.import_module("pyvorin_thin.cli.findings")
    refusal = _as_refusal(error)
    if refusal is not None:
        return int(findings.complain(refusal, format_))
    if os.environ.get("PYVORIN_DEBUG"):
        raise error
    if format_ != "text":
        findings.show([findings.internal(error)], {}, format_)
    print(
        f"pyvorin-thin: internal error: {type(error).__name__}\n"
        "this is a fault of pyvorin-thin; set PYVORIN_DEBUG=1 to see where it happened",
        file=sys.stderr,
    )
    return 70


def _as_refusal(error: Exception) -> Exception | None:
    """The same as one of the client's refusals; None if it is a fault of the client."""
    family: type[Exception] = importlib.import_module("pyvorin_thin.errors").ThinError
    if isinstance(error, family):
        return error
    if isinstance(error, BadUsage):
        message, hint = error.args
        return _refused("PYV870", message, (hint,))
    if isinstance(error, OSError) and error.errno in _MACHINE:
        where = f" ({error.filename})" if error.filename else ""
        message = f"cannot go on: {(error.strerror or str(error)).lower()}{where}"
        return _refused("PYV855", message, ())
    return None


def _refused(code: str, message: str, hints: tuple[str, ...]) -> Exception:
    refusal: Exception = importlib.import_module("pyvorin_thin.errors").UsageError(
        code, message, hints
    )
    return refusal
