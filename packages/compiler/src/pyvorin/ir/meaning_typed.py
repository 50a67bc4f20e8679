"""What typed operations mean: exact ranges, exact classes, and when they leave."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from contextlib import suppress
from types import CellType
from typing import TYPE_CHECKING, Any

from pyvorin.ir.meaning import BINARY, COMPARE, MEANINGS, UNARY, Leave, Meaning, means
from pyvorin.ir.model import Op

if TYPE_CHECKING:
    from pyvorin.ir.interp import Frame

__all__ = ["MEANINGS"]


# ---- integers ------------------------------------------------------------------------------------
def _fit(op: Op, value: int, bits: int) -> int:
    """`value` if it fits; `nowrap` promises that it does."""
    if not -(1 << (bits - 1)) <= value < 1 << (bits - 1):
        assert not op.attrs.get("nowrap"), f"{op.name} promised that {value} fits"
        raise Leave
    return value


def _nonzero(divisor: Any) -> Any:
    if divisor == 0:
        raise Leave
    return divisor


def _shift_left(a: int, n: int, bits: int) -> int:
    if n < 0 or (a != 0 and n >= bits):
        raise Leave
    return a << n if a else 0


def _shift_right(a: int, n: int) -> int:
    if n < 0:
        raise Leave
    return a >> n


def _enter_integers(rep: str, bits: int) -> None:
    """The operations that i64 and i128 share."""
    exact: dict[str, Callable[..., int]] = {
        "add": operator.add,
        "sub": operator.sub,
        "mul": operator.mul,
        "floordiv": lambda a, b: a // _nonzero(b),
        "mod": lambda a, b: a % _nonzero(b),
        "shl": lambda a, n: _shift_left(a, n, bits),
        "shr": _shift_right,
        "and": operator.and_,
        "or": operator.or_,
        "xor": operator.xor,
        "neg": operator.neg,
        "abs": abs,
        "not": operator.invert,
    }
    for name, compute in exact.items():
        MEANINGS[f"{rep}.{name}"] = _fitting(compute, bits)


def _fitting(compute: Callable[..., int], bits: int) -> Meaning:
    return lambda frame, op, *operands: _fit(op, compute(*operands), bits)


_enter_integers("i64", 64)
_enter_integers("i128", 128)


@means("i64.cmp")
@means("i128.cmp")
@means("f64.cmp")
@means("char.cmp")
@means("i64.cmp_f64")
def _compare_raw(frame: Frame, op: Op, a: Any, b: Any) -> bool:
    return bool(COMPARE[op.attrs["op"]](a, b))


@means("i64.mulmod")
def _mulmod(frame: Frame, op: Op, a: int, b: int, m: int) -> int:
    return a * b % int(_nonzero(m))


@means("i64.truediv")
def _truediv(frame: Frame, op: Op, a: int, b: int) -> float:
    if max(abs(a), abs(b)) > 2**53:
        raise Leave
    return a / int(_nonzero(b))


@means("i64.pow")
def _pow(frame: Frame, op: Op, a: int, n: int) -> int:
    if n < 0 or (abs(a) > 1 and n > 64):
        raise Leave
    return _fit(op, a**n, 64)


# ---- floats --------------------------------------------------------------------------------------
def _float_or_leave(compute: Callable[..., Any], *operands: Any) -> float:
    """A float result; leave where Python raises or answers a complex."""
    try:
        result = compute(*operands)
    except (ArithmeticError, ValueError):
        raise Leave from None
    if not isinstance(result, float):
        raise Leave
    return result


def _floating(compute: Callable[..., Any]) -> Meaning:
    return lambda frame, op, *operands: _float_or_leave(compute, *operands)


_FLOATING: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "pow": operator.pow,
    "neg": operator.neg,
    "abs": abs,
    "sqrt": math.sqrt,
    "copysign": math.copysign,
}
MEANINGS.update({f"f64.{name}": _floating(compute) for name, compute in _FLOATING.items()})


@means("f64.libm1")
@means("f64.libm2")
def _libm(frame: Frame, op: Op, *operands: float) -> float:
    return _float_or_leave(getattr(math, op.attrs["fn"]), *operands)


@means("f64.isnan")
def _isnan(frame: Frame, op: Op, a: float) -> bool:
    return math.isnan(a)


@means("f64.isinf")
def _isinf(frame: Frame, op: Op, a: float) -> bool:
    return math.isinf(a)


@means("f64.isfinite")
def _isfinite(frame: Frame, op: Op, a: float) -> bool:
    return math.isfinite(a)


_ROUNDING: dict[str, Callable[[float], int]] = {
    "trunc": math.trunc,
    "floor": math.floor,
    "ceil": math.ceil,
    "round": round,
}


@means("f64.to_i64")
def _to_i64(frame: Frame, op: Op, a: float) -> int:
    if not math.isfinite(a):
        raise Leave
    return _fit(op, _ROUNDING[op.attrs["mode"]](a), 64)


# ---- conversions ---------------------------------------------------------------------------------
@means("i64.to_f64")
def _to_f64(frame: Frame, op: Op, a: int) -> float:
    return float(a)


@means("i64.to_i128")
@means("char.to_i64")
def _same_number(frame: Frame, op: Op, a: int) -> int:
    return a


@means("i128.to_i64")
def _narrow(frame: Frame, op: Op, a: int) -> int:
    return _fit(op, a, 64)


@means("i1.to_i64")
def _truth_to_int(frame: Frame, op: Op, a: bool) -> int:
    return int(a)


@means("i1.and")
def _both(frame: Frame, op: Op, a: bool, b: bool) -> bool:
    return a and b


@means("i1.or")
def _either(frame: Frame, op: Op, a: bool, b: bool) -> bool:
    return a or b


@means("i1.xor")
def _one(frame: Frame, op: Op, a: bool, b: bool) -> bool:
    return a is not b


@means("i1.not")
def _negate(frame: Frame, op: Op, a: bool) -> bool:
    return not a


# ---- objects -------------------------------------------------------------------------------------
_CLASSES: dict[str, type] = {
    "int": int,
    "float": float,
    "bool": bool,
    "str": str,
    "list": list,
    "tuple": tuple,
    "dict": dict,
    "set": set,
    "frozenset": frozenset,
    "bytes": bytes,
    "bytearray": bytearray,
    "dict_keys": type({}.keys()),
    "dict_values": type({}.values()),
    "dict_items": type({}.items()),
    "dict_keyiterator": type(iter({})),
    "dict_valueiterator": type(iter({}.values())),
    "dict_itemiterator": type(iter({}.items())),
    "set_iterator": type(iter(set())),
    "NoneType": type(None),
}
_NUMBERS = (int, float, bool, complex)
_SCALARS = (*_NUMBERS, str, type(None))


def _exactly(x: Any, *classes: type) -> Any:
    if type(x) not in classes:
        raise Leave
    return x


@means("obj.unbox_i64")
def _unbox_i64(frame: Frame, op: Op, x: Any) -> int:
    return _fit(op, _exactly(x, int), 64)


@means("obj.unbox_i128")
def _unbox_i128(frame: Frame, op: Op, x: Any) -> int:
    return _fit(op, _exactly(x, int), 128)


@means("obj.unbox_f64")
def _unbox_f64(frame: Frame, op: Op, x: Any) -> object:
    return _exactly(x, float)


@means("obj.unbox_i1")
def _unbox_i1(frame: Frame, op: Op, x: Any) -> object:
    return _exactly(x, bool)


@means("obj.unbox_char")
def _unbox_char(frame: Frame, op: Op, x: Any) -> int:
    if len(_exactly(x, str)) != 1:
        raise Leave
    return ord(x)


@means("obj.is_class")
def _is_class(frame: Frame, op: Op, x: Any) -> bool:
    return type(x) is _CLASSES[op.attrs["cls"]]


@means("obj.same")
def _same(frame: Frame, op: Op, x: Any, y: Any) -> bool:
    return x is y


@means("box.i64")
@means("box.i128")
@means("box.f64")
@means("box.i1")
def _box(frame: Frame, op: Op, x: Any) -> object:
    return x


@means("box.char")
def _box_char(frame: Frame, op: Op, x: int) -> str:
    return chr(x)


def _or_leave(compute: Callable[..., Any], *operands: Any) -> Any:
    """CPython's own answer; leave where it raises."""
    try:
        return compute(*operands)
    except Exception:
        raise Leave from None


