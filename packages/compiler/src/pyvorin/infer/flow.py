"""Types of one function body: optimistic forward abstract interpretation over its generic IR.

Every value starts as BOTTOM ("nothing flows here yet") and only moves up the lattice until nothing
changes. Block parameters join what the edges bring; operations ask the plans of `infer.arith` and
`infer.calls`. Edges that cannot be taken with the types known so far (behind an operation only the
interpreter can do) bring nothing. A loop header to which only the interpreter comes is entered with
what recorded runs had there (`Flow.seed`), once everything else is known.

A value read from a container stays boxed with a predicted class, unless arithmetic needs it: then
it is unboxed where it is read (`demanded`), because a loop must not carry boxes for numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from pyvorin.frontend.build import Header
from pyvorin.frontend.variables import shared
from pyvorin.infer.arith import Plan, plan_binop, plan_compare, plan_unary
from pyvorin.infer.calls import CallPlan, plan_call
from pyvorin.infer.methods import plan_method, receiver_of
from pyvorin.infer.module import (
    Module,
    SourceFunction,
    constant_type,
    may_change,
    nested_name,
    spread,
)
from pyvorin.infer.operators import plan_binary, plan_operator
from pyvorin.ir.model import Block, Op, Value
from pyvorin.types import (
    BOOL,
    BOTTOM,
    BYTEARRAY,
    BYTEARRAY_ITER,
    BYTES,
    BYTES_ITER,
    CHAR,
    FLOAT,
    INT,
    INTS,
    KIND_OF,
    LIST,
    LIST_ITER,
    NONE,
    OF_BYTES,
    STR,
    STR_ITER,
    TUPLE,
    TUPLE_ITER,
    UNBUILT,
    WIDE,
    Callee,
    Items,
    Iter,
    Kind,
    Method,
    Obj,
    Range,
    Slice,
    Type,
    classes,
    from_class,
    is_object,
    join,
)

SCALARS = frozenset(("int", "wide", "float", "bool"))
_KEYS = {"py.getitem": (1,), "py.setitem": (1,), "py.delitem": (1,), "py.contains": (0,)}
_STORING = frozenset(("append", "insert", "add", "setdefault"))  # methods that keep what they get
_DEMANDING = frozenset(
    ("py.binop", "py.sum", "py.unary", "py.compare", "py.truth", "py.not", "py.call")
)


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
    made: dict[int, Op] = field(default_factory=dict)  # of comprehensions and generators, by value
    unreached: dict[int, frozenset[str]] = field(default_factory=dict)  # elements of such values
    demanded: set[int] = field(default_factory=set)  # values that arithmetic needs
    reached: set[str] = field(default_factory=set)
    passed: set[str] = field(default_factory=set)  # the blocks of these that end natively
    seeded: set[str] = field(default_factory=set)  # loop headers
    stops: dict[str, Op] = field(default_factory=dict)  # what only the interpreter does, by block
    returns: Type = BOTTOM

    def type(self, value: Value) -> Type:
        """The type of a value; BOTTOM while nothing flows there."""
        return self.types.get(value.id, BOTTOM)

    def run(self) -> Flow:
        """Iterate to the fixed point."""
        function = self.source.built.function
        assert function is not None, "a function without IR has no types"
        self.demanded = _demanded(function.blocks)
        entry = function.entries[0]
        for param, type_ in zip(entry.block.params, self.params, strict=True):
            self.types[param.id] = type_
        self.reached = {entry.block.label, *self.seeded}
        self.passed = set()
        changed = True
        while changed:
            before = (dict(self.types), len(self.reached), self.returns)
            for block in function.blocks:
                if block.label in self.reached:
                    self._block(block)
            changed = before != (self.types, len(self.reached), self.returns)
        return self

    def _block(self, block: Block) -> None:
        self.stops.pop(block.label, None)
        for op in block.ops:
            if op.edges:
                break
            if op.name in ("ret", "leave"):
                if op.name == "ret":
                    self.returns = join(self.returns, self.type(op.operands[0]))
                return
            results = self.transfer(op)
            if results is None:
                self.stops[block.label] = op
                return  # only the interpreter can do it: what follows is not reached
            for value, type_ in zip(op.results, results, strict=True):
                self._raise(value, self.loaded(value, type_) if self._loads(op) else type_)
            if BOTTOM in results and not op.attrs.get("pad"):
                self.stops[block.label] = op
                return  # nothing is known to come out of it yet
        self.passed.add(block.label)
        for edge in block.terminator.edges:
            self.reached.add(edge.block.label)
            for param, arg in zip(edge.block.params, edge.args, strict=True):
                self._raise(param, _carried(self.type(arg)))

    def seed(self) -> bool:
        """Let the interpreter come to one more loop header, with what recorded runs had there; say
        whether there was one. To be asked when nothing changes any more, and followed by `run`.
        """
        headers = {h.block.label: h for h in self.source.built.headers if self._is_open(h)}
        first = sorted(headers.keys() - self.seeded, key=lambda label: label in self.reached)
        if not first:
            return False
        self.seeded.add(first[0])
        header = headers[first[0]]
        for param, (kind, _) in zip(header.block.params, header.slots, strict=True):
            self._arrive(param, kind)
        return True

    def _is_open(self, header: Header) -> bool:
        """Did recorded runs come to a header, and does native code not from everywhere?"""
        label = header.block.label
        if not any(self.classes(param) for param in header.block.params):
            return False
        if any(param.id in self.source.unknown_iterators for param in header.block.params):
            return False  # native code could not go on with one, nor bring one of its own
        natively = label in self.reached and self.passed.issuperset(self.source.ways.get(label, ()))
        return not natively or label in self.source.resumed

    def _arrive(self, param: Value, kind: str) -> None:
        """Let a running frame bring what it was recorded to have for a parameter of a header."""
        known, names = self.type(param), self.classes(param)
        if kind == "bound":
            self._raise(param, BOOL)
        elif kind == "stack" and known is BOTTOM and param.id in self.source.iterators:
            self._raise(param, self.source.iterators[param.id])
        elif known is BOTTOM and param.id in self.source.callables:
            self._raise(param, self._alias(self.source.callables[param.id]))
        elif names and not isinstance(known, UNBUILT) and known not in ITERATORS.values():
            news = [name for name in sorted(names) if not _covers(known, name)]
            for name in news:
                self._raise(param, self._from_frame(param, name))

    def _alias(self, name: str) -> Type:
        """The function of that name which the body has got from a variable of the module."""
        for type_ in self.types.values():
            if isinstance(type_, Callee) and type_.source and type_.name == name:
                return type_
        return Obj(frozenset(("other",)))

    def _from_frame(self, param: Value, name: str) -> Type:
        """The type of a local that a frame holds: a number in a register only for arithmetic."""
        type_ = from_class(name)
        if type_ is NONE or (type_ in _IN_REGISTERS and param.id not in self.demanded):
            return Obj(frozenset((name,)))
        return Obj(frozenset((name,))) if self.is_kept(param, type_) else type_

    def can_pass(self, op: Op, result: Type | None) -> bool:
        """Has nothing else the iterators that a call takes or makes? Then none need be built."""
        pairs = [(value, self.type(value)) for value in op.operands]
        pairs += [(op.result, result)] if result is not None else []
        return all(value.id in self.source.passing for value, type_ in pairs if is_iterator(type_))

    def loaded(self, value: Value, type_: Type) -> Type:
        """The type of what is read from a container: unboxed if arithmetic needs that."""
        wanted = value.id in self.demanded and not self.is_kept(value, type_)
        return _unboxed(type_) if wanted else type_

    def is_kept(self, value: Value, type_: Type) -> bool:
        """Must the value stay the object it is? Searching for a NaN goes by identity."""
        return value.id in self.source.kept and "float" in classes(type_)

    def transfer(self, op: Op) -> Result:
        """The types of an operation's results: by the class of its container, if that has rows."""
        place = CONTAINER.get(op.name)
        if place is not None:
            row = OF_CLASS.get((op.name, receiver_of(self.type(op.operands[place]))))
            if row is not None:
                return row(self, op)
        return TRANSFER[op.name](self, op)

    def _loads(self, op: Op) -> bool:
        """Is the result an element of a container? Then it can be unboxed where it is read."""
        method = op.name == "py.call" and isinstance(self.type(op.operands[0]), Method)
        return method or op.name in _LOADS

    def _raise(self, value: Value, type_: Type) -> None:
        known = self.type(value)
        if type_ is not known:
            self.types[value.id] = join(known, type_)

    def item(self, index: Value, length: int) -> int | None:
        """Which of `length` items a constant index selects; None when it does not say."""
        place = self.constants.get(index.id)
        if not isinstance(place, int) or not -length <= place < length:
            return None
        return int(place) % length

    def classes(self, value: Value) -> frozenset[str]:
        """The classes recorded for a value in calls on these types, or else in all calls."""
        recorded = self.source.recorded_on.get(self.params, self.source.recorded)
        return recorded.get(value.id, frozenset())

    def elements(self, value: Value) -> frozenset[str]:
        """The classes recorded for the elements of a container."""
        recorded = self.source.elements.get(value.id)
        return self.unreached.get(value.id, frozenset()) if recorded is None else recorded


