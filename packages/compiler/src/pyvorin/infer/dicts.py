"""Types of what is done with dicts and sets: building, looking up, iterating, and their methods."""

from __future__ import annotations

from collections.abc import Callable

from pyvorin.infer.calls import LENGTHS, ROWS, Args, CallPlan
from pyvorin.infer.flow import OF_CLASS, TRANSFER, Flow, Result
from pyvorin.infer.lists import is_object
from pyvorin.infer.methods import Row, enter, receiver_of
from pyvorin.infer.operators import OPERATORS
from pyvorin.ir.model import Op
from pyvorin.types import (
    BOOL,
    BOTTOM,
    BYTES,
    CHAR,
    DICT,
    FROZENSET,
    LIST,
    NONE,
    OBJECTS,
    SET,
    STR,
    TUPLE,
    Items,
    Kind,
    Obj,
    Range,
    Type,
)

OBJECT = Obj()
VIEWS = {"keys": Kind.DICT_KEYS, "values": Kind.DICT_VALUES, "items": Kind.DICT_ITEMS}
ITERATORS_OF = {
    DICT: Kind.KEY_ITER,
    Kind.DICT_KEYS: Kind.KEY_ITER,
    Kind.DICT_VALUES: Kind.VALUE_ITER,
    Kind.DICT_ITEMS: Kind.ITEM_ITER,
    SET: Kind.SET_ITER,
    FROZENSET: Kind.SET_ITER,
}
SETS = (SET, FROZENSET)
_NO_KEYS = frozenset(OBJECTS) - {TUPLE, FROZENSET, STR, BYTES}
LENGTHS.update({DICT: "dict.len", SET: "set.len", FROZENSET: "set.len"})


def is_key(type_: Type) -> bool:
    """Can a value of this type be a key whose equality native code knows?"""
    if isinstance(type_, Items):
        return all(map(is_key, type_.types))
    return is_object(type_) and type_ not in _NO_KEYS


def _all_known(flow: Flow, op: Op) -> bool:
    return BOTTOM not in map(flow.type, op.operands)


# ---- building ------------------------------------------------------------------------------------
def _dict(flow: Flow, op: Op) -> Result:
    types = list(map(flow.type, op.operands))
    if BOTTOM in types:
        return (BOTTOM,)
    fits = all(map(is_key, types[::2])) and all(map(is_object, types[1::2]))
    return (DICT,) if fits else None


def _set(flow: Flow, op: Op) -> Result:
    types = list(map(flow.type, op.operands))
    if BOTTOM in types:
        return (BOTTOM,)
    return (SET,) if all(map(is_key, types)) else None


# ---- looking up ----------------------------------------------------------------------------------
def _getitem(flow: Flow, op: Op) -> Result:
    if not _all_known(flow, op):
        return (BOTTOM,)
    return (Obj(flow.classes(op.result)),) if is_key(flow.type(op.operands[1])) else None


def _setitem(flow: Flow, op: Op) -> Result:
    _, key, value = map(flow.type, op.operands)
    return () if BOTTOM in (key, value) or (is_key(key) and is_object(value)) else None


def _delitem(flow: Flow, op: Op) -> Result:
    return () if is_key(flow.type(op.operands[1])) else None


def _contains(flow: Flow, op: Op) -> Result:
    if not _all_known(flow, op):
        return (BOTTOM,)
    return (BOOL,) if is_key(flow.type(op.operands[0])) else None


def _iter(flow: Flow, op: Op) -> Result:
    kind = receiver_of(flow.type(op.operands[0]))
    return (ITERATORS_OF[kind],) if kind in ITERATORS_OF else None


def _next(flow: Flow, op: Op) -> Result:
    if flow.type(op.operands[0]) is Kind.ITEM_ITER:
        return (Items((OBJECT, OBJECT)), BOOL)
    return (Obj(flow.classes(op.results[0])), BOOL)


# ---- methods -------------------------------------------------------------------------------------
def _simple(op: str, *operands: Type) -> Row:
    """A method that is one operation, and answers None."""

    def row(args: Args, recorded: frozenset[str]) -> CallPlan | None:
        if tuple(map(receiver_of, args)) != operands:
            return None
        return CallPlan("op", operands, NONE, op)

    return row


def _keyed(kind: str, counts: tuple[int, ...]) -> Row:
    """A method of a key (and a default), carried out by the function of `lower.dicts`."""

    def row(args: Args, recorded: frozenset[str]) -> CallPlan | None:
        if len(args) - 1 not in counts or not all(map(is_object, args)) or not is_key(args[1]):
            return None
        return CallPlan(kind, args, Obj(recorded))

    return row


