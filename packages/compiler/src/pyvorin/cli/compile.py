"""`pyvorin compile FILE -o DIR`: write NAME.<tag>.so and NAME.pyv.json, or findings and nothing."""

from __future__ import annotations

import argparse
import sys
import sysconfig
from pathlib import Path

from pyvorin_wire.render import visible

from pyvorin import driver
from pyvorin import report as reports
from pyvorin.build import Built, Compiled, Request, build
from pyvorin.cli import files, output, request
from pyvorin.cli.program import running
from pyvorin.options import CompileOptions


def run(options: argparse.Namespace) -> int:
    """Build; write the artifact and its report if they may be shipped."""
    wanted = request.make(options, run=not options.no_check)
    built = build(wanted, compile_module)
    content = contents(built)
    written = [str(Path(options.output, name)) for name in content]
    text = shown(built, wanted, options.format, written)
    files.write_all(options.output, content)
    output.emit(text)
    for path in written:
        print(f"wrote {visible(path)}", file=sys.stderr)
    if not written:
        print(f"nothing was written{_why_nothing(built)}", file=sys.stderr)
    return built.exit_code


def _why_nothing(built: Built) -> str:
    return "" if built.report["functions"] else ": there is no function at module level"


def compile_module(source: str, path: str, options: CompileOptions) -> Compiled:
    """The compiler, with what the module prints sent to standard error.

    Raises RefusedError if the module itself fails while it is imported.
    """
    with running(source, path):
        return driver.compile_module(source, path, options)


def contents(built: Built) -> dict[str, bytes]:
    """The artifact and its report by file name; nothing if there is no artifact."""
    if built.artifact is None:
        return {}
    stem = Path(built.report["source"]).stem
    suffix = str(sysconfig.get_config_var("EXT_SUFFIX"))
    return {stem + suffix: built.artifact, stem + ".pyv.json": reports.encode(built.report)}


def shown(built: Built, wanted: Request, style: str, written: list[str]) -> str:
    """Findings and report in the format asked for."""
    if style == "json":
        return output.document(built.diagnostics, report=built.report, written=written)
    text = output.findings(built.diagnostics, {wanted.path: wanted.source}, style)
    if style == "text":
        text += "\n" * bool(text) + reports.table(built.report)
        if built.artifact is None:
            text += f"{output.count(built.diagnostics)}\n"
    return text
