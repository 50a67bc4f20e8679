"""What operations on bytes and bytearrays mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyvorin.ir.meaning import Leave, means
from pyvorin.ir.model import Op

if TYPE_CHECKING:
    from pyvorin.ir.interp import Frame

_OF_BYTES = (bytes, bytearray)


@means("bytes.len")
@means("bytearray.len")
def _len(frame: Frame, op: Op, x: Any) -> int:
    return len(x)


@means("bytes.get")
@means("bytearray.get")
def _get(frame: Frame, op: Op, x: Any, index: int) -> int:
    assert 0 <= index < len(x), (index, len(x))
    return int(x[index])


def _leave_unless_byte(byte: int) -> None:
    if not 0 <= byte < 256:
        raise Leave


@means("bytearray.set")
def _set(frame: Frame, op: Op, x: bytearray, index: int, byte: int) -> None:
    assert 0 <= index < len(x), (index, len(x))
    _leave_unless_byte(byte)
    x[index] = byte


@means("bytearray.append")
def _append(frame: Frame, op: Op, x: bytearray, byte: int) -> None:
    _leave_unless_byte(byte)
    try:
        x.append(byte)
    except BufferError:
        raise Leave from None


@means("bytearray.extend")
def _extend(frame: Frame, op: Op, x: bytearray, items: Any) -> None:
    if type(items) not in _OF_BYTES:
        raise Leave
    try:
        x += items
    except BufferError:
        raise Leave from None


@means("bytes.of")
def _of(frame: Frame, op: Op, *items: Any) -> object:
    for x in items:
        listed = type(x) in (list, tuple) and all(type(item) is int for item in x)
        if not listed and type(x) not in (int, range, *_OF_BYTES):
            raise Leave
    try:
        return {"bytes": bytes, "bytearray": bytearray}[op.attrs["cls"]](*items)
    except Exception:
        raise Leave from None


@means("bytes.eq")
def _eq(frame: Frame, op: Op, a: Any, b: Any) -> bool:
    return bool(a == b)


@means("bytes.has")
def _has(frame: Frame, op: Op, x: Any, item: Any) -> bool:
    if type(item) not in (int, *_OF_BYTES):
        raise Leave
    try:
        return item in x
    except Exception:
        raise Leave from None


@means("bytes.to_i64")
def _to_int(frame: Frame, op: Op, x: Any) -> int:
    value = int.from_bytes(x, op.attrs["order"])
    if value >= 2**63:
        raise Leave
    return value


@means("i64.to_bytes")
def _to_bytes(frame: Frame, op: Op, value: int, count: int) -> object:
    try:
        return value.to_bytes(count, op.attrs["order"])
    except Exception:
        raise Leave from None


@means("i64.bit_length")
def _bit_length(frame: Frame, op: Op, value: int) -> int:
    return value.bit_length()


@means("i64.bit_count")
def _bit_count(frame: Frame, op: Op, value: int) -> int:
    return value.bit_count()
