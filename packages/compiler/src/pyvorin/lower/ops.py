"""Lowering of each generic operation. `LOWER` maps its name to a function of the lowering and the
op.
"""

from __future__ import annotations

from collections.abc import Callable

from pyvorin.infer.arith import Plan, plan_compare, plan_unary
from pyvorin.infer.flow import (
    ITERATORS,
    binop_plan,
    constant_of,
    has_identity,
    is_index,
    is_singleton,
    operator_plan,
    sequence_of,
)
from pyvorin.infer.module import may_change
from pyvorin.infer.program import result_type
from pyvorin.ir.model import FrameState, Maybe, Op, Rep, Value, uncelled
from pyvorin.lower.body import LOWER, Lowering
from pyvorin.lower.calls import KINDS, lower_call
from pyvorin.lower.held import CannotLower, Held, fixed
from pyvorin.lower.numbers import compare, emit_plan, narrowed, num_binop, truth, unary
from pyvorin.types import (
    BOOL,
    BOTTOM,
    BYTEARRAY,
    BYTES,
    CHAR,
    INT,
    LIST,
    NONE,
    OF_BYTES,
    SEQUENCE_OF,
    STR,
    TUPLE,
    Callee,
    Items,
    Iter,
    Kind,
    Obj,
    Range,
    Type,
    is_object,
)


# ---- constants and names -------------------------------------------------------------------------
def _const(low: Lowering, op: Op) -> None:
    if op.attrs.get("pad"):
        low.put(op.result, Held(BOTTOM))
        return
    low.put(
        op.result,
        low.literal(constant_of(low.flow.source, op), low.flow.type(op.result), op.attrs["source"]),
    )


def _global(low: Lowering, op: Op) -> None:
    type_ = low.flow.type(op.result)
    name = op.attrs["name"]
    if low.flow.module.global_type(name) is None:
        raise CannotLower(f"global {name}")
    low.used_globals.add(name)
    if isinstance(type_, Callee):
        low.put(op.result, fixed(type_))
    elif may_change(type_):
        low.put(op.result, Held(type_, (low.emit("const.obj", source=("global", name)),)))
    else:
        low.put(op.result, low.literal(low.flow.module.constant(name), type_, ("global", name)))


def _check(low: Lowering, op: Op) -> None:
    assert op.state is not None
    slot = uncelled(op.state.locals[op.attrs["index"]])
    if isinstance(slot, Maybe):
        flag = low.held[slot.bound.id].parts[0]
        reason = f"{op.attrs['name']} may be unbound"
        low.emit("guard", flag, state=op.state, reason=reason)
    held = low.held[op.operands[0].id]
    if held.type is BOTTOM:
        raise CannotLower(f"{op.attrs['name']} is unbound")
    low.held[op.result.id] = held


# ---- arithmetic ----------------------------------------------------------------------------------
def _binop(low: Lowering, op: Op) -> None:
    plan = binop_plan(low.flow, op)
    if plan is None:
        carry_out(low, op)
        return
    left, right = (
        low.take(v, t, op.state) for v, t in zip(op.operands, plan.operands, strict=True)
    )
    if plan.op == "num":
        low.put(op.result, num_binop(low, op.attrs["op"], left, right, op.state))
        return
    value = (
        _by_power_of_two(low, op, plan, left)
        or _product_modulo(low, op, plan, left)
        or emit_plan(low, plan, op, (left, right))
    )
    low.put(op.result, narrowed(low, value, plan, op.state))


def carry_out(low: Lowering, op: Op) -> None:
    """An operator on objects of builtin classes, by its plan."""
    plan = operator_plan(low.flow, op)
    if plan is None:
        raise CannotLower(f"{op.attrs.get('op', op.name)} on these operands")
    held = KINDS[plan.kind](low, op, plan)
    if op.results:
        low.put(op.result, held)


def _by_power_of_two(low: Lowering, op: Op, plan: Plan, left: Held) -> Value | None:
    """x % 2**k as a mask and x // 2**k as a shift: floor semantics make both exact for any x."""
    divisor = low.flow.constants.get(op.operands[1].id)
    prefix, _, name = plan.op.partition(".")
    if not isinstance(divisor, int) or divisor < 1 or divisor & (divisor - 1):
        return None
    if prefix not in ("i64", "i128") or name not in ("mod", "floordiv"):
        return None
    (dividend,) = left.parts
    if name == "mod":
        return low.emit(f"{prefix}.and", dividend, low.const(dividend.rep, divisor - 1))
    shift = low.const(Rep.I64, divisor.bit_length() - 1)
    return low.emit(f"{prefix}.shr", dividend, shift, state=op.state)


