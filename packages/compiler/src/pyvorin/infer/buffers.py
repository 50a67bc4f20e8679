"""Types of what is done with bytes and bytearrays: operators, methods, constructors; and the
methods of ints, half of which are about bytes.

Reading an item, iterating and unpacking are those of every sequence (`infer.flow`); here is the
rest.
"""

from __future__ import annotations

from pyvorin.infer.arith import number
from pyvorin.infer.calls import LENGTHS, ROWS, Args, CallPlan
from pyvorin.infer.lists import get_slice, is_int, is_object
from pyvorin.infer.methods import Row, enter, receiver_of
from pyvorin.infer.operators import OPERATORS
from pyvorin.types import (
    BOOL,
    BYTEARRAY,
    BYTES,
    INT,
    LIST,
    NONE,
    OBJECTS,
    OF_BYTES,
    STR,
    TUPLE,
    Kind,
    Obj,
    Range,
    Slice,
    Type,
)

OBJECT = Obj()
Recorded = frozenset[str]

# Methods that only compute: class → what they answer → their names.
METHODS: dict[Kind, dict[Kind, str]] = {
    BYTES: {
        BYTES: "join lower lstrip replace rstrip strip upper",
        STR: "decode hex",
        INT: "count find index rfind rindex",
        BOOL: "endswith isalnum isalpha isdigit isspace startswith",
        LIST: "rsplit split splitlines",
    },
    BYTEARRAY: {
        BYTEARRAY: "copy lower lstrip replace rstrip strip upper",
        STR: "decode hex",
        INT: "count find index rfind rindex",
        BOOL: "endswith isalnum isalpha isdigit isspace startswith",
    },
}


def computing(kind: Kind, name: str, result: Kind) -> Row:
    """A method that CPython computes on plain arguments."""

    def row(args: Args, recorded: Recorded) -> CallPlan | None:
        if not all(map(is_object, args)):
            return None
        operands: Args = (kind, *(OBJECT for _ in args[1:]))
        attrs = (("cls", OBJECTS[kind]), ("method", name))
        return CallPlan("method", operands, result, "method.call", attrs)

    return row


def enter_computing(kind: Kind, table: dict[Kind, str]) -> None:
    """Enter the rows of methods that only compute."""
    for result, names in table.items():
        enter(OBJECTS[kind], {name: computing(kind, name, result) for name in names.split()})


def _op(op: str, operands: Args, result: Type, *attrs: tuple[str, str]) -> Row:
    return lambda args, recorded: CallPlan("op", operands, result, op, attrs)


def _append(args: Args, recorded: Recorded) -> CallPlan | None:
    fits = len(args) == 2 and is_int(args[1])
    return CallPlan("op", (BYTEARRAY, INT), NONE, "bytearray.append") if fits else None


def _extend(how: str) -> Row:
    """b.extend(x), which answers None, and b += x, which answers b."""

    def row(args: Args, recorded: Recorded) -> CallPlan | None:
        other = receiver_of(args[1]) if len(args) == 2 else None
        if other is None or other not in OF_BYTES:
            return None
        kind, result = ("op", NONE) if how == "extend" else ("inplace", BYTEARRAY)
        return CallPlan(kind, (BYTEARRAY, other), result, "bytearray.extend", (("how", how),))

    return row


def _contains(args: Args, recorded: Recorded) -> CallPlan | None:
    container = receiver_of(args[1])
    fits = container in OF_BYTES and (is_int(args[0]) or receiver_of(args[0]) in OF_BYTES)
    return CallPlan("bytes.in", (OBJECT, container), BOOL) if fits and container else None


def _made(kind: Kind) -> Row:
    """bytes(x) or bytearray(x)."""

    def row(args: Args, recorded: Recorded) -> CallPlan | None:
        if len(args) > 1:
            return None
        fits = not args or number(args[0]) is INT or _holds_bytes(args[0])
        return CallPlan("bytes.of", args, kind, OBJECTS[kind]) if fits else None

    return row


def _from_bytes(args: Args, recorded: Recorded) -> CallPlan | None:
    """int.from_bytes(data, order): native where all results were small."""
    if len(args) != 3 or receiver_of(args[1]) not in OF_BYTES:
        return None
    return CallPlan("from_bytes", args, INT if recorded <= {"int"} else Obj(recorded))


def _to_bytes(args: Args, recorded: Recorded) -> CallPlan | None:
    """x.to_bytes(count, order)"""
    return CallPlan("to_bytes", args, BYTES) if len(args) == 3 and is_int(args[1]) else None


def _of_bits(op: str) -> Row:
    def row(args: Args, recorded: Recorded) -> CallPlan | None:
        return CallPlan("op", (INT,), INT, op) if len(args) == 1 else None

    return row


def _holds_bytes(type_: Type) -> bool:
    if isinstance(type_, Range):
        return not type_.iterating
    return receiver_of(type_) in (LIST, TUPLE, *OF_BYTES)


LENGTHS.update({BYTES: "bytes.len", BYTEARRAY: "bytearray.len"})
for _a in OF_BYTES:
    OPERATORS["getitem", _a, Slice] = get_slice
    OPERATORS["*", _a, INT] = _op("seq.repeat", (_a, INT), _a)
    OPERATORS["in", None, _a] = _contains
    for _b in OF_BYTES:
        OPERATORS["+", _a, _b] = _op("seq.concat", (_a, _b), _a)
OPERATORS["+=", BYTEARRAY, None] = _extend("+=")
for _kind, _table in METHODS.items():
    enter_computing(_kind, _table)
enter("bytearray", {"append": _append, "extend": _extend("extend")})
enter(
    "int",
    {
        "bit_length": _of_bits("i64.bit_length"),
        "bit_count": _of_bits("i64.bit_count"),
        "to_bytes": _to_bytes,
        "to_bytes:byteorder": _to_bytes,
    },
)
enter("class int", {"from_bytes": _from_bytes, "from_bytes:byteorder": _from_bytes})
ROWS.update({("", "bytes"): _made(BYTES), ("", "bytearray"): _made(BYTEARRAY)})
