"""Lowering of what is done with dicts and sets.

A key is looked up once: its place serves the reads and the store of `d[k] = d.get(k, 0) + 1`, as
long as nothing was written in between (`Places`).
"""

from __future__ import annotations

from pyvorin.infer.calls import CallPlan
from pyvorin.infer.dicts import ITERATORS_OF
from pyvorin.infer.methods import receiver_of
from pyvorin.ir.model import Block, FrameState, Op, Rep, Value
from pyvorin.ir.optable import OPS, Effect
from pyvorin.lower.body import LOWER, LOWER_OF_CLASS, Lowering
from pyvorin.lower.calls import KINDS, arguments
from pyvorin.lower.held import CannotLower, Held, fixed
from pyvorin.lower.lists import iterable
from pyvorin.lower.ops import padded
from pyvorin.types import (
    BOOL,
    DICT,
    FLOAT,
    FROZENSET,
    INT,
    NONE,
    OBJECTS,
    SET,
    TUPLE,
    Items,
    Kind,
    Obj,
    Type,
)

_FAR = 6  # blocks to look back through


# ---- building ------------------------------------------------------------------------------------
def _new(low: Lowering, op: Op) -> None:
    name, kind = {"py.dict": ("dict.new", DICT), "py.set": ("set.new", SET)}[op.name]
    items = [low.box(low.held[v.id]) for v in op.operands]
    low.put(op.result, Held(kind, (low.emit(name, *items, state=op.state),)))


# ---- looking up ----------------------------------------------------------------------------------
def _table(low: Lowering, value: Value, state: FrameState | None) -> Held:
    """The dict or set that a value should be."""
    kind = receiver_of(low.held[value.id].type)
    if kind is None:
        raise CannotLower("not a dict or set")
    return low.take(value, kind, state)


def _key(low: Lowering, value: Value, state: FrameState | None) -> tuple[Value, ...]:
    """A key as dict.find and set.has take it: i64 where it is an int, two where it is a pair of
    ints, else an object.
    """
    held = low.held[value.id]
    if _is_pair(held):
        return tuple(low.convert(item, INT, state).parts[0] for item in held.items)
    if held.type in (INT, BOOL):
        return low.convert(held, INT, state).parts
    if isinstance(held.type, Obj) and held.type.classes == {"int"}:
        return low.take(value, INT, state).parts
    return (low.box(held),)


def _is_pair(held: Held) -> bool:
    return len(held.items) == 2 and all(item.type in (INT, BOOL) for item in held.items)


def _is_plain_pair(held: Held) -> bool:
    """Are its elements made anew when it is built? A bool or an object stays what it is."""
    fresh = all(i.type is INT and i.origin is None and i.source is None for i in held.items)
    return _is_pair(held) and fresh and held.source is None


def _stored_key(low: Lowering, value: Value, state: FrameState | None) -> tuple[Value, ...]:
    """A key that may be stored: a bool stays one, and a number the object it came from."""
    held = low.held[value.id]
    if held.items:
        return _key(low, value, state) if _is_plain_pair(held) else (low.box(held),)
    same = held.type is BOOL or held.origin is not None or held.source is not None
    return (low.box(held),) if same else _key(low, value, state)


def _place(low: Lowering, table: Held, key: Value, state: FrameState | None) -> Value:
    """Where a key is in a dict: found now, or known since nothing has changed."""
    looked = _key(low, key, state)
    held = low.held[key.id]
    parts = tuple(part for item in held.items for part in item.parts) or held.parts
    wanted = held.source or (held.type, parts)
    place = _known_place(low, table.parts[0], wanted)
    if place is None:
        place = low.emit("dict.find", table.parts[0], *looked, state=state)
        low.found[place] = wanted
    return place


def _known_place(low: Lowering, table: Value, wanted: object) -> Value | None:
    """The place found before in this block or on the only way to it, if nothing wrote since."""
    block: Block | None = low.block
    for _ in range(_FAR):
        if block is None:
            return None
        for op in reversed(block.ops):
            if _writes(op):
                return None
            here = op.name == "dict.find" and op.operands[0] is table
            if here and wanted and low.found[op.result] == wanted:
                return op.result
        block = _above(low, block)
    return None


