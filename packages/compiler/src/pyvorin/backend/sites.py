"""Sites (where native code may leave), resume points, and the constants that describe frames at run
time.

A **site** is an operation that may leave. Its descriptor says how to make the interpreter's frame
of the raw values that the native frame stores; `support/frames.py` reads it and gives its layout. A
**point** is an instruction with the shape of the value stack in front of it: several sites may
share one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import CodeType

from pyvorin_runtime import bytecode

from pyvorin.backend.support import frames
from pyvorin.backend.text import escaped
from pyvorin.ir.model import Const, FrameState, Maybe, Op, Rep, Slot, Value, Virtual
from pyvorin.ir.optable import OPS

REPS = (Rep.OBJ, Rep.I64, Rep.I128, Rep.F64, Rep.I1, Rep.CHAR)
VIRTUALS = {
    "range_iter": frames.NODE_RANGE_ITER,
    "range": frames.NODE_RANGE,
    "list_iter": frames.NODE_LIST_ITER,
    "str_iter": frames.NODE_STR_ITER,
    "tuple_iter": frames.NODE_TUPLE_ITER,
    "bytes_iter": frames.NODE_BYTES_ITER,
    "bytearray_iter": frames.NODE_BYTES_ITER,
    "method": frames.NODE_METHOD,
    "slice": frames.NODE_SLICE,
    "cell": frames.NODE_CELL,
    "enumerate": frames.NODE_ENUMERATE,
    "reversed": frames.NODE_REVERSED,
    "generator": frames.NODE_GENERATOR,
}
LISTED = {  # of any number of items
    "tuple": frames.NODE_TUPLE,
    "function": frames.NODE_FUNCTION,
    "zip": frames.NODE_ZIP,
}
Source = tuple[str | int, ...]
Point = tuple[int, str]


def may_leave(op: Op) -> bool:
    """Does the operation need a site? One whose result was proved to fit has none."""
    return op.state is not None and OPS[op.name].deopt and not op.attrs.get("nowrap")


@dataclass(slots=True)
class Objects:
    """The objects that one function's bodies name, numbered."""

    numbers: dict[Source, int] = field(default_factory=dict)

    def number(self, source: Source) -> int:
        """The place of an object in the function's table."""
        return self.numbers.setdefault(source, len(self.numbers))


_KINDS = {  # what leaving says about the body: nothing, or that no other would have gone on
    "poll": frames.KIND_OTHER,
    "call.native": frames.KIND_OTHER,
    "leave": frames.KIND_END,
}


@dataclass(frozen=True, slots=True)
class Site:
    """One site, for META: where in the source, and why it may leave."""

    index: int
    function: int
    offset: int
    reason: str
    line: int
    column: int


