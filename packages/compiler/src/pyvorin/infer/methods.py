"""Methods of builtin classes: which ones native code knows, and how each call is carried out.

`METHODS` has a row for each class and name; a module of a family of classes enters its own. A row
is asked as the rows of `infer.calls` are, with the receiver's type as the first argument:

    ("list", "append")   (LIST, FLOAT)   →   list.append of the list and the boxed item, NONE

The attribute of an object becomes a `types.Method`, which is never built: the call takes it apart.
"""

from __future__ import annotations

from collections.abc import Callable

from pyvorin.infer.arith import number
from pyvorin.infer.calls import Args, CallPlan
from pyvorin.types import (
    CHAR,
    CLASS_OF,
    INT,
    KIND_OF,
    OBJECTS,
    STR,
    TUPLE,
    Callee,
    Items,
    Kind,
    Method,
    Obj,
    Type,
)

Row = Callable[[Args, frozenset[str]], CallPlan | None]
METHODS: dict[tuple[str, str], Row] = {}
RECEIVERS: set[Kind] = set(OBJECTS)


def receiver_of(type_: Type) -> Kind | None:
    """The builtin class that an object is, or is predicted to be, an instance of."""
    if isinstance(type_, Obj):
        if type_.classes and type_.classes <= {"str", "char"}:
            return STR
        kind = KIND_OF.get(next(iter(type_.classes))) if len(type_.classes) == 1 else None
        return kind if kind in RECEIVERS else None
    if isinstance(type_, Items):
        return TUPLE
    if type_ is CHAR:
        return STR
    return type_ if isinstance(type_, Kind) and type_ in RECEIVERS else None


NAMES: dict[str, set[str]] = {}  # class → attributes that are methods with a row


def enter(cls: str, rows: dict[str, Row]) -> None:
    """Enter the rows of a class. A call with keywords is listed as "sort:reverse"."""
    METHODS.update({(cls, name): row for name, row in rows.items()})
    NAMES.setdefault(cls, set()).update(name.partition(":")[0] for name in rows)


def method_of(type_: Type, name: str) -> Method | None:
    """The method that attribute `name` of a value is; None when native code does not know it."""
    if type_ is CHAR and ("char", name) in METHODS:
        return Method(CHAR, name)
    kind = receiver_of(type_) or _other_receiver(type_)
    if kind is None or name not in NAMES.get(CLASS_OF[kind], ()):
        return None
    return Method(kind, name)


def _other_receiver(type_: Type) -> Kind | None:
    """INT for a small int, INT_CLASS for the class int itself."""
    if isinstance(type_, Callee):
        return Kind.INT_CLASS if (type_.kind, type_.name) == ("builtin", "int") else None
    return INT if number(type_) is INT else None


def plan_method(method: Method, name: str, args: Args, recorded: frozenset[str]) -> CallPlan | None:
    """How to call a method under the name that the table has for the call; None when only the
    interpreter can.
    """
    row = METHODS.get((CLASS_OF[method.of], name))
    return row((method.of, *args), recorded) if row else None
