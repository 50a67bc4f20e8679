"""What operations on lists opened as arrays mean."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pyvorin.ir.meaning import Leave, means
from pyvorin.ir.model import Op

if TYPE_CHECKING:
    from pyvorin.ir.interp import Frame

_CLASSES = {"f64": float, "i64": int, "i1": bool}


@dataclass(slots=True)
class _Array:
    """Lists in a row, and their items; `width`: of each list."""

    lists: list[list[Any]]
    items: list[Any]
    width: int
    written: bool


@dataclass(frozen=True, slots=True)
class _Place:
    """An address in an array."""

    items: list[Any]
    first: int


def _opened(items: Any, kind: str, written: bool) -> _Array | None:
    lists = items if kind.endswith("*") else [items]
    cls = _CLASSES[kind.rstrip("*")]
    if any(type(row) is not list or len(row) != len(lists[0]) for row in lists):
        return None
    values = [item for row in lists for item in row]
    if not all(type(item) is cls and _fits(item) for item in values):
        return None
    return _Array(list(lists), values, len(lists[0]) if lists else 0, written)


def _fits(item: Any) -> bool:
    return item == item and (type(item) is not int or -(2**63) <= item < 2**63)


@means("nest.count")
def _count(frame: Frame, op: Op) -> None:
    """Here arrays are opened whenever they can be."""


@means("arrays.open")
def _open(frame: Frame, op: Op, *lists: Any) -> tuple[bool, Any]:
    marks = zip(lists, op.attrs["kinds"], op.attrs["written"], strict=True)
    arrays = [_opened(items, kind, written) for items, kind, written in marks]
    found = [array for array in arrays if array is not None]
    owners = sorted((id(row), array.written) for array in found for row in array.lists)
    shared = any(a[0] == b[0] and (a[1] or b[1]) for a, b in pairwise(owners))
    if len(found) < len(arrays) or shared:
        return False, None
    return True, found


@means("arrays.base")
def _base(frame: Frame, op: Op, arrays: list[_Array]) -> Any:
    return _Place(arrays[op.attrs["at"]].items, 0)


@means("arrays.width")
def _width(frame: Frame, op: Op, arrays: list[_Array]) -> Any:
    return arrays[op.attrs["at"]].width


@means("arrays.close")
def _close(frame: Frame, op: Op, arrays: list[_Array]) -> None:
    close(arrays)


def close(arrays: list[_Array]) -> None:
    """Write changed items back."""
    for array in arrays:
        for number, row in enumerate(array.lists if array.written else ()):
            for place, old in enumerate(row):
                new = array.items[number * array.width + place]
                if _bits(old) != _bits(new):
                    row[place] = new


def _bits(item: Any) -> object:
    return struct.pack("d", item) if type(item) is float else item


@means("array.row")
def _row(frame: Frame, op: Op, base: _Place, width: int, index: int) -> Any:
    return _Place(base.items, base.first + width * index)


@means("array.get")
def _get(frame: Frame, op: Op, place: _Place, index: int) -> Any:
    return place.items[place.first + index]


@means("array.set")
def _set(frame: Frame, op: Op, place: _Place, index: int, item: Any) -> None:
    if item != item:
        raise Leave
    place.items[place.first + index] = item