def _product_modulo(low: Lowering, op: Op, plan: Plan, left: Held) -> Value | None:
    """a * b % m of 64-bit ints without a general 128-bit division."""
    factors = low.factors.get(left.parts[0].id)
    if plan.op != "i128.mod" or plan.result is not INT or factors is None:
        return None
    held = low.held[op.operands[1].id]
    if held.type is not INT:
        return None
    return low.emit("i64.mulmod", *factors, held.parts[0], state=op.state)


def _unary(low: Lowering, op: Op) -> None:
    plan = plan_unary(op.attrs["op"], low.held[op.operands[0].id].type, low.flow.classes(op.result))
    if plan is None:
        raise CannotLower(f"unary {op.attrs['op']}")
    held = low.take(op.operands[0], plan.operands[0], op.state)
    low.put(op.result, unary(low, plan, held, op.attrs["op"], op.state))


# ---- truth and comparison ------------------------------------------------------------------------
def _truth(low: Lowering, op: Op) -> None:
    low.put(op.result, Held(BOOL, (truth(low, op.operands[0], op.state),)))


def _not(low: Lowering, op: Op) -> None:
    low.put(op.result, Held(BOOL, (low.emit("i1.not", truth(low, op.operands[0], op.state)),)))


def _compare(low: Lowering, op: Op) -> None:
    a, b = (low.held[v.id].type for v in op.operands)
    planned = None if BOTTOM in (a, b) else plan_compare(op.attrs["op"], a, b)
    if planned is None:
        raise CannotLower("comparison")
    symbol, plan = planned
    low.put(op.result, Held(BOOL, (compare(low, symbol, plan, op.operands, op.state),)))


def _is(low: Lowering, op: Op) -> None:
    flow = low.flow
    left, right = op.operands
    if not is_singleton(flow, right):
        left, right = right, left
    if not is_singleton(flow, right):
        _is_object(low, op)
        return
    same = _is_singleton(low, low.held[left.id], flow.constants[right.id])
    low.put(op.result, Held(BOOL, (low.emit("i1.not", same) if op.attrs["invert"] else same,)))


def _is_object(low: Lowering, op: Op) -> None:
    if not all(has_identity(low.held[value.id].type) for value in op.operands):
        raise CannotLower("identity of numbers")
    same = low.emit("obj.same", *(low.held[value.id].parts[0] for value in op.operands))
    low.put(op.result, Held(BOOL, (low.emit("i1.not", same) if op.attrs["invert"] else same,)))


def _is_singleton(low: Lowering, held: Held, constant: object) -> Value:
    if isinstance(held.type, Obj):
        expected = low.emit("const.obj", source=("singleton", str(constant)))
        return low.emit("obj.same", held.parts[0], expected)
    if held.type is BOOL and isinstance(constant, bool):
        return held.parts[0] if constant else low.emit("i1.not", held.parts[0])
    return low.const(Rep.I1, held.type is NONE and constant is None)


def _contains(low: Lowering, op: Op) -> None:
    item, container = op.operands
    text = low.flow.constants.get(container.id)
    held = low.held[item.id]
    if held.type is not CHAR or not isinstance(text, str):
        carry_out(low, op)
        return
    found = low.const(Rep.I1, False)
    for char in sorted(set(text)):
        equal = low.emit("char.cmp", held.parts[0], low.const(Rep.CHAR, ord(char)), op="==")
        found = low.emit("i1.or", found, equal)
    low.put(op.result, Held(BOOL, (low.emit("i1.not", found) if op.attrs["invert"] else found,)))


# ---- sequences -----------------------------------------------------------------------------------
LENGTH_AND_ITEM = {
    LIST: ("list.len", "list.get"),
    STR: ("str.len", "str.char"),
    TUPLE: ("tuple.len", "tuple.get"),
    BYTES: ("bytes.len", "bytes.get"),
    BYTEARRAY: ("bytearray.len", "bytearray.get"),
}


def _sequence(low: Lowering, value: Value, state: FrameState | None) -> Held:
    kind = sequence_of(low.held[value.id].type)
    if kind is None:
        raise CannotLower("not a sequence")
    return low.take(value, kind, state)


def _at(low: Lowering, base: Held, index: Value, state: FrameState | None) -> Value:
    """The index counted from the front, in range."""
    length = low.emit(LENGTH_AND_ITEM[base.type][0], base.parts[0])  # type: ignore[index]
    position = low.take(index, INT, state).parts[0]
    return low.emit("seq.index", position, length, state=state)


