"""How arithmetic and comparisons are carried out, given the types of their operands: one decision
for two readers.

Inference asks a plan for the type of the result, lowering for the operation to emit; so the two
cannot disagree.

    x * y   INT, INT, products recorded within 64 bits    i64.mul, leaves on overflow     INT
    x * y   INT, INT, products recorded up to 128 bits    i128.mul of widened operands    WIDE
    s + x   NUM, FLOAT                                    f64.add of both as floats       FLOAT
    s % m   BIG, INT                                      num.binop (CPython), then unbox INT

Which width an int result gets is decided by, in order: the recorded results, the *variant* of the
body (a widened body widens what can grow: products, shifts, powers, sums of two variables), the
widths of the operands.
"""

from __future__ import annotations

from typing import NamedTuple

from pyvorin.types import (
    BIG,
    BOOL,
    CHAR,
    FLOAT,
    INT,
    INTS,
    KIND_OF,
    NOT_NUMBERS,
    NUM,
    NUMBERS,
    OF_BYTES,
    STR,
    WIDE,
    Kind,
    Obj,
    Type,
)

FLOAT_OPS = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "/": "div",
    "//": "floordiv",
    "%": "mod",
    "**": "pow",
}
INT_OPS = {
    "+": "add",
    "-": "sub",
    "*": "mul",
    "//": "floordiv",
    "%": "mod",
    "&": "and",
    "|": "or",
    "^": "xor",
    "<<": "shl",
    ">>": "shr",
}
GROWING = ("+", "-", "*", "<<", "**")
WIDTH_OF_VARIANT = {"base": INT, "wide": WIDE, "boxed": BIG}


class Plan(NamedTuple):
    """Convert the operands to `operands`, do `op`, then (if `narrow`) take the result as `result`,
    leaving if it is not.

    `op` is a row of the op table without attributes, or "num" for an operation on `NUM` by cases.
    """

    op: str
    operands: tuple[Type, ...]
    result: Type
    narrow: bool = False


def number(type_: Type) -> Kind | None:
    """The kind of number a value is taken for in arithmetic, or None when nothing specific is
    known.
    """
    if isinstance(type_, Obj):
        if len(type_.classes) == 1:
            (name,) = type_.classes
            kind = KIND_OF.get(name)
            return kind if kind in NUMBERS else None
        if type_.classes and type_.classes <= {"int", "wide", "big"}:
            return WIDE if "big" not in type_.classes else BIG
        return NUM if type_.classes == {"int", "float"} else None
    return type_ if isinstance(type_, Kind) and type_ in NUMBERS else None


def plan_binop(
    op: str, a: Type, b: Type, recorded: frozenset[str], variant: str, constant: bool
) -> Plan | None:
    """How to compute `a op b`; None when only the interpreter can.

    `recorded` are the classes of the results in recorded runs (may be empty), `constant` says that
    one operand is a constant.
    """
    x, y = number(a), number(b)
    if x is BOOL and y is BOOL and op in ("&", "|", "^"):
        return Plan(f"i1.{INT_OPS[op]}", (BOOL, BOOL), BOOL)
    x, y = (INT if x is BOOL else x), (INT if y is BOOL else y)
    if x is None or y is None or op == "@":
        return None if op == "@" or not _numeric(a, b) else _boxed(op, Obj(), Obj(), recorded)
    if FLOAT in (x, y):
        return _float_plan(op, x, y, recorded)
    if NUM in (x, y):
        if op in ("+", "-", "*") and x in (NUM, INT) and y in (NUM, INT):
            return Plan("num", (x, y), NUM)
        return _boxed(op, Obj(), Obj(), recorded)
    if op == "/":
        if x is INT and y is INT:
            return Plan("i64.truediv", (INT, INT), FLOAT)
        return Plan("num.binop", (BIG, BIG), FLOAT, narrow=True)
    return _int_plan(op, x, y, recorded, variant, constant)


def _numeric(a: Type, b: Type) -> bool:
    """Whether `num.binop` has a chance: nothing says that an operand is not a number."""
    return all(
        number(t) is not None or (isinstance(t, Obj) and not t.classes & NOT_NUMBERS)
        for t in (a, b)
    )


def _boxed(op: str, a: Type, b: Type, recorded: frozenset[str]) -> Plan:
    """By CPython on boxed operands; a result that was always of one class is taken out of its box.

    Not a 128-bit one: what goes through boxed arithmetic once will again.
    """
    kind = KIND_OF.get(next(iter(recorded))) if len(recorded) == 1 else None
    if kind in (INT, FLOAT):
        return Plan("num.binop", (a, b), kind, narrow=True)
    return Plan("num.binop", (a, b), BIG if kind in (WIDE, BIG) or a is BIG else Obj(recorded))


def _float_plan(op: str, x: Kind, y: Kind, recorded: frozenset[str]) -> Plan | None:
    if op not in FLOAT_OPS:
        return None
    if WIDE in (x, y) or BIG in (x, y):
        return Plan("num.binop", (Obj(), Obj()), FLOAT, narrow=True)
    return Plan(f"f64.{FLOAT_OPS[op]}", (FLOAT, FLOAT), FLOAT)


