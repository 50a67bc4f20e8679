"""Abstract types: what inference predicts of a value, and in which machine values lowering holds
it.

A type is a *prediction*, never a promise: lowering guards where it relies on one. The lattice is
shallow:

    BOTTOM  <  INT < WIDE < BIG (by width), FLOAT, BOOL, NONE, CHAR < STR, …  <  NUM  <  Obj

| type              | values                                  | held as                         |
|-------------------|-----------------------------------------|---------------------------------|
| INT               | int within 64 bits                      | I64                             |
| WIDE              | int within 128 bits                     | I128                            |
| BIG               | any int                                 | OBJ                             |
| FLOAT, BOOL, CHAR | float, bool, one-character str          | F64, I1, CHAR                   |
| NUM               | INT or FLOAT, told apart at run time    | I1 (is it a float?), I64, F64   |
| NONE, Callee      | one object known beforehand             | nothing                         |
| STR, LIST, TUPLE  | an exact str, list, tuple               | OBJ                             |
| Range             | a range or its iterator, never built    | I64: next, stop (and step)      |
| LIST_ITER, …      | iterators, never built                  | OBJ, I64: sequence, next index  |
| Items             | a tuple never built                     | its elements, one after another |
| Obj(classes)      | an object, probably of one of `classes` | OBJ                             |
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from pyvorin.ir.model import Rep


class Kind(Enum):
    """The types without parameters."""

    BOTTOM = auto()  # no value reaches here (yet)
    INT = auto()
    WIDE = auto()
    BIG = auto()
    FLOAT = auto()
    BOOL = auto()
    NONE = auto()
    CHAR = auto()
    STR = auto()
    LIST = auto()
    TUPLE = auto()
    NUM = auto()
    LIST_ITER = auto()
    STR_ITER = auto()
    TUPLE_ITER = auto()

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Callee:
    """A function known beforehand: `kind` is "function" (of the module), "builtin", "module" or
    "attr" (`of`.`name`).

    `source` says how the program gets at it, as in `ir.model.Const`.
    """

    kind: str
    name: str
    of: str = ""
    source: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Range:
    """A range, or (`iterating`) an iterator over one; `step` is None when it is not a known
    constant.
    """

    step: int | None
    iterating: bool


@dataclass(frozen=True, slots=True)
class Items:
    """A tuple that lives in its elements."""

    types: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class Obj:
    """A boxed value with the classes it is likely to have (names as in `obj.is_class`; ints as
    "int", "wide", "big").
    """

    classes: frozenset[str] = frozenset()


Type = Kind | Callee | Range | Items | Obj

BOTTOM, INT, WIDE, BIG, FLOAT = Kind.BOTTOM, Kind.INT, Kind.WIDE, Kind.BIG, Kind.FLOAT
BOOL, NONE, CHAR, STR, LIST = Kind.BOOL, Kind.NONE, Kind.CHAR, Kind.STR, Kind.LIST
TUPLE, NUM, LIST_ITER, STR_ITER = Kind.TUPLE, Kind.NUM, Kind.LIST_ITER, Kind.STR_ITER
TUPLE_ITER = Kind.TUPLE_ITER

REPS: dict[Kind, tuple[Rep, ...]] = {
    BOTTOM: (),
    INT: (Rep.I64,),
    WIDE: (Rep.I128,),
    BIG: (Rep.OBJ,),
    FLOAT: (Rep.F64,),
    BOOL: (Rep.I1,),
    NONE: (),
    CHAR: (Rep.CHAR,),
    STR: (Rep.OBJ,),
    LIST: (Rep.OBJ,),
    TUPLE: (Rep.OBJ,),
    NUM: (Rep.I1, Rep.I64, Rep.F64),
    LIST_ITER: (Rep.OBJ, Rep.I64),
    STR_ITER: (Rep.OBJ, Rep.I64),
    TUPLE_ITER: (Rep.OBJ, Rep.I64),
}

CLASS_OF: dict[Kind, str] = {
    INT: "int",
    WIDE: "wide",
    BIG: "big",
    FLOAT: "float",
    BOOL: "bool",
    NONE: "NoneType",
    CHAR: "char",
    STR: "str",
    LIST: "list",
    TUPLE: "tuple",
}
KIND_OF: dict[str, Kind] = {name: kind for kind, name in CLASS_OF.items()}

INTS = (INT, WIDE, BIG)
NUMBERS = (INT, WIDE, BIG, FLOAT, BOOL, NUM)


def reps(type_: Type) -> tuple[Rep, ...]:
    """The representations that hold a value of this type, in order."""
    match type_:
        case Kind():
            return REPS[type_]
        case Callee():
            return ()
        case Range(step, _):
            return (Rep.I64,) * (2 if step is not None else 3)
        case Items(types):
            return tuple(rep for item in types for rep in reps(item))
        case Obj():
            return (Rep.OBJ,)


def classes(type_: Type) -> frozenset[str]:
    """The classes a value of this type may have, for joining it into an `Obj`."""
    match type_:
        case Obj(names):
            return names
        case Kind.BOTTOM:
            return frozenset()
        case Kind.NUM:
            return frozenset(("int", "float"))
        case Items():
            return frozenset(("tuple",))
        case Kind():
            return frozenset((CLASS_OF.get(type_, "other"),))
        case Callee() | Range():
            return frozenset(("other",))


def join(a: Type, b: Type) -> Type:
    """The least type that holds both."""
    if a == b or b is BOTTOM:
        return a
    if a is BOTTOM:
        return b
    if a in INTS and b in INTS:
        return max((a, b), key=INTS.index)
    if {a, b} <= {INT, FLOAT, NUM}:
        return NUM
    if isinstance(a, Items) and isinstance(b, Items) and len(a.types) == len(b.types):
        return Items(tuple(map(join, a.types, b.types)))
    if isinstance(a, Range) and isinstance(b, Range) and a.iterating == b.iterating:
        return Range(None, a.iterating)
    if {a, b} == {CHAR, STR}:
        return STR
    return Obj(classes(a) | classes(b))


def from_class(name: str) -> Type:
    """The type of a value whose recorded class is `name`."""
    return KIND_OF.get(name, Obj(frozenset((name,))))
