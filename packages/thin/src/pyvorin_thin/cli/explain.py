"""`pyvorin-thin explain CODE`: what a code means. Ours and those a job can end with are here; the
compiler explains its own if it is installed. Offline."""

import argparse

from pyvorin_thin.cli import output
from pyvorin_thin.codes import CODES, page
from pyvorin_thin.endings import ENDINGS
from pyvorin_thin.errors import UsageError

_PARTS = ("slug", "title", "what", "why", "example", "do")


def run(options: argparse.Namespace) -> int:
    known = CODES | ENDINGS
    if options.code is None:
        rows = {code: known[code].title for code in sorted(known)}
        output.data({"codes": rows}, output.table(rows.items()), options.format)
        return 0
    code = options.code.upper()
    if code in known:
        entry = known[code]
        document = {"code": code, **{name: getattr(entry, name) for name in _PARTS}}
        output.data(document, page(code, entry), options.format)
        return 0
    text = _compilers_page(options.code)
    output.data({"code": code, "page": text}, text, options.format)
    return 0


def _compilers_page(code: str) -> str:
    """The compiler's page. Raises UsageError if there is none, or no compiler."""
    from pyvorin_thin import local  # starts processes, which takes long to import

    if not local.is_installed():
        raise UsageError(
            "PYV870",
            f"{code} is none of the client's codes",
            ("codes of the compiler: pip install pyvorin",),
        )
    done = local.call("explain", code)
    if done.returncode:
        raise UsageError("PYV870", f"there is no code {code}", ("list: pyvorin-thin explain",))
    return done.stdout.decode("utf-8", "replace")
