"""Remove block parameters that carry nothing, and constants that nobody reads.

A parameter is *trivial* when every edge passes the same value (or the parameter itself): the value
takes its place. It is *dead* when no operation, frame state or kept parameter needs it. Loop
headers (`keep`) retain all of theirs, as code outside the function body enters there.
"""

from __future__ import annotations

from collections.abc import Collection

from pyvorin.ir.model import (
    Block,
    Edge,
    FrameState,
    Function,
    Maybe,
    Op,
    Slot,
    Value,
    Virtual,
    state_values,
)


def prune(function: Function, keep: Collection[Block] = ()) -> None:
    """Prune in place. Blocks in `keep` and entry blocks keep their parameters."""
    kept = {*keep, *(entry.block for entry in function.entries)}
    _replace_trivial(function, kept)
    _drop_dead(function, kept)
    _drop_unread_constants(function)
    _renumber(function)


def _incoming(function: Function) -> dict[Block, list[Edge]]:
    incoming: dict[Block, list[Edge]] = {block: [] for block in function.blocks}
    for block in function.blocks:
        for edge in block.terminator.edges:
            incoming[edge.block].append(edge)
    return incoming


# ---- trivial parameters --------------------------------------------------------------------------
def _replace_trivial(function: Function, kept: set[Block]) -> None:
    incoming = _incoming(function)
    replaced: dict[Value, Value] = {}
    changed = True
    while changed:
        changed = False
        for block in function.blocks:
            if block not in kept:
                changed |= _replace_in(block, incoming[block], replaced)
    for op in function.ops():
        op.operands = [_final(value, replaced) for value in op.operands]
        op.state = _rewrite_state(op.state, replaced)
        for edge in op.edges:
            edge.args = [_final(value, replaced) for value in edge.args]


def _replace_in(block: Block, edges: list[Edge], replaced: dict[Value, Value]) -> bool:
    """Replace the block's trivial parameters; say whether there were any."""
    found = False
    for number in reversed(range(len(block.params))):
        param = block.params[number]
        passed = {_final(edge.args[number], replaced) for edge in edges} - {param}
        if len(passed) == 1:
            (replaced[param],) = passed
            replaced[param].hint = replaced[param].hint or param.hint
            _drop(block, edges, number)
            found = True
    return found


def _drop(block: Block, edges: list[Edge], number: int) -> None:
    del block.params[number]
    for edge in edges:
        del edge.args[number]


def _final(value: Value, replaced: dict[Value, Value]) -> Value:
    while value in replaced:
        value = replaced[value]
    return value


def _rewrite_state(state: FrameState | None, replaced: dict[Value, Value]) -> FrameState | None:
    if state is None or not any(value in replaced for value in state_values(state)):
        return state
    return FrameState(
        state.offset,
        tuple(_rewrite_slot(slot, replaced) for slot in state.locals),
        tuple(_rewrite_slot(slot, replaced) for slot in state.stack),
    )


def _rewrite_slot(slot: Slot, replaced: dict[Value, Value]) -> Slot:
    match slot:
        case Value():
            return _final(slot, replaced)
        case Maybe(value, bound):
            return Maybe(_rewrite_slot(value, replaced), _final(bound, replaced))
        case Virtual(kind, items, identity):
            rewritten = tuple(_rewrite_slot(item, replaced) for item in items)
            return Virtual(kind, rewritten, identity)
        case _:
            return slot


# ---- dead parameters -----------------------------------------------------------------------------
def _drop_dead(function: Function, kept: set[Block]) -> None:
    incoming = _incoming(function)
    live = _live(function, incoming, kept)
    for block in function.blocks:
        if block not in kept:
            for number in reversed(range(len(block.params))):
                if block.params[number] not in live:
                    _drop(block, incoming[block], number)


def _live(function: Function, incoming: dict[Block, list[Edge]], kept: set[Block]) -> set[Value]:
    """Values that an operation, a frame state or a kept parameter needs, through edges."""
    sources: dict[Value, list[Value]] = {}
    for block, edges in incoming.items():
        for number, param in enumerate(block.params):
            sources[param] = [edge.args[number] for edge in edges]
    work = [param for block in kept for param in block.params]
    for op in function.ops():
        work += _reads(op)
    live: set[Value] = set()
    while work:
        value = work.pop()
        if value not in live:
            live.add(value)
            work += sources.get(value, [])
    return live


def _reads(op: Op) -> list[Value]:
    return [*op.operands, *state_values(op.state)]


def _drop_unread_constants(function: Function) -> None:
    read = {value for op in function.ops() for value in _reads(op)}
    read |= {value for op in function.ops() for edge in op.edges for value in edge.args}
    for block in function.blocks:
        block.ops = [
            op for op in block.ops if op.name not in ("const", "py.const") or op.result in read
        ]


def _renumber(function: Function) -> None:
    """Number the values that are left, in block order."""
    function.values = 0
    for block in function.blocks:
        for value in (*block.params, *(value for op in block.ops for value in op.results)):
            value.id = function.values
            function.values += 1
