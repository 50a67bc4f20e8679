"""What operations on dicts and sets mean, generic and typed.

A place is the position of a key in the order of the dict. An iterator is CPython's own: what it
answers next is read off a copy of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyvorin.ir.meaning import BINARY, INPLACE, Leave, means
from pyvorin.ir.model import Op

if TYPE_CHECKING:
    from pyvorin.ir.interp import Frame

_ATOMS = (int, float, bool, str, bytes, type(None))


def _is_key(x: Any) -> bool:
    return type(x) in _ATOMS or (type(x) is tuple and all(map(_is_key, x)))


def _key(x: Any) -> Any:
    if not _is_key(x):
        raise Leave
    return x


def _one(keys: tuple[Any, ...]) -> Any:
    """Two keys are a pair that was not built."""
    return keys[0] if len(keys) == 1 else keys


# ---- building ------------------------------------------------------------------------------------
@means("py.dict")
def _dict(frame: Frame, op: Op, *items: Any) -> object:
    return dict(zip(items[::2], items[1::2], strict=True))


@means("dict.new")
def _dict_new(frame: Frame, op: Op, *items: Any) -> object:
    return dict(zip(map(_key, items[::2]), items[1::2], strict=True))


@means("py.set")
def _set(frame: Frame, op: Op, *items: Any) -> object:
    result = set()
    for item in items:
        result.add(item)
    return result


@means("py.setadd")
def _set_add(frame: Frame, op: Op, s: set[Any], item: Any) -> None:
    s.add(item)


@means("set.new")
def _set_new(frame: Frame, op: Op, *items: Any) -> object:
    return _set(frame, op, *map(_key, items))


# ---- dicts ---------------------------------------------------------------------------------------
@means("dict.len")
@means("set.len")
def _len(frame: Frame, op: Op, x: Any) -> int:
    return len(x)


@means("dict.find")
def _find(frame: Frame, op: Op, d: dict[Any, Any], *keys: Any) -> int:
    key = _one(keys)
    if not all(map(_is_key, d)):
        raise Leave
    return list(d).index(key) if _key(key) in d else -1


@means("dict.value")
def _value(frame: Frame, op: Op, d: dict[Any, Any], place: int) -> object:
    return list(d.values())[place]


@means("dict.put")
def _put(frame: Frame, op: Op, d: dict[Any, Any], place: int, key: Any, value: Any) -> None:
    d[key] = value


@means("dict.delete")
def _delete(frame: Frame, op: Op, d: dict[Any, Any], place: int) -> None:
    del d[list(d)[place]]


@means("dict.clear")
@means("set.clear")
def _clear(frame: Frame, op: Op, x: Any) -> None:
    x.clear()


@means("dict.update")
def _update(frame: Frame, op: Op, d: dict[Any, Any], other: dict[Any, Any]) -> None:
    d.update(other)


@means("dict.view")
def _view(frame: Frame, op: Op, d: dict[Any, Any]) -> object:
    return getattr(d, op.attrs["kind"])()


# ---- sets ----------------------------------------------------------------------------------------
@means("set.has")
def _has(frame: Frame, op: Op, s: Any, *keys: Any) -> bool:
    if not all(map(_is_key, s)):
        raise Leave
    return _key(_one(keys)) in s


@means("set.add")
def _add(frame: Frame, op: Op, s: set[Any], *keys: Any) -> None:
    if not all(map(_is_key, s)):
        raise Leave
    s.add(_key(_one(keys)))


@means("set.discard")
def _discard(frame: Frame, op: Op, s: set[Any], key: Any) -> None:
    if not all(map(_is_key, s)):
        raise Leave
    s.discard(_key(key))


@means("set.top")
def _top(frame: Frame, op: Op, s: set[Any]) -> object:
    """Only memory says which one it is, so the reference interpreter always leaves."""
    raise Leave


@means("set.pop")
def _pop(frame: Frame, op: Op, s: set[Any]) -> None:
    s.pop()


def _keys_of(x: Any) -> Any:
    if type(x) not in (list, tuple, str, range, set, frozenset, dict) or not all(map(_is_key, x)):
        raise Leave
    return x


@means("py.setupdate")
def _set_update_display(frame: Frame, op: Op, s: set[Any], items: Any) -> None:
    s.update(items)


@means("set.of")
def _set_of(frame: Frame, op: Op, x: Any) -> object:
    return {"set": set, "frozenset": frozenset}[op.attrs["cls"]](_keys_of(x))


@means("set.binop")
def _set_binop(frame: Frame, op: Op, a: Any, b: Any) -> object:
    return BINARY[op.attrs["op"]](_keys_of(a), _keys_of(b))


@means("set.change")
def _set_change(frame: Frame, op: Op, a: Any, b: Any) -> None:
    INPLACE[op.attrs["op"]](_keys_of(a), _keys_of(b))


@means("set.update")
def _set_update(frame: Frame, op: Op, s: set[Any], items: Any) -> None:
    _keys_of(s).update(_keys_of(items))


# ---- iterators -----------------------------------------------------------------------------------
@means("hash.iter")
def _iter(frame: Frame, op: Op, x: Any) -> object:
    return iter(x)


def _rest(iterator: Any) -> list[Any]:
    """What an iterator has still to answer; it does not move."""
    try:
        return list(iterator.__reduce__()[1][0])
    except RuntimeError:
        raise Leave from None


@means("hash.peek")
def _peek(frame: Frame, op: Op, iterator: Any) -> int:
    return 0 if _rest(iterator) else -1


@means("hash.key")
def _next_key(frame: Frame, op: Op, iterator: Any, place: int) -> object:
    item = _rest(iterator)[0]
    return item[0] if op.attrs["cls"] == "dict_itemiterator" else item


@means("hash.value")
def _next_value(frame: Frame, op: Op, iterator: Any, place: int) -> object:
    item = _rest(iterator)[0]
    return item[1] if type(iterator).__name__ == "dict_itemiterator" else item


@means("hash.step")
@means("hash.finish")
def _step(frame: Frame, op: Op, iterator: Any) -> None:
    next(iterator, None)
