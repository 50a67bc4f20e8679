"""The reference interpreter: the living definition of the IR.

It runs a function at either level on real Python values. Golden and fuzz programs run under
CPython, here after each pass, and natively; all must agree. When an operation gives up, the answer
is `Left`, with the frame state as Python objects: what CPython would go on with.

Exceptions of the program come out of `Machine.run` as they are; generic operations raise them.
"""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import CellType, CodeType, FunctionType
from typing import Any, Protocol

from pyvorin_runtime import bytecode

from pyvorin.ir import (
    meaning_arrays,
    meaning_attributes,
    meaning_buffers,
    meaning_dicts,
    meaning_lists,
    meaning_texts,
    meaning_typed,
)
from pyvorin.ir.meaning import NULL, UNBOUND, Leave, Missing, Returned, Unstarted
from pyvorin.ir.model import (
    Block,
    Const,
    Edge,
    FrameState,
    Function,
    Maybe,
    Op,
    Rep,
    Slot,
    Value,
    Virtual,
    uncelled,
)

__all__ = [
    "NULL",
    "OPERATIONS",
    "UNBOUND",
    "Body",
    "Frame",
    "Left",
    "Machine",
    "Reached",
    "Watcher",
    "bind",
    "entered",
]

Bindings = list[tuple[Value, Any]]
Passes = Counter[str]  # by a loop header's label
Made = dict[tuple[str, int], Any]  # virtual objects of one state, by kind and identity

assert meaning_arrays
assert meaning_attributes
assert meaning_buffers
assert meaning_dicts
assert meaning_lists
assert meaning_texts
OPERATIONS = meaning_typed.MEANINGS  # op name → what it does


@dataclass(frozen=True, slots=True)
class Body:
    """A function of the IR and what its constants and globals mean.

    `code` and `defaults` are those of `source` when this was made: native code is bound to them.
    """

    function: Function
    source: FunctionType
    code: CodeType = field(init=False)
    defaults: tuple[Any, ...] | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "code", self.source.__code__)
        object.__setattr__(self, "defaults", self.source.__defaults__)

    def handles(self, offset: int) -> bool:
        """Say whether an exception of the instruction at `offset` has a handler in the function; in
        a generator, CPython looks for StopIteration.
        """
        return bool(self.function.consumer) or any(
            item.first.offset <= offset and (item.end is None or offset < item.end.offset)
            for item in bytecode.decode(self.code).handlers
        )


@dataclass(frozen=True, slots=True)
class Left:
    """The function gave up at `op`; the interpreter would go on at `offset`.

    `locals` has UNBOUND for unbound ones, `stack` NULL for NULLs. `inner` is the callee's `Left`
    when a call gave up inside, `error` what an operation raised where the function has a handler.
    """

    body: Body = field(repr=False)
    op: Op = field(repr=False)
    offset: int
    locals: tuple[Any, ...]
    stack: tuple[Any, ...]
    inner: Left | None = None
    error: Exception | None = None


class Watcher(Protocol):
    """Sees a run; the recorder is one."""

    def wants(self, body: Body) -> bool:
        """Say whether a call of this function is to run by its IR (else: as the Python it is)."""

    def entered(self, body: Body, args: Sequence[Any]) -> None:
        """A call of the function starts."""

    def exited(self, body: Body) -> None:
        """The call that started last ends, in whatever way."""

    def at_block(self, body: Body, block: Block, values: Bindings) -> bool:
        """A block starts, its parameters hold these values. Answer whether to tell of the results
        of its operations.
        """

    def computes(self, op: Op, operands: Sequence[Any]) -> None:
        """A `py.binop` starts."""

    def did(self, op: Op, values: Bindings) -> None:
        """An operation is done, its results are these."""

    def took(self, body: Body, block: Block, edge: int) -> None:
        """The block's terminator took its edge of this number."""

    def left(self, body: Body, left: Left) -> None:
        """The function gave up."""

    def resumed(self, body: Body, reached: Reached) -> None:
        """A function that gave up goes on at a loop header."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What a loop header's block is entered with, by a frame that went on under CPython."""

    block: Block
    values: list[Any]


