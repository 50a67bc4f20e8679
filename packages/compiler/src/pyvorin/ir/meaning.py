"""What each operation means: one small Python function a row of the op table. Here the generic
operations, choices and control; `ir.meaning_typed` has the others.

A function takes the machine's frame, the operation and the operands' values, and answers its
result: nothing, one value, or a tuple for several results. `Leave` says that the operation gives up
before having had any effect. Held values: `obj` any Python object, `i64` and `i128` an int in
range, `f64` a float, `i1` a bool, `char` a code point.
"""

from __future__ import annotations

import builtins
import operator
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import BuiltinFunctionType
from typing import TYPE_CHECKING, Any, NamedTuple

from pyvorin.ir.consumer import CONSUMERS
from pyvorin.ir.model import Edge, Op

if TYPE_CHECKING:
    from pyvorin.ir.interp import Frame

Meaning = Callable[..., Any]
MEANINGS: dict[str, Meaning] = {}


class Leave(Exception):
    """The operation gives up. `inner` is the callee's own `Left` when a call gave up in there."""

    def __init__(self, inner: Any = None) -> None:
        self.inner = inner


class Unstarted(NamedTuple):
    """A generator that is not made: the function of its expression, and its iterator."""

    function: Any
    iterator: Any


class Returned:
    """What a terminator answers to end the function."""

    def __init__(self, value: Any) -> None:
        self.value = value


def means(name: str) -> Callable[[Meaning], Meaning]:
    def enter(function: Meaning) -> Meaning:
        assert name not in MEANINGS, name
        MEANINGS[name] = function
        return function

    return enter


