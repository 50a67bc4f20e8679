"""What inference and lowering know of the module around a function: its functions, constants and
imports.

Everything here is an *assumption*: it is written into the artifact, checked when a function is
bound and again whenever the module's or the builtins' dictionary changed. When it no longer holds
the native body is not entered.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from pyvorin.frontend.build import Built
from pyvorin.types import BIG, BOOL, CHAR, FLOAT, INT, NONE, STR, TUPLE, WIDE, Callee, Obj, Type

Recorded = Mapping[int, frozenset[str]]  # IR value id → classes; a value never reached is absent


@dataclass(eq=False, slots=True)
class SourceFunction:
    """A function of the module in generic IR, with what recorded runs showed: classes by IR value
    id.
    """

    name: str
    index: int
    code: CodeType
    built: Built
    defaults: tuple[Any, ...] = ()
    kwdefaults: dict[str, Any] = field(default_factory=dict)
    recorded: Recorded = field(default_factory=dict)
    recorded_on: dict[tuple[Type, ...], Recorded] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Module:
    """The functions that are compiled together, and the module's globals as they were when it had
    been run.
    """

    functions: dict[str, SourceFunction]
    globals: dict[str, Any]

    def global_type(self, name: str) -> Type | None:
        """What the global `name` is assumed to be; None when nothing useful can be assumed."""
        if name in self.functions:
            return Callee("function", name, source=("global", name))
        if name not in self.globals:
            return (
                Callee("builtin", name, source=("global", name))
                if hasattr(builtins, name)
                else None
            )
        value = self.globals[name]
        if value is math:
            return Callee("module", "math", source=("global", name))
        if isinstance(value, BuiltinFunctionType) and value.__module__ == "math":
            return Callee("attr", value.__name__, "math", source=("global", name))
        if isinstance(value, FunctionType | ModuleType):
            return None
        return constant_type(value)

    def constant(self, name: str) -> Any:
        """The value of the global constant `name`."""
        return self.globals[name]


def attribute_type(base: Type, name: str) -> Type | None:
    """What attribute `name` of a known module is."""
    if not isinstance(base, Callee) or base.kind != "module" or not hasattr(math, name):
        return None
    value = getattr(math, name)
    source = ("attr", base.source[1], name)
    return FLOAT if isinstance(value, float) else Callee("attr", name, "math", source=source)


def constant_type(value: Any) -> Type | None:
    """The type of a constant; None for objects that cannot be assumed constant."""
    kind = type(value)
    if kind is bool:
        return BOOL
    if kind is int:
        return INT if -(2**63) <= value < 2**63 else WIDE if -(2**127) <= value < 2**127 else BIG
    if kind is float:
        return FLOAT
    if value is None:
        return NONE
    if kind is str:
        return CHAR if len(value) == 1 else STR
    if kind is tuple:
        return TUPLE if all(constant_type(item) is not None for item in value) else None
    if kind in (bytes, frozenset, complex):
        return Obj(frozenset(("other",)))
    return None
