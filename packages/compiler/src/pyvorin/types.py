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
| DICT, SET, …      | an exact dict, set, …, its views        | OBJ                             |
| KEY_ITER, …       | iterators of dicts and sets, real ones  | OBJ                             |
| Range             | a range or its iterator, never built    | I64: next, stop (and step)      |
| LIST_ITER, …      | iterators, never built                  | OBJ, I64: sequence, next index  |
| Iter(kind, inner) | enumerate, zip, reversed: never built   | those of `inner`, and a count   |
| Items             | a tuple never built                     | its elements, one after another |
| Slice(types)      | a slice never built                     | its bounds and step             |
| INT_CLASS         | the class int, for its class methods    | OBJ                             |
| Method(of, name)  | a method of a builtin object, never built | OBJ: the object               |
| Obj(classes)      | an object, probably of one of `classes` | OBJ                             |
"""

from __future__ import annotations

from collections.abc import Iterator
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
    BYTES_ITER = auto()
    BYTEARRAY_ITER = auto()
    INT_CLASS = auto()
    DICT = auto()
    SET = auto()
    FROZENSET = auto()
    BYTES = auto()
    BYTEARRAY = auto()
    DICT_KEYS = auto()
    DICT_VALUES = auto()
    DICT_ITEMS = auto()
    KEY_ITER = auto()
    VALUE_ITER = auto()
    ITEM_ITER = auto()
    SET_ITER = auto()

    __hash__ = object.__hash__  # members are single; that of Enum is Python code

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Callee:
    """A function known beforehand: `kind` is "function" (of the module), "builtin", "module" or
    "attr" (`of`.`name`), or the function of a comprehension, "nested", or what that of a generator
    expression makes, "generator".

    `source` says how the program gets at it, as in `ir.model.Const`.
    """

    kind: str
    name: str
    of: str = ""
    source: tuple[str, ...] = ()
    const: int = -1  # of a comprehension's function: its code's place among the constants,
    captured: tuple[int, ...] = ()  # and the variables it captures


@dataclass(frozen=True, slots=True)
class Range:
    """A range, or (`iterating`) an iterator over one; `step` is None when it is not a known
    constant.
    """

    step: int | None
    iterating: bool


@dataclass(frozen=True, slots=True)
class Iter:
    """An iterator over iterators: `kind` is "enumerate" or "zip". "reversed" is over one sequence
    instead: its inner type is LIST, STR or TUPLE.
    """

    kind: str
    inner: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A tuple that lives in its elements."""

    types: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice that lives in its two bounds and, if it has one, its step."""

    types: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class Method:
    """A method of an object of builtin class `of`, bound to it and never built."""

    of: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Obj:
    """A boxed value with the classes it is likely to have (names as in `obj.is_class`; ints as
    "int", "wide", "big").
    """

    classes: frozenset[str] = frozenset()


Type = Kind | Callee | Range | Iter | Items | Slice | Method | Obj
UNBUILT = Callee | Range | Iter | Slice | Method  # values that are no object anywhere


LIBRARY = {"math": "math", "cmath": "cmath", "heapq": "_heapq", "bisect": "_bisect"}
"""The modules whose functions native code knows, and where C has these: their `__module__`."""


def is_object(type_: Type) -> bool:
    """Whether native code can have such a value as an object; a function known by name it can."""
    if isinstance(type_, Callee):
        return type_.kind not in ("nested", "generator")
    return not isinstance(type_, UNBUILT)


BOTTOM, INT, WIDE, BIG, FLOAT = Kind.BOTTOM, Kind.INT, Kind.WIDE, Kind.BIG, Kind.FLOAT
BOOL, NONE, CHAR, STR, LIST = Kind.BOOL, Kind.NONE, Kind.CHAR, Kind.STR, Kind.LIST
TUPLE, NUM, LIST_ITER, STR_ITER = Kind.TUPLE, Kind.NUM, Kind.LIST_ITER, Kind.STR_ITER
TUPLE_ITER, BYTES_ITER, BYTEARRAY_ITER = Kind.TUPLE_ITER, Kind.BYTES_ITER, Kind.BYTEARRAY_ITER
DICT, SET, FROZENSET = Kind.DICT, Kind.SET, Kind.FROZENSET
BYTES, BYTEARRAY = Kind.BYTES, Kind.BYTEARRAY

# Kinds that are an object of one exact class → the name of the class.
OBJECTS: dict[Kind, str] = {
    STR: "str",
    LIST: "list",
    TUPLE: "tuple",
    DICT: "dict",
    SET: "set",
    FROZENSET: "frozenset",
    BYTES: "bytes",
    BYTEARRAY: "bytearray",
    Kind.DICT_KEYS: "dict_keys",
    Kind.DICT_VALUES: "dict_values",
    Kind.DICT_ITEMS: "dict_items",
    Kind.KEY_ITER: "dict_keyiterator",
    Kind.VALUE_ITER: "dict_valueiterator",
    Kind.ITEM_ITER: "dict_itemiterator",
    Kind.SET_ITER: "set_iterator",
}
# Iterators over sequences, which are never built → what they go over.
SEQUENCE_OF: dict[Kind, Kind] = {
    LIST_ITER: LIST,
    STR_ITER: STR,
    TUPLE_ITER: TUPLE,
    BYTES_ITER: BYTES,
    BYTEARRAY_ITER: BYTEARRAY,
}
OF_BYTES = (BYTES, BYTEARRAY)  # sequences whose items are small ints
NOT_NUMBERS = frozenset((*OBJECTS.values(), "other"))

REPS: dict[Kind, tuple[Rep, ...]] = {
    BOTTOM: (),
    INT: (Rep.I64,),
    WIDE: (Rep.I128,),
    BIG: (Rep.OBJ,),
    FLOAT: (Rep.F64,),
    BOOL: (Rep.I1,),
    NONE: (),
    CHAR: (Rep.CHAR,),
    **{kind: (Rep.OBJ,) for kind in OBJECTS},
    NUM: (Rep.I1, Rep.I64, Rep.F64),
    **{kind: (Rep.OBJ, Rep.I64) for kind in SEQUENCE_OF},
    Kind.INT_CLASS: (Rep.OBJ,),
}

CLASS_OF: dict[Kind, str] = {
    INT: "int",
    WIDE: "wide",
    BIG: "big",
    FLOAT: "float",
    BOOL: "bool",
    NONE: "NoneType",
    CHAR: "char",
    **OBJECTS,
    Kind.INT_CLASS: "class int",
}
KIND_OF: dict[str, Kind] = {name: kind for kind, name in CLASS_OF.items()}
KNOWN_CLASSES = frozenset((*KIND_OF, "complex"))  # an `Obj` may name these; others are "other"

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
        case Iter(kind, inner):
            held = tuple(rep for item in inner for rep in reps(item))
            return held if kind == "zip" else (*held, Rep.I64)
        case Items(types) | Slice(types):
            return tuple(rep for item in types for rep in reps(item))
        case Method(of, _):
            return REPS[of]
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
        case Callee() | Range() | Iter() | Slice() | Method():
            return frozenset(("other",))


def join(a: Type, b: Type) -> Type:
    """The least type that holds both."""
    if a is b or b is BOTTOM or a == b:
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


def known_class(name: str) -> str:
    """A recorded class's name as an `Obj` has it."""
    return name if name in KNOWN_CLASSES else "other"


def from_class(name: str) -> Type:
    """The type of a value whose recorded class is `name`."""
    return KIND_OF.get(name, Obj(frozenset((name,))))


def from_iterator(name: str) -> Type | None:
    """The type of an iterator whose recorded class is `name`; None for anything else."""
    words = iter(name.split())
    try:
        return _iterator(words)
    except KeyError:
        return None


_SEQUENCE_ITERATORS = {
    "list_iterator": LIST_ITER,
    "tuple_iterator": TUPLE_ITER,
    "str_iterator": STR_ITER,
}


def _iterator(words: Iterator[str]) -> Type:
    """Read one iterator's name; KeyError for a word that names none."""
    kind, _, detail = next(words).partition(":")
    match kind:
        case "range_iterator":
            return Range(int(detail), True)
        case "reversed":
            return Iter("reversed", ({"list": LIST, "tuple": TUPLE, "str": STR}[detail],))
        case "enumerate":
            return Iter("enumerate", (_iterator(words),))
        case "zip":
            return Iter("zip", tuple(_iterator(words) for _ in range(int(detail))))
    return _SEQUENCE_ITERATORS[kind]