def is_iterator(type_: Type) -> bool:
    """Is it an iterator that a call makes and that is never built?"""
    return isinstance(type_, Iter) or (isinstance(type_, Range) and type_.iterating)


def _covers(type_: Type, name: str) -> bool:
    """Has a type room for values of a recorded class?"""
    kind = KIND_OF.get(name)
    both = kind in INTS and type_ in INTS
    wide_enough = both and INTS.index(kind) <= INTS.index(type_)
    return wide_enough or name in classes(type_)


def _carried(type_: Type) -> Type:
    """What a block parameter makes of an incoming type: a tuple carried around is an object."""
    if isinstance(type_, Slice):
        return Obj(frozenset(("other",)))
    return TUPLE if isinstance(type_, Items) else type_


def _unboxed(type_: Type) -> Type:
    """The unboxed type of a value that is predicted to be of one scalar class."""
    if isinstance(type_, Obj) and len(type_.classes) == 1 and type_.classes <= SCALARS:
        return from_class(next(iter(type_.classes)))
    return type_


def _demanded(blocks: list[Block]) -> set[int]:
    """The values that arithmetic needs, directly or through block parameters."""
    ops = [op for block in blocks for op in block.ops]
    storing = {op.result.id for op in ops if op.name == "py.attr" and op.attrs["name"] in _STORING}
    wanted = {
        value.id
        for op in ops
        if op.name in _DEMANDING and op.operands[0].id not in storing
        for value in op.operands
    }
    wanted |= {
        op.operands[place].id for b in blocks for op in b.ops for place in _KEYS.get(op.name, ())
    }
    return spread(wanted, blocks)