def _writes(op: Op) -> bool:
    return OPS[op.name].effect in (Effect.WRITE, Effect.CALL)


def _above(low: Lowering, block: Block) -> Block | None:
    """The block that control comes from, past two arms that write nothing."""
    if block in low.loops:
        return None
    ways = low.ways.get(block, [])
    if len(ways) == 2 and not any(_writes(op) for way in ways for op in way.ops):
        ways = [above for way in ways for above in low.ways.get(way, [])]
        if len(ways) == 2 and ways[0] is ways[1]:
            return ways[0]
    return ways[0] if len(ways) == 1 else None


def loaded(low: Lowering, item: Value, type_: Type, state: FrameState | None) -> Held:
    """An object just read, as the type that inference wants it to be."""
    if isinstance(type_, Obj):
        return Held(type_, (item,))
    return low.unbox(Held(Obj(), (item,)), type_, state)


def _demand(low: Lowering, place: Value, state: FrameState | None, found: bool = True) -> None:
    there = low.emit("i64.cmp", place, low.const(Rep.I64, 0), op=">=" if found else "<")
    low.emit("guard", there, state=state, reason="the key is not in the dict")


def _getitem(low: Lowering, op: Op) -> None:
    table = _table(low, op.operands[0], op.state)
    place = _place(low, table, op.operands[1], op.state)
    _demand(low, place, op.state)
    value = low.emit("dict.value", table.parts[0], place)
    low.put(op.result, loaded(low, value, low.flow.type(op.result), op.state))


def _setitem(low: Lowering, op: Op) -> None:
    table = _table(low, op.operands[0], op.state)
    place = _place(low, table, op.operands[1], op.state)
    _put(low, table, place, op.operands[1], low.held[op.operands[2].id], op.state)


def _put(
    low: Lowering, table: Held, place: Value, key: Value, held: Held, state: FrameState | None
) -> None:
    """Store a value; a key that is a tuple is built only when it is not there yet."""
    plain = held.type in (INT, FLOAT) and held.source is None
    value = held.parts[0] if plain else low.box(held)

    def put(name: Value) -> None:
        low.emit("dict.put", table.parts[0], place, name, value, state=state)

    if not low.held[key.id].items:
        put(_stored_key(low, key, state)[0])
        return
    found = low.emit("i64.cmp", place, low.const(Rep.I64, 0), op=">=")
    yes, no = low.fork(found)
    low.block = yes
    put(low.const(Rep.OBJ, None))
    yes, low.block = low.block, no
    put(low.box(low.held[key.id]))
    low.meet([(yes, ()), (low.block, ())])


def _delitem(low: Lowering, op: Op) -> None:
    table = _table(low, op.operands[0], op.state)
    place = _place(low, table, op.operands[1], op.state)
    _demand(low, place, op.state)
    low.emit("dict.delete", table.parts[0], place, state=op.state)


def _contains(low: Lowering, op: Op) -> None:
    item, container = op.operands
    table = _table(low, container, op.state)
    if table.type is DICT:
        place = _place(low, table, item, op.state)
        found = low.emit("i64.cmp", place, low.const(Rep.I64, 0), op=">=")
    else:
        key = _key(low, item, op.state)
        found = low.emit("set.has", table.parts[0], *key, state=op.state)
    low.put(op.result, Held(BOOL, (low.emit("i1.not", found) if op.attrs["invert"] else found,)))


# ---- iterating -----------------------------------------------------------------------------------
def _iter(low: Lowering, op: Op) -> None:
    table = _table(low, op.operands[0], op.state)
    kind = ITERATORS_OF[table.type]  # type: ignore[index]
    low.put(op.result, Held(kind, (low.emit("hash.iter", table.parts[0]),)))


