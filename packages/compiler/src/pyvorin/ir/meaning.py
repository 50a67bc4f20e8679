"""What each operation means: one small Python function a row of the op table.

A function takes the machine's frame, the operation and the operands' values, and answers its
result: nothing, one value, or a tuple for several results. `Leave` says that the operation gives up
before having had any effect. Held values: `obj` any Python object, `i64` and `i128` an int in
range, `f64` a float, `i1` a bool, `char` a code point.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyvorin.ir.model import Edge, Op

if TYPE_CHECKING:
    from pyvorin.ir.interp import Frame

Meaning = Callable[..., Any]
MEANINGS: dict[str, Meaning] = {}


class Leave(Exception):
    """The operation gives up. `inner` is the callee's own `Left` when a call gave up in there."""

    def __init__(self, inner: Any = None) -> None:
        self.inner = inner


class Returned:
    """What a terminator answers to end the function."""

    def __init__(self, value: Any) -> None:
        self.value = value


def _means(name: str) -> Callable[[Meaning], Meaning]:
    def enter(function: Meaning) -> Meaning:
        assert name not in MEANINGS, name
        MEANINGS[name] = function
        return function

    return enter


_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "<<": operator.lshift,
    ">>": operator.rshift,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "@": operator.matmul,
}
_INPLACE: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.iadd,
    "-": operator.isub,
    "*": operator.imul,
    "/": operator.itruediv,
    "//": operator.ifloordiv,
    "%": operator.imod,
    "**": operator.ipow,
    "<<": operator.ilshift,
    ">>": operator.irshift,
    "&": operator.iand,
    "|": operator.ior,
    "^": operator.ixor,
    "@": operator.imatmul,
}
_UNARY: dict[str, Callable[[Any], Any]] = {
    "-": operator.neg,
    "+": operator.pos,
    "~": operator.invert,
    "abs": abs,
}
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
}


# ---- generic: Python's own operations; an exception is the program's -----------------------------
@dataclass(frozen=True, slots=True)
class Missing:
    """What stands for an unbound local, or for a NULL in a materialised frame state."""

    name: str

    def __repr__(self) -> str:
        return self.name


UNBOUND = Missing("UNBOUND")
NULL = Missing("NULL")


@_means("py.const")
def _py_const(frame: Frame, op: Op) -> object:
    return UNBOUND if op.attrs.get("pad") else frame.resolve(op.attrs["source"])


@_means("const.obj")
def _object(frame: Frame, op: Op) -> object:
    return frame.resolve(op.attrs["source"])


@_means("py.global")
def _global(frame: Frame, op: Op) -> object:
    return frame.resolve(("global", op.attrs["name"]))


@_means("py.attr")
def _attr(frame: Frame, op: Op, x: Any) -> object:
    return getattr(x, op.attrs["name"])


@_means("py.check")
def _check(frame: Frame, op: Op, x: Any) -> object:
    if not frame.is_bound(op, op.attrs["index"]):
        raise UnboundLocalError(
            f"cannot access local variable '{op.attrs['name']}' where it is not associated with "
            "a value"
        )
    return x


@_means("py.binop")
def _binop(frame: Frame, op: Op, a: Any, b: Any) -> object:
    table = _INPLACE if op.attrs["inplace"] else _BINARY
    return table[op.attrs["op"]](a, b)


@_means("py.unary")
def _unary(frame: Frame, op: Op, a: Any) -> object:
    return _UNARY[op.attrs["op"]](a)


@_means("py.not")
def _not(frame: Frame, op: Op, a: Any) -> object:
    return not a


@_means("py.compare")
def _compare(frame: Frame, op: Op, a: Any, b: Any) -> object:
    return _COMPARE[op.attrs["op"]](a, b)


@_means("py.is")
def _is(frame: Frame, op: Op, a: Any, b: Any) -> object:
    return (a is b) is not op.attrs["invert"]


@_means("py.contains")
def _contains(frame: Frame, op: Op, item: Any, container: Any) -> object:
    return (item in container) is not op.attrs["invert"]


@_means("py.truth")
def _truth(frame: Frame, op: Op, a: Any) -> bool:
    return bool(a)


@_means("py.getitem")
def _getitem(frame: Frame, op: Op, x: Any, i: Any) -> object:
    return x[i]


@_means("py.setitem")
def _setitem(frame: Frame, op: Op, x: Any, i: Any, value: Any) -> None:
    x[i] = value


@_means("py.call")
def _call(frame: Frame, op: Op, callee: Any, *arguments: Any) -> object:
    names = op.attrs["kwnames"]
    count = len(arguments) - len(names)
    keywords = dict(zip(names, arguments[count:], strict=True))
    return frame.call(callee, arguments[:count], keywords)


@_means("py.iter")
def _iter(frame: Frame, op: Op, x: Any) -> object:
    return iter(x)


