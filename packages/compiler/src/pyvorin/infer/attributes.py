"""Types of attributes: methods of builtin objects, what known modules have, and attributes that
instances of classes keep.

An instance's attribute has the classes that recorded runs showed; where it is, native code finds
out when it runs. What is called at once is no such attribute: it is a method, which the class has.
"""

from __future__ import annotations

import sys

from pyvorin.infer.flow import TRANSFER, Flow, Result
from pyvorin.infer.methods import method_of
from pyvorin.infer.module import SourceFunction, attribute_type, spread
from pyvorin.ir.model import Op
from pyvorin.types import BOTTOM, FLOAT, Callee, Obj, Type, is_object


def may_be_instance(type_: Type) -> bool:
    """May the value be an instance of a class that is not builtin?"""
    return isinstance(type_, Obj) and (not type_.classes or "other" in type_.classes)


def is_kept_by_instance(name: str) -> bool:
    """May an attribute of this name be the instance's own? `object` has some with underscores."""
    return not (name.startswith("__") and name.endswith("__"))


def is_of_instance(source: SourceFunction, op: Op) -> bool:
    """Is it an operation on an attribute that an instance may keep?"""
    if op.name not in ("py.attr", "py.setattr") or not is_kept_by_instance(op.attrs["name"]):
        return False
    return not any(value.id in source.called for value in op.results)


def instances(source: SourceFunction) -> set[int]:
    """The values whose attributes are used so, directly or through block parameters."""
    function = source.built.function
    assert function is not None
    found = {op.operands[0].id for op in function.ops() if is_of_instance(source, op)}
    return spread(found, function.blocks)


def takes_instance(source: SourceFunction) -> bool:
    """Is an argument used as an instance?"""
    function = source.built.function
    assert function is not None
    found = instances(source)
    return any(param.id in found for param in function.entries[0].block.params)


def _attr(flow: Flow, op: Op) -> Result:
    base, name = flow.type(op.operands[0]), op.attrs["name"]
    if base is BOTTOM:
        return (BOTTOM,)
    type_ = method_of(base, name) or attribute_type(base, name)
    if type_ is FLOAT:
        assert isinstance(base, Callee)
        flow.constants[op.result.id] = getattr(sys.modules[base.name], name)
    if type_ is not None:
        return (type_,)
    kept = may_be_instance(base) and is_of_instance(flow.source, op)
    return (Obj(flow.classes(op.result)),) if kept else None


def _setattr(flow: Flow, op: Op) -> Result:
    base, value = map(flow.type, op.operands)
    if BOTTOM in (base, value):
        return ()
    kept = may_be_instance(base) and is_of_instance(flow.source, op)
    return () if kept and is_object(value) else None


TRANSFER.update({"py.attr": _attr, "py.setattr": _setattr})