# ---- transfer functions: the types of an op's results, or None when only the interpreter can do it
Result = tuple[Type, ...] | None


def _const(flow: Flow, op: Op) -> Result:
    if op.attrs.get("pad"):
        return (BOTTOM,)
    value = constant_of(flow.source, op)
    flow.constants[op.result.id] = value
    type_ = constant_type(value)
    if isinstance(value, tuple) and type_ is TUPLE and len(value) <= 8:
        types = tuple(constant_type(item) or Obj() for item in value)
        if all(item in _IN_REGISTERS for item in types):
            return (Items(types),)
    return (type_ or Obj(frozenset(("other",))),)


_IN_REGISTERS = frozenset((INT, WIDE, FLOAT, BOOL, CHAR, NONE))


def constant_of(source: SourceFunction, op: Op) -> object:
    """The object a `py.const` op stands for."""
    kind, which, *place = op.attrs["source"]
    if kind == "singleton":
        return {"None": None, "True": True, "False": False}[which]
    value = source.code.co_consts[which]
    return value[place[0]] if place else value


def _global(flow: Flow, op: Op) -> Result:
    type_ = flow.module.global_type(op.attrs["name"])
    if type_ is None:
        return None
    if may_change(type_):
        return (Obj(flow.classes(op.result)) if flow.classes(op.result) else type_,)
    if not isinstance(type_, Callee):
        flow.constants[op.result.id] = flow.module.constant(op.attrs["name"])
    return (type_,)


