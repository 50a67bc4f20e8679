"""The `pyvorin` command: compile, check, report, explain, dump, why, doctor. No service needed.

    main(["compile", "app.py", "-o", "out"])  →  exit code

    0 ok · 1 findings or rejected code · 2 usage · 3 native answers differ · 7 over a limit
    70 internal · 130 interrupted

Standard output is data, standard error is for people. A command's module is imported when it is
chosen, so that `--version` and `explain` start at once: they never load the compiler.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from pyvorin.cli.arguments import parse
from pyvorin.errors import INTERNAL, INTERRUPTED, RefusedError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. The only place that catches everything."""
    try:
        options = parse(sys.argv[1:] if arguments is None else arguments)
        command = importlib.import_module(f"pyvorin.cli.{options.module}")
        status: int = command.run(options)
        sys.stdout.flush()
        return status
    except SystemExit as end:  # argparse: 0 after --help and --version, 2 for bad usage
        return end.code if isinstance(end.code, int) else 2
    except RefusedError as error:
        importlib.import_module("pyvorin.cli.output").complain(error)
        return error.exit_code
    except KeyboardInterrupt:
        print("pyvorin: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # no second complaint
        return 0
    except Exception as error:
        if os.environ.get("PYVORIN_DEBUG"):
            raise
        print(
            f"pyvorin: internal error: {type(error).__name__}: {error}\n"
            "this is a fault of the compiler; nothing was written; "
            "set PYVORIN_DEBUG=1 to see where it happened",
            file=sys.stderr,
        )
        return INTERNAL
