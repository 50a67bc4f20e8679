"""What operations on attributes of instances mean: where looking one up runs no Python code."""

from __future__ import annotations

from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any

from pyvorin.ir.meaning import Leave, means
from pyvorin.ir.model import Op

if TYPE_CHECKING:
    from pyvorin.ir.interp import Frame

_HEAP = 1 << 9
_IMMUTABLE = 1 << 8
_SCALARS = (int, float, bool, str, type(None))


def _plain(x: Any, name: str) -> Any:
    """The attribute that an instance has itself; leaves where only CPython knows it."""
    kind: Any = type(x)
    if kind.__getattribute__ is not object.__getattribute__ or hasattr(kind, "__getattr__"):
        raise Leave
    if not all(base.__flags__ & _HEAP for base in kind.__mro__[:-1]):
        raise Leave
    found = next((vars(base)[name] for base in kind.__mro__ if name in vars(base)), None)
    if type(found) is not MemberDescriptorType:
        changeable = found is not None and not type(found).__flags__ & _IMMUTABLE
        if changeable or hasattr(type(found), "__set__") or not _has_value(x, name):
            raise Leave
    try:
        return object.__getattribute__(x, name)
    except AttributeError:
        raise Leave from None


def _has_value(x: Any, name: str) -> bool:
    return name in getattr(x, "__dict__", ())


@means("attr.get")
def _get(frame: Frame, op: Op, x: Any) -> Any:
    return _plain(x, op.attrs["name"])


@means("attr.set")
def _set(frame: Frame, op: Op, x: Any, value: Any) -> None:
    kind: Any = type(x)
    if kind.__setattr__ is not object.__setattr__:
        raise Leave
    if type(_plain(x, op.attrs["name"])) not in _SCALARS:
        raise Leave  # releasing anything else could run code
    object.__setattr__(x, op.attrs["name"], value)