def _deref(flow: Flow, op: Op) -> Result:
    return (Obj(flow.classes(op.result)),)


def _store_deref(flow: Flow, op: Op) -> Result:
    type_ = flow.type(op.operands[1])
    return None if isinstance(type_, UNBUILT) or type_ in ITERATORS.values() else ()


def _check(flow: Flow, op: Op) -> Result:
    return (flow.type(op.operands[0]),)


def _known(*types: Type) -> bool:
    return BOTTOM not in types


def _binop(flow: Flow, op: Op) -> Result:
    plan = binop_plan(flow, op) or operator_plan(flow, op)
    return (plan.result,) if plan else _wait(flow, op)


_OPERATOR = {
    "py.getitem": "getitem",
    "py.setitem": "setitem",
    "py.delitem": "delitem",
    "py.contains": "in",
}


def operator_plan(flow: Flow, op: Op) -> CallPlan | None:
    """The plan for an operator on objects of builtin classes."""
    args = tuple(map(flow.type, op.operands))
    if BOTTOM in args:
        return None
    recorded = flow.classes(op.result) if op.results else frozenset()
    if op.name == "py.binop":
        return plan_binary(op.attrs["op"], op.attrs["inplace"], args, recorded)
    return plan_operator(_OPERATOR[op.name], args, recorded)


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
    return not isinstance(type_, UNBUILT) and type_ not in ITERATORS.values()


def _is(flow: Flow, op: Op) -> Result:
    a, b = map(flow.type, op.operands)
    if not _known(a, b):
        return (BOTTOM,)
    return (BOOL,) if identity_known(flow, op) else None


def identity_known(flow: Flow, op: Op) -> bool:
    """Whether `x is y` can be told: one side is None, True or False, or both are objects, which
    numbers in registers are not.
    """
    singleton = any(is_singleton(flow, value) for value in op.operands)
    return singleton or all(has_identity(flow.type(value)) for value in op.operands)


def has_identity(type_: Type) -> bool:
    """Is the value always held as its own object?"""
    if isinstance(type_, Obj):
        return bool(type_.classes) and not type_.classes & _REMADE
    return receiver_of(type_) is type_


_REMADE = frozenset(("int", "wide", "big", "float", "char"))


def is_singleton(flow: Flow, value: Value) -> bool:
    """Whether a value is the constant None, True or False."""
    constant = flow.constants.get(value.id, 0)
    return constant is None or isinstance(constant, bool)


def _contains(flow: Flow, op: Op) -> Result:
    item, container = op.operands
    text = flow.constants.get(container.id)
    if not _known(flow.type(item), flow.type(container)):
        return (BOTTOM,)
    if flow.type(item) is CHAR and isinstance(text, str) and len(text) <= 32:
        return (BOOL,)
    return (BOOL,) if operator_plan(flow, op) else None


def _element(flow: Flow, value: Value, container: Value) -> Type:
    """An element as it was recorded, or as others were where this place was not reached."""
    classes = flow.classes(value)
    if not classes:
        classes = flow.elements(container)
        flow.unreached[value.id] = flow.source.inner.get(container.id, frozenset())
    return Obj(classes)


def _getitem(flow: Flow, op: Op) -> Result:
    base, index = map(flow.type, op.operands)
    if not _known(base, index):
        return (BOTTOM,)
    kind = sequence_of(base)
    if not is_index(index):
        plan = operator_plan(flow, op)
        return (plan.result,) if plan else None
    if isinstance(base, Items) and flow.item(op.operands[1], len(base.types)) is not None:
        return (base.types[flow.item(op.operands[1], len(base.types)) or 0],)
    if kind is LIST or kind is TUPLE:
        return (_element(flow, op.result, op.operands[0]),)
    if kind is STR or kind in OF_BYTES:
        return (CHAR if kind is STR else INT,)
    plan = operator_plan(flow, op)
    return (plan.result,) if plan else None