def _next(low: Lowering, op: Op) -> None:
    """Look at what comes next, read it as what it should be, which may leave, and then go past."""
    held = low.held[op.operands[0].id]
    assert isinstance(held.type, Kind)
    (iterator,), cls = held.parts, OBJECTS[held.type]
    item, flag = op.results
    place = low.emit("hash.peek", iterator, state=op.state, cls=cls)
    more = low.emit("i64.cmp", place, low.const(Rep.I64, 0), op=">=")
    yes, no = low.fork(more)
    low.block = yes
    read = _item(low, iterator, place, held.type, low.flow.type(item), op.state)
    parts = [part for one in read for part in one.parts]
    low.emit("hash.step", iterator, cls=cls)
    yes, low.block = low.block, no
    low.emit("hash.finish", iterator)
    nothing = tuple(padded(low, part) for part in parts)
    values = iter(low.meet([(yes, tuple(parts)), (low.block, nothing)]))
    whole = [Held(one.type, tuple(next(values) for _ in one.parts)) for one in read]
    if held.type is Kind.ITEM_ITER:
        pair = Held(Items((Obj(), Obj())), items=tuple(whole), identity=1 + item.id)
        low.put(item, pair)
    else:
        low.put(item, whole[0])
    low.put(flag, Held(BOOL, (more,)))


def _item(
    low: Lowering, iterator: Value, place: Value, kind: Kind, type_: Type, state: FrameState | None
) -> list[Held]:
    if kind is Kind.ITEM_ITER:
        key = low.emit("hash.key", iterator, place, cls=OBJECTS[kind])
        return [Held(Obj(), (key,)), Held(Obj(), (low.emit("hash.value", iterator, place),))]
    if kind is Kind.VALUE_ITER:
        value = low.emit("hash.value", iterator, place)
    else:
        value = low.emit("hash.key", iterator, place, cls=OBJECTS[kind])
    return [loaded(low, value, type_, state)]


# ---- methods of dicts ----------------------------------------------------------------------------
def _receiver(low: Lowering, op: Op, plan: CallPlan) -> Held:
    callee = low.held[op.operands[0].id]
    return Held(plan.operands[0], callee.parts)


def _get(low: Lowering, op: Op, plan: CallPlan) -> Held:
    """The value, or the default: each as what inference says the result is."""
    table, type_ = _receiver(low, op, plan), low.flow.type(op.result)
    place = _place(low, table, op.operands[1], op.state)
    found = low.emit("i64.cmp", place, low.const(Rep.I64, 0), op=">=")
    yes, no = low.fork(found)
    low.block = yes
    value = loaded(low, low.emit("dict.value", table.parts[0], place), type_, op.state)
    yes, low.block = low.block, no
    other = _default(low, op, type_)
    parts = low.meet([(yes, value.parts), (low.block, other.parts)])
    return Held(value.type, parts)


def _default(low: Lowering, op: Op, type_: Type) -> Held:
    held = low.held[op.operands[2].id] if len(op.operands) > 2 else fixed(NONE)
    return low.convert(held, type_, op.state)


def _setdefault(low: Lowering, op: Op, plan: CallPlan) -> Held:
    table, type_ = _receiver(low, op, plan), low.flow.type(op.result)
    place = _place(low, table, op.operands[1], op.state)
    if isinstance(low.held[op.operands[2].id].type, Items):  # one object from here on
        low.held[op.operands[2].id] = low.take(op.operands[2], TUPLE, op.state)
    found = low.emit("i64.cmp", place, low.const(Rep.I64, 0), op=">=")
    yes, no = low.fork(found)
    low.block = yes
    value = loaded(low, low.emit("dict.value", table.parts[0], place), type_, op.state)
    yes, low.block = low.block, no
    held = low.held[op.operands[2].id]
    other = low.convert(held, type_, op.state)
    _put(low, table, place, op.operands[1], held, op.state)
    parts = low.meet([(yes, value.parts), (low.block, other.parts)])
    return Held(value.type, parts)