_EXHAUSTED = object()


@_means("py.next")
def _next(frame: Frame, op: Op, iterator: Any) -> tuple[object, bool]:
    item = next(iterator, _EXHAUSTED)
    return (UNBOUND, False) if item is _EXHAUSTED else (item, True)


@_means("py.tuple")
@_means("tuple.new")
def _tuple(frame: Frame, op: Op, *items: Any) -> object:
    return items


@_means("py.unpack")
def _unpack(frame: Frame, op: Op, iterable: Any) -> tuple[object, ...]:
    """As UNPACK_SEQUENCE does, with its error texts (Python/ceval.c, unpack_iterable)."""
    count = len(op.results)
    iterator = _iterator_to_unpack(iterable)
    items: list[object] = []
    for _ in range(count):
        item = next(iterator, _EXHAUSTED)
        if item is _EXHAUSTED:
            raise ValueError(f"not enough values to unpack (expected {count}, got {len(items)})")
        items.append(item)
    if next(iterator, _EXHAUSTED) is not _EXHAUSTED:
        raise ValueError(f"too many values to unpack (expected {count})")
    return tuple(items)


def _iterator_to_unpack(x: Any) -> Any:
    if hasattr(type(x), "__iter__") or hasattr(type(x), "__getitem__"):
        return iter(x)
    raise TypeError(f"cannot unpack non-iterable {type(x).__name__} object")


# ---- constants, choices, control -----------------------------------------------------------------
@_means("const")
def _constant(frame: Frame, op: Op) -> object:
    return op.attrs["value"]


@_means("select")
def _select(frame: Frame, op: Op, choice: bool, a: Any, b: Any) -> object:
    return a if choice else b


@_means("guard")
def _guard(frame: Frame, op: Op, holds: bool) -> None:
    if not holds:
        raise Leave


@_means("br")
def _br(frame: Frame, op: Op) -> Edge:
    return op.edges[0]


@_means("condbr")
def _condbr(frame: Frame, op: Op, truth: bool) -> Edge:
    return op.edges[0 if truth else 1]


@_means("ret")
def _ret(frame: Frame, op: Op, value: Any) -> Returned:
    return Returned(value)


@_means("leave")
def _leave(frame: Frame, op: Op) -> None:
    raise Leave


@_means("poll")
def _poll(frame: Frame, op: Op) -> None:
    """Nothing interrupts the reference interpreter."""


@_means("call.native")
def _call_native(frame: Frame, op: Op, *arguments: Any) -> object:
    return frame.call_native(op.attrs["callee"], op.attrs.get("body", 0), arguments)


@_means("guard.defaults")
def _guard_defaults(frame: Frame, op: Op) -> None:
    if not frame.has_defaults(op.attrs["callee"]):
        raise Leave


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


@_means("i64.cmp")
@_means("i128.cmp")
@_means("f64.cmp")
@_means("char.cmp")
@_means("i64.cmp_f64")
def _compare_raw(frame: Frame, op: Op, a: Any, b: Any) -> bool:
    return bool(_COMPARE[op.attrs["op"]](a, b))


@_means("i64.mulmod")
def _mulmod(frame: Frame, op: Op, a: int, b: int, m: int) -> int:
    return a * b % int(_nonzero(m))


@_means("i64.truediv")
def _truediv(frame: Frame, op: Op, a: int, b: int) -> float:
    if max(abs(a), abs(b)) > 2**53:
        raise Leave
    return a / int(_nonzero(b))


@_means("i64.pow")
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


@_means("f64.libm1")
@_means("f64.libm2")
def _libm(frame: Frame, op: Op, *operands: float) -> float:
    return _float_or_leave(getattr(math, op.attrs["fn"]), *operands)


@_means("f64.isnan")
def _isnan(frame: Frame, op: Op, a: float) -> bool:
    return math.isnan(a)


@_means("f64.isinf")
def _isinf(frame: Frame, op: Op, a: float) -> bool:
    return math.isinf(a)


@_means("f64.isfinite")
def _isfinite(frame: Frame, op: Op, a: float) -> bool:
    return math.isfinite(a)


_ROUNDING: dict[str, Callable[[float], int]] = {
    "trunc": math.trunc,
    "floor": math.floor,
    "ceil": math.ceil,
    "round": round,
}


@_means("f64.to_i64")
def _to_i64(frame: Frame, op: Op, a: float) -> int:
    if not math.isfinite(a):
        raise Leave
    return _fit(op, _ROUNDING[op.attrs["mode"]](a), 64)


# ---- conversions ---------------------------------------------------------------------------------
@_means("i64.to_f64")
def _to_f64(frame: Frame, op: Op, a: int) -> float:
    return float(a)


@_means("i64.to_i128")
@_means("char.to_i64")
def _same_number(frame: Frame, op: Op, a: int) -> int:
    return a


