"""Types of one function body: optimistic forward abstract interpretation over its generic IR.

Every value starts as BOTTOM ("nothing flows here yet") and only moves up the lattice until nothing
changes. Block parameters join what the edges bring; operations ask the plans of `infer.arith` and
`infer.calls`. Edges that cannot be taken with the types known so far (behind an operation only the
interpreter can do) bring nothing.

A value read from a container stays boxed with a predicted class, unless arithmetic needs it: then
it is unboxed where it is read (`demanded`), because a loop must not carry boxes for numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from pyvorin.infer.arith import Plan, plan_binop, plan_compare, plan_unary
from pyvorin.infer.calls import plan_call
from pyvorin.infer.module import Module, SourceFunction, attribute_type, constant_type
from pyvorin.ir.model import Block, Op, Value
from pyvorin.types import (
    BOOL,
    BOTTOM,
    CHAR,
    FLOAT,
    INT,
    LIST,
    LIST_ITER,
    STR,
    STR_ITER,
    TUPLE,
    TUPLE_ITER,
    Callee,
    Items,
    Kind,
    Obj,
    Range,
    Type,
    from_class,
    join,
)

SCALARS = frozenset(("int", "wide", "float", "bool"))
_DEMANDING = frozenset(("py.binop", "py.unary", "py.compare", "py.truth", "py.not", "py.call"))


class Results(Protocol):
    """Where inference learns what a call of another native function answers."""

    def result(self, name: str, args: tuple[Type, ...]) -> Type | None:
        """The type function `name` answers on arguments of these types; None when it cannot be
        called natively.
        """


@dataclass(eq=False, slots=True)
class Flow:
    """The types of one body; `returns` joins what it returns."""

    source: SourceFunction
    module: Module
    params: tuple[Type, ...]
    variant: str
    results: Results
    types: dict[int, Type] = field(default_factory=dict)
    constants: dict[int, object] = field(default_factory=dict)  # values that are one constant
    reached: set[str] = field(default_factory=set)
    returns: Type = BOTTOM

    def type(self, value: Value) -> Type:
        """The type of a value; BOTTOM while nothing flows there."""
        return self.types.get(value.id, BOTTOM)

    def run(self) -> Flow:
        """Iterate to the fixed point."""
        function = self.source.built.function
        assert function is not None, "a function without IR has no types"
        demanded = _demanded(function.blocks)
        entry = function.entries[0]
        for param, type_ in zip(entry.block.params, self.params, strict=True):
            self.types[param.id] = type_
        self.reached = {entry.block.label}
        changed = True
        while changed:
            before = (dict(self.types), len(self.reached), self.returns)
            for block in function.blocks:
                if block.label in self.reached:
                    self._block(block, demanded)
            changed = before != (self.types, len(self.reached), self.returns)
        return self

    def _block(self, block: Block, demanded: set[int]) -> None:
        for op in block.ops:
            if op.edges:
                break
            if op.name in ("ret", "leave"):
                if op.name == "ret":
                    self.returns = join(self.returns, self.type(op.operands[0]))
                return
            results = _TRANSFER[op.name](self, op)
            if results is None:
                return  # only the interpreter can do it: what follows is not reached
            for value, type_ in zip(op.results, results, strict=True):
                if op.name in _LOADS and value.id in demanded:
                    type_ = _unboxed(type_)
                self._raise(value, type_)
            if BOTTOM in results and not op.attrs.get("pad"):
                return  # nothing is known to come out of it yet
        for edge in block.terminator.edges:
            self.reached.add(edge.block.label)
            for param, arg in zip(edge.block.params, edge.args, strict=True):
                self._raise(param, _carried(self.type(arg)))

    def _raise(self, value: Value, type_: Type) -> None:
        self.types[value.id] = join(self.type(value), type_)

    def classes(self, value: Value) -> frozenset[str]:
        """The classes recorded for a value in calls on these types, or else in all calls."""
        recorded = self.source.recorded_on.get(self.params, self.source.recorded)
        return recorded.get(value.id, frozenset())


def _carried(type_: Type) -> Type:
    """What a block parameter makes of an incoming type: a tuple carried around is an object."""
    return TUPLE if isinstance(type_, Items) else type_


def _unboxed(type_: Type) -> Type:
    """The unboxed type of a value that is predicted to be of one scalar class."""
    if isinstance(type_, Obj) and len(type_.classes) == 1 and type_.classes <= SCALARS:
        return from_class(next(iter(type_.classes)))
    return type_


def _demanded(blocks: list[Block]) -> set[int]:
    """The values that arithmetic needs, directly or through block parameters."""
    wanted = {v.id for b in blocks for op in b.ops if op.name in _DEMANDING for v in op.operands}
    wanted |= {
        op.operands[1].id for b in blocks for op in b.ops if op.name in ("py.getitem", "py.setitem")
    }
    size = -1
    while size != len(wanted):
        size = len(wanted)
        for param, arg in _edges(blocks):
            if param.id in wanted:
                wanted.add(arg.id)
    return wanted


def _edges(blocks: list[Block]) -> Iterator[tuple[Value, Value]]:
    for block in blocks:
        for edge in block.terminator.edges:
            yield from zip(edge.block.params, edge.args, strict=True)


# ---- transfer functions: the types of an op's results, or None when only the interpreter can do it
Result = tuple[Type, ...] | None


def _const(flow: Flow, op: Op) -> Result:
    if op.attrs.get("pad"):
        return (BOTTOM,)
    value = constant_of(flow.source, op)
    flow.constants[op.result.id] = value
    type_ = constant_type(value)
    if isinstance(value, tuple) and type_ is TUPLE and len(value) <= 8:
        return (Items(tuple(constant_type(item) or Obj() for item in value)),)
    return (type_ or Obj(frozenset(("other",))),)


def constant_of(source: SourceFunction, op: Op) -> object:
    """The object a `py.const` op stands for."""
    kind, which = op.attrs["source"]
    if kind == "singleton":
        return {"None": None, "True": True, "False": False}[which]
    return source.code.co_consts[which]


def _global(flow: Flow, op: Op) -> Result:
    type_ = flow.module.global_type(op.attrs["name"])
    if type_ is None:
        return None
    if not isinstance(type_, Callee):
        flow.constants[op.result.id] = flow.module.constant(op.attrs["name"])
    return (type_,)


def _attr(flow: Flow, op: Op) -> Result:
    type_ = attribute_type(flow.type(op.operands[0]), op.attrs["name"])
    if type_ is FLOAT:
        flow.constants[op.result.id] = getattr(math, op.attrs["name"])
    return None if type_ is None else (type_,)


def _check(flow: Flow, op: Op) -> Result:
    return (flow.type(op.operands[0]),)


def _known(*types: Type) -> bool:
    return BOTTOM not in types


def _binop(flow: Flow, op: Op) -> Result:
    plan = binop_plan(flow, op)
    return (plan.result,) if plan else _wait(flow, op)


def _wait(flow: Flow, op: Op) -> Result:
    """Nothing yet while an operand has no type; else the interpreter."""
    return None if _known(*map(flow.type, op.operands)) else tuple(BOTTOM for _ in op.results)


def binop_plan(flow: Flow, op: Op) -> Plan | None:
    """The plan for a `py.binop`."""
    a, b = map(flow.type, op.operands)
    if not _known(a, b):
        return None
    constant = any(v.id in flow.constants for v in op.operands)
    return plan_binop(op.attrs["op"], a, b, flow.classes(op.result), flow.variant, constant)


def _unary(flow: Flow, op: Op) -> Result:
    a = flow.type(op.operands[0])
    plan = plan_unary(op.attrs["op"], a, flow.classes(op.result)) if _known(a) else None
    return (plan.result,) if plan else _wait(flow, op)


def _compare(flow: Flow, op: Op) -> Result:
    a, b = map(flow.type, op.operands)
    if not _known(a, b):
        return _wait(flow, op)
    return (BOOL,) if plan_compare(op.attrs["op"], a, b) else None


def _truth(flow: Flow, op: Op) -> Result:
    return (BOOL,) if truth_known(flow.type(op.operands[0])) else None


def truth_known(type_: Type) -> bool:
    """Whether bool(x) can be told natively."""
    return not isinstance(type_, Callee | Range) and type_ not in ITERATORS.values()


def _is(flow: Flow, op: Op) -> Result:
    a, b = map(flow.type, op.operands)
    if not _known(a, b):
        return (BOTTOM,)
    return (BOOL,) if identity_known(flow, op) else None


def identity_known(flow: Flow, op: Op) -> bool:
    """Whether `x is y` can be told: one side is None, True or False."""
    return any(is_singleton(flow, value) for value in op.operands)


def is_singleton(flow: Flow, value: Value) -> bool:
    """Whether a value is the constant None, True or False."""
    constant = flow.constants.get(value.id, 0)
    return constant is None or isinstance(constant, bool)


def _contains(flow: Flow, op: Op) -> Result:
    item, container = op.operands
    text = flow.constants.get(container.id)
    if flow.type(item) is BOTTOM:
        return (BOTTOM,)
    return (
        (BOOL,) if flow.type(item) is CHAR and isinstance(text, str) and len(text) <= 32 else None
    )


def _element(flow: Flow, value: Value) -> Type:
    return Obj(flow.classes(value))


def _getitem(flow: Flow, op: Op) -> Result:
    base, index = map(flow.type, op.operands)
    if not _known(base, index):
        return (BOTTOM,)
    kind = sequence_of(base)
    if not _is_index(index):
        return None
    if kind is LIST or kind is TUPLE:
        return (_element(flow, op.result),)
    return (CHAR,) if kind is STR else None


def sequence_of(type_: Type) -> Type | None:
    """LIST, STR or TUPLE when the value is, or is predicted to be, one."""
    if isinstance(type_, Obj):
        if type_.classes and type_.classes <= {"str", "char"}:
            return STR
        only = next(iter(type_.classes)) if len(type_.classes) == 1 else ""
        return {"list": LIST, "tuple": TUPLE}.get(only)
    if isinstance(type_, Items):
        return TUPLE
    return STR if type_ is CHAR else type_ if type_ in (LIST, STR, TUPLE) else None


def _is_index(type_: Type) -> bool:
    return type_ in (INT, BOOL) or (isinstance(type_, Obj) and type_.classes <= {"int"})


def _setitem(flow: Flow, op: Op) -> Result:
    base, index, value = map(flow.type, op.operands)
    if not _known(base, index, value):
        return ()
    return (
        ()
        if sequence_of(base) is LIST and _is_index(index) and not isinstance(value, Callee | Range)
        else None
    )


ITERATORS: dict[Type | None, Kind] = {LIST: LIST_ITER, STR: STR_ITER, TUPLE: TUPLE_ITER}


def _iter(flow: Flow, op: Op) -> Result:
    type_ = flow.type(op.operands[0])
    if isinstance(type_, Range):
        return (Range(type_.step, True),)
    kind = sequence_of(type_)
    if not _known(type_):
        return (BOTTOM,)
    return (ITERATORS[kind],) if kind in ITERATORS else None


def _next(flow: Flow, op: Op) -> Result:
    type_ = flow.type(op.operands[0])
    if isinstance(type_, Range):
        return (INT, BOOL)
    if type_ in (LIST_ITER, TUPLE_ITER):
        return (_element(flow, op.results[0]), BOOL)
    return (CHAR, BOOL) if type_ is STR_ITER else (BOTTOM, BOTTOM)


def _tuple(flow: Flow, op: Op) -> Result:
    types = tuple(map(flow.type, op.operands))
    return (Items(types),) if not any(isinstance(t, Callee | Range) for t in types) else None


def _unpack(flow: Flow, op: Op) -> Result:
    type_ = flow.type(op.operands[0])
    if isinstance(type_, Items):
        return type_.types if len(type_.types) == len(op.results) else None
    if sequence_of(type_) is TUPLE:
        return tuple(_element(flow, value) for value in op.results)
    return tuple(BOTTOM for _ in op.results) if type_ is BOTTOM else None


def _call(flow: Flow, op: Op) -> Result:
    callee, *args = map(flow.type, op.operands)
    if not _known(callee, *args):
        return (BOTTOM,)
    type_ = call_result(flow, op, callee, tuple(args))
    return None if type_ is None else (type_,)


def call_result(flow: Flow, op: Op, callee: Type, args: tuple[Type, ...]) -> Type | None:
    """What a call answers; None when only the interpreter can make it."""
    if not isinstance(callee, Callee) or callee.kind == "module":
        return None
    if callee.kind == "function":
        bound = bind_arguments(
            flow.module.functions[callee.name], args, op.attrs.get("kwnames") or ()
        )
        return None if bound is None else flow.results.result(callee.name, bound)
    if op.attrs.get("kwnames"):
        return None
    plan = plan_call(callee.of, callee.name, args, flow.classes(op.result))
    if plan is None:
        return None
    step = flow.constants.get(op.operands[3].id) if len(op.operands) == 4 else None
    if (
        isinstance(plan.result, Range)
        and plan.result.step is None
        and isinstance(step, int)
        and step
    ):
        return Range(int(step), False)
    return plan.result


def bind_arguments(
    callee: SourceFunction, args: tuple[Type, ...], kwnames: tuple[str, ...]
) -> tuple[Type, ...] | None:
    """Argument types in parameter order; None when the call needs a default that is no constant, or
    is wrong.
    """
    order = bind_positions(callee, len(args), kwnames)
    if order is None:
        return None
    bound = [args[p] if isinstance(p, int) else constant_type(p[0]) for p in order]
    return None if None in bound else tuple(bound)  # type: ignore[arg-type]


def bind_positions(
    callee: SourceFunction, count: int, kwnames: tuple[str, ...]
) -> list[int | tuple[object]] | None:
    """For each parameter the position of its argument, or its default in a 1-tuple; None for a
    wrong call.
    """
    code = callee.code
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    positional = count - len(kwnames)
    if positional > code.co_argcount:
        return None
    order: dict[str, int | tuple[object]] = {names[i]: i for i in range(positional)}
    for i, name in enumerate(kwnames):
        if name in order or name not in names[code.co_posonlyargcount :]:
            return None
        order[name] = positional + i
    defaults = dict(
        zip(reversed(names[: code.co_argcount]), reversed(callee.defaults), strict=False)
    )
    for name in names:
        if name not in order:
            both = {**defaults, **callee.kwdefaults}
            if name not in both:
                return None
            order[name] = (both[name],)
    return [order[name] for name in names]


_LOADS = frozenset(("py.getitem", "py.next", "py.unpack"))
_TRANSFER: dict[str, Callable[[Flow, Op], Result]] = {
    "py.const": _const,
    "py.global": _global,
    "py.attr": _attr,
    "py.check": _check,
    "py.binop": _binop,
    "py.unary": _unary,
    "py.not": _truth,
    "py.compare": _compare,
    "py.is": _is,
    "py.contains": _contains,
    "py.truth": _truth,
    "py.getitem": _getitem,
    "py.setitem": _setitem,
    "py.call": _call,
    "py.iter": _iter,
    "py.next": _next,
    "py.tuple": _tuple,
    "py.unpack": _unpack,
    "const": lambda flow, op: (BOOL,),
    "i1.not": lambda flow, op: (BOOL,),
    "i1.and": lambda flow, op: (BOOL,),
    "i1.or": lambda flow, op: (BOOL,),
}