@dataclass(slots=True)
class FunctionSites:
    """The sites and points of one Python function. `first` is the number of its first site in the
    module.
    """

    number: int
    code: CodeType
    first: int
    objects: Objects = field(default_factory=Objects)
    points: dict[Point, int] = field(default_factory=dict)
    sites: list[Site] = field(default_factory=list)
    positions: list[tuple[int | None, ...]] = field(init=False)
    instructions: list[bytecode.Instruction] = field(default_factory=list)  # once a call asks

    def __post_init__(self) -> None:
        self.positions = list(self.code.co_positions())

    def _position(self, offset: int) -> tuple[int, int]:
        """Line from 1 and column from 0 of the instruction at a byte offset."""
        line, _, column, _ = self.positions[offset // 2]
        return line or self.code.co_firstlineno, column or 0

    def add(self, op: Op) -> tuple[Site, Frame]:
        """Give an operation its site and frame."""
        assert op.state is not None
        state = op.state
        shape = "".join("0" if slot is None else "v" for slot in state.stack)
        point = self.points.setdefault((state.offset, shape), len(self.points))
        line, column = self._position(op.offset if op.offset >= 0 else state.offset)
        reason = str(op.attrs.get("reason") or op.name)
        site = Site(self.first + len(self.sites), self.number, state.offset, reason, line, column)
        self.sites.append(site)
        frame = Frame(self.objects, state, point, _KINDS.get(op.name, frames.KIND_GUARD))
        if op.name == "call.native":
            frame.called, frame.named = self._called(state)
        return site, frame

    def _called(self, state: FrameState) -> tuple[int, int]:
        """Where on the stack, NULLs not counted, the object lies that the call after a state calls,
        and whether a tuple of keyword names is on top. Of a call that consumes a generator: where
        this lies.
        """
        top = state.stack[-1]
        if isinstance(top, Virtual) and top.kind == "generator":
            return sum(slot is not None for slot in state.stack) - 1, frames.CONSUMED
        self.instructions = self.instructions or bytecode.decode(self.code).instructions
        instructions = iter(self.instructions)
        call = next(ins for ins in instructions if ins.offset == state.offset)
        if call.name == "KW_NAMES":
            call = next(instructions)
        if call.name not in ("PRECALL", "CALL", "CALL_KW"):
            raise ValueError(f"{call.name} at {state.offset} is not a call")
        above = frames.NAMED if call.name == "CALL_KW" else 0
        depth = len(state.stack) - call.arg - above - 2
        under = [slot is not None for slot in state.stack[: depth + 2]]
        if under[depth] and under[depth + 1]:
            return sum(under) - 2, above  # the lower is called, the other is the first argument
        return sum(under) - 1, above


class Frame:
    """One frame state, encoded: `values` are to be stored in the record."""

    def __init__(self, objects: Objects, state: FrameState, point: int, kind: int) -> None:
        self.objects = objects
        self.values: dict[Value, int] = {}  # with their offsets
        self.raw = 0
        self.nodes: list[tuple[int, int, int, int]] = []
        self.extra: list[int] = []
        self.numbers: dict[object, int] = {}
        self.point, self.kind = point, kind
        self.called, self.named = -1, 0  # what a call calls; what is above it (`support/frames.py`)
        self.locals = [self._slot(slot) for slot in state.locals]
        self.stack = [self._slot(slot) for slot in state.stack if slot is not None]

    def _raw(self, value: Value) -> int:
        """The byte offset of a value in the record."""
        if value not in self.values:
            self.values[value] = self.raw
            self.raw += 16 if value.rep is Rep.I128 else 8
        return self.values[value]

    def _node(self, key: object, kind: int, *rest: int) -> int:
        x, y, z = (*rest, 0, 0, 0)[:3]
        self.nodes.append((kind, x, y, z))
        self.numbers[key] = len(self.nodes) - 1
        return self.numbers[key]

    def _slot(self, slot: Slot) -> int:
        apart = isinstance(slot, Maybe) or (isinstance(slot, Virtual) and not slot.identity)
        key: object = id(slot) if apart else slot
        if slot is None or key in self.numbers:
            return -1 if slot is None else self.numbers[key]
        match slot:
            case Value():
                return self._node(key, REPS.index(slot.rep), self._raw(slot))
            case Const(source):
                return self._node(key, frames.NODE_OBJECT, self.objects.number(source))
            case Maybe(value, bound):
                return self._node(key, frames.NODE_MAYBE, self._raw(bound), self._slot(value))
            case Virtual("tuple" | "zip" | "function" as kind, items):
                numbers = [self._slot(item) for item in items]
                self.extra += numbers
                first = len(self.extra) - len(numbers)
                return self._node(key, LISTED[kind], first, len(numbers))
            case Virtual("num", (Value() as is_float, integer, floating)):
                kinds = self._slot(integer), self._slot(floating)
                return self._node(key, frames.NODE_NUM, self._raw(is_float), *kinds)
            case Virtual(kind, items):
                return self._node(key, VIRTUALS[kind], *(self._slot(item) for item in items))

    def descriptor(self, index: int, state: str, counters: str, codes: list[int]) -> str:
        """The descriptor as an LLVM constant. Layout: `support/frames.py`; `codes` are those of the
        values that are passed.
        """
        extra = len(self.nodes) * 4
        nodes = [
            (kind, x + extra if kind in LISTED.values() else x, y, z)
            for kind, x, y, z in self.nodes
        ]
        head = [index, self.point, len(self.locals), len(self.stack), len(nodes)]
        head += [(self.raw + 15) // 16 * 16, self.called, self.kind, self.named]
        words = [*self.locals, *self.stack, *(word for node in nodes for word in node), *self.extra]
        words = [*head, frames.SITE_WORDS + len(words) * 4, *words, *codes]
        content = struct.pack(f"<{len(words)}i", *words)  # LLVM takes long for numbers one by one
        return (
            f"internal constant {{ ptr, ptr, [{len(content)} x i8] }} "
            f'{{ ptr @{state}, ptr @{counters}, [{len(content)} x i8] c"{escaped(content)}" }}'
        )


def constant_sources(ops: Iterator[Op]) -> Iterator[Source]:
    """The sources that operations name themselves."""
    for op in ops:
        if op.name in ("const.obj", "builtin.call", "py.const"):
            yield op.attrs["source"]