ITERATORS: dict[Type | None, Kind] = {
    LIST: LIST_ITER,
    STR: STR_ITER,
    TUPLE: TUPLE_ITER,
    BYTES: BYTES_ITER,
    BYTEARRAY: BYTEARRAY_ITER,
}


def sequence_of(type_: Type) -> Type | None:
    """LIST, STR, TUPLE, BYTES or BYTEARRAY when the value is, or is predicted to be, one; a list is
    the guess where nothing is known.
    """
    if isinstance(type_, Obj):
        if not type_.classes:
            return LIST
        if type_.classes and type_.classes <= {"str", "char"}:
            return STR
        some = type_.classes - {"NoneType"}  # which is never used as a sequence
        kind = KIND_OF.get(next(iter(some))) if len(some) == 1 else None
        return kind if kind in ITERATORS else None
    if isinstance(type_, Items):
        return TUPLE
    return STR if type_ is CHAR else type_ if type_ in ITERATORS else None


def is_index(type_: Type) -> bool:
    """Is the value an int that may be an index?"""
    return type_ in (INT, BOOL) or (isinstance(type_, Obj) and type_.classes <= {"int"})


def _setitem(flow: Flow, op: Op) -> Result:
    base, index, value = map(flow.type, op.operands)
    if not _known(base, index, value):
        return ()
    if sequence_of(base) is LIST and is_index(index) and not isinstance(value, UNBUILT):
        return ()
    if sequence_of(base) is BYTEARRAY and is_index(index) and is_index(value):
        return ()
    return () if operator_plan(flow, op) else None


def _iter(flow: Flow, op: Op) -> Result:
    type_ = flow.type(op.operands[0])
    if isinstance(type_, Range):
        return (Range(type_.step, True),)
    if isinstance(type_, Iter):
        return (type_,) if op.operands[0].id in flow.source.passing else None
    kind = sequence_of(type_)
    if not _known(type_):
        return (BOTTOM,)
    return (ITERATORS[kind],) if kind in ITERATORS else None


def _next(flow: Flow, op: Op) -> Result:
    type_ = flow.type(op.operands[0])
    if isinstance(type_, Range):
        return (INT, BOOL)
    if type_ in (LIST_ITER, TUPLE_ITER):
        return (_element(flow, op.results[0], op.operands[0]), BOOL)
    if isinstance(type_, Iter):
        items = item_types(flow, type_, op.results[0])
        return None if items is None else (items, BOOL)
    if type_ in (BYTES_ITER, BYTEARRAY_ITER):
        return (INT, BOOL)
    return (CHAR, BOOL) if type_ is STR_ITER else (BOTTOM, BOTTOM)


def item_types(flow: Flow, type_: Type, value: Value | None) -> Type | None:
    """The type of an iterator's items; `value` is where they go, if that is one IR value."""
    if isinstance(type_, Range):
        return INT
    if isinstance(type_, Iter) and type_.kind != "reversed":
        parts = flow.source.unpacked(value)
        inner = [INT, type_.inner[0]] if type_.kind == "enumerate" else list(type_.inner)
        if len(parts) != len(inner):
            parts = [None] * len(inner)
        pairs = list(zip(inner, parts, strict=True))
        if type_.kind == "enumerate":
            found = [INT, item_types(flow, *pairs[1])]
        else:
            found = [item_types(flow, *pair) for pair in pairs]
        return None if None in found else Items(tuple(item for item in found if item is not None))
    sequence = type_.inner[0] if isinstance(type_, Iter) else type_
    if sequence in (STR, STR_ITER):
        return CHAR
    if sequence in (*OF_BYTES, BYTES_ITER, BYTEARRAY_ITER):
        return INT
    return Obj() if value is None else flow.loaded(value, Obj(flow.classes(value)))


