"""Lowering of attributes: loads of methods, of what modules have, and of what instances keep."""

from __future__ import annotations

from pyvorin.ir.model import Op
from pyvorin.lower.body import LOWER, Lowering
from pyvorin.lower.held import CannotLower, Held, fixed
from pyvorin.types import BOTTOM, Callee, Method, Obj


def _attr(low: Lowering, op: Op) -> None:
    type_ = low.flow.type(op.result)
    base = low.held[op.operands[0].id].type
    if isinstance(type_, Method):
        if isinstance(base, Callee):
            held = Held(type_.of, (low.emit("const.obj", source=base.source),))
        else:
            held = low.take(op.operands[0], type_.of, op.state)
        low.put(op.result, Held(type_, held.parts, identity=1 + op.result.id))
        return
    if isinstance(base, Obj) and type_ is not BOTTOM:
        _of_instance(low, op)
        return
    if not isinstance(base, Callee) or type_ is BOTTOM:
        raise CannotLower(f"attribute {op.attrs['name']}")
    low.used_attributes.add((base.source[1], op.attrs["name"]))
    if isinstance(type_, Callee):
        low.put(op.result, fixed(type_))
    else:
        source = ("attr", base.source[1], op.attrs["name"])
        low.put(op.result, low.literal(low.flow.constants[op.result.id], type_, source))


def _of_instance(low: Lowering, op: Op) -> None:
    (instance,) = low.held[op.operands[0].id].parts
    item = low.emit("attr.get", instance, name=op.attrs["name"], state=op.state)
    type_, held = low.flow.type(op.result), Held(Obj(low.flow.classes(op.result)), (item,))
    low.put(op.result, held if isinstance(type_, Obj) else low.unbox(held, type_, op.state))


def _setattr(low: Lowering, op: Op) -> None:
    instance, value = (low.held[operand.id] for operand in op.operands)
    if not isinstance(instance.type, Obj):
        raise CannotLower(f"assignment to attribute {op.attrs['name']}")
    low.emit("attr.set", instance.parts[0], low.box(value), name=op.attrs["name"], state=op.state)


LOWER.update({"py.attr": _attr, "py.setattr": _setattr})
