"""Calls of builtins and of `math`: for each, how it is carried out on which operand types, and what
it answers.

A row turns the types of the arguments into a `CallPlan`, or None when the call is left to CPython
through `builtin.call` (for functions without effects) or to the interpreter. As in `infer.arith`,
inference reads the result's type and lowering the operation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pyvorin.frontend.native import NATIVE_OF_MODULES
from pyvorin.infer.arith import number, plan_binop, plan_compare, plan_unary
from pyvorin.types import (
    BIG,
    BOOL,
    CHAR,
    FLOAT,
    INT,
    LIST,
    NOT_NUMBERS,
    NUM,
    OBJECTS,
    STR,
    TUPLE,
    UNBUILT,
    WIDE,
    Items,
    Kind,
    Obj,
    Range,
    Type,
    from_class,
)

LIBM1 = [
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
    "exp",
    "expm1",
    "log",
    "log2",
    "log10",
    "log1p",
    "cbrt",
    "exp2",
]
PURE_BUILTINS = frozenset(
    [
        "abs",
        "divmod",
        "round",
        "int",
        "float",
        "bool",
        "ord",
        "chr",
        "pow",
        "min",
        "max",
        "len",
        "hash",
        "sum",
        "any",
        "all",
        "sorted",
    ]
)
PURE_MATH = frozenset(
    [
        "acos",
        "acosh",
        "asin",
        "asinh",
        "atan",
        "atan2",
        "atanh",
        "cbrt",
        "ceil",
        "comb",
        "copysign",
        "cos",
        "cosh",
        "degrees",
        "dist",
        "erf",
        "erfc",
        "exp",
        "exp2",
        "expm1",
        "fabs",
        "factorial",
        "floor",
        "fmod",
        "frexp",
        "gamma",
        "gcd",
        "hypot",
        "isclose",
        "isfinite",
        "isinf",
        "isnan",
        "isqrt",
        "lcm",
        "ldexp",
        "lgamma",
        "log",
        "log10",
        "log1p",
        "log2",
        "modf",
        "nextafter",
        "perm",
        "pow",
        "radians",
        "remainder",
        "sin",
        "sinh",
        "sqrt",
        "tan",
        "tanh",
        "trunc",
        "ulp",
        "fma",
        "fsum",
        "prod",
        "sumprod",
    ]
)


PURE = {"": PURE_BUILTINS, "math": PURE_MATH, "cmath": NATIVE_OF_MODULES["cmath"]}


class CallPlan(NamedTuple):
    """`kind` names the way lowering does it (a function of `lower.calls`), on arguments converted
    to `operands`.
    """

    kind: str
    operands: tuple[Type, ...]
    result: Type
    op: str = ""
    attrs: tuple[tuple[str, str], ...] = ()


Args = tuple[Type, ...]


def plan_call(of: str, name: str, args: Args, recorded: frozenset[str]) -> CallPlan | None:
    """How to call builtin `name` (`of` "") or that of a C module; None: only the interpreter can.

    `recorded` are the classes of the results in recorded runs.
    """
    row = ROWS.get((of, name))
    plan = row(args, recorded) if row else None
    if plan is None and name in PURE.get(of, ()):
        plan = _by_cpython(name, args, recorded)
    return plan


def _by_cpython(name: str, args: Args, recorded: frozenset[str]) -> CallPlan | None:
    """`builtin.call` on boxed scalars, and lists and tuples of them; a result that was always of
    one class is taken out of its box.
    """
    if any(isinstance(t, UNBUILT) or _unfit(t) for t in args) or not args:
        return None
    kinds = {"int": INT, "wide": WIDE, "float": FLOAT, "bool": BOOL, "char": CHAR}
    only = kinds.get(next(iter(recorded))) if len(recorded) == 1 else None
    return CallPlan("cpython", tuple(Obj() for _ in args), only or Obj(recorded))


def _unfit(type_: Type) -> bool:
    if isinstance(type_, Obj):
        return bool(type_.classes & (NOT_NUMBERS - {"str", "list", "tuple"}))
    return type_ in OBJECTS and type_ not in (STR, LIST, TUPLE)


def _simple(op: str, operands: Args, result: Type, **attrs: str) -> CallPlan:
    return CallPlan("op", operands, result, op, tuple(attrs.items()))


def _one(args: Args) -> Kind | None:
    return number(args[0]) if len(args) == 1 else None


def _int(args: Args, recorded: frozenset[str]) -> CallPlan | None:
    kind = _one(args)
    if kind in (INT, BOOL, WIDE, BIG):
        return CallPlan("same", (INT if kind is BOOL else kind,), INT if kind is BOOL else kind)
    if kind is FLOAT and recorded <= {"int"}:
        return _simple("f64.to_i64", (FLOAT,), INT, mode="trunc")
    return None


def _float(args: Args, recorded: frozenset[str]) -> CallPlan | None:
    return CallPlan("same", (FLOAT,), FLOAT) if _one(args) in (INT, BOOL, FLOAT, NUM) else None


def _bool(args: Args, recorded: frozenset[str]) -> CallPlan | None:
    return CallPlan("truth", args, BOOL) if len(args) == 1 else None


def _round(args: Args, recorded: frozenset[str]) -> CallPlan | None:
    kind = _one(args)
    if kind in (INT, BOOL):
        return CallPlan("same", (INT,), INT)
    return (
        _simple("f64.to_i64", (FLOAT,), INT, mode="round")
        if kind is FLOAT and recorded <= {"int"}
        else None
    )


# The operation that answers the length of an object of a kind.
LENGTHS: dict[Kind, str] = {LIST: "list.len", STR: "str.len", TUPLE: "tuple.len"}


def _len(args: Args, recorded: frozenset[str]) -> CallPlan | None:
    if len(args) != 1:
        return None
    type_ = args[0]
    if type_ is CHAR:
        return CallPlan("one", args, INT)
    if isinstance(type_, Obj):
        either = type_.classes == {"str", "char"}
        type_ = STR if either else from_class(next(iter(type_.classes), ""))
    if isinstance(type_, Kind) and type_ in LENGTHS:
        return _simple(LENGTHS[type_], (type_,), INT)
    return None


def _abs(args: Args, recorded: frozenset[str]) -> CallPlan | None:
    plan = plan_unary("abs", args[0], recorded) if len(args) == 1 else None
    return CallPlan("unary", plan.operands, plan.result, "abs") if plan else None


def _extremum(args: Args, recorded: frozenset[str]) -> CallPlan | None:
    kinds = {INT if k is BOOL else k for k in map(number, args)}
    if len(args) < 2 or len(kinds) != 1 or BOOL in map(number, args):
        return None
    (kind,) = kinds
    return CallPlan("extremum", (kind,) * len(args), kind) if kind in (INT, FLOAT, WIDE) else None


def _divmod(args: Args, recorded: frozenset[str]) -> CallPlan | None:
    if len(args) != 2:
        return None
    plans = [plan_binop(op, *args, frozenset(), "base", False) for op in ("//", "%")]
    if None in plans or any(p.op == "num.binop" for p in plans if p):
        return None
    return CallPlan("divmod", args, Items(tuple(p.result for p in plans if p)))


def _range(args: Args, recorded: frozenset[str]) -> CallPlan | None:
    if not 1 <= len(args) <= 3 or not all(number(t) in (INT, BOOL) or t == Obj() for t in args):
        return None
    return CallPlan("range", (INT,) * len(args), Range(1 if len(args) < 3 else None, False))


def _ord(args: Args, recorded: frozenset[str]) -> CallPlan | None:
    fits = args == (CHAR,) or (
        len(args) == 1 and isinstance(args[0], Obj) and args[0].classes == {"char"}
    )
    return _simple("char.to_i64", (CHAR,), INT) if fits else None


def _libm1(fn: str) -> Callable[[Args, frozenset[str]], CallPlan | None]:
    def row(args: Args, recorded: frozenset[str]) -> CallPlan | None:
        return (
            _simple("f64.libm1", (FLOAT,), FLOAT, fn=fn)
            if _one(args) in (INT, BOOL, FLOAT, NUM)
            else None
        )

    return row


def _of_floats(
    op: str, count: int, result: Type, **attrs: str
) -> Callable[[Args, frozenset[str]], CallPlan | None]:
    def row(args: Args, recorded: frozenset[str]) -> CallPlan | None:
        fits = len(args) == count and all(number(t) in (INT, BOOL, FLOAT, NUM) for t in args)
        return _simple(op, (FLOAT,) * count, result, **attrs) if fits else None

    return row


def _to_int(mode: str) -> Callable[[Args, frozenset[str]], CallPlan | None]:
    def row(args: Args, recorded: frozenset[str]) -> CallPlan | None:
        kind = _one(args)
        if kind in (INT, BOOL):
            return CallPlan("same", (INT,), INT)
        return (
            _simple("f64.to_i64", (FLOAT,), INT, mode=mode)
            if kind is FLOAT and recorded <= {"int"}
            else None
        )

    return row


ROWS: dict[tuple[str, str], Callable[[Args, frozenset[str]], CallPlan | None]] = {
    ("", "int"): _int,
    ("", "float"): _float,
    ("", "bool"): _bool,
    ("", "round"): _round,
    ("", "len"): _len,
    ("", "abs"): _abs,
    ("", "min"): _extremum,
    ("", "max"): _extremum,
    ("", "divmod"): _divmod,
    ("", "range"): _range,
    ("", "ord"): _ord,
    ("math", "sqrt"): _of_floats("f64.sqrt", 1, FLOAT),
    ("math", "fabs"): _of_floats("f64.abs", 1, FLOAT),
    ("math", "copysign"): _of_floats("f64.copysign", 2, FLOAT),
    ("math", "atan2"): _of_floats("f64.libm2", 2, FLOAT, fn="atan2"),
    ("math", "fmod"): _of_floats("f64.libm2", 2, FLOAT, fn="fmod"),
    ("math", "pow"): _of_floats("f64.libm2", 2, FLOAT, fn="pow"),
    ("math", "isnan"): _of_floats("f64.isnan", 1, BOOL),
    ("math", "isinf"): _of_floats("f64.isinf", 1, BOOL),
    ("math", "isfinite"): _of_floats("f64.isfinite", 1, BOOL),
    ("math", "floor"): _to_int("floor"),
    ("math", "ceil"): _to_int("ceil"),
    ("math", "trunc"): _to_int("trunc"),
    **{("math", fn): _libm1(fn) for fn in LIBM1},
}

__all__ = ["CallPlan", "plan_call", "plan_compare"]
