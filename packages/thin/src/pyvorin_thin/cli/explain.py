"""`pyvorin-thin explain CODE`: what a code means. Ours are here; the compiler explains its own if
it is installed. Offline."""

import argparse
import subprocess
import sys

from pyvorin_thin import codes, local
from pyvorin_thin.cli import output
from pyvorin_thin.errors import UsageError


def run(options: argparse.Namespace) -> int:
    if options.code is None:
        rows = {code: entry.title for code, entry in codes.CODES.items()}
        output.data({"codes": rows}, output.table(rows.items()), options.format)
        return 0
    code = options.code.upper()
    if code in codes.CODES:
        entry = codes.CODES[code]
        document = {
            "code": code,
            **{name: getattr(entry, name) for name in ("slug", "title", "what", "why", "do")},
        }
        output.data(document, codes.page(code), options.format)
        return 0
    return _ask_compiler(code)


def _ask_compiler(code: str) -> int:
    if not local.is_installed():
        raise UsageError(
            "PYV870",
            f"{code} is none of the client's codes",
            ("codes of the compiler: pip install pyvorin",),
        )
    return subprocess.run(
        [sys.executable, "-m", "pyvorin", "explain", code], check=False
    ).returncode
