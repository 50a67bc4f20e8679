"""Instances: which bodies the functions of a module get, found together with their types.

An instance is a function with types for its parameters. Its results are needed where it is called,
and calls decide which instances exist, so all are inferred together until nothing changes. A
function has at most `MAX_INSTANCES`; a call whose arguments fit none of them is left to the
interpreter.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pyvorin.infer.flow import Flow
from pyvorin.infer.module import Module, SourceFunction
from pyvorin.ir.model import Rep
from pyvorin.types import (
    BOTTOM,
    CLASS_OF,
    INT,
    INTS,
    LIST,
    NONE,
    NUM,
    TUPLE,
    Callee,
    Items,
    Obj,
    Range,
    Type,
    from_class,
    reps,
)

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
        """Infer every instance until no result changes."""
        for _ in range(_MAX_ROUNDS):
            before = self._results()
            for instances in list(self.instances.values()):
                for instance in list(instances):
                    instance.flow.run()
            if self._results() == before:
                break
        self.frozen = True

    def _results(self) -> list[tuple[str, int, Type]]:
        return [
            (name, i.number, i.flow.returns)
            for name, known in self.instances.items()
            for i in known
        ]

    def variant(self, instance: Instance, variant: str) -> Flow:
        """The same instance with types for a widened body."""
        return Flow(instance.source, self.module, instance.params, variant, self).run()

    # ---- calls -----------------------------------------------------------------------------------
    def callee(self, name: str, args: tuple[Type, ...]) -> Instance | None:
        """The instance that a call with arguments of these types goes to."""
        if any(isinstance(t, Callee | Range) for t in args):
            return None
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
    if isinstance(type_, Obj) and type_.classes in ({"list"}, {"str"}, {"tuple"}):
        return from_class(next(iter(type_.classes)))
    return type_


def result_type(returns: Type) -> Type:
    """The type of a call's result for what the callee returns: one register again."""
    if isinstance(returns, Items):
        return TUPLE
    if isinstance(returns, Range | Callee):
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
    sequences = {
        op.operands[0].id
        for op in function.ops()
        if op.name in ("py.getitem", "py.setitem", "py.iter")
    }
    for param in function.entries[0].block.params:
        kinds.append(LIST if param.id in sequences else INT)
    return tuple(kinds)
