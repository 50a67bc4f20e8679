"""What inference and lowering know of the module around a function: its functions, constants and
imports.

Everything here is an *assumption*: it is written into the artifact, checked when a function is
bound and again whenever the module's or the builtins' dictionary changed. When it no longer holds
the native body is not entered.
"""

from __future__ import annotations

import builtins
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from opcode import opmap
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from pyvorin_runtime import bytecode

from pyvorin.frontend.build import Built
from pyvorin.ir.model import Block, Value, slot_values
from pyvorin.record.classes import class_of
from pyvorin.types import (
    BIG,
    BOOL,
    BYTES,
    CHAR,
    FLOAT,
    FROZENSET,
    INT,
    LIBRARY,
    NONE,
    OBJECTS,
    STR,
    TUPLE,
    WIDE,
    Callee,
    Obj,
    Type,
    known_class,
)

CONTAINERS = frozenset(OBJECTS.values())
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
    elements: Recorded = field(default_factory=dict)  # the same of the elements of containers,
    inner: Recorded = field(default_factory=dict)  # and of the elements of these
    iterators: dict[int, Type] = field(default_factory=dict)  # values that always were such ones
    unknown_iterators: frozenset[int] = frozenset()  # values that were others at times
    callables: dict[int, str] = field(default_factory=dict)  # name of the one function it was
    resumed: frozenset[str] = frozenset()  # labels of loop headers to which CPython came
    recorded_on: dict[tuple[Type, ...], Recorded] = field(default_factory=dict)
    outer: str = ""  # of a comprehension: the function it is in, and its place in co_consts there
    const: int = -1
    consumer: str = ""  # of a generator expression: what takes its items
    called: set[int] = field(init=False)  # IR value ids of what calls call
    kept: set[int] = field(init=False)  # IR value ids of what is searched for in containers
    passing: set[int] = field(init=False)  # of values that one operation uses, and no variable
    ways: dict[str, list[str]] = field(init=False)  # the blocks that go to a block, by label
    _unpacked: dict[int, list[Value]] = field(init=False)

    def __post_init__(self) -> None:
        function = self.built.function
        blocks = function.blocks if function is not None else []
        ops = [op for block in blocks for op in block.ops]
        self.called = {op.operands[0].id for op in ops if op.name == "py.call"}
        self.kept = _searched_for(blocks)
        self.passing = _passing(blocks)
        self.ways = {}
        for block in blocks:
            for edge in block.terminator.edges:
                self.ways.setdefault(edge.block.label, []).append(block.label)
        self._unpacked = {
            op.operands[0].id: op.results
            for block in blocks
            for op in block.ops
            if op.name == "py.unpack"
        }

    def unpacked(self, value: Value | None) -> list[Value | None]:
        """The values that a value is unpacked into; empty if it is not."""
        return [] if value is None else list(self._unpacked.get(value.id, ()))


_SEARCHING = frozenset(("index", "count", "remove"))


def _searched_for(blocks: list[Block]) -> set[int]:
    """The values that are looked for in containers, directly or through block parameters."""
    methods = {
        op.result.id
        for block in blocks
        for op in block.ops
        if op.name == "py.attr" and op.attrs["name"] in _SEARCHING
    }
    found: set[int] = set()
    for op in (op for block in blocks for op in block.ops):
        if op.name == "py.contains":
            found.add(op.operands[0].id)
        elif op.name == "py.call" and op.operands[0].id in methods:
            found.update(value.id for value in op.operands[1:])
    return spread(found, blocks)


def spread(found: set[int], blocks: list[Block]) -> set[int]:
    """The values, and those that edges pass for them."""
    size = -1
    while size != len(found):
        size = len(found)
        found |= {arg.id for param, arg in passed(blocks) if param.id in found}
    return found


def _passing(blocks: list[Block]) -> set[int]:
    """The results that one operation uses and that no local variable ever holds: an iterator that
    is never built can be taken apart for it.
    """
    ops = [op for block in blocks for op in block.ops]
    uses = Counter(value.id for op in ops for value in op.operands)
    uses.update(value.id for _, value in passed(blocks))
    in_variables = {
        value.id
        for op in ops
        if op.state is not None
        for slot in op.state.locals
        for value in slot_values(slot)
    }
    results = {value.id for op in ops for value in op.results}
    return {number for number in results - in_variables if uses[number] == 1}


