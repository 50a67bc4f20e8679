"""What operations on strings mean, generic and typed."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyvorin.ir.meaning import Leave, means
from pyvorin.ir.model import Op

if TYPE_CHECKING:
    from pyvorin.ir.interp import Frame

_SCALARS = (int, float, bool, complex, str, type(None))
_CONVERT: dict[str, Callable[[Any], Any]] = {
    "": lambda x: x,
    "str": str,
    "repr": repr,
    "ascii": ascii,
}


@means("py.format")
def _py_format(frame: Frame, op: Op, value: Any, spec: Any = "") -> object:
    converted = _CONVERT[op.attrs["conversion"]](value)
    return format(converted, spec) if op.attrs["formats"] else converted


@means("py.string")
@means("str.join")
def _string(frame: Frame, op: Op, *parts: Any) -> object:
    return "".join(parts)


@means("i64.to_char")
def _to_char(frame: Frame, op: Op, x: int) -> int:
    if not 0 <= x < 0x110000:
        raise Leave
    return x


@means("char.is")
def _char_is(frame: Frame, op: Op, x: int) -> bool:
    return bool(getattr(chr(x), op.attrs["method"])())


@means("char.map")
def _char_map(frame: Frame, op: Op, x: int) -> int:
    mapped = getattr(chr(x), op.attrs["method"])()
    if len(mapped) != 1:
        raise Leave
    return ord(mapped)


@means("str.concat")
def _concat(frame: Frame, op: Op, a: str, b: str) -> object:
    return a + b


@means("str.eq")
def _eq(frame: Frame, op: Op, a: str, b: str) -> bool:
    return a == b


@means("str.has")
def _has(frame: Frame, op: Op, item: str, text: str) -> bool:
    return item in text


def _plain(x: Any) -> Any:
    if type(x) in (list, tuple):
        for item in x:
            _plain(item)
    elif type(x) not in (*_SCALARS, bytes, bytearray):
        raise Leave
    return x


def _or_leave(compute: Callable[..., Any], *operands: Any) -> Any:
    try:
        return compute(*map(_plain, operands))
    except Exception:
        raise Leave from None


@means("str.of")
def _of(frame: Frame, op: Op, x: Any) -> object:
    if type(x) not in _SCALARS:
        raise Leave
    return _or_leave(str, x)


@means("str.format")
def _format(frame: Frame, op: Op, x: Any, spec: str = "") -> object:
    if type(x) not in _SCALARS:
        raise Leave
    return _or_leave(lambda value: format(_CONVERT[op.attrs["conversion"]](value), spec), x)


@means("str.percent")
def _percent(frame: Frame, op: Op, a: str, b: Any) -> object:
    return _or_leave(lambda x, y: x % y, a, b)


@means("method.call")
def _method(frame: Frame, op: Op, *operands: Any) -> object:
    return _or_leave(getattr(getattr(builtins, op.attrs["cls"]), op.attrs["method"]), *operands)