def _pop(low: Lowering, op: Op, plan: CallPlan) -> Held:
    table, type_ = _receiver(low, op, plan), low.flow.type(op.result)
    place = _place(low, table, op.operands[1], op.state)
    if len(op.operands) == 2:
        _demand(low, place, op.state)
    found = low.emit("i64.cmp", place, low.const(Rep.I64, 0), op=">=")
    yes, no = low.fork(found)
    low.block = yes
    value = loaded(low, low.emit("dict.value", table.parts[0], place), type_, op.state)
    low.emit("dict.delete", table.parts[0], place, state=op.state)
    yes, low.block = low.block, no
    if len(op.operands) == 2:
        low.end("leave", state=op.state, reason="the key is not in the dict")
        low.block = yes
        return value
    other = _default(low, op, type_)
    parts = low.meet([(yes, value.parts), (low.block, other.parts)])
    return Held(value.type, parts)


# ---- methods of sets -----------------------------------------------------------------------------
def _added(low: Lowering, op: Op, plan: CallPlan) -> Held:
    table = _receiver(low, op, plan)
    key = _stored_key(low, op.operands[1], op.state)
    low.emit("set.add", table.parts[0], *key, state=op.state)
    return fixed(NONE)


def _discarded(low: Lowering, op: Op, plan: CallPlan) -> Held:
    table = _receiver(low, op, plan)
    key = low.box(low.held[op.operands[1].id])
    if plan.kind == "set.remove":
        there = low.emit("set.has", table.parts[0], key, state=op.state)
        low.emit("guard", there, state=op.state, reason="the element is not in the set")
    low.emit("set.discard", table.parts[0], key, state=op.state)
    return fixed(NONE)


def _taken(low: Lowering, op: Op, plan: CallPlan) -> Held:
    """s.pop(): the element is read as what it should be before it is taken out."""
    table = _receiver(low, op, plan)
    element = low.emit("set.top", table.parts[0], state=op.state)
    held = loaded(low, element, low.flow.type(op.result), op.state)
    low.emit("set.pop", table.parts[0])
    return held


def _update(low: Lowering, op: Op, plan: CallPlan) -> Held:
    table = _receiver(low, op, plan)
    items = iterable(low, op.operands[1], op.state)
    low.emit("set.update", table.parts[0], items, state=op.state)
    return fixed(NONE)


def _update_display(low: Lowering, op: Op) -> None:
    table = low.take(op.operands[0], SET, op.state)
    items = iterable(low, op.operands[1], op.state)
    low.emit("set.update", table.parts[0], items, state=op.state)


def _add_display(low: Lowering, op: Op) -> None:
    table = low.take(op.operands[0], SET, op.state)
    key = _stored_key(low, op.operands[1], op.state)
    low.emit("set.add", table.parts[0], *key, state=op.state)


def _set_of(low: Lowering, op: Op, plan: CallPlan) -> Held:
    items = iterable(low, op.operands[1], op.state)
    return Held(plan.result, (low.emit("set.of", items, state=op.state, cls=plan.op),))


def _changed(low: Lowering, op: Op, plan: CallPlan) -> Held:
    base, other = arguments(low, op, plan)
    low.emit("set.change", base.parts[0], other.parts[0], state=op.state, op=plan.op)
    return base


LOWER.update({"py.dict": _new, "py.set": _new, "py.setupdate": _update_display})
LOWER["py.setadd"] = _add_display
LOWER_OF_CLASS.update(
    {
        ("py.getitem", DICT): _getitem,
        ("py.setitem", DICT): _setitem,
        ("py.delitem", DICT): _delitem,
        **{("py.contains", kind): _contains for kind in (DICT, SET, FROZENSET)},
        **{("py.iter", kind): _iter for kind in ITERATORS_OF},
        **{("py.next", kind): _next for kind in ITERATORS_OF.values()},
    }
)
KINDS.update(
    {
        "dict.get": _get,
        "dict.setdefault": _setdefault,
        "dict.pop": _pop,
        "set.add": _added,
        "set.discard": _discarded,
        "set.remove": _discarded,
        "set.pop": _taken,
        "set.update": _update,
        "set.of": _set_of,
        "set.change": _changed,
    }
)