def _getitem(low: Lowering, op: Op) -> None:
    held = low.held[op.operands[0].id]
    if isinstance(held.type, Items):
        number = low.flow.item(op.operands[1], len(held.items))
        if number is not None:
            low.put(op.result, low.convert(held.items[number], low.flow.type(op.result), op.state))
            return
    if not is_indexed(low, op):
        carry_out(low, op)
        return
    base = _sequence(low, op.operands[0], op.state)
    place = _at(low, base, op.operands[1], op.state)
    loaded(low, op.result, base, place, op.state)


def loaded(low: Lowering, value: Value, base: Held, place: Value, state: FrameState | None) -> None:
    """Read an item as the type that inference wants for `value`."""
    low.put(value, load_as(low, base, place, low.flow.type(value), state))


def load_as(low: Lowering, base: Held, place: Value, type_: Type, state: FrameState | None) -> Held:
    """Read an item as a type; leaves if it is of another."""
    item = low.emit(LENGTH_AND_ITEM[base.type][1], base.parts[0], place)  # type: ignore[index]
    if base.type is STR:
        return Held(CHAR, (item,))
    if base.type in OF_BYTES:
        return Held(INT, (item,))
    if isinstance(type_, Obj):
        return Held(type_, (item,))
    return low.unbox(Held(Obj(), (item,)), type_, state)


def is_indexed(low: Lowering, op: Op) -> bool:
    """Is it a sequence, with an index that is a number?"""
    known = sequence_of(low.held[op.operands[0].id].type) is not None
    return known and is_index(low.held[op.operands[1].id].type)


def _setitem(low: Lowering, op: Op) -> None:
    if not is_indexed(low, op):
        carry_out(low, op)
        return
    base = _sequence(low, op.operands[0], op.state)
    if base.type is BYTEARRAY:
        place = _at(low, base, op.operands[1], op.state)
        byte = low.take(op.operands[2], INT, op.state).parts[0]
        low.emit("bytearray.set", base.parts[0], place, byte, state=op.state)
        return
    if base.type is not LIST:
        raise CannotLower("assignment to an item")
    place = _at(low, base, op.operands[1], op.state)
    item = low.box(low.held[op.operands[2].id])
    low.emit("list.set", base.parts[0], place, item, state=op.state)


def _iter(low: Lowering, op: Op) -> None:
    value = op.operands[0]
    held = low.held[value.id]
    if isinstance(held.type, Range):
        low.put(op.result, Held(Range(held.type.step, True), held.parts))
        return
    if isinstance(held.type, Iter):
        if value.id not in low.flow.source.passing:
            raise CannotLower("an iterator in a variable")
        low.put(op.result, held)
        return
    base = _sequence(low, value, op.state)
    low.put(op.result, Held(ITERATORS[base.type], (base.parts[0], low.const(Rep.I64, 0))))


def _next(low: Lowering, op: Op) -> None:
    held = low.held[op.operands[0].id]
    if isinstance(held.type, Range):
        _next_in_range(low, op, held)
    elif held.type in ITERATORS.values():
        _next_in_sequence(low, op, held)
    elif isinstance(held.type, Iter):
        NEXT["Iter"](low, op, held)
    else:
        raise CannotLower("iteration")


NEXT: dict[str, Callable[[Lowering, Op, Held], None]] = {}  # `lower.iterators` enters its own


def _next_in_range(low: Lowering, op: Op, held: Held) -> None:
    assert isinstance(held.type, Range)
    current, stop = held.parts[:2]
    step = held.type.step
    if step is not None:
        more = low.emit("i64.cmp", current, stop, op="<" if step > 0 else ">")
        by = low.const(Rep.I64, step)
    else:
        by = held.parts[2]
        up = low.emit("i64.cmp", current, stop, op="<")
        down = low.emit("i64.cmp", current, stop, op=">")
        rising = low.emit("i64.cmp", by, low.const(Rep.I64, 0), op=">")
        more = low.emit("select", rising, up, down, rep=Rep.I1)
    following = low.emit("i64.add", current, by, state=op.state, nowrap=step in (1, -1))
    rest = held.parts[2:]
    low.held[op.operands[0].id] = Held(held.type, (following, stop, *rest))
    low.put(op.results[0], Held(INT, (current,)))
    low.put(op.results[1], Held(BOOL, (more,)))


