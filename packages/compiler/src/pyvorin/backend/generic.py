"""Emitters of generic operations: in a typed body they mean that only the interpreter can go on
from there.

Lowering replaces them; one that is left is exact all the same, as it leaves native code.
"""

from __future__ import annotations

from pyvorin.backend import objects
from pyvorin.backend.body import EMIT, Body
from pyvorin.ir.model import Op, Rep
from pyvorin.ir.optable import OPS


def _leave(body: Body, op: Op) -> None:
    """Leave always. What comes after it in the block is never reached, but needs values."""
    body.leave_if("true")
    for value in op.results:
        body.values[value] = {
            Rep.OBJ: body.symbol("_Py_NoneStruct"),
            Rep.I1: "false",
        }[value.rep]


def _is(body: Body, op: Op) -> None:
    EMIT["obj.same"](body, op)
    same = body.get(op.result)
    true, false = body.symbol("_Py_TrueStruct"), body.symbol("_Py_FalseStruct")
    if op.attrs["invert"]:
        true, false = false, true
    o = body.new(f"select i1 {same}, ptr {true}, ptr {false}")
    body.line(f"call void @incref(ptr {o})")
    body.put(o)


EMIT.update({name: _leave for name in OPS if name.startswith("py.")})
EMIT.update(
    {
        "py.const": objects.EMITTERS["const.obj"],
        "py.tuple": objects.EMITTERS["tuple.new"],
        "py.is": _is,
    }
)