@_means("i128.to_i64")
def _narrow(frame: Frame, op: Op, a: int) -> int:
    return _fit(op, a, 64)


@_means("i1.to_i64")
def _truth_to_int(frame: Frame, op: Op, a: bool) -> int:
    return int(a)


@_means("i1.and")
def _both(frame: Frame, op: Op, a: bool, b: bool) -> bool:
    return a and b


@_means("i1.or")
def _either(frame: Frame, op: Op, a: bool, b: bool) -> bool:
    return a or b


@_means("i1.xor")
def _one(frame: Frame, op: Op, a: bool, b: bool) -> bool:
    return a is not b


@_means("i1.not")
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
    "NoneType": type(None),
}
_NUMBERS = (int, float, bool)
_SCALARS = (*_NUMBERS, str, type(None))


def _exactly(x: Any, *classes: type) -> Any:
    if type(x) not in classes:
        raise Leave
    return x


@_means("obj.unbox_i64")
def _unbox_i64(frame: Frame, op: Op, x: Any) -> int:
    return _fit(op, _exactly(x, int), 64)


@_means("obj.unbox_i128")
def _unbox_i128(frame: Frame, op: Op, x: Any) -> int:
    return _fit(op, _exactly(x, int), 128)


@_means("obj.unbox_f64")
def _unbox_f64(frame: Frame, op: Op, x: Any) -> object:
    return _exactly(x, float)


@_means("obj.unbox_i1")
def _unbox_i1(frame: Frame, op: Op, x: Any) -> object:
    return _exactly(x, bool)


@_means("obj.unbox_char")
def _unbox_char(frame: Frame, op: Op, x: Any) -> int:
    if len(_exactly(x, str)) != 1:
        raise Leave
    return ord(x)


@_means("obj.is_class")
def _is_class(frame: Frame, op: Op, x: Any) -> bool:
    return type(x) is _CLASSES[op.attrs["cls"]]


@_means("obj.same")
def _same(frame: Frame, op: Op, x: Any, y: Any) -> bool:
    return x is y


@_means("box.i64")
@_means("box.i128")
@_means("box.f64")
@_means("box.i1")
def _box(frame: Frame, op: Op, x: Any) -> object:
    return x


@_means("box.char")
def _box_char(frame: Frame, op: Op, x: int) -> str:
    return chr(x)


def _or_leave(compute: Callable[..., Any], *operands: Any) -> Any:
    """CPython's own answer; leave where it raises."""
    try:
        return compute(*operands)
    except Exception:
        raise Leave from None


@_means("num.binop")
def _num_binop(frame: Frame, op: Op, a: Any, b: Any) -> object:
    return _or_leave(_BINARY[op.attrs["op"]], _exactly(a, *_NUMBERS), _exactly(b, *_NUMBERS))


@_means("num.unary")
def _num_unary(frame: Frame, op: Op, a: Any) -> object:
    return _or_leave(_UNARY[op.attrs["op"]], _exactly(a, *_NUMBERS))


@_means("num.cmp")
def _num_cmp(frame: Frame, op: Op, a: Any, b: Any) -> bool:
    compare = _COMPARE[op.attrs["op"]]
    return bool(_or_leave(compare, _exactly(a, *_SCALARS), _exactly(b, *_SCALARS)))


@_means("num.truth")
def _num_truth(frame: Frame, op: Op, x: Any) -> bool:
    return bool(_exactly(x, *_SCALARS, list, tuple))


@_means("builtin.call")
def _builtin_call(frame: Frame, op: Op, *operands: Any) -> object:
    checked = [_exactly(x, *_SCALARS) for x in operands]
    return _or_leave(frame.resolve(op.attrs["source"]), *checked)


# ---- sequences -----------------------------------------------------------------------------------
@_means("seq.index")
def _index(frame: Frame, op: Op, index: int, length: int) -> int:
    counted = index + length if index < 0 else index
    if not 0 <= counted < length:
        raise Leave
    return counted


@_means("list.len")
@_means("str.len")
@_means("tuple.len")
def _length(frame: Frame, op: Op, x: Any) -> int:
    return len(x)


@_means("list.get")
@_means("tuple.get")
def _item(frame: Frame, op: Op, x: Any, index: int) -> object:
    assert 0 <= index < len(x), (index, len(x))
    return x[index]


@_means("list.set")
def _set_item(frame: Frame, op: Op, x: Any, index: int, value: Any) -> None:
    assert 0 <= index < len(x), (index, len(x))
    _exactly(x[index], *_SCALARS)  # releasing anything else could run code
    x[index] = value


@_means("str.char")
def _char(frame: Frame, op: Op, x: str, index: int) -> int:
    assert 0 <= index < len(x), (index, len(x))
    return ord(x[index])
