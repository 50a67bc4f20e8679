"""Cases of the operations on lists that are open as arrays, for `test_ops`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

Row = tuple[str, str, tuple[str, ...], str, str, tuple[Any, ...], str]
ITEMS: dict[str, list[list[Any]]] = {
    "i64": [[1, 2, 3], [-5, 2**62, -(2**63), 2**63 - 1], [0] * 70, [1, 2**63], [1, True], []],
    "f64": [[0.5, -0.0, 2.5], [math.inf, 1e308], [1.0, math.nan], [1.0, 2], [7.25] * 70, []],
    "i1": [[True, False], [True, 1], [False] * 70, []],
}
NEW: dict[str, list[Any]] = {
    "i64": [0, 7, -(2**63), 2**63 - 1, 10**6],
    "f64": [0.0, -0.0, 1.5, math.nan, -math.inf],
    "i1": [True, False],
}
PLACES = (-3, -1, 0, 1, 2, 69)
TABLES = {
    "i64": [[[1, 2], [3, 4]], [[2**62, -(2**63)]] * 2, [[1], [2, 3]], [[1, 2], (3, 4)], [], [[]]],
    "f64": [[[0.5, 1.5], [2.5, -0.0]], [[0.5]] * 3, [[1.5, math.nan]], [[1.5], [2]]],
    "i1": [[[True], [False]], [[True, False, True]], [[1]]],
}
SAME = "  %17:i1 = const {value=True}\n  %9:obj = select %17, %0, %0"


def _opened(kind: str, written: bool) -> str:
    attrs = f"{{nest=0, kinds=('{kind}',), written=({written},)}}"
    return f"""nest.count {{nest=0, by=100000}}
  %4:i1, %5:i64 = arrays.open %0 {attrs}
  guard %4 {{reason='no array'}} STATE
  %6:i64 = arrays.base %5 {{at=0}}
"""


def rows() -> Iterator[Row]:
    """What `test_ops.Case` takes. Operands are lists, so only their items can be wrong."""
    place = "%2:i64 = list.len %0\n  %3:i64 = seq.index %1, %2 STATE\n  "
    for kind, lists in ITEMS.items():
        get = f"{place}{_opened(kind, False)}  %9:{kind} = array.get %6, %3 {{kind='{kind}', at=0}}"
        get += "\n  arrays.close %5"
        values = tuple(itertools.product(lists, PLACES))
        for name in ("array.get", "arrays.open", "arrays.base", "nest.count"):
            yield name, "a[b]", ("obj", "i64"), kind, "", values, get
        put = place.replace("%2", "%12") + _opened(kind, True)
        put += f"  array.set %6, %3, %2 {{kind='{kind}', at=0}} OPEN\n  arrays.close %5\n{SAME}"
        values = tuple(itertools.product(lists, PLACES, NEW[kind]))
        for name in ("array.set", "arrays.close"):
            python = "(a.__setitem__(b, c), a)[1]"
            yield name, python, ("obj", "i64", kind), "obj", "", values, put
        row = place + _opened(kind + "*", False) + f"""  %7:i64 = arrays.width %5 {{at=0}}
  %8:i64 = array.row %6, %7, %3 {{kind='{kind}'}}
  %10:i64 = const {{value=-1}}
  %11:i64 = seq.index %10, %7 OPEN
  %9:{kind} = array.get %8, %11 {{kind='{kind}', at=0}}
  arrays.close %5"""  # fmt: skip
        values = tuple(itertools.product(TABLES[kind], (-1, 0, 1)))
        for name in ("array.row", "arrays.width"):
            yield name, "a[b][-1]", ("obj", "i64"), kind, "", values, row
