"""Read rows before the loop: what an innermost loop reads again and again from the same list.

    for j in range(n):                    before(…):  %r = list.get %a, %i   guards of it, too
        s += a[i][j]                          br -> loop(…)
                                          loop(…):    … list.get %r, %j …

A new block before the loop's header gets the operations that read `a[i]`, with every guard that
they rely on; a guard that fails there leaves at the header, in whose state nothing has happened
yet. Only what every iteration would do anyway moves, and only if nothing in the loop can change
what is read: such a loop calls nothing, and stores into lists only by index. A list that is stored
into must then be another object than the one that a row was read from, which is asked before the
loop as well. Inside the loop, other reads of the same rows become the one that has moved.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pyvorin.ir.dominance import Dominance
from pyvorin.ir.model import (
    Block,
    Edge,
    FrameState,
    Function,
    Maybe,
    Op,
    Rep,
    Slot,
    Value,
    Virtual,
    state_values,
)
from pyvorin.ir.optable import OPS, Effect

READS = ("list.get", "tuple.get")
STORES = {"list.set": (0,), "list.swap": (0, 2)}  # by index; and which operands are stored into
MOVABLE = frozenset(
    [
        "const",
        "const.obj",
        "guard",
        "i64.add",
        "i64.sub",
        "i64.mul",
        "list.get",
        "list.len",
        "obj.is_class",
        "obj.unbox_i64",
        "seq.index",
        "tuple.get",
        "tuple.len",
    ]
)
Key = tuple[object, ...]


def hoist(function: Function) -> None:
    """Do it for every innermost loop that gains from it, in place."""
    dominance = Dominance(function)
    loops = _loops(dominance)
    replaced: dict[Value, Value] = {}
    for header, body in loops.items():
        inner = any(other in body for other in loops if other is not header)
        poll = next((op for op in header.ops if op.name == "poll"), None)
        entered = any(entry.block is header for entry in function.entries)
        if not inner and not entered and poll is not None and poll.state is not None:
            _Loop(function, dominance, header, body, poll.state).run(replaced)
    if replaced:
        _rewrite(function, replaced)


def _loops(dominance: Dominance) -> dict[Block, set[Block]]:
    """The natural loops: header and body."""
    before: dict[Block, list[Block]] = {block: [] for block in dominance.order}
    for block in dominance.order:
        for edge in block.terminator.edges:
            before[edge.block].append(block)
    loops: dict[Block, set[Block]] = {}
    for block in dominance.order:
        for edge in block.terminator.edges:
            if dominance.dominates(edge.block, block):
                body = loops.setdefault(edge.block, {edge.block})
                work = [block]
                while work:
                    found = work.pop()
                    if found not in body:
                        body.add(found)
                        work += before[found]
    return loops


@dataclass(slots=True)
class _Plan:
    """What moves, and which other operations those that move stand for."""

    moved: list[Op] = field(default_factory=list)
    known: dict[Key, Op] = field(default_factory=dict)
    same: dict[Value, Value] = field(default_factory=dict)
    dropped: set[int] = field(default_factory=set)  # id() of operations that need not be done


class _Loop:
    """One innermost loop."""

    def __init__(
        self,
        function: Function,
        dominance: Dominance,
        header: Block,
        body: set[Block],
        state: FrameState,
    ) -> None:
        self.function = function
        self.dominance = dominance
        self.header = header
        self.blocks = [block for block in dominance.order if block in body]
        self.state = state
        self.inside = {value for block in self.blocks for value in block.params}
        self.inside |= {value for b in self.blocks for op in b.ops for value in op.results}
        self.back = [e for b in self.blocks for e in b.terminator.edges if e.block is header]
        self.ends = [b for b in self.blocks if any(e.block is header for e in b.terminator.edges)]
        self.fixed = {
            param
            for number, param in enumerate(header.params)
            if all(edge.args[number] is param for edge in self.back)
        }
        ops = [op for block in self.blocks for op in block.ops]
        self.stores = [op for op in ops if OPS[op.name].effect in (Effect.WRITE, Effect.CALL)]

    def run(self, replaced: dict[Value, Value]) -> None:
        if any(op.name not in STORES for op in self.stores):
            return
        written_to = [op.operands[at] for op in self.stores for at in STORES[op.name]]
        banned: set[Value] = set()
        while True:
            plan = self._plan(banned)
            targets = [plan.same.get(value, value) for value in written_to]
            reads = [op for op in plan.moved if op.name == "list.get"]
            written = {op.operands[0] for op in reads} & set(targets)
            if not written:
                break
            banned |= written
        rows = {op.result for op in plan.moved if op.name in READS}
        used = {v for b in self.blocks for op in b.ops for v in op.operands}
        if not rows & {plan.same.get(value, value) for value in used} or not all(
            self._is_ready(target, plan) for target in targets
        ):
            return
        self._apply(plan, list(dict.fromkeys(targets)))
        replaced.update(plan.same)

    def _plan(self, banned: set[Value]) -> _Plan:
        plan = _Plan()
        for block in self.blocks:
            always = all(self.dominance.dominates(block, end) for end in self.ends)
            for op in block.ops:
                self._consider(op, always, plan, banned)
        return plan

    def _consider(self, op: Op, always: bool, plan: _Plan, banned: set[Value]) -> None:
        operands = [plan.same.get(value, value) for value in op.operands]
        if op.name not in MOVABLE or not all(self._is_ready(v, plan) for v in operands):
            return
        if op.name == "list.get" and operands[0] in banned:
            return
        attrs = {key: value for key, value in op.attrs.items() if key != "reason"}
        made = tuple(result.rep for result in op.results)  # the 0 of an int is not that of a char
        key = (op.name, made, repr(sorted(attrs.items())), *operands)
        if key in plan.known:
            twin = plan.known[key]
            plan.same.update(zip(op.results, twin.results, strict=True))
            plan.dropped.add(id(op))
        elif always:
            plan.known[key] = op
            plan.moved.append(op)
            plan.dropped.add(id(op))

    def _is_ready(self, value: Value, plan: _Plan) -> bool:
        """Is the value the same in every iteration, and known before the loop?"""
        if value not in self.inside or value in self.fixed:
            return True
        return any(value in op.results for op in plan.moved)

    # ---- changing the function -------------------------------------------------------------------
    def _apply(self, plan: _Plan, targets: list[Value]) -> None:
        before = self.function.new_block("before")
        before.params = [self.function.new_value(p.rep, p.hint) for p in self.header.params]
        place = self.function.blocks.index(self.header)
        self.function.blocks.insert(place, self.function.blocks.pop())
        for block in self.function.blocks:
            for edge in block.terminator.edges if block.ops else ():
                if edge.block is self.header and edge not in self.back:
                    edge.block = before
        first = dict(zip(self.header.params, before.params, strict=True))
        constants = self._constants_of_state(before, first)
        for block in self.blocks:
            block.ops = [op for op in block.ops if id(op) not in plan.dropped]
        for op in plan.moved:
            op.operands = [first.get(v, v) for v in (plan.same.get(v, v) for v in op.operands)]
            if op.state is not None:
                op.state = mapped(self.state, constants)
            before.ops.append(op)
        bases = [op.operands[0] for op in plan.moved if op.name == "list.get"]
        for target in targets:
            for base in dict.fromkeys(bases):
                self._demand_other(before, first.get(target, target), base, constants)
        before.ops.append(Op("br", edges=[Edge(self.header, list(before.params))]))

    def _constants_of_state(self, before: Block, first: dict[Value, Value]) -> dict[Value, Value]:
        """What the header's state names, as it is before the loop; its constants are made again."""
        known = dict(first)
        made = {v: op for op in self.header.ops for v in op.results}
        for value in state_values(self.state):
            if value in made and value not in known:
                op = made[value]
                assert op.name in ("const", "const.obj"), op
                known[value] = self.function.new_value(value.rep)
                before.ops.append(Op(op.name, [], [known[value]], dict(op.attrs)))
        return known

    def _demand_other(
        self, block: Block, a: Value, b: Value, constants: dict[Value, Value]
    ) -> None:
        """Leave if two lists are one."""
        same, other = self.function.new_value(Rep.I1), self.function.new_value(Rep.I1)
        block.ops.append(Op("obj.same", [a, b], [same]))
        block.ops.append(Op("i1.not", [same], [other]))
        state = mapped(self.state, constants)
        attrs = {"reason": "a list that holds itself"}
        block.ops.append(Op("guard", [other], [], attrs, state, offset=self.state.offset))


# ---- rewriting -----------------------------------------------------------------------------------
def _rewrite(function: Function, replaced: dict[Value, Value]) -> None:
    for op in function.ops():
        op.operands = [replaced.get(value, value) for value in op.operands]
        if op.state is not None:
            op.state = mapped(op.state, replaced)
        for edge in op.edges:
            edge.args = [replaced.get(value, value) for value in edge.args]


def mapped(state: FrameState, values: dict[Value, Value]) -> FrameState:
    """A frame state with other values."""

    def slot(old: Slot) -> Slot:
        match old:
            case Value():
                return values.get(old, old)
            case Maybe(value, bound):
                return Maybe(slot(value), values.get(bound, bound))
            case Virtual(kind, items, identity):
                return Virtual(kind, tuple(map(slot, items)), identity)
        return old

    locals_, stack = tuple(map(slot, state.locals)), tuple(map(slot, state.stack))
    arrays = state.arrays and values.get(state.arrays, state.arrays)
    return FrameState(state.offset, locals_, stack, arrays)
