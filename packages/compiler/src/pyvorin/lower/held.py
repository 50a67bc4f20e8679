"""How lowering holds a value: its type and the machine values that make it up."""

from __future__ import annotations

from typing import NamedTuple

from pyvorin.ir.model import Value
from pyvorin.types import NONE, Callee, Type


class Held(NamedTuple):
    """A value during lowering.

    `parts` has one typed-IR value for each representation in `types.reps(type)`; for an `Items`
    type the elements are in `items` instead. `source` is set when the object is one constant (as in
    `ir.model.Const`): then a resume and boxing use that very object.
    """

    type: Type
    parts: tuple[Value, ...] = ()
    source: tuple[str | int, ...] | None = None
    items: tuple[Held, ...] = ()
    origin: Value | None = None  # the object that a number was taken out of
    identity: int = 0  # of an `Items` tuple or a method: which one it is


def fixed(type_: Type) -> Held:
    """A value of a type that has only one value: None or a known function."""
    if isinstance(type_, Callee):
        return Held(type_, source=type_.source)
    assert type_ is NONE, type_
    return Held(NONE, source=("singleton", "None"))


class CannotLower(Exception):
    """Only the interpreter can go on from here; lowering turns it into a `leave`."""