class Rest(Protocol):
    """Runs what the IR leaves to it."""

    def go_on(self, left: Left, arguments: Sequence[Any], passes: Passes) -> Any:
        """The result of the rest of a call, or `Reached`. `arguments`: what its body was entered
        with; those for free variables come last. `passes`: of loop headers in this call so far.
        """

    def takes(self, block: Block, passes: Passes) -> FrameState | None:
        """The state at a loop header from where on the rest is to run; None for going on here."""


@dataclass(slots=True)
class Machine:
    """Runs bodies.

    `bodies` maps code objects, so that a generic call of a known function runs its IR; `natives`
    maps a `call.native`'s callee and body number. `force` makes the operations it answers
    true for give up. When a callee gives up, its callers do so too, at their calls, unless there is
    `rest`, which runs the rest of what gave up.
    """

    bodies: Mapping[CodeType, Body] = field(default_factory=dict)
    natives: Mapping[tuple[str, int], Body] = field(default_factory=dict)
    watcher: Watcher | None = None
    force: Callable[[Op], bool] | None = None
    rest: Rest | None = None

    def call(self, function: FunctionType, args: Iterable[Any], kwargs: dict[str, Any]) -> Any:
        """Call a function by its IR, arguments bound as CPython binds them. Answers a value or
        Left.

        Raises TypeError with CPython's text when the arguments do not fit.
        """
        body = self.bodies[function.__code__]
        return self.run(body, entered(body, function, bind(function, tuple(args), kwargs)))

    def run(self, body: Body, args: Iterable[Any], entry: int = 0) -> Any:
        """Run from entry number `entry` with one value a parameter of its block."""
        values = list(args)
        block = body.function.entries[entry].block
        if self.watcher is None:
            return self._to_the_end(body, block, values)
        self.watcher.entered(body, values)
        try:
            return self._to_the_end(body, block, values)
        finally:
            self.watcher.exited(body)

    def _to_the_end(self, body: Body, block: Block, arguments: list[Any]) -> Any:
        """The result of a call, or where it gave up for good."""
        passes: Passes = Counter()
        result = Frame(self, body, passes).run(block, arguments)
        while isinstance(result, Left):
            if self.watcher is not None:
                self.watcher.left(body, result)
            if self.rest is None:
                break
            result = self.rest.go_on(result, arguments, passes)
            if isinstance(result, Reached):
                if self.watcher is not None:
                    self.watcher.resumed(body, result)
                result = Frame(self, body, passes).run(result.block, result.values)
        return result

    def body_for(self, callee: Any) -> Body | None:
        """The body to run for a call of an object; None for a call that CPython does."""
        if not isinstance(callee, FunctionType):
            return None
        body = self.bodies.get(callee.__code__)
        if body is not None and body.function.consumer:
            return None  # it is a generator's
        if body is None or (self.watcher is not None and not self.watcher.wants(body)):
            return None
        return body


