"""The `pyvorin` command: compile, check, report, explain, dump, why, doctor. No service needed.

    main(["compile", "app.py", "-o", "out"])  →  exit code

    0 ok · 1 findings or rejected code · 2 usage · 3 native answers differ · 7 over a limit
    70 internal · 130 interrupted · 141 nobody reads the output

Standard output is data, standard error is for people. A command's module is imported when it is
chosen, so that `--version` and `explain` start at once: they never load the compiler.
"""

from __future__ import annotations

import errno
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Final, NoReturn

from pyvorin_wire import streams

from pyvorin.cli.arguments import parse, style
from pyvorin.errors import INTERNAL, INTERRUPTED, OVER_LIMIT, UNREAD, USAGE, RefusedError

_MACHINE: Final = (  # what the machine refuses, whatever the program
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ENAMETOOLONG),
    *(errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE),
)


def command() -> NoReturn:
    """The process of the command: ends although threads of a program that was recorded go on."""
    status = main()
    threading = sys.modules.get("threading")
    if threading and any(not one.daemon for one in threading.enumerate()[1:]):
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. The only place that catches everything."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    streams.steady()
    try:
        status = _run(words)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        streams.discard_output()
        return UNREAD
    except OSError as error:  # standard output is a file, and its disk is full
        streams.discard_output()
        print(f"pyvorin: cannot write the output: {_reason(error)} [PYV703]", file=sys.stderr)
        return USAGE


def _run(words: list[str]) -> int:
    try:
        options = parse(words)
        command = _command(options.module)
        status: int = command.run(options)
        return status
    except SystemExit as end:  # argparse: 0 after --help and --version
        return end.code if isinstance(end.code, int) else 2
    except KeyboardInterrupt:
        print("pyvorin: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        return _complain(error, style(words))


def _command(name: str) -> ModuleType:
    """The module of a command. What it imports stays: the garbage collector need not look at it."""
    gc.disable()
    try:
        return importlib.import_module(f"pyvorin.cli.{name}")
    finally:
        gc.freeze()
        gc.enable()


def _complain(error: Exception, format_: str) -> int:
    """Say it in the format that was asked for; the exit code."""
    refusal = _as_refusal(error)
    if refusal.code == "PYV900" and os.environ.get("PYVORIN_DEBUG"):
        raise error
    importlib.import_module("pyvorin.cli.output").complain(refusal, format_)
    return refusal.exit_code


def _as_refusal(error: Exception) -> RefusedError:
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, MemoryError):
        return RefusedError("out of memory; nothing was written", OVER_LIMIT, code="PYV706")
    if isinstance(error, OSError) and error.errno in _MACHINE:
        where = f" (`{error.filename}`)" if error.filename else ""
        message = f"cannot go on: {_reason(error)}{where}; nothing was written"
        return RefusedError(message, hint="TMPDIR chooses another folder", code="PYV703")
    message = f"internal error: {type(error).__name__}: {error}"
    hint = "this is a fault of the compiler; nothing was written; "
    hint += "set PYVORIN_DEBUG=1 to see where it happened"
    return RefusedError(message, INTERNAL, hint=hint, code="PYV900")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
