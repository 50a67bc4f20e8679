"""Record: run representative calls by generic IR, and count the class of every value.

    profile = record({"norm": Body(ir, norm)}, [("norm", ([0.5, 1.5],), {})])
    profile.functions["norm"].classes(7)      →  frozenset({"float"})

A call of another known function runs that function's IR, so callees are recorded too, whether the
IR calls them or what CPython runs: a generator, a method, a builtin that was given one. Each
function is recorded for a limited number of calls; beyond that, and in functions without IR,
CPython runs them as they are. What the IR leaves to CPython it does too, up to the next loop. The
calls run the program's code: the caller provides the jail, fresh arguments, and a place for what it
prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, NamedTuple

from pyvorin.frontend.build import Header
from pyvorin.ir.interp import UNBOUND, Bindings, Body, Left, Machine, Reached, bind, entered
from pyvorin.ir.model import Block, Function, Op, Rep
from pyvorin.limits import TimeUp, memory_ceiling, time_limit
from pyvorin.record.classes import class_of, some_elements
from pyvorin.record.profile import FunctionProfile, Profile, Values
from pyvorin.record.resume import Interpreter
from pyvorin.record.ways_in import open_ways

_ALL = 64  # runs of a block whose operations are all looked at
_PASSES = 32  # of one loop in a call: once half of its operations are spent, CPython does the rest
_HURRY = 20_000  # of these for one call, before it is broken off
_SOME = 8  # of the later ones every eighth; what a loop carries on is looked at in each

Call = tuple[str, tuple[Any, ...], dict[str, Any]]


class Budget(NamedTuple):
    """How much is recorded.

    calls     of one function, nested calls too; 10 to 100 show nearly all that more would
    stale     of one function in a row that show nothing new; then it is known
    call_ops  operations of one representative call, in all functions, before it is broken off
    ops       operations in all
    bits      of an int that one operation may make; more tells nothing new and may take hours
    items     of a sequence that one repetition may make
    memory    bytes that one representative call may take; it gets a MemoryError then
    cpu_ms    CPU time of one representative call, most of which CPython may have run
    """

    calls: int = 100
    stale: int = 12
    call_ops: int = 100_000
    ops: int = 1_000_000
    bits: int = 1 << 17
    items: int = 1 << 22
    memory: int = 512 << 20
    cpu_ms: int = 2000


class _BrokenOff(BaseException):
    """The budget ran out. Not an Exception: the program must not catch it."""


def record(
    bodies: Mapping[str, Body],
    calls: Iterable[Call],
    budget: Budget | None = None,
    headers: Mapping[str, Sequence[Header]] | None = None,
) -> Profile:
    """Run calls (function name, arguments, keyword arguments) and answer what was seen.

    A call that raises counts for what it did until then. Calls of names without a body are passed
    over. `headers` are the functions' loop headers, where recording goes on.
    """
    recorder = _Recorder(budget or Budget(), {body.function: n for n, body in bodies.items()})
    loops = {bodies[name].code: known for name, known in (headers or {}).items()}
    by_code = {body.code: body for body in bodies.values()}
    machine = Machine(by_code, watcher=recorder, rest=Interpreter(loops, recorder))
    with open_ways(machine, bodies.values(), recorder.knows) as opened:
        by_code |= opened
        for name, args, kwargs in calls:
            body = bodies.get(name)
            if body is not None and recorder.wants(body) and not recorder.profile.exhausted:
                recorder.run(machine, body, args, kwargs)
    return recorder.profile


def _grows(op: Op, a: object, b: object, budget: Budget) -> bool:
    """Whether an operation may make a value beyond the budget."""
    operator = op.attrs["op"]
    if operator not in ("*", "<<", "**"):
        return False
    if isinstance(a, int) and isinstance(b, int):
        bits = a.bit_length()
        made = {"*": bits + b.bit_length(), "<<": bits and bits + b, "**": bits * max(b, 0)}
        return made.get(operator, 0) > budget.bits
    for sequence, times in ((a, b), (b, a)):
        if operator == "*" and isinstance(sequence, Sequence) and isinstance(times, int):
            return len(sequence) * times > budget.items
    return False


@dataclass(slots=True)
class _Recorder:
    """The watcher that fills a profile."""

    budget: Budget
    names: dict[Function, str]
    profile: Profile = field(default_factory=Profile)
    ops: int = 0
    stop_at: int = 0
    refusals: Iterator[None] = field(default_factory=lambda: iter(()))
    active: list[tuple[FunctionProfile, Values]] = field(default_factory=list)

    def run(
        self, machine: Machine, body: Body, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Record one representative call."""
        self.stop_at = min(self.ops + self.budget.call_ops, self.budget.ops)
        hurried = repeat(iter(()), _HURRY)
        self.refusals = map(next, chain(hurried, repeat(iter(self._break_off, None))))
        try:
            with memory_ceiling(self.budget.memory), time_limit(self.budget.cpu_ms):
                machine.run(body, entered(body, body.source, bind(body.source, args, kwargs)))
        except _BrokenOff:
            self.profile.exhausted = self.ops >= self.budget.ops
        except (MemoryError, TimeUp):  # the next one would take as much again, and as long
            self._of(body).raised += 1
            self._of(body).calls = self.budget.calls
        except Exception:
            self._of(body).raised += 1
        finally:
            self.active.clear()  # the alarm may have come between an entry and its exit

    def _of(self, body: Body) -> FunctionProfile:
        name = self.names[body.function]
        if name not in self.profile.functions:
            self.profile.functions[name] = FunctionProfile()
        return self.profile.functions[name]

    def wants(self, body: Body) -> bool:
        if self.active and self.ops > self.stop_at:
            return False  # broken off, and the program caught that
        return not self.knows(body)

    def knows(self, body: Body) -> bool:
        """Was a function recorded often enough?"""
        profile = self._of(body)
        stale = profile.calls - profile.news
        return profile.calls >= self.budget.calls or stale >= self.budget.stale

    def has_enough(self, passes: int) -> bool:
        """Is a loop to be left to CPython after so many passes, for the sake of what follows it?"""
        return passes > _PASSES and self.ops > self.stop_at - self.budget.call_ops // 2

    def _break_off(self) -> None:
        self.ops = self.stop_at
        raise _BrokenOff

    def entered(self, body: Body, args: Sequence[Any]) -> None:
        profile = self._of(body)
        signature = tuple(map(class_of, args))
        profile.calls += 1
        profile.signatures[signature] += 1
        if profile.signatures[signature] == 1:
            profile.news = profile.calls
        self.active.append((profile, profile.by_signature.setdefault(signature, {})))

    def exited(self, body: Body) -> None:
        self.active.pop()

    def at_block(self, body: Body, block: Block, values: Bindings) -> bool:
        self.ops += len(block.ops)
        if self.ops > self.stop_at:
            raise _BrokenOff
        blocks = self.active[-1][0].blocks
        seen = blocks[block.label] = blocks[block.label] + 1
        self._count(values)
        return seen <= _ALL or seen % _SOME == 0

    def computes(self, op: Op, operands: Sequence[Any]) -> None:
        if _grows(op, operands[0], operands[1], self.budget):
            raise _BrokenOff

    def did(self, op: Op, values: Bindings) -> None:
        self._count(values)

    def took(self, body: Body, block: Block, edge: int) -> None:
        profile = self.active[-1][0]
        taken = profile.edges.get(block.label)
        if taken is None:
            taken = profile.edges[block.label] = [0] * len(block.terminator.edges)
        taken[edge] += 1
        if taken[edge] == 1:
            profile.news = profile.calls

    def left(self, body: Body, left: Left) -> None:
        self._of(body).left += 1

    def resumed(self, body: Body, reached: Reached) -> None:
        self._of(body).resumed[reached.block.label] += 1

    def _count(self, values: Bindings) -> None:
        profile, of_signature = self.active[-1]
        for value, held in values:
            if value.rep is not Rep.OBJ or held is UNBOUND:
                continue
            number, name = value.id, class_of(held)
            counts = profile.values.get(number)
            if counts is not None and name in counts:  # nearly always
                counts[name] += 1
            else:
                profile.count(profile.values, number, name)
            if name not in of_signature.setdefault(number, set()):
                of_signature[number].add(name)
            if name in ("list", "tuple"):
                for element in some_elements(held):
                    profile.count(profile.elements, number, class_of(element))
                    for inner in some_elements(element):
                        profile.count(profile.inner, number, class_of(inner))
