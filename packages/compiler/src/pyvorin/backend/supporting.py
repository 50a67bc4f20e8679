"""Compile the modules of `support` into one object file, and write what artifacts start with to
use it. Imported only where no compiled library is kept (`backend/library.py`).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pyvorin.backend import leaving
from pyvorin.backend.dialect import declarations, functions, translate
from pyvorin.backend.layouts import Layout
from pyvorin.backend.object import compile_text
from pyvorin.backend.support import (
    apply,
    arrays,
    assume,
    attributes,
    boxed,
    buffers,
    dicts,
    enter,
    frames,
    heaps,
    ints,
    leave,
    lists,
    memory,
    numbers,
    quick,
    release,
    search,
    sets,
    sorting,
    start,
    starts,
    tables,
    texts,
)
from pyvorin.backend.text import Text

HOT = (
    *(numbers, ints, tables, release, apply, boxed, lists, search, dicts, sets, texts, buffers),
    *(arrays, attributes, enter, starts, quick, sorting, heaps),
)
SUPPORT = (*HOT, memory, frames, leave, assume, start)
# What artifacts copy into their own functions; they call everything else.
COPIED = {
    frames: {"current_frame"},
    enter: {"breaker_of", "count_entry", "may_enter"},
    numbers: {"class_of", "is_number"},
}
LEVEL = 3  # LLVM's; functions that run rarely say themselves that they need none


def compile_support(layout: Layout, cpu: str) -> tuple[bytes, dict[str, Any]]:
    """The object file, and the fields of a `Text` in which its functions are declared."""
    results = {name: kind for module in SUPPORT for name, kind in functions(module)}
    whole = Text(results=dict(results))
    for module in SUPPORT:
        translate(module, layout, whole, module in HOT)
    whole.definitions += leaving.definitions()
    words, whole.words = whole.words, {}
    outside = "".join(f"@{name} = external hidden global i64\n" for name in words)
    compiled = compile_text(whole.render() + outside, LEVEL, cpu)
    begin = Text(results=results, shared=set(words), words=dict(words))
    for module in SUPPORT:
        copied = COPIED.get(module, set())
        translate(module, layout, begin, True, "available_externally hidden", copied)
        begin.definitions += [line + "\n" for line in declarations(module, copied)]
    begin.definitions += leaving.declarations()
    fields = asdict(begin)
    fields["defined"], fields["shared"] = sorted(begin.defined), sorted(begin.shared)
    return compiled, fields