@means("num.binop")
def _num_binop(frame: Frame, op: Op, a: Any, b: Any) -> object:
    return _or_leave(BINARY[op.attrs["op"]], _exactly(a, *_NUMBERS), _exactly(b, *_NUMBERS))


@means("num.unary")
def _num_unary(frame: Frame, op: Op, a: Any) -> object:
    return _or_leave(UNARY[op.attrs["op"]], _exactly(a, *_NUMBERS))


@means("num.cmp")
def _num_cmp(frame: Frame, op: Op, a: Any, b: Any) -> bool:
    compare = COMPARE[op.attrs["op"]]
    return bool(_or_leave(compare, _exactly(a, *_SCALARS), _exactly(b, *_SCALARS)))


@means("num.truth")
def _num_truth(frame: Frame, op: Op, x: Any) -> bool:
    return bool(_exactly(x, *_SCALARS, list, tuple))


@means("builtin.call")
def _builtin_call(frame: Frame, op: Op, *operands: Any) -> object:
    checked = [_exactly(x, *_SCALARS) for x in operands]
    return _or_leave(frame.resolve(op.attrs["source"]), *checked)


# ---- sequences -----------------------------------------------------------------------------------
@means("seq.index")
def _index(frame: Frame, op: Op, index: int, length: int) -> int:
    counted = index + length if index < 0 else index
    if not 0 <= counted < length:
        raise Leave
    return counted


@means("list.len")
@means("str.len")
@means("tuple.len")
def _length(frame: Frame, op: Op, x: Any) -> int:
    return len(x)


@means("list.get")
@means("tuple.get")
def _item(frame: Frame, op: Op, x: Any, index: int) -> object:
    assert 0 <= index < len(x), (index, len(x))
    return x[index]


@means("list.set")
def _set_item(frame: Frame, op: Op, x: Any, index: int, value: Any) -> None:
    assert 0 <= index < len(x), (index, len(x))
    _exactly(x[index], *_SCALARS)  # releasing anything else could run code
    x[index] = value


@means("cell.get")
def _cell_get(frame: Frame, op: Op, cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        raise Leave from None


@means("cell.set")
def _cell_set(frame: Frame, op: Op, cell: CellType, value: Any) -> None:
    with suppress(ValueError):
        _exactly(cell.cell_contents, *_SCALARS)  # releasing anything else could run code
    cell.cell_contents = value


@means("str.char")
def _char(frame: Frame, op: Op, x: str, index: int) -> int:
    assert 0 <= index < len(x), (index, len(x))
    return ord(x[index])
