"""Instances: which bodies the functions of a module get, found together with their types.

An instance is a function with types for its parameters. Its results are needed where it is called,
and calls decide which instances exist, so all are inferred together until nothing changes. A
function has at most `MAX_INSTANCES`; a call whose arguments fit none of them is left to the
interpreter.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pyvorin.infer import attributes, calls, dicts, generators, heaps, iterators, lists, texts
from pyvorin.infer.flow import Flow, is_iterator
from pyvorin.infer.module import Module, SourceFunction
from pyvorin.ir.model import Rep
from pyvorin.types import (
    BOTTOM,
    CLASS_OF,
    FLOAT,
    INT,
    INTS,
    LIST,
    NONE,
    NUM,
    OBJECTS,
    TUPLE,
    UNBUILT,
    Items,
    Obj,
    Type,
    from_class,
    reps,
)

FAMILIES = (
    attributes,
    calls,
    dicts,
    generators,
    heaps,
    iterators,
    lists,
    texts,
)  # each enters its rows in the tables
_INSTANCE = Obj(frozenset(("other",)))
MAX_INSTANCES = 3
_MAX_ROUNDS = 40


@dataclass(eq=False, slots=True)
class Instance:
    """A function on certain parameter types; `flow` has the types of its values after
    `Program.solve`.
    """

    source: SourceFunction
    params: tuple[Type, ...]
    number: int
    flow: Flow
    root: bool = False  # wanted from outside, not only because something calls it


@dataclass(eq=False, slots=True)
class Program:
    """The instances of a module's functions. `roots` are wanted from outside, others because
    something calls them.
    """

    module: Module
    instances: dict[str, list[Instance]] = field(default_factory=dict)
    frozen: bool = False  # set when solved: widened bodies call the instances there are

    def add(self, name: str, params: tuple[Type, ...]) -> Instance | None:
        """The instance of a function for these types, made if there is room for it."""
        params = _kept(self.module.functions[name], params)
        known = self.instances.setdefault(name, [])
        for instance in known:
            if instance.params == params:
                return instance
        if self.frozen or len(known) >= MAX_INSTANCES:
            return next((i for i in known if all(map(_fits, params, i.params))), None)
        source = self.module.functions[name]
        if source.built.function is None:
            return None
        flow = Flow(source, self.module, params, "base", self)
        instance = Instance(source, params, len(known), flow)
        known.append(instance)
        return instance

    def solve(self) -> None:
        """Infer every instance until no result changes, also from the loop headers to which only
        the interpreter comes.
        """
        self._settle(self._flows())
        while open_ := [flow for flow in self._flows() if flow.seed()]:
            self._settle(open_)
        self.frozen = True

    def _settle(self, flows: list[Flow]) -> None:
        """Infer these, and then all while what one of them returns or calls changes."""
        for _ in range(_MAX_ROUNDS):
            before = self._results()
            for flow in flows:
                flow.run()
            if self._results() == before:
                return
            flows = self._flows()

    def _flows(self) -> list[Flow]:
        return [instance.flow for known in self.instances.values() for instance in known]

    def _results(self) -> list[tuple[str, int, Type]]:
        return [
            (name, i.number, i.flow.returns)
            for name, known in self.instances.items()
            for i in known
        ]

    def variant(self, instance: Instance, variant: str) -> Flow:
        """The same instance with types for a widened body."""
        flow = Flow(instance.source, self.module, instance.params, variant, self).run()
        while flow.seed():
            flow.run()
        return flow

    # ---- calls -----------------------------------------------------------------------------------
    def callee(self, name: str, args: tuple[Type, ...]) -> Instance | None:
        """The instance that a call with arguments of these types goes to."""
        if any(isinstance(t, UNBUILT) and not is_iterator(t) for t in args):
            return None
        args = _as_recorded(self.module.functions[name], args)
        return self.add(name, tuple(map(parameter_type, args)))

    def result(self, name: str, args: tuple[Type, ...]) -> Type | None:
        """What a call answers (see `Flow`)."""
        if BOTTOM in args:
            return BOTTOM
        instance = self.callee(name, args)
        return None if instance is None else result_type(instance.flow.returns)

    def result_rep(self, flow: Flow) -> Rep:
        """The representation in which a body with these types returns."""
        held = reps(result_type(flow.returns))
        return held[0] if held else Rep.OBJ


def _kept(source: SourceFunction, params: tuple[Type, ...]) -> tuple[Type, ...]:
    """Parameter types in which a float that is searched for stays the object it is."""
    function = source.built.function
    if function is None:
        return params
    values = function.entries[0].block.params
    return tuple(
        Obj(frozenset(("float",))) if type_ is FLOAT and value.id in source.kept else type_
        for value, type_ in zip(values, params, strict=True)
    )


def _as_recorded(source: SourceFunction, args: tuple[Type, ...]) -> tuple[Type, ...]:
    """Arguments of several possible classes, of which only those count that recorded calls had:
    `if x is None` before the call excludes a class that the variable has elsewhere.
    """
    function = source.built.function
    if function is None or not any(isinstance(arg, Obj) for arg in args):
        return args
    params = function.entries[0].block.params
    return tuple(
        _common(arg, source.recorded.get(param.id, frozenset()))
        for arg, param in zip(args, params, strict=True)
    )


def _common(arg: Type, seen: frozenset[str]) -> Type:
    common = arg.classes & seen if isinstance(arg, Obj) else frozenset()
    return Obj(common) if common else arg


def parameter_type(type_: Type) -> Type:
    """The type a parameter gets for an argument: something one register can hold, whose class an
    entry can test.
    """
    if isinstance(type_, Items):
        return TUPLE
    if type_ is NUM:
        return Obj(frozenset(("int", "float")))
    if type_ is NONE:
        return Obj(frozenset(("NoneType",)))
    if isinstance(type_, Obj) and len(type_.classes) == 1:
        only = from_class(next(iter(type_.classes)))
        return only if only in OBJECTS else type_
    return type_


def result_type(returns: Type) -> Type:
    """The type of a call's result for what the callee returns: one register again."""
    if isinstance(returns, Items):
        return TUPLE
    if isinstance(returns, UNBUILT):
        return Obj(frozenset(("other",)))
    return Obj(frozenset(("int", "float"))) if returns is NUM else returns


def _fits(arg: Type, param: Type) -> bool:
    if arg == param or isinstance(param, Obj) or (arg in INTS and param in INTS):
        return True
    cls = CLASS_OF.get(param)  # type: ignore[arg-type]
    return isinstance(arg, Obj) and cls in arg.classes


def evidence(source: SourceFunction) -> tuple[Type, ...]:
    """Parameter types where no call was recorded, from how the parameters are used: a guess."""
    function = source.built.function
    assert function is not None
    kinds: list[Type] = []
    guess: Type
    sequences = {
        op.operands[0].id
        for op in function.ops()
        if op.name in ("py.getitem", "py.setitem", "py.iter")
    }
    instances = attributes.instances(source)
    entry = function.entries[0]
    for param, (kind, _) in zip(entry.block.params, entry.slots, strict=True):
        guess = LIST if param.id in sequences else _INSTANCE if param.id in instances else INT
        kinds.append(Obj() if kind == "cell" else guess)
    return tuple(kinds)
