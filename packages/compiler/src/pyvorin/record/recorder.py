"""Record: run representative calls by generic IR, and count the class of every value.

    profile = record({"norm": Body(ir, norm)}, [("norm", ([0.5, 1.5],), {})])
    profile.functions["norm"].classes(7)      →  frozenset({"float"})

A call of another known function runs that function's IR, so callees are recorded too. Each function
is recorded for a limited number of calls; beyond that, and in functions without IR, CPython runs
them as they are. The calls run the program's code: the caller provides the jail, fresh arguments,
and a place for what the program prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pyvorin.ir.interp import UNBOUND, Bindings, Body, Left, Machine, bind
from pyvorin.ir.model import Block, Function, Op, Rep
from pyvorin.record.classes import class_of, element_classes
from pyvorin.record.profile import FunctionProfile, Profile, Values

Call = tuple[str, tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is recorded.

    calls     of one function, nested calls too; 10 to 100 show nearly all that more would
    call_ops  operations of one representative call, in all functions, before it is broken off
    ops       operations in all
    """

    calls: int = 100
    call_ops: int = 100_000
    ops: int = 1_000_000


class _BrokenOff(BaseException):
    """The budget ran out. Not an Exception: the program must not catch it."""


def record(
    bodies: Mapping[str, Body], calls: Iterable[Call], budget: Budget | None = None
) -> Profile:
    """Run calls (function name, arguments, keyword arguments) and answer what was seen.

    A call that raises or gives up counts for what it did until then. Calls of names without a body
    are passed over.
    """
    recorder = _Recorder(budget or Budget(), {body.function: n for n, body in bodies.items()})
    machine = Machine({body.code: body for body in bodies.values()}, watcher=recorder)
    for name, args, kwargs in calls:
        body = bodies.get(name)
        if body is not None and recorder.wants(body) and not recorder.profile.exhausted:
            recorder.run(machine, body, args, kwargs)
    return recorder.profile


@dataclass(slots=True)
class _Recorder:
    """The watcher that fills a profile."""

    budget: Budget
    names: dict[Function, str]
    profile: Profile = field(default_factory=Profile)
    ops: int = 0
    stop_at: int = 0
    active: list[tuple[FunctionProfile, Values]] = field(default_factory=list)

    def run(
        self, machine: Machine, body: Body, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Record one representative call."""
        self.stop_at = min(self.ops + self.budget.call_ops, self.budget.ops)
        try:
            machine.run(body, bind(body.source, args, kwargs))
        except _BrokenOff:
            self.profile.exhausted = self.ops >= self.budget.ops
        except Exception:
            self._of(body).raised += 1

    def _of(self, body: Body) -> FunctionProfile:
        name = self.names[body.function]
        if name not in self.profile.functions:
            self.profile.functions[name] = FunctionProfile()
        return self.profile.functions[name]

    def wants(self, body: Body) -> bool:
        return self._of(body).calls < self.budget.calls

    def entered(self, body: Body, args: Sequence[Any]) -> None:
        profile = self._of(body)
        signature = tuple(map(class_of, args))
        profile.calls += 1
        profile.signatures[signature] += 1
        self.active.append((profile, profile.by_signature.setdefault(signature, {})))

    def exited(self, body: Body) -> None:
        self.active.pop()

    def at_block(self, body: Body, block: Block, values: Bindings) -> None:
        profile = self._of(body)
        profile.blocks[block.label] += 1
        self._count(values)

    def did(self, body: Body, op: Op, values: Bindings) -> None:
        self._count(values)

    def took(self, body: Body, block: Block, edge: int) -> None:
        edges = self._of(body).edges
        edges.setdefault(block.label, [0] * len(block.terminator.edges))[edge] += 1

    def left(self, body: Body, left: Left) -> None:
        self._of(body).left += 1

    def _count(self, values: Bindings) -> None:
        profile, of_signature = self.active[-1]
        self.ops += 1
        if self.ops > self.stop_at:
            raise _BrokenOff
        for value, held in values:
            if value.rep is Rep.OBJ and held is not UNBOUND:
                name = class_of(held)
                profile.count(profile.values, value.id, name)
                of_signature.setdefault(value.id, set()).add(name)
                for name in element_classes(held):
                    profile.count(profile.elements, value.id, name)
