"""Types of what is done with lists and tuples: building, operators, methods, builtins over them."""

from __future__ import annotations

from pyvorin.infer.arith import number
from pyvorin.infer.calls import ROWS, Args, CallPlan
from pyvorin.infer.flow import ITERATORS, TRANSFER, Flow, Result, operator_plan, sequence_of
from pyvorin.infer.methods import Row, enter, receiver_of
from pyvorin.infer.operators import OPERATORS
from pyvorin.ir.model import Op
from pyvorin.types import (
    BOOL,
    BOTTOM,
    CHAR,
    FLOAT,
    INT,
    LIST,
    NONE,
    STR,
    TUPLE,
    UNBUILT,
    Items,
    Obj,
    Range,
    Slice,
    Type,
)

OBJECT = Obj()
SEQUENCES = (LIST, TUPLE)
Recorded = frozenset[str]


def is_object(type_: Type) -> bool:
    """Can a value of this type become an element of a container?"""
    return not isinstance(type_, UNBUILT) and type_ not in ITERATORS.values()


def is_int(type_: Type) -> bool:
    """Is the value an int of 64 bits, by what is known or recorded?"""
    return number(type_) in (INT, BOOL)


def is_iterable(type_: Type) -> bool:
    """Can the value be gone through by CPython without running Python code?"""
    return receiver_of(type_) is not None or (isinstance(type_, Range) and not type_.iterating)


# ---- building and taking apart -------------------------------------------------------------------
def _list(flow: Flow, op: Op) -> Result:
    types = tuple(map(flow.type, op.operands))
    if BOTTOM in types:
        return (BOTTOM,)
    return (LIST,) if all(map(is_object, types)) else None


def _append(flow: Flow, op: Op) -> Result:
    return () if is_object(flow.type(op.operands[1])) else None


def _extend(flow: Flow, op: Op) -> Result:
    type_ = flow.type(op.operands[1])
    return () if type_ is BOTTOM or is_iterable(type_) else None


def _delitem(flow: Flow, op: Op) -> Result:
    if BOTTOM in map(flow.type, op.operands):
        return ()
    return () if operator_plan(flow, op) else None


def _slice(flow: Flow, op: Op) -> Result:
    types = tuple(map(flow.type, op.operands))
    if BOTTOM in types:
        return (BOTTOM,)
    return (Slice(types),) if all(map(is_object, types)) else None


def _unpackstar(flow: Flow, op: Op) -> Result:
    type_ = flow.type(op.operands[0])
    if type_ is BOTTOM:
        return (BOTTOM,) * len(op.results)
    if sequence_of(type_) not in SEQUENCES:
        return None
    types: list[Type] = [Obj(flow.classes(value)) for value in op.results]
    types[op.attrs["before"]] = LIST
    return tuple(types)


TRANSFER.update(
    {
        "py.list": _list,
        "py.totuple": lambda flow, op: (TUPLE,),
        "py.append": _append,
        "py.extend": _extend,
        "py.delitem": _delitem,
        "py.slice": _slice,
        "py.unpackstar": _unpackstar,
    }
)


# ---- operators -----------------------------------------------------------------------------------
def _op(op: str, operands: Args, result: Type) -> Row:
    """A plan of one operation on operands that convert to these."""
    return lambda args, recorded: CallPlan("op", operands, result, op)


def _swapped(args: Args, recorded: Recorded) -> CallPlan | None:
    kind = receiver_of(args[1])
    return CallPlan("list.repeated", (INT, kind), kind) if kind in SEQUENCES else None


def _extend_inplace(args: Args, recorded: Recorded) -> CallPlan | None:
    return CallPlan("list.extend", (LIST, args[1]), LIST) if is_iterable(args[1]) else None


def _repeat_inplace(args: Args, recorded: Recorded) -> CallPlan | None:
    return CallPlan("inplace", (LIST, INT), LIST, "list.repeat_inplace")


def _is_bound(type_: Type) -> bool:
    return type_ is NONE or is_int(type_)


def _bounds_known(type_: Type) -> bool:
    return isinstance(type_, Slice) and all(map(_is_bound, type_.types))


def get_slice(args: Args, recorded: Recorded) -> CallPlan | None:
    """The row of slicing any sequence."""
    kind = receiver_of(args[0])
    known = kind is not None and _bounds_known(args[1])
    return CallPlan("slice", (kind, args[1]), kind, "seq.slice") if known and kind else None


def _set_slice(args: Args, recorded: Recorded) -> CallPlan | None:
    fits = _bounds_known(args[1]) and receiver_of(args[2]) in SEQUENCES
    return CallPlan("slice", (LIST, *args[1:]), NONE, "list.set_slice") if fits else None


def _del_slice(args: Args, recorded: Recorded) -> CallPlan | None:
    fits = _bounds_known(args[1])
    return CallPlan("slice", (LIST, args[1]), NONE, "list.del_slice") if fits else None


def _del_item(args: Args, recorded: Recorded) -> CallPlan | None:
    return CallPlan("list.del", (LIST, INT), NONE) if is_int(args[1]) else None


def _contains(args: Args, recorded: Recorded) -> CallPlan | None:
    item, container = args
    if isinstance(container, Items) and item in (INT, CHAR) and {*container.types} <= {item}:
        return CallPlan("one of", (item, container), BOOL)
    kind = receiver_of(container)
    if kind not in SEQUENCES or not is_object(item):
        return None
    return CallPlan("list.contains", (OBJECT, kind), BOOL)