def _view(name: str) -> Row:
    def row(args: Args, recorded: frozenset[str]) -> CallPlan | None:
        if len(args) != 1:
            return None
        return CallPlan("op", (DICT,), VIEWS[name], "dict.view", (("kind", name),))

    return row


def _added(kind: str) -> Row:
    def row(args: Args, recorded: frozenset[str]) -> CallPlan | None:
        return CallPlan(kind, args, NONE) if len(args) == 2 and is_key(args[1]) else None

    return row


def _pop_any(args: Args, recorded: frozenset[str]) -> CallPlan | None:
    return CallPlan("set.pop", args, Obj(recorded)) if len(args) == 1 else None


def _has_keys(type_: Type) -> bool:
    """Can all items of the value be keys?"""
    if isinstance(type_, Range):
        return not type_.iterating
    return type_ is CHAR or receiver_of(type_) in (LIST, TUPLE, STR, DICT, *SETS)


def _update(args: Args, recorded: frozenset[str]) -> CallPlan | None:
    fits = len(args) == 2 and _has_keys(args[1])
    return CallPlan("set.update", args, NONE) if fits else None


def _binop(op: str) -> Row:
    def row(args: Args, recorded: frozenset[str]) -> CallPlan | None:
        kinds = tuple(map(receiver_of, args))
        if len(args) != 2 or not all(kind in SETS for kind in kinds):
            return None
        a, b = kinds
        assert a is not None
        assert b is not None
        return CallPlan("op", (a, b), a, "set.binop", (("op", op),))

    return row


def _change(op: str) -> Row:
    def row(args: Args, recorded: frozenset[str]) -> CallPlan | None:
        other = receiver_of(args[1])
        if other not in SETS or other is None:
            return None
        return CallPlan("set.change", (SET, other), SET, op)

    return row


def _made(kind: Kind) -> Row:
    def row(args: Args, recorded: frozenset[str]) -> CallPlan | None:
        if not args and kind is SET:
            return CallPlan("op", (), kind, "set.new")
        fits = len(args) == 1 and _has_keys(args[0])
        return CallPlan("set.of", args, kind, OBJECTS[kind]) if fits else None

    return row


def _setupdate(flow: Flow, op: Op) -> Result:
    type_ = flow.type(op.operands[1])
    return () if type_ is BOTTOM or _has_keys(type_) else None


def _setadd(flow: Flow, op: Op) -> Result:
    type_ = flow.type(op.operands[1])
    return () if type_ is BOTTOM or is_key(type_) else None


_NAMED = {"&": "intersection", "|": "union", "-": "difference", "^": "symmetric_difference"}
for _symbol, _name in _NAMED.items():
    for _a in SETS:
        for _b in SETS:
            OPERATORS[_symbol, _a, _b] = _binop(_symbol)
    for _b in SETS:
        OPERATORS[f"{_symbol}=", SET, _b] = _change(_symbol)
    for _a in SETS:
        enter(OBJECTS[_a], {_name: _binop(_symbol)})


# ---- constructors --------------------------------------------------------------------------------
def _empty(kind: Kind) -> Callable[[Args, frozenset[str]], CallPlan | None]:
    def row(args: Args, recorded: frozenset[str]) -> CallPlan | None:
        return CallPlan("op", (), kind, "dict.new") if not args else None

    return row


TRANSFER.update(
    {"py.dict": _dict, "py.set": _set, "py.setupdate": _setupdate, "py.setadd": _setadd}
)
OF_CLASS.update(
    {
        ("py.getitem", DICT): _getitem,
        ("py.setitem", DICT): _setitem,
        ("py.delitem", DICT): _delitem,
        ("py.contains", DICT): _contains,
        ("py.contains", SET): _contains,
        ("py.contains", FROZENSET): _contains,
        **{("py.iter", kind): _iter for kind in ITERATORS_OF},
        **{("py.next", kind): _next for kind in ITERATORS_OF.values()},
    }
)
enter(
    "dict",
    {
        **{name: _view(name) for name in VIEWS},
        "get": _keyed("dict.get", (1, 2)),
        "setdefault": _keyed("dict.setdefault", (2,)),
        "pop": _keyed("dict.pop", (1, 2)),
        "clear": _simple("dict.clear", DICT),
        "update": _simple("dict.update", DICT, DICT),
    },
)
enter(
    "set",
    {
        "add": _added("set.add"),
        "discard": _added("set.discard"),
        "remove": _added("set.remove"),
        "update": _update,
        "clear": _simple("set.clear", SET),
        "pop": _pop_any,
    },
)
ROWS.update(
    {("", "dict"): _empty(DICT), ("", "set"): _made(SET), ("", "frozenset"): _made(FROZENSET)}
)