def bind(function: FunctionType, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """One value a parameter of a function without star parameters.

    Raises TypeError as CPython does, by letting CPython call a function with the same parameters.
    """
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    given = dict(zip(names[: code.co_argcount], args, strict=False))
    free = code.co_varnames[code.co_posonlyargcount : len(names)]
    if len(args) > code.co_argcount or any(k not in free or k in given for k in kwargs):
        _raise_binding_error(function, args, kwargs)
    given.update(kwargs)
    defaults = function.__defaults__ or ()
    positional = names[: code.co_argcount]
    known = dict(zip(positional[len(positional) - len(defaults) :], defaults, strict=True))
    known.update(function.__kwdefaults__ or {})
    if any(name not in given and name not in known for name in names):
        _raise_binding_error(function, args, kwargs)
    return [given[name] if name in given else known[name] for name in names]


def entered(body: Body, function: FunctionType, arguments: list[Any]) -> list[Any]:
    """What the body is entered with: arguments, those that a function inside shares in cells, the
    other cells, and what the function's own closure holds.
    """
    values = [*arguments]
    free = len(function.__code__.co_freevars)
    slots = body.function.entries[0].slots
    for place, slot in enumerate(slots[: len(slots) - free]):
        if place == len(values):
            values.append(CellType())
        elif slot[0] == "cell":
            values[place] = CellType(values[place])
    return [*values, *(cell.cell_contents for cell in function.__closure__ or ())]


def _raise_binding_error(
    function: FunctionType, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    function(*args, **kwargs)  # CPython refuses before the first instruction
    raise AssertionError(f"{function.__qualname__} took arguments that do not fit")


class Frame:
    """One activation."""

    def __init__(self, machine: Machine, body: Body, passes: Passes) -> None:
        self.machine = machine
        self.body = body
        self.passes = passes
        self.values: dict[Value, Any] = {}
        self.op: Op | None = None

    def run(self, block: Block, args: list[Any]) -> Any:
        """Run from the start of a block to a return value or Left."""
        try:
            while True:
                watched = self._enter(block, args)
                if self.machine.rest is not None:
                    state = self.machine.rest.takes(block, self.passes)
                    if state is not None:
                        return Left(self.body, block.ops[0], state.offset, *self.materialise(state))
                outcome = self._block(block, watched)
                if isinstance(outcome, Returned):
                    return outcome.value
                self._took(block, outcome)
                block, args = outcome.block, [self.values[value] for value in outcome.args]
        except Leave as leave:
            return self._left(leave.inner)
        except Exception as error:
            op = self.op
            if op is None or op.state is None or not self.body.handles(op.offset):
                raise
            return replace(self._left(None), error=error)

    def _enter(self, block: Block, args: list[Any]) -> bool:
        """Bind a block's parameters; answer whether its operations are watched."""
        bound = list(zip(block.params, args, strict=True))
        self.values.update(bound)
        watcher = self.machine.watcher
        return watcher is not None and watcher.at_block(self.body, block, bound)

    def _took(self, block: Block, edge: Edge) -> None:
        if self.machine.watcher is not None:
            self.machine.watcher.took(self.body, block, block.terminator.edges.index(edge))

    def _block(self, block: Block, watched: bool) -> Edge | Returned:
        """Run a block; answer the edge to follow, or the function's result."""
        watcher, force, values = self.machine.watcher, self.machine.force, self.values
        for op in block.ops:
            self.op = op
            if force is not None and op.state is not None and force(op):
                raise Leave
            operands = [values[v] for v in op.operands]
            if watcher is not None and op.name == "py.binop":
                watcher.computes(op, operands)
            outcome = OPERATIONS[op.name](self, op, *operands)
            results = op.results
            if results:
                if len(results) == 1:
                    values[results[0]] = outcome
                else:
                    values.update(zip(results, outcome, strict=True))
                if watched and watcher is not None:
                    watcher.did(op, [(value, values[value]) for value in results])
        assert isinstance(outcome, Edge | Returned), op
        return outcome

    # ---- what operations ask ----
    def resolve(self, source: tuple[Any, ...]) -> Any:
        """The object a Const source stands for."""
        match source:
            case ("const", int(index)):
                return self.body.code.co_consts[index]
            case ("const", int(index), int(place)):
                return self.body.code.co_consts[index][place]
            case ("singleton", "None"):
                return None
            case ("singleton", name):
                return name == "True"
            case ("name", str(name)):
                return name
            case ("global", str(name)):
                return self._global(name)
            case ("attr", str(name), str(attribute)):
                return getattr(self._global(name), attribute)
        raise AssertionError(source)

    def _global(self, name: str) -> Any:
        names = self.body.source.__globals__
        if name in names:
            return names[name]
        scope = names.get("__builtins__", builtins)
        scope = scope if isinstance(scope, dict) else vars(scope)
        if name not in scope:
            raise NameError(f"name '{name}' is not defined", name=name)
        return scope[name]

    def is_bound(self, op: Op, index: int) -> bool:
        """Say whether a local is bound, by the frame state of `op`."""
        assert op.state is not None, op
        slot = uncelled(op.state.locals[index])
        return bool(self.values[slot.bound]) if isinstance(slot, Maybe) else slot is not None

    def call(self, callee: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call an object as the program does; a known function runs by its IR."""
        body = self.machine.body_for(callee)
        if body is None:
            return callee(*args, **kwargs)
        return _unless_left(
            self.machine.run(body, entered(body, callee, bind(callee, args, kwargs)))
        )

    def make_function(self, const: int, captured: Iterable[Any]) -> Any:
        """The function of a comprehension, its cells holding the captured values."""
        return self._build("function", [self.body.code.co_consts[const], *map(CellType, captured)])

    def consume(self, generator: Unstarted, consumer: str) -> Any:
        """What a consumer answers for a generator that has not begun."""
        function, iterator = generator
        body = self.machine.bodies.get(function.__code__)
        watcher = self.machine.watcher
        known = body is not None and body.function.consumer == consumer
        if body is None or not known or (watcher is not None and not watcher.wants(body)):
            return consumed_by(consumer, function(iterator))
        return _unless_left(self.machine.run(body, entered(body, function, [iterator])))

    def call_native(self, callee: str, number: int, args: tuple[Any, ...]) -> Any:
        """Enter a body of another function at its start."""
        return _unless_left(self.machine.run(self.machine.natives[callee, number], args))

    def has_defaults(self, callee: str) -> bool:
        """Say whether another function still has the defaults it was bound with."""
        body = self.machine.natives[callee, 0]
        return body.source.__defaults__ is body.defaults

    # ---- leaving ----
    def _left(self, inner: Left | None) -> Left:
        op = self.op
        assert op is not None
        state = op.state
        assert state is not None, op
        if state.arrays is not None:
            meaning_arrays.close(self.values[state.arrays])
        return Left(self.body, op, state.offset, *self.materialise(state), inner)

    def materialise(self, state: FrameState) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Locals and stack of a frame state as Python objects."""
        made: Made = {}
        local = tuple(self._object(slot, UNBOUND, made) for slot in state.locals)
        return local, tuple(self._object(slot, NULL, made) for slot in state.stack)

    def _object(self, slot: Slot, missing: Missing, made: Made) -> Any:
        match slot:
            case None:
                return missing
            case Value():
                return boxed(slot, self.values[slot])
            case Const(source):
                return self.resolve(source)
            case Maybe(value, bound):
                return self._object(value, missing, made) if self.values[bound] else missing
            case Virtual(kind, _, identity) if (kind, identity) in made:
                return made[kind, identity]
            case Virtual(kind, items, identity):
                held = [self._object(item, missing, made) for item in items]
                built = self._build(kind, held)
                if identity:
                    made[kind, identity] = built
                return built

    def _build(self, kind: str, items: list[Any]) -> Any:
        if kind == "function":
            code, *closure = items
            return FunctionType(code, self.body.source.__globals__, closure=tuple(closure) or None)
        return _BUILD[kind](*items)


def _cell(value: Any) -> CellType:
    return CellType() if value is UNBOUND or value is NULL else CellType(value)


def _unless_left(result: Any) -> Any:
    """Make the caller give up where its callee did."""
    if isinstance(result, Left):
        raise Leave(result)
    return result


def consumed_by(consumer: str, generator: Any) -> Any:
    """What a consumer answers for a real generator."""
    return list(generator) if consumer == "items" else getattr(builtins, consumer)(generator)


def boxed(value: Value, held: Any) -> Any:
    """The Python object for what a value holds."""
    if isinstance(held, Unstarted):
        return held.function(held.iterator)
    return chr(held) if value.rep is Rep.CHAR else held


def _sequence_iterator(sequence: Any, index: int) -> Any:
    iterator = iter(sequence)
    iterator.__setstate__(index)
    return iterator


def _reversed_iterator(sequence: Any, index: int) -> Any:
    iterator: Any = reversed(sequence)
    iterator.__setstate__(index)
    return iterator


_BUILD: dict[str, Callable[..., Any]] = {
    "range_iter": lambda *bounds: iter(range(*bounds)),
    "range": range,
    "list_iter": _sequence_iterator,
    "str_iter": _sequence_iterator,
    "tuple_iter": _sequence_iterator,
    "bytes_iter": _sequence_iterator,
    "bytearray_iter": _sequence_iterator,
    "tuple": lambda *items: items,
    "method": getattr,
    "slice": slice,
    "cell": _cell,
    "enumerate": enumerate,
    "zip": lambda *iterators: zip(*iterators),  # noqa: B905  # as the program's
    "reversed": _reversed_iterator,
    "generator": lambda function, iterator: function(iterator),
    "num": lambda is_float, integer, floating: floating if is_float else integer,
}