for _kind in SEQUENCES:
    OPERATORS.update(
        {
            ("+", _kind, _kind): _op("seq.concat", (_kind, _kind), _kind),
            ("*", _kind, INT): _op("seq.repeat", (_kind, INT), _kind),
            ("*", INT, _kind): _swapped,
            ("in", None, _kind): _contains,
        }
    )
for _kind in (LIST, TUPLE, STR):
    OPERATORS["getitem", _kind, Slice] = get_slice
OPERATORS.update(
    {
        ("+=", LIST, None): _extend_inplace,
        ("*=", LIST, INT): _repeat_inplace,
        ("setitem", LIST, Slice): _set_slice,
        ("delitem", LIST, Slice): _del_slice,
        ("delitem", LIST, None): _del_item,
    }
)


# ---- methods -------------------------------------------------------------------------------------
def _method(op: str, operands: Args, result: Type) -> Row:
    """A plan of one operation on as many arguments."""

    def row(args: Args, recorded: Recorded) -> CallPlan | None:
        fits = len(args) == len(operands) and all(map(_suits, args, operands))
        return CallPlan("op", operands, result, op) if fits else None

    return row


def _suits(arg: Type, wanted: Type) -> bool:
    if wanted is INT:
        return is_int(arg)
    return arg is wanted if wanted is BOOL else is_object(arg)


def _pop(args: Args, recorded: Recorded) -> CallPlan | None:
    fits = len(args) == 1 or (len(args) == 2 and is_int(args[1]))
    return CallPlan("list.pop", (LIST, INT)[: len(args)], Obj(recorded)) if fits else None


def _of_kind(kind: str, count: int, result: Type) -> Row:
    def row(args: Args, recorded: Recorded) -> CallPlan | None:
        operands = (args[0], *(OBJECT for _ in args[1:]))
        fits = len(args) == count and all(map(is_object, args))
        return CallPlan(kind, operands, result) if fits else None

    return row


def _extend_method(args: Args, recorded: Recorded) -> CallPlan | None:
    if len(args) != 2 or not is_iterable(args[1]):
        return None
    return CallPlan("list.extend", (LIST, args[1]), NONE)


enter(
    "list",
    {
        "append": _method("list.append", (LIST, OBJECT), NONE),
        "pop": _pop,
        "extend": _extend_method,
        "insert": _method("list.insert", (LIST, INT, OBJECT), NONE),
        "reverse": _method("list.reverse", (LIST,), NONE),
        "index": _method("seq.find", (LIST, OBJECT), INT),
        "count": _method("seq.count", (LIST, OBJECT), INT),
        "remove": _of_kind("list.remove", 2, NONE),
        "copy": _of_kind("list.copy", 1, LIST),
        "clear": _of_kind("list.clear", 1, NONE),
        "sort": _of_kind("list.sort", 1, NONE),
        "sort:reverse": _method("list.sort", (LIST, BOOL), NONE),
    },
)
enter(
    "tuple",
    {
        "index": _method("seq.find", (TUPLE, OBJECT), INT),
        "count": _method("seq.count", (TUPLE, OBJECT), INT),
    },
)


# ---- builtins ------------------------------------------------------------------------------------
def _built(kind: str, result: Type) -> Row:
    """list(), tuple(), sorted() of something that can be gone through."""

    def row(args: Args, recorded: Recorded) -> CallPlan | None:
        if not args:
            return CallPlan(kind, (), result) if kind != "sorted" else None
        fits = is_iterable(args[0]) and len(args) == 1
        return CallPlan(kind, args, result) if fits else None

    return row


def _sorted_reverse(args: Args, recorded: Recorded) -> CallPlan | None:
    fits = len(args) == 2 and is_iterable(args[0]) and args[1] is BOOL
    return CallPlan("sorted", (args[0], BOOL), LIST) if fits else None


def _over(kind: str, before: Row | None, op: str = "") -> Row:
    """A builtin of one list or tuple; `before` is the row for other arguments."""

    def row(args: Args, recorded: Recorded) -> CallPlan | None:
        sequence = receiver_of(args[0]) if len(args) == 1 else None
        if sequence in SEQUENCES and sequence is not None:
            result = BOOL if kind == "any" else Obj(recorded)
            return CallPlan(kind, (sequence,), result, op)
        return before(args, recorded) if before else None

    return row


def _sum(args: Args, recorded: Recorded) -> CallPlan | None:
    sequence = receiver_of(args[0]) if args else None
    if sequence not in SEQUENCES or sequence is None or len(args) > 2:
        return None
    ops: dict[Recorded, tuple[str, Type]] = {
        frozenset(("int",)): ("seq.sum_i64", INT),
        frozenset(("float",)): ("seq.sum_f64", FLOAT),
    }
    if recorded not in ops or (len(args) == 2 and not is_int(args[1])):
        return None
    op, result = ops[recorded]
    return CallPlan("sum", (sequence, INT)[: len(args)], result, op)


ROWS.update(
    {
        ("", "list"): _built("list", LIST),
        ("", "tuple"): _built("tuple", TUPLE),
        ("", "sorted"): _built("sorted", LIST),
        ("", "sorted:reverse"): _sorted_reverse,
        ("", "sum"): _sum,
        ("", "min"): _over("list.extremum", ROWS["", "min"], "<"),
        ("", "max"): _over("list.extremum", ROWS["", "max"], ">"),
        ("", "any"): _over("any", None, "any"),
        ("", "all"): _over("any", None, "all"),
    }
)
