"""The intermediate representation: values, operations, blocks, functions, frame states.

One IR serves the whole compiler, at two levels that share every class here:

* *generic*: one operation (`py.*`) a bytecode operation, every value a boxed Python object. The
  front end builds it.
* *typed*: operations on machine representations (`i64.add`, `f64.mul`, `list.get`, `guard`).
  Lowering builds it.

Blocks take parameters instead of phi nodes; a terminator passes arguments along each edge. Graph
nodes compare by identity.

A **frame state** says how the interpreter would look at one program point: which instruction comes
next, what every local holds and what lies on the value stack. An operation that may give up
(`Row.deopt` in the op table) carries the frame state of the point *before* it, from which CPython
can repeat it: native code never raises, it resumes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple


class Rep(Enum):
    """How a value is held at run time."""

    OBJ = (
        "obj"  # a reference to a Python object, owned by the value unless a pass proved it borrowed
    )
    I64 = "i64"  # a Python int within [-2**63, 2**63)
    I128 = "i128"  # a Python int within [-2**127, 2**127)
    F64 = "f64"  # a Python float
    I1 = "i1"  # a Python bool, or a truth value
    CHAR = "char"  # a Python str of length 1, as its code point

    __hash__ = object.__hash__  # members are single; that of Enum is Python code


@dataclass(eq=False, slots=True)
class Value:
    """The result of an operation, or a block parameter. `id` is unique in its function."""

    id: int
    rep: Rep
    hint: str = ""  # a name for people: the local variable it came from

    def __repr__(self) -> str:
        return f"%{self.id}"


class Const(NamedTuple):
    """A frame-state slot that holds a constant object known when the function is bound.

    `source` is ("const", index in co_consts), ("const", index, place in that tuple), ("global",
    name), ("attr", global name, attribute), ("singleton", "None" | "True" | "False") or ("name",
    a name in co_names).
    """

    source: tuple[str | int, ...]


class Maybe(NamedTuple):
    """A frame-state slot that is bound only when `bound` (an I1 value) is true."""

    value: Slot
    bound: Value


class Virtual(NamedTuple):
    """An object that native code never built; a resume builds it.

    kind         items
    range_iter   current, stop, step (I64): an iterator over range(current, stop, step)
    range        start, stop, step (I64)
    list_iter    list (OBJ), next index (I64)
    str_iter     str (OBJ), next index (I64)
    tuple_iter   tuple (OBJ), next index (I64); bytes_iter and bytearray_iter as well
    tuple        the elements
    slice        start, stop, step
    enumerate    iterator, next count (I64)
    zip          the iterators
    reversed     list, str or tuple (OBJ), next index (I64)
    method       object (OBJ), name (Const): the object's attribute of that name
    num          is it a float? (I1), its value as an int (I64), as a float (F64)
    cell         the value, or None for an empty cell
    function     the code object, then the closure's cells
    generator    a function of a generator expression, its iterator: a generator that has not begun
    """

    kind: str
    items: tuple[Slot, ...]
    identity: int = 0  # equal virtual objects are one object; a tuple made elsewhere has another


Slot = (
    Value | Const | Maybe | Virtual | None
)  # None: an unbound local, or a NULL on the value stack


class FrameState(NamedTuple):
    """The interpreter's state before the instruction at `offset` (bytes into the original co_code).

    `locals` has one slot per fast local (co_varnames order); `stack` is bottom first. For a call of
    another native function (`call.native`) it is the state *at the CALL instruction* with callable
    and arguments still on the stack. `arrays`: the open arrays (`arrays.open`) that a resume closes
    first, so that lists are what the interpreter must see.
    """

    offset: int
    locals: tuple[Slot, ...]
    stack: tuple[Slot, ...]
    arrays: Value | None = None


@dataclass(eq=False, slots=True)
class Edge:
    """A terminator's way to a block, with the arguments for the block's parameters."""

    block: Block
    args: list[Value] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Op:
    """One operation. `name` selects the row of the op table, which says what operands, attributes
    and results mean.
    """

    name: str
    operands: list[Value] = field(default_factory=list)
    results: list[Value] = field(default_factory=list)
    attrs: dict[str, Any] = field(default_factory=dict)
    state: FrameState | None = None
    edges: list[Edge] = field(default_factory=list)  # terminators only
    offset: int = -1  # bytecode offset it came from; positions are looked up through it

    @property
    def result(self) -> Value:
        """The only result."""
        (value,) = self.results
        return value


@dataclass(eq=False, slots=True)
class Block:
    """Straight-line operations, the last of which is the terminator."""

    label: str
    params: list[Value] = field(default_factory=list)
    ops: list[Op] = field(default_factory=list)

    @property
    def terminator(self) -> Op:
        """The last operation; its edges are the block's successors."""
        return self.ops[-1]

    def __repr__(self) -> str:
        return self.label


@dataclass(eq=False, slots=True)
class Entry:
    """A way into a function: from its start (`header` -1) or at loop header number `header`.

    `slots` names what each parameter of `block` is, in order: the argument (or local and stack
    slots) it is taken from. A local's slot is ("local", index) with its value, ("bound", index)
    with an I1 that says whether it is bound; an iterator on the stack is ("stack", depth, field)
    with field one of the `Virtual` items' names.
    """

    header: int
    block: Block
    slots: list[tuple[Any, ...]] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Function:
    """One compiled body of one Python function.

    `result` is the representation in which it returns. `index` numbers the Python functions of a
    module, `variant` the bodies of one function ("base", "wide", "boxed"). `consumer`: of a
    generator expression's, what takes its items (`ir.consumer`); a frame state lists one
    more local then, the items that stand for those that were taken.
    """

    name: str
    index: int = 0
    variant: str = "base"
    result: Rep = Rep.OBJ
    entries: list[Entry] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    values: int = 0
    nlocals: int = 0
    consumer: str = ""

    def new_value(self, rep: Rep, hint: str = "") -> Value:
        """Make a value; the caller lists it as a result or a parameter."""
        value = Value(self.values, rep, hint)
        self.values += 1
        return value

    def new_block(self, label: str) -> Block:
        """Append an empty block with a label that is unique in the function."""
        block = Block(f"{label}.{len(self.blocks)}")
        self.blocks.append(block)
        return block

    def ops(self) -> Iterator[Op]:
        """All operations, in block order."""
        for block in self.blocks:
            yield from block.ops


def uncelled(slot: Slot) -> Slot:
    """What a frame-state slot says of a variable, whether it is in a cell or not."""
    return slot.items[0] if isinstance(slot, Virtual) and slot.kind == "cell" else slot


def slot_values(slot: Slot) -> Iterator[Value]:
    """The values that a frame-state slot keeps alive."""
    match slot:
        case Value():
            yield slot
        case Maybe(value, bound):
            yield from slot_values(value)
            yield bound
        case Virtual(_, items):
            for item in items:
                yield from slot_values(item)
        case _:
            return


def state_values(state: FrameState | None) -> list[Value]:
    """The values that a frame state keeps alive, locals first."""
    found: list[Value] = []
    if state is not None:
        for slot in (*state.locals, *state.stack):
            if type(slot) is Value:  # most are, and asked for often
                found.append(slot)
            elif slot is not None:
                found += slot_values(slot)
        if state.arrays is not None:
            found.append(state.arrays)
    return found