def _tuple(flow: Flow, op: Op) -> Result:
    types = tuple(map(flow.type, op.operands))
    return (Items(types),) if all(map(is_object, types)) else None


def _unpack(flow: Flow, op: Op) -> Result:
    type_ = flow.type(op.operands[0])
    if isinstance(type_, Items):
        return type_.types if len(type_.types) == len(op.results) else None
    if sequence_of(type_) in (TUPLE, LIST):
        return tuple(_element(flow, value, op.operands[0]) for value in op.results)
    if sequence_of(type_) is STR:
        return tuple(CHAR for _ in op.results)
    if sequence_of(type_) in OF_BYTES:
        return tuple(INT for _ in op.results)
    return tuple(BOTTOM for _ in op.results) if type_ is BOTTOM else None


def _call(flow: Flow, op: Op) -> Result:
    callee, *args = map(flow.type, op.operands)
    if not _known(callee, *args):
        return (BOTTOM,)
    type_ = call_result(flow, op, callee, tuple(args))
    if not flow.can_pass(op, type_):
        return None
    return None if type_ is None else (type_,)


def call_result(flow: Flow, op: Op, callee: Type, args: tuple[Type, ...]) -> Type | None:
    """What a call answers; None when only the interpreter can make it."""
    if isinstance(callee, Method):
        plan = plan_method(callee, call_name(callee, op), args, flow.classes(op.result))
        return plan.result if plan else None
    if not isinstance(callee, Callee) or callee.kind == "module":
        return None
    if callee.kind == "nested":
        return flow.results.result(callee.name, nested_arguments(flow, op, args))
    if callee.kind == "function":
        if shared(flow.module.functions[callee.name].code):
            return None  # its cells belong to a frame
        bound = bind_arguments(
            flow.module.functions[callee.name], args, op.attrs.get("kwnames") or ()
        )
        return None if bound is None else flow.results.result(callee.name, bound)
    plan = plan_call(callee.of, call_name(callee, op), args, flow.classes(op.result))
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


def call_name(callee: Callee | Method, op: Op) -> str:
    """The name under which tables list a call: "sort", or "sort:reverse" with a keyword."""
    return ":".join((callee.name, *(op.attrs.get("kwnames") or ())))


def nested_arguments(flow: Flow, op: Op, args: tuple[Type, ...]) -> tuple[Type, ...]:
    """The types a comprehension's function is called with: its iterator and what it captures."""
    made = flow.made[op.operands[0].id]
    return (*args, *map(flow.type, made.operands))


def _function(flow: Flow, op: Op) -> Result:
    flow.made[op.result.id] = op
    name = nested_name(flow.source.name, op.attrs["const"])
    known = name in flow.module.functions
    const, captured = op.attrs["const"], op.attrs["captured"]
    callee = Callee("nested", name, const=const, captured=captured)
    if BOTTOM in map(flow.type, op.operands):
        return (BOTTOM,)
    return (callee,) if known else None


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


# Which operand of an operation is the container, and what the modules of families of classes do.
CONTAINER = {"py.getitem": 0, "py.setitem": 0, "py.delitem": 0, "py.contains": 1} | {
    "py.iter": 0,
    "py.next": 0,
}
OF_CLASS: dict[tuple[str, Kind | None], Callable[[Flow, Op], Result]] = {}
_LOADS = frozenset(("py.attr", "py.deref", "py.getitem", "py.next", "py.unpack", "py.unpackstar"))
TRANSFER: dict[str, Callable[[Flow, Op], Result]] = {
    "py.const": _const,
    "py.global": _global,
    "py.check": _check,
    "py.deref": _deref,
    "py.store_deref": _store_deref,
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
    "py.function": _function,
    "py.tuple": _tuple,
    "py.unpack": _unpack,
    "const": lambda flow, op: (BOOL,),
    "i1.not": lambda flow, op: (BOOL,),
    "i1.and": lambda flow, op: (BOOL,),
    "i1.or": lambda flow, op: (BOOL,),
}