def _int_plan(
    op: str, x: Kind, y: Kind, recorded: frozenset[str], variant: str, constant: bool
) -> Plan:
    width = max(x, y, key=INTS.index)
    fits = recorded <= {"int"}
    if op == "**":
        if fits and width is INT and variant == "base":
            return Plan("i64.pow", (INT, INT), INT)
        return _boxed(op, BIG, BIG, recorded or frozenset(("big",)))
    if op in GROWING:
        width = max((width, _grown(op, recorded, variant, constant)), key=INTS.index)
    if op in ("<<", ">>"):
        width = x if op == ">>" else width
        if y is not INT or width is BIG:
            return _boxed(op, BIG, BIG, recorded if op == ">>" else frozenset(("big",)))
        plan = Plan(f"{_PREFIX[width]}.{INT_OPS[op]}", (width, INT), width)
    elif width is BIG:
        small = op == "%" and y is INT
        return _boxed(
            op,
            BIG,
            BIG,
            frozenset(("int",)) if small else frozenset(("big",)) if op in GROWING else recorded,
        )
    else:
        plan = Plan(f"{_PREFIX[width]}.{INT_OPS[op]}", (width, width), width)
    if width is WIDE and ((op == "%" and y is INT) or (op not in GROWING and recorded == {"int"})):
        return Plan(plan.op, plan.operands, INT, narrow=True)
    if width is WIDE and recorded == {"int"} and variant == "base":
        return Plan(plan.op, plan.operands, INT, narrow=True)
    return plan


_PREFIX = {INT: "i64", WIDE: "i128"}


def _grown(op: str, recorded: frozenset[str], variant: str, constant: bool) -> Kind:
    """The width that a growing operation's result needs: by the record, by the body's variant."""
    seen = BIG if "big" in recorded else WIDE if "wide" in recorded else INT
    counter = constant and op in ("+", "-")
    return seen if counter else max((seen, WIDTH_OF_VARIANT[variant]), key=INTS.index)


def _is_text(type_: Type) -> bool:
    if isinstance(type_, Obj):
        return bool(type_.classes) and type_.classes <= {"str", "char"}
    return type_ in (STR, CHAR)


def _bytes(type_: Type) -> Kind | None:
    """Bytes or bytearray, if the value is predicted to be one."""
    if isinstance(type_, Obj):
        type_ = KIND_OF.get(next(iter(type_.classes)), type_) if len(type_.classes) == 1 else type_
    return type_ if isinstance(type_, Kind) and type_ in OF_BYTES else None


_SWAPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def plan_compare(op: str, a: Type, b: Type) -> tuple[str, Plan] | None:
    """How to compare: the comparison to make (operands swapped when the plan's op is `i64.cmp_f64`
    and a is a float).
    """
    x, y = number(a), number(b)
    x, y = (INT if x is BOOL else x), (INT if y is BOOL else y)
    if x is None or y is None:
        if a is CHAR and b is CHAR:
            return op, Plan("char.cmp", (CHAR, CHAR), BOOL)
        if op in ("==", "!=") and _is_text(a) and _is_text(b):
            return op, Plan("str.eq", (STR, STR), BOOL)
        x, y = _bytes(a), _bytes(b)
        if op in ("==", "!=") and x is not None and y is not None:
            return op, Plan("bytes.eq", (x, y), BOOL)
        return op, Plan("num.cmp", (Obj(), Obj()), BOOL)
    if NUM in (x, y) and BIG not in (x, y) and WIDE not in (x, y) and (x, y) != (NUM, NUM):
        return (
            (op, Plan("num", (NUM, y), BOOL))
            if x is NUM
            else (_SWAPPED[op], Plan("num", (x, NUM), BOOL))
        )
    if NUM in (x, y) or BIG in (x, y):
        return op, Plan("num.cmp", (Obj(), Obj()), BOOL)
    if x is FLOAT and y is FLOAT:
        return op, Plan("f64.cmp", (FLOAT, FLOAT), BOOL)
    if FLOAT in (x, y):
        if WIDE in (x, y):
            return op, Plan("num.cmp", (Obj(), Obj()), BOOL)
        return (
            (op, Plan("i64.cmp_f64", (INT, FLOAT), BOOL))
            if y is FLOAT
            else (_SWAPPED[op], Plan("i64.cmp_f64", (FLOAT, INT), BOOL))
        )
    width = max(x, y, key=INTS.index)
    return op, Plan(f"{_PREFIX[width]}.cmp", (width, width), BOOL)


def plan_unary(op: str, a: Type, recorded: frozenset[str]) -> Plan | None:
    """How to compute -a, +a, ~a or abs(a)."""
    x = number(a)
    if x is BOOL:
        if op == "~":
            return None  # warns since CPython 3.12
        x = INT
    name = {"-": "neg", "~": "not", "abs": "abs"}.get(op, "")
    if x in (INT, WIDE):
        prefix = _PREFIX[x]
        return Plan(f"{prefix}.{name}" if name else "same", (x,), x)
    if x is FLOAT and op != "~":
        return Plan(f"f64.{name}" if name else "same", (FLOAT,), FLOAT)
    if x is NUM and op != "~":
        return Plan("num", (NUM,), NUM)
    if x is None and not (isinstance(a, Obj) and not a.classes & NOT_NUMBERS):
        return None
    plan = _boxed(op, Obj(), Obj(), recorded)
    return Plan(
        "num.unary", (Obj(),), BIG if x is BIG else plan.result, plan.narrow and x is not BIG
    )


__all__ = ["INTS", "NUM", "STR", "Plan", "number", "plan_binop", "plan_compare", "plan_unary"]