def _next_in_sequence(low: Lowering, op: Op, held: Held) -> None:
    sequence, index = held.parts
    base = Held(SEQUENCE_OF[held.type], (sequence,))  # type: ignore[index]
    length = low.emit(LENGTH_AND_ITEM[base.type][0], sequence)  # type: ignore[index]
    more = low.emit("i64.cmp", index, length, op="<")
    yes, no = low.fork(more)
    low.block = yes
    item = op.results[0]
    loaded(low, item, base, index, op.state)
    read = low.held[item.id]
    one = low.const(Rep.I64, 1)
    following = low.emit("i64.add", index, one, state=op.state, nowrap=True)
    yes, low.block = low.block, no
    nothing = tuple(padded(low, part) for part in read.parts)
    values = low.meet([(yes, (*read.parts, following)), (low.block, (*nothing, index))])
    low.put(item, Held(read.type, values[:-1]))
    low.put(op.results[1], Held(BOOL, (more,)))
    low.held[op.operands[0].id] = Held(held.type, (sequence, values[-1]))


def padded(low: Lowering, like: Value) -> Value:
    """Any value of the same representation."""
    zero = {Rep.F64: 0.0, Rep.I1: False}.get(like.rep, 0)
    return low.const(like.rep, zero)


def _tuple(low: Lowering, op: Op) -> None:
    items = tuple(low.held[v.id] for v in op.operands)
    type_ = low.flow.type(op.result)
    low.put(op.result, Held(type_, items=items, identity=1 + op.result.id))


def _deref(low: Lowering, op: Op) -> None:
    (cell,) = low.take(op.operands[0], Obj(), op.state).parts
    held = Held(Obj(low.flow.classes(op.result)), (low.emit("cell.get", cell, state=op.state),))
    type_ = low.flow.type(op.result)
    low.put(op.result, held if isinstance(type_, Obj) else low.unbox(held, type_, op.state))


def _store_deref(low: Lowering, op: Op) -> None:
    (cell,) = low.take(op.operands[0], Obj(), op.state).parts
    low.emit("cell.set", cell, low.box(low.held[op.operands[1].id]), state=op.state)


def _function(low: Lowering, op: Op) -> None:
    """The function of a comprehension is not made; the call takes what it captures."""
    captured = tuple(low.held[v.id] for v in op.operands)
    low.put(op.result, Held(low.flow.type(op.result), items=captured))


def _unpack(low: Lowering, op: Op) -> None:
    held = low.held[op.operands[0].id]
    if isinstance(held.type, Items):
        if len(held.items) != len(op.results):
            raise CannotLower("unpacking another number of values")
        for value, item in zip(op.results, held.items, strict=True):
            low.put(value, low.convert(item, low.flow.type(value), op.state))
        return
    base = _sequence(low, op.operands[0], op.state)
    length = low.emit(LENGTH_AND_ITEM[base.type][0], base.parts[0])  # type: ignore[index]
    fits = low.emit("i64.cmp", length, low.const(Rep.I64, len(op.results)), op="==")
    low.emit("guard", fits, state=op.state, reason="another number of values to unpack")
    for number_, value in enumerate(op.results):
        loaded(low, value, base, low.const(Rep.I64, number_), op.state)


# ---- truth values and control --------------------------------------------------------------------
def _flag(low: Lowering, op: Op) -> None:
    low.put(op.result, Held(BOOL, (low.const(Rep.I1, op.attrs["value"]),)))


def _call(low: Lowering, op: Op) -> None:
    lower_call(low, op)


def _br(low: Lowering, op: Op) -> None:
    low.end("br", edges=(low.edge(op.edges[0]),))


def _condbr(low: Lowering, op: Op) -> None:
    condition = low.held[op.operands[0].id].parts[0]
    low.end("condbr", condition, edges=tuple(map(low.edge, op.edges)))


def _ret(low: Lowering, op: Op) -> None:
    held = low.held[op.operands[0].id]
    type_ = result_type(low.flow.returns)
    if not is_object(held.type):
        raise CannotLower("returning what is not built natively")
    if type_ is NONE:
        low.end("ret", low.box(held))
    elif isinstance(type_, Kind | Obj):
        low.end("ret", low.convert(held, type_, None).parts[0])


def _leave(low: Lowering, op: Op) -> None:
    low.end("leave", state=op.state, reason=op.attrs.get("reason", ""))


LOWER.update(
    {
        "py.const": _const,
        "py.global": _global,
        "py.check": _check,
        "py.deref": _deref,
        "py.store_deref": _store_deref,
        "py.binop": _binop,
        "py.unary": _unary,
        "py.not": _not,
        "py.compare": _compare,
        "py.is": _is,
        "py.contains": _contains,
        "py.truth": _truth,
        "py.getitem": _getitem,
        "py.setitem": _setitem,
        "py.call": _call,
        "py.iter": _iter,
        "py.next": _next,
        "py.function": _function,
        "py.tuple": _tuple,
        "py.unpack": _unpack,
        "const": _flag,
        "br": _br,
        "condbr": _condbr,
        "ret": _ret,
        "leave": _leave,
    }
)