def passed(blocks: list[Block]) -> Iterator[tuple[Value, Value]]:
    """Each block parameter with each value that an edge passes for it."""
    for block in blocks:
        for edge in block.terminator.edges:
            yield from zip(edge.block.params, edge.args, strict=True)


@dataclass(eq=False, slots=True)
class Module:
    """The functions that are compiled together, and the module's globals as they were when it had
    been run.
    """

    functions: dict[str, SourceFunction]
    globals: dict[str, Any]
    stored: frozenset[str] = field(init=False)  # what functions assign to or delete
    _reached: dict[str, frozenset[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stored = frozenset(chain.from_iterable(map(_stored, _codes(self.globals))))

    def global_type(self, name: str) -> Type | None:
        """What the global `name` is assumed to be; None when nothing useful can be assumed."""
        if name in self.stored:
            if name not in self.globals:
                return None
            found = class_of(self.globals[name])
            return Obj(frozenset((known_class(found),)))
        if name in self.functions:
            return Callee("function", name, source=("global", name))
        if name not in self.globals:
            return (
                Callee("builtin", name, source=("global", name))
                if hasattr(builtins, name)
                else None
            )
        value = self.globals[name]
        if isinstance(value, ModuleType) and is_library(value):
            return Callee("module", value.__name__, source=("global", name))
        if isinstance(value, BuiltinFunctionType) and value.__module__ in LIBRARY.values():
            return Callee("attr", value.__name__, value.__module__, source=("global", name))
        if isinstance(value, FunctionType | ModuleType):
            return None
        constant = constant_type(value)
        if constant is None and class_of(value) in CONTAINERS:
            return Obj(frozenset((class_of(value),)))  # its contents, and the name, may change
        return constant

    def reached(self, name: str) -> frozenset[str]:
        """The functions that one may come to call, by the names that it and they mention, and what
        is compiled of what is inside them.
        """
        if name not in self._reached:
            found: set[str] = set()
            work = [name]
            while work:
                news = self._mentioned(work.pop()) - found
                found |= news
                work += sorted(news)
            self._reached[name] = frozenset(found)
        return self._reached[name]

    def _mentioned(self, name: str) -> set[str]:
        names = set(_names(self.functions[name].code))
        return {n for n, known in self.functions.items() if n in names or known.outer == name}

    def constant(self, name: str) -> Any:
        """The value of the global constant `name`."""
        return self.globals[name]


def _names(code: CodeType) -> Iterator[str]:
    """The names of globals and attributes in a function and in those inside it."""
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def _codes(names: dict[str, Any]) -> Iterator[CodeType]:
    """The code of a module's own functions and methods."""
    for value in list(names.values()):
        for item in [value, *(vars(value).values() if isinstance(value, type) else ())]:
            if isinstance(item, FunctionType) and item.__globals__ is names:
                yield item.__code__


def _stored(code: CodeType) -> Iterator[str]:
    """The names of the module that a function, or one inside it, assigns to or deletes."""
    if not _STORES.isdisjoint(code.co_code[::2]):
        for item in bytecode.decode(code).instructions:
            if item.name in ("STORE_GLOBAL", "DELETE_GLOBAL"):
                yield code.co_names[item.arg]
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _stored(inner)


_STORES = frozenset((opmap["STORE_GLOBAL"], opmap["DELETE_GLOBAL"]))


def may_change(type_: Type) -> bool:
    """Is it the type of a global that is read each time, and assumed to be nothing?"""
    return isinstance(type_, Obj)


def nested_name(outer: str, const: int) -> str:
    """The name under which a comprehension is compiled."""
    return f"{outer}/{const}"


def is_library(value: ModuleType) -> bool:
    """Is it one of the modules whose functions native code knows?"""
    name = value.__name__
    return name in LIBRARY and value is sys.modules.get(name)


def attribute_type(base: Type, name: str) -> Type | None:
    """What attribute `name` of a known module is."""
    if not isinstance(base, Callee) or base.kind != "module":
        return None
    value = getattr(sys.modules[base.name], name, None)
    if isinstance(value, float):
        return FLOAT
    if not isinstance(value, BuiltinFunctionType) or value.__module__ != LIBRARY[base.name]:
        return None
    if value.__name__ != name:  # an alias: the name is what is checked
        return None
    return Callee("attr", name, value.__module__, source=("attr", base.source[1], name))


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
    if kind in (bytes, frozenset):
        return BYTES if kind is bytes else FROZENSET
    if kind is complex:
        return Obj(frozenset(("complex",)))
    return None
