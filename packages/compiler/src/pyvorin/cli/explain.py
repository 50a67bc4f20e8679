"""`pyvorin explain CODE`: what a diagnostic means, why, and what to write instead."""

from __future__ import annotations

import argparse
import sys

from pyvorin.diagnostics import CODES, find, page
from pyvorin.errors import RefusedError


def run(options: argparse.Namespace) -> int:
    """Print the page of a code or slug; without one, the list of all."""
    if options.code is None:
        for known in CODES.values():
            print(f"{known.code}  {known.severity.value:<7}  {known.slug:<28}  {known.title}")
        return 0
    row = find(options.code)
    if row is None:
        import difflib  # only here: every other start is quicker without it

        words = [*CODES, *(row.slug for row in CODES.values())]
        close = difflib.get_close_matches(options.code, words, 3, 0.5)
        hint = f"did you mean {' or '.join(f'`{word}`' for word in close)}?" if close else ""
        raise RefusedError(f"no diagnostic `{options.code}`", hint=hint or "list: pyvorin explain")
    sys.stdout.write(page(row.code))
    return 0