BINARY: dict[str, Callable[[Any, Any], Any]] = {
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
INPLACE: dict[str, Callable[[Any, Any], Any]] = {
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
UNARY: dict[str, Callable[[Any], Any]] = {
    "-": operator.neg,
    "+": operator.pos,
    "~": operator.invert,
    "abs": abs,
}
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
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


@means("py.const")
def _py_const(frame: Frame, op: Op) -> object:
    return UNBOUND if op.attrs.get("pad") else frame.resolve(op.attrs["source"])


@means("const.obj")
def _object(frame: Frame, op: Op) -> object:
    return frame.resolve(op.attrs["source"])


@means("py.global")
def _global(frame: Frame, op: Op) -> object:
    return frame.resolve(("global", op.attrs["name"]))


@means("py.attr")
def _attr(frame: Frame, op: Op, x: Any) -> object:
    return getattr(x, op.attrs["name"])


@means("py.check")
def _check(frame: Frame, op: Op, x: Any) -> object:
    if not frame.is_bound(op, op.attrs["index"]):
        raise UnboundLocalError(
            f"cannot access local variable '{op.attrs['name']}' where it is not associated with "
            "a value"
        )
    return x


@means("py.binop")
def _binop(frame: Frame, op: Op, a: Any, b: Any) -> object:
    table = INPLACE if op.attrs["inplace"] else BINARY
    return table[op.attrs["op"]](a, b)


@means("py.unary")
def _unary(frame: Frame, op: Op, a: Any) -> object:
    return UNARY[op.attrs["op"]](a)


@means("py.not")
def _not(frame: Frame, op: Op, a: Any) -> object:
    return not a


@means("py.compare")
def _compare(frame: Frame, op: Op, a: Any, b: Any) -> object:
    return COMPARE[op.attrs["op"]](a, b)


@means("py.is")
def _is(frame: Frame, op: Op, a: Any, b: Any) -> object:
    return (a is b) is not op.attrs["invert"]


@means("py.contains")
def _contains(frame: Frame, op: Op, item: Any, container: Any) -> object:
    return (item in container) is not op.attrs["invert"]


@means("py.truth")
def _truth(frame: Frame, op: Op, a: Any) -> bool:
    return bool(a)


@means("py.getitem")
def _getitem(frame: Frame, op: Op, x: Any, i: Any) -> object:
    return x[i]


@means("py.setitem")
def _setitem(frame: Frame, op: Op, x: Any, i: Any, value: Any) -> None:
    x[i] = value


@means("py.setattr")
def _setattr(frame: Frame, op: Op, x: Any, value: Any) -> None:
    setattr(x, op.attrs["name"], value)


@means("py.call")
def _call(frame: Frame, op: Op, callee: Any, *arguments: Any) -> object:
    names = op.attrs["kwnames"]
    count = len(arguments) - len(names)
    keywords = dict(zip(names, arguments[count:], strict=True))
    return frame.call(callee, arguments[:count], keywords)


@means("py.iter")
def _iter(frame: Frame, op: Op, x: Any) -> object:
    return iter(x)


_EXHAUSTED = object()


@means("py.next")
def _next(frame: Frame, op: Op, iterator: Any) -> tuple[object, bool]:
    item = next(iterator, _EXHAUSTED)
    return (UNBOUND, False) if item is _EXHAUSTED else (item, True)


@means("py.deref")
def _deref(frame: Frame, op: Op, cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:
        name = op.attrs["name"]
        raise UnboundLocalError(
            f"cannot access local variable '{name}' where it is not associated with a value"
        ) from None


@means("py.store_deref")
def _store_deref(frame: Frame, op: Op, cell: Any, value: Any) -> None:
    cell.cell_contents = value


@means("py.function")
def _function(frame: Frame, op: Op, *captured: Any) -> object:
    return frame.make_function(op.attrs["const"], captured)


@means("py.generator")
def _generator(frame: Frame, op: Op, function: Any, iterator: Any) -> object:
    return Unstarted(function, iterator)


@means("py.consume")
def _consume(frame: Frame, op: Op, callee: Any, generator: Unstarted) -> object:
    consumer = op.attrs["consumer"]
    if not _is_consumer(callee, consumer):
        raise Leave
    return frame.consume(generator, consumer)


def _is_consumer(callee: Any, consumer: str) -> bool:
    """Is a callee the builtin or method that its name says?"""
    if type(callee) is not type and not isinstance(callee, BuiltinFunctionType):
        return False
    name, of = callee.__name__, getattr(callee, "__self__", None)
    if type(of) in _TEXTS:
        return CONSUMERS.get("." + name) == consumer
    return callee is getattr(builtins, name, None) and CONSUMERS.get(name) == consumer


_TEXTS = (str, bytes, bytearray)


@means("py.replay")
def _replay(frame: Frame, op: Op, items: Any) -> object:
    return iter(items)


@means("py.zero")
def _zero(frame: Frame, op: Op) -> object:
    return 0


@means("py.sum")
def _sum(frame: Frame, op: Op, total: Any, item: Any) -> object:
    """Since 3.12 `sum` remembers what was lost in rounding floats, which no item stands for."""
    known = _INTS if sys.version_info >= (3, 12) else _NUMBERS
    if type(total) not in known or type(item) not in known:
        raise Leave
    return total + item


_INTS = (int, bool)
_NUMBERS = (int, bool, float)


@means("py.tuple")
@means("tuple.new")
def _tuple(frame: Frame, op: Op, *items: Any) -> object:
    return items


@means("py.unpack")
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
@means("const")
def _constant(frame: Frame, op: Op) -> object:
    return op.attrs["value"]


@means("select")
def _select(frame: Frame, op: Op, choice: bool, a: Any, b: Any) -> object:
    return a if choice else b


@means("guard")
def _guard(frame: Frame, op: Op, holds: bool) -> None:
    if not holds:
        raise Leave


@means("br")
def _br(frame: Frame, op: Op) -> Edge:
    return op.edges[0]


@means("condbr")
def _condbr(frame: Frame, op: Op, truth: bool) -> Edge:
    return op.edges[0 if truth else 1]


@means("ret")
def _ret(frame: Frame, op: Op, value: Any) -> Returned:
    return Returned(value)


@means("leave")
def _leave(frame: Frame, op: Op) -> None:
    raise Leave


@means("poll")
def _poll(frame: Frame, op: Op) -> None:
    """Nothing interrupts the reference interpreter."""


@means("call.native")
def _call_native(frame: Frame, op: Op, *arguments: Any) -> object:
    return frame.call_native(op.attrs["callee"], op.attrs.get("body", 0), arguments)


@means("guard.defaults")
def _guard_defaults(frame: Frame, op: Op) -> None:
    if not frame.has_defaults(op.attrs["callee"]):
        raise Leave
