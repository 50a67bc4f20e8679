"""`pyvorin compile FILE -o DIR`: write NAME.<tag>.so and NAME.pyv.json, or findings and nothing."""

from __future__ import annotations

import argparse
import contextlib
import sys
import sysconfig
from pathlib import Path
from traceback import walk_tb

from pyvorin import driver
from pyvorin import report as reports
from pyvorin.build import Built, Compiled, Request, build
from pyvorin.cli import files, output, request
from pyvorin.errors import RefusedError
from pyvorin.options import CompileOptions


def run(options: argparse.Namespace) -> int:
    """Build; write the artifact and its report if they may be shipped."""
    wanted = request.make(options, run=not options.no_check)
    built = build(wanted, compile_module)
    written = write(built, options.output) if built.artifact is not None else []
    show(built, wanted, options.format, written)
    for path in written:
        print(f"wrote {path}", file=sys.stderr)
    if built.artifact is None:
        print("nothing was written", file=sys.stderr)
    return built.exit_code


def compile_module(source: str, path: str, options: CompileOptions) -> Compiled:
    """The compiler, with what the module prints sent to standard error.

    Raises RefusedError if the module itself fails while it is imported.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return driver.compile_module(source, path, options)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if any(frame.f_code.co_filename == path for frame, _ in walk_tb(error.__traceback__)):
            what = f"{type(error).__name__}: {error}"
            raise RefusedError(f"importing `{path}` raised {what}", exit_code=1) from error
        raise


def write(built: Built, folder: str) -> list[str]:
    """Write the artifact and its report; their paths."""
    assert built.artifact is not None
    stem = Path(built.report["source"]).stem
    suffix = str(sysconfig.get_config_var("EXT_SUFFIX"))
    names = {
        stem + suffix: built.artifact,
        stem + ".pyv.json": reports.encode(built.report),
    }
    return files.write_all(folder, names)


def show(built: Built, wanted: Request, style: str, written: list[str]) -> None:
    """Print findings and report on standard output, in the format asked for."""
    if style == "json":
        text = output.document(built.diagnostics, report=built.report, written=written)
        sys.stdout.write(text)
        return
    text = output.findings(built.diagnostics, {wanted.path: wanted.source}, style)
    if style == "text":
        text += "\n" * bool(text) + reports.table(built.report)
        if built.artifact is None:
            text += f"{output.count(built.diagnostics)}\n"
    sys.stdout.write(text)
