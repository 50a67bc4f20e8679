"""What operations on lists mean, generic and typed."""

from __future__ import annotations

import bisect
import heapq
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyvorin.ir.meaning import COMPARE, Leave, means
from pyvorin.ir.model import Op

if TYPE_CHECKING:
    from pyvorin.ir.interp import Frame


@means("py.list")
@means("list.new")
def _list(frame: Frame, op: Op, *items: Any) -> object:
    return list(items)


@means("py.totuple")
def _to_tuple(frame: Frame, op: Op, items: Any) -> object:
    return tuple(items)


@means("py.append")
@means("list.append")
def _append(frame: Frame, op: Op, x: Any, item: Any) -> None:
    x.append(item)


@means("py.extend")
def _extend_display(frame: Frame, op: Op, x: Any, items: Any) -> None:
    """As LIST_EXTEND does, with its error text."""
    if not hasattr(type(items), "__iter__") and not hasattr(type(items), "__getitem__"):
        name = type(items).__name__
        raise TypeError(f"Value after * must be an iterable, not {name}")
    x.extend(items)


@means("list.remove_at")
def _remove_at(frame: Frame, op: Op, x: Any, index: int) -> None:
    assert 0 <= index < len(x), (index, len(x))
    del x[index]


@means("py.delitem")
def _delitem(frame: Frame, op: Op, x: Any, i: Any) -> None:
    del x[i]


@means("py.slice")
def _slice(frame: Frame, op: Op, *bounds: Any) -> object:
    return slice(*bounds)


@means("py.unpackstar")
def _unpackstar(frame: Frame, op: Op, iterable: Any) -> tuple[object, ...]:
    """As UNPACK_EX does, with its error texts (Python/ceval.c, unpack_iterable)."""
    before, after = op.attrs["before"], len(op.results) - op.attrs["before"] - 1
    if not hasattr(type(iterable), "__iter__") and not hasattr(type(iterable), "__getitem__"):
        raise TypeError(f"cannot unpack non-iterable {type(iterable).__name__} object")
    iterator = iter(iterable)
    first: list[object] = []
    for item in iterator:
        first.append(item)
        if len(first) == before:
            break
    if len(first) < before:
        wanted = f"expected at least {before + after}, got {len(first)}"
        raise ValueError(f"not enough values to unpack ({wanted})")
    rest = list(iterator) if before or not first else [*first, *iterator]
    first = first[:before]
    if len(rest) < after:
        wanted = f"expected at least {before + after}, got {before + len(rest)}"
        raise ValueError(f"not enough values to unpack ({wanted})")
    return (*first, rest[: len(rest) - after], *rest[len(rest) - after :])


# ---- typed: exact classes, and items that need no Python code ------------------------------------
_SCALARS = (int, float, bool, complex, str, type(None))
_SEQUENCES = (list, tuple)
_ITERABLES = (list, tuple, str, range, dict, set, bytes, bytearray)


def _plain(x: Any, depth: int = 4) -> bool:
    if type(x) in (*_SCALARS, bytes):
        return True
    return type(x) in _SEQUENCES and depth > 0 and all(_plain(item, depth - 1) for item in x)


def _leave_unless(holds: bool) -> None:
    if not holds:
        raise Leave


def _or_leave(compute: Callable[..., Any], *operands: Any) -> Any:
    try:
        return compute(*operands)
    except Exception:
        raise Leave from None


@means("list.extend")
def _extend(frame: Frame, op: Op, x: Any, items: Any) -> None:
    _leave_unless(type(items) in _ITERABLES)
    x.extend(items)


@means("list.of")
def _list_of(frame: Frame, op: Op, items: Any) -> object:
    _leave_unless(type(items) in _ITERABLES)
    return _or_leave(list, items)


@means("tuple.of")
def _tuple_of(frame: Frame, op: Op, items: Any) -> object:
    _leave_unless(type(items) in _ITERABLES)
    return _or_leave(tuple, items)


@means("range.new")
def _range_new(frame: Frame, op: Op, start: int, stop: int, step: int) -> object:
    return _or_leave(range, start, stop, step)


@means("seq.concat")
def _concat(frame: Frame, op: Op, a: Any, b: Any) -> object:
    return _or_leave(lambda: a + b)


@means("seq.repeat")
def _repeat(frame: Frame, op: Op, x: Any, times: int) -> object:
    return _or_leave(lambda: x * times)


@means("list.repeat_inplace")
def _repeat_inplace(frame: Frame, op: Op, x: Any, times: int) -> None:
    _leave_unless(times > 0 or all(map(_plain, x)))
    x *= times


@means("list.insert")
def _insert(frame: Frame, op: Op, x: Any, index: int, item: Any) -> None:
    x.insert(index, item)


@means("list.reverse")
def _reverse(frame: Frame, op: Op, x: Any) -> None:
    x.reverse()


@means("seq.slice")
def _get_slice(frame: Frame, op: Op, x: Any, start: int, stop: int, step: int) -> object:
    return _or_leave(lambda: x[start:stop:step])


@means("seq.rest")
def _rest(frame: Frame, op: Op, x: Any, before: int, after: int) -> object:
    return list(x[before : len(x) - after])


