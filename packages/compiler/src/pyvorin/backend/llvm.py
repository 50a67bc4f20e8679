"""All emitters together: one function for each row of the op table, and the routines they call."""

from __future__ import annotations

from pyvorin.backend import arithmetic, floats, generic, objects
from pyvorin.backend.body import EMIT, METADATA
from pyvorin.backend.layouts import Layout
from pyvorin.ir.optable import OPS

MISSING = sorted(OPS.keys() - EMIT.keys())
MODULES = (arithmetic, floats, generic, objects)


def routines(layout: Layout) -> str:
    """What every module of native code begins with."""
    return objects.routines(layout) + arithmetic.ROUTINES + arithmetic.WIDE_DIVISION + METADATA
