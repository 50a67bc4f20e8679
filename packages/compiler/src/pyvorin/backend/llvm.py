"""All emitters together: one function for each row of the op table, and the routines they call."""

from __future__ import annotations

from pyvorin.backend import (
    arithmetic,
    arrays,
    attributes,
    buffers,
    cells,
    dicts,
    floats,
    generic,
    lists,
    objects,
    powers,
    stores,
    texts,
)
from pyvorin.backend.body import EMIT, METADATA
from pyvorin.backend.layouts import Layout
from pyvorin.ir.optable import OPS

MISSING = sorted(OPS.keys() - EMIT.keys())
MODULES = (
    arithmetic,
    arrays,
    attributes,
    buffers,
    cells,
    dicts,
    floats,
    generic,
    lists,
    objects,
    powers,
    stores,
    texts,
)


def routines(layout: Layout) -> str:
    """What every module of native code begins with."""
    numbers = arithmetic.ROUTINES + arithmetic.WIDE_DIVISION + powers.ROUTINES
    objects_too = objects.routines(layout) + stores.routines(layout) + lists.routines(layout)
    objects_too += attributes.routines(layout)
    return objects_too + numbers + METADATA
