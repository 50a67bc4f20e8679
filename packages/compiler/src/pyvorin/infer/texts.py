"""Types of what is done with strings and bytes: operators, methods, formatting, conversions."""

from __future__ import annotations

from pyvorin.infer.arith import number
from pyvorin.infer.buffers import computing, enter_computing
from pyvorin.infer.calls import ROWS, Args, CallPlan
from pyvorin.infer.flow import TRANSFER, Flow, Result
from pyvorin.infer.lists import is_object
from pyvorin.infer.methods import Row, enter
from pyvorin.infer.operators import OPERATORS
from pyvorin.ir.model import Op
from pyvorin.types import (
    BOOL,
    BOTTOM,
    BYTES,
    CHAR,
    INT,
    LIST,
    NONE,
    NUMBERS,
    STR,
    TUPLE,
    Kind,
    Obj,
    Type,
)

OBJECT = Obj()
Recorded = frozenset[str]

# Methods that only compute: what they answer → their names.
STR_METHODS: dict[Kind, str] = {
    STR: "capitalize casefold center expandtabs format join ljust lower lstrip removeprefix "
    "removesuffix replace rjust rstrip strip swapcase title translate upper zfill",
    INT: "count find index rfind rindex",
    BOOL: "endswith isalnum isalpha isascii isdecimal isdigit isidentifier islower isnumeric "
    "isprintable isspace istitle isupper startswith",
    LIST: "rsplit split splitlines",
    TUPLE: "partition rpartition",
    BYTES: "encode",
}
CHAR_TESTS = "isalnum isalpha isdecimal isdigit islower isnumeric isspace isupper"


def is_text(type_: Type) -> bool:
    """Is the value a str, by what is known or recorded?"""
    if isinstance(type_, Obj):
        return bool(type_.classes) and type_.classes <= {"str", "char"}
    return type_ in (STR, CHAR)


def is_scalar(type_: Type) -> bool:
    """Can the value be a number, str or None?"""
    if isinstance(type_, Obj):
        return type_.classes <= {"int", "wide", "big", "float", "bool", "str", "char", "NoneType"}
    return type_ in (*NUMBERS, STR, CHAR, NONE)


# ---- formatting ----------------------------------------------------------------------------------
def _format(flow: Flow, op: Op) -> Result:
    types = tuple(map(flow.type, op.operands))
    if BOTTOM in types:
        return (BOTTOM,)
    if not op.attrs["formats"] and not op.attrs["conversion"]:
        return None
    return (STR,) if all(map(is_scalar, types)) else None


def _string(flow: Flow, op: Op) -> Result:
    types = tuple(map(flow.type, op.operands))
    if BOTTOM in types:
        return (BOTTOM,)
    return (STR,) if all(map(is_text, types)) else None


def _percent(args: Args, recorded: Recorded) -> CallPlan | None:
    return CallPlan("op", (STR, OBJECT), STR, "str.percent") if is_object(args[1]) else None


# ---- methods -------------------------------------------------------------------------------------
enter_computing(STR, STR_METHODS)


def _asking(name: str) -> Row:
    def row(args: Args, recorded: Recorded) -> CallPlan | None:
        if len(args) != 1:
            return None
        return CallPlan("op", (CHAR,), BOOL, "char.is", (("method", name),))

    return row


def _mapping(name: str) -> Row:
    """To one character where that is all that was seen."""

    def row(args: Args, recorded: Recorded) -> CallPlan | None:
        if len(args) != 1:
            return None
        if recorded <= {"char"}:
            return CallPlan("op", (CHAR,), CHAR, "char.map", (("method", name),))
        return computing(STR, name, STR)((STR,), recorded)

    return row


enter("char", {name: _asking(name) for name in CHAR_TESTS.split()})
enter("char", {name: _mapping(name) for name in ("lower", "upper")})


# ---- builtins ------------------------------------------------------------------------------------
def _str(args: Args, recorded: Recorded) -> CallPlan | None:
    if len(args) != 1 or not is_scalar(args[0]):
        return None
    if is_text(args[0]):
        return CallPlan("same", (STR,), STR)
    return CallPlan("op", (OBJECT,), STR, "str.of")


def _chr(args: Args, recorded: Recorded) -> CallPlan | None:
    fits = len(args) == 1 and number(args[0]) in (INT, BOOL)
    return CallPlan("op", (INT,), CHAR, "i64.to_char") if fits else None


def _repr(conversion: str) -> Row:
    def row(args: Args, recorded: Recorded) -> CallPlan | None:
        if len(args) != 1 or not is_scalar(args[0]):
            return None
        return CallPlan("op", (OBJECT,), STR, "str.format", (("conversion", conversion),))

    return row


TRANSFER.update({"py.format": _format, "py.string": _string})
OPERATORS.update(
    {
        ("+", STR, STR): lambda args, recorded: CallPlan("op", (STR, STR), STR, "str.concat"),
        ("*", STR, INT): lambda args, recorded: CallPlan("op", (STR, INT), STR, "seq.repeat"),
        ("in", STR, STR): lambda args, recorded: CallPlan("str.in", (STR, STR), BOOL),
        ("%", STR, None): _percent,
    }
)
ROWS.update({("", "str"): _str, ("", "chr"): _chr, ("", "repr"): _repr("repr")})
