"""Check that IR keeps its own rules; runs between all passes.

What holds of every function:

* each block ends in one CONTROL operation and has no other; edges pass what the block takes;
* operands and results have the representations of the op-table row, attributes are the row's;
* a value is defined once, and before each use on every path (dominance);
* an operation that may leave has a frame state, and the state names only values defined before it;
* generic (`py.*`) and typed operations are not mixed, unless `mixed` says that lowering is under
  way.

A failure shows the operations around the fault.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyvorin.ir.dominance import Dominance
from pyvorin.ir.model import (
    Block,
    FrameState,
    Function,
    Op,
    Rep,
    Slot,
    Value,
    Virtual,
    state_values,
)
from pyvorin.ir.optable import OPS, Effect
from pyvorin.ir.text import write_op

_AROUND = 5  # operations shown on either side of a fault
_NEUTRAL = frozenset({"const", "br", "condbr", "ret", "leave"})  # at home on both levels
_EDGES = {"br": 1, "condbr": 2, "ret": 0, "leave": 0}
_OPTIONAL_ATTRS = frozenset({"nowrap", "pad", "body", "pop"})
VIRTUAL_ITEMS = {
    "range_iter": 3,
    "range": 3,
    "list_iter": 2,
    "str_iter": 2,
    "tuple_iter": 2,
    "bytes_iter": 2,
    "bytearray_iter": 2,
    "num": 3,
    "method": 2,
    "slice": 3,
    "cell": 1,
    "enumerate": 2,
    "reversed": 2,
    "generator": 2,
}
REP_NAMES = {rep: rep.value for rep in Rep}  # `value` runs Python code
ANY_ITEMS = ("tuple", "zip", "function")


class VerifyError(AssertionError):
    """The IR breaks a rule; the message says which, where, and shows the operations around."""


def verify(function: Function, after: str = "", *, mixed: bool = False) -> None:
    """Raise VerifyError unless `function` keeps the rules. `after` names the pass that made it."""
    _Verifier(function, after, mixed).run()


class _Verifier:
    def __init__(self, function: Function, after: str, mixed: bool) -> None:
        self.function = function
        self.after = after
        self.mixed = mixed
        self.blocks = set(function.blocks)
        self.defined: dict[Value, tuple[Block, int]] = {}
        self.levels: set[str] = set()
        # lowering may have to leave at a generic return: what it gives may have to be built first
        self._generic = mixed or not any(map(_is_typed, function.ops()))

    def run(self) -> None:
        self._check_entries()
        for block in self.function.blocks:
            self._define_all(block)
        dominance = Dominance(self.function)
        for block in self.function.blocks:
            for place, op in enumerate(block.ops):
                for problem in self._problems(dominance, block, place, op):
                    raise self._error(problem, block, place)

    def _problems(self, dominance: Dominance, block: Block, place: int, op: Op) -> Iterator[str]:
        """What is wrong with one operation; later checks rely on earlier ones."""
        yield from self._shape_problems(block, place, op)
        yield from self._dominance_problems(dominance, block, place, op)
        yield from self._type_problems(op)
        yield from self._state_problems(op)

    def _error(self, problem: str, block: Block | None = None, place: int = 0) -> VerifyError:
        after = f" after {self.after}" if self.after else ""
        lines = [f"{self.function.name} ({self.function.variant}){after}: {problem}"]
        if block is not None:
            lines.append(f"in {block.label}({', '.join(map(repr, block.params))}):")
            first = max(0, place - _AROUND)
            for number, op in enumerate(block.ops[first : place + _AROUND + 1], first):
                lines.append(f"{'>>' if number == place else '  '} {write_op(op)}")
        return VerifyError("\n".join(lines))

    # ---- blocks and definitions ----
    def _check_entries(self) -> None:
        labels = {block.label for block in self.blocks}
        if len(labels) != len(self.function.blocks):
            raise self._error("a block is listed twice, or two share a label")
        if not self.function.entries:
            raise self._error("no entry")
        for entry in self.function.entries:
            if entry.block not in self.blocks:
                raise self._error(f"entry block {entry.block} is not in the function")
            if len(entry.slots) != len(entry.block.params):
                raise self._error(f"entry {entry.header} does not name all parameters", entry.block)

    def _define_all(self, block: Block) -> None:
        if not block.ops:
            raise self._error("an empty block", block)
        for value in block.params:
            self._define(value, block, -1)
        for place, op in enumerate(block.ops):
            for value in op.results:
                self._define(value, block, place)

    def _define(self, value: Value, block: Block, place: int) -> None:
        if value in self.defined:
            raise self._error(f"{value} is defined twice", block, place)
        if not 0 <= value.id < self.function.values:
            raise self._error(f"{value} has no number of this function", block, place)
        self.defined[value] = (block, place)

    # ---- one operation ----
    def _shape_problems(self, block: Block, place: int, op: Op) -> Iterator[str]:
        row = OPS.get(op.name)
        if row is None:
            yield f"no operation is called {op.name}"
            return
        control = row.effect is Effect.CONTROL
        if control != (place == len(block.ops) - 1):
            yield "control in the middle of a block" if control else "the block does not end"
        if len(op.edges) != (_EDGES[op.name] if control else 0):
            yield f"{op.name} has {len(op.edges)} edges"
        for edge in op.edges:
            yield from self._edge_problems(edge.block, edge.args)
        yield from self._level_problems(op)
        needed = set(row.attrs) - _OPTIONAL_ATTRS
        if not needed <= set(op.attrs) <= set(row.attrs):
            yield f"attributes {sorted(op.attrs)} instead of {sorted(row.attrs)}"

    def _edge_problems(self, block: Block, args: list[Value]) -> Iterator[str]:
        if block not in self.blocks:
            yield f"edge to {block}, which is not in the function"
        passed = [REP_NAMES[value.rep] for value in args]
        taken = [REP_NAMES[value.rep] for value in block.params]
        if passed != taken:
            yield f"edge passes {passed}, {block.label} takes {taken}"

    def _level_problems(self, op: Op) -> Iterator[str]:
        if op.name not in _NEUTRAL:
            self.levels.add("typed" if _is_typed(op) else "generic")
        if len(self.levels) > 1 and not self.mixed:
            yield "generic and typed operations in one function"

    def _type_problems(self, op: Op) -> Iterator[str]:
        row = OPS[op.name]
        any_rep: list[Rep] = [self.function.result] if op.name == "ret" else []
        yield from _match("operand", row.operands, op.operands, any_rep)
        yield from _match("result", row.results, op.results, any_rep)

    def _state_problems(self, op: Op) -> Iterator[str]:
        row = OPS[op.name]
        if op.state is None:
            if row.deopt and not op.attrs.get("nowrap"):
                yield f"{op.name} may leave but has no frame state"
            return
        if not row.deopt and not (op.name == "ret" and self._generic):
            yield f"{op.name} never leaves but has a frame state"
        if len(op.state.locals) != self.function.nlocals:
            yield f"frame state of {len(op.state.locals)} locals, not {self.function.nlocals}"
        yield from _virtual_problems(op.state)

    def _dominance_problems(
        self, dominance: Dominance, block: Block, place: int, op: Op
    ) -> Iterator[str]:
        for what, values in _uses(op):
            for value in values:
                if value not in self.defined:
                    yield f"{what} {value} is defined nowhere in the function"
                    continue
                home, at = self.defined[value]
                if not (at < place if home is block else dominance.dominates(home, block)):
                    yield f"{what} {value} is not defined on every path to here"


def _is_typed(op: Op) -> bool:
    return op.name not in _NEUTRAL and not op.name.startswith("py.")


def _uses(op: Op) -> Iterator[tuple[str, list[Value]]]:
    yield "operand", op.operands
    yield "frame-state value", state_values(op.state)
    for edge in op.edges:
        yield "edge argument", edge.args


def _match(
    what: str, wanted: tuple[str, ...], found: list[Value], any_rep: list[Rep]
) -> Iterator[str]:
    """Compare representations with a row's; `any_rep` remembers what T stands for in this op."""
    rest = wanted[-1:] == ("*",)
    fixed = wanted[:-1] if rest else wanted
    if len(found) < len(fixed) or (len(found) > len(fixed) and not rest):
        yield f"{len(found)} {what}s instead of {' '.join(wanted) or 'none'}"
        return
    for name, value in zip(fixed, found, strict=False):
        if name == "T":
            any_rep[:] = any_rep or [value.rep]
            name = REP_NAMES[any_rep[0]]
        if REP_NAMES[value.rep] != name:
            yield f"{what} {value} is {value.rep.value}, not {name}"


def _virtual_problems(state: FrameState) -> Iterator[str]:
    for slot in (*state.locals, *state.stack):
        yield from _virtual_slot_problems(slot)


def _virtual_slot_problems(slot: Slot) -> Iterator[str]:
    if isinstance(slot, Virtual):
        count = VIRTUAL_ITEMS.get(slot.kind, len(slot.items) if slot.kind in ANY_ITEMS else -1)
        if count != len(slot.items):
            yield f"virtual {slot.kind} of {len(slot.items)} items"
        for item in slot.items:
            yield from _virtual_slot_problems(item)