@means("list.set_slice")
def _set_slice(frame: Frame, op: Op, x: Any, start: int, stop: int, step: int, items: Any) -> None:
    _leave_unless(type(items) in _SEQUENCES and all(map(_plain, x)))
    _or_leave(x.__setitem__, slice(start, stop, step), items)


@means("list.swap")
def _swap(frame: Frame, op: Op, x: Any, i: int, y: Any, j: int) -> None:
    x[i], y[j] = y[j], x[i]


@means("list.copy_slice")
def _copy_slice(frame: Frame, op: Op, x: Any, *rest: Any) -> None:
    start, stop, step, y, *of_y = rest
    _set_slice(frame, op, x, start, stop, step, y[slice(*of_y)])


@means("list.extend_slice")
def _extend_slice(frame: Frame, op: Op, x: Any, y: Any, *of_y: int) -> None:
    x.extend(y[slice(*of_y)])


@means("seq.concat_slices")
def _concat_slices(frame: Frame, op: Op, x: Any, *rest: Any) -> object:
    start, stop, step, y, *of_y = rest
    return _or_leave(lambda: x[start:stop:step] + y[slice(*of_y)])


@means("list.del_slice")
def _del_slice(frame: Frame, op: Op, x: Any, start: int, stop: int, step: int) -> None:
    _leave_unless(all(map(_plain, x)))
    _or_leave(x.__delitem__, slice(start, stop, step))


def _shape(x: Any) -> object:
    """Items of one shape compare with one another; None for what may run code or raise."""
    if type(x) in (int, float, bool):
        return "number"
    if type(x) is str:
        return "text"
    if type(x) is not tuple:
        return None
    shapes = tuple(map(_shape, x))
    return None if None in shapes else shapes


@means("list.sort")
def _sort(frame: Frame, op: Op, x: Any, reverse: bool) -> None:
    shapes = [_shape(item) for item in x]
    _leave_unless(None not in shapes and len(set(shapes)) <= 1)
    x.sort(reverse=reverse)


@means("seq.contains")
def _contains(frame: Frame, op: Op, x: Any, item: Any) -> bool:
    _leave_unless(_plain(item) and type(x) in _SEQUENCES and all(map(_plain, x)))
    return item in x


@means("seq.find")
def _find(frame: Frame, op: Op, x: Any, item: Any) -> int:
    _leave_unless(_plain(item) and type(x) in _SEQUENCES and all(map(_plain, x)))
    return int(_or_leave(x.index, item))


@means("seq.count")
def _count(frame: Frame, op: Op, x: Any, item: Any) -> int:
    _leave_unless(_plain(item) and type(x) in _SEQUENCES and all(map(_plain, x)))
    return int(x.count(item))


@means("seq.extremum")
def _extremum(frame: Frame, op: Op, x: Any) -> int:
    _leave_unless(type(x) in _SEQUENCES and len(x) > 0 and all(map(_plain, x)))
    best = 0
    for place in range(1, len(x)):
        if _or_leave(COMPARE[op.attrs["op"]], x[place], x[best]):
            best = place
    return best


@means("seq.any")
def _any(frame: Frame, op: Op, x: Any) -> bool:
    known = (*_SCALARS, *_SEQUENCES)
    _leave_unless(type(x) in _SEQUENCES and all(type(item) in known for item in x))
    return all(x) if op.attrs["all"] else any(x)


@means("seq.sum_i64")
def _sum_i64(frame: Frame, op: Op, x: Any, start: int) -> int:
    _leave_unless(type(x) in _SEQUENCES and all(type(item) in (int, bool) for item in x))
    total = int(sum(x, start))
    _leave_unless(-(2**63) <= total < 2**63)
    return total


@means("seq.sum_f64")
def _sum_f64(frame: Frame, op: Op, x: Any, start: int) -> float:
    _leave_unless(type(x) in _SEQUENCES and all(type(item) in (int, bool, float) for item in x))
    total = _or_leave(sum, x, start)
    _leave_unless(isinstance(total, float))
    return float(total)


# ---- heaps and sorted lists ----------------------------------------------------------------------
def _on_heap(change: Callable[..., Any], x: Any, *item: Any) -> Any:
    """What an error would leave half done is tried on a copy."""
    _leave_unless(all(map(_plain, (*x, *item))))
    changed = list(x)
    result = _or_leave(change, changed, *item)
    x[:] = changed
    return result


@means("heap.push")
def _push(frame: Frame, op: Op, x: Any, item: Any) -> None:
    _on_heap(heapq.heappush, x, item)


@means("heap.pop")
def _pop(frame: Frame, op: Op, x: Any) -> object:
    return _on_heap(heapq.heappop, x)


@means("heap.replace")
def _replace(frame: Frame, op: Op, x: Any, item: Any) -> object:
    return _on_heap(heapq.heapreplace, x, item)


@means("heap.pushpop")
def _pushpop(frame: Frame, op: Op, x: Any, item: Any) -> object:
    return _on_heap(heapq.heappushpop, x, item)


@means("seq.bisect")
def _bisect(frame: Frame, op: Op, x: Any, item: Any) -> int:
    _leave_unless(type(x) in _SEQUENCES and all(map(_plain, (*x, item))))
    return int(_or_leave(bisect.bisect_right if op.attrs["right"] else bisect.bisect_left, x, item))
