"""Emitters for variables that live in a cell which other functions share: read and written there.

A call out of native code may change a cell, so nothing of it is kept over an operation.
"""

from __future__ import annotations

from pyvorin.backend.body import EMIT, Body
from pyvorin.ir.model import Op


def _get(body: Body, op: Op) -> None:
    cell = body.get(op.operands[0])
    at = body.new(f"getelementptr i8, ptr {cell}, i64 {body.layout.cell_content}")
    value = body.new(f"load ptr, ptr {at}, !tbaa !11")
    body.leave_if(body.new(f"icmp eq ptr {value}, null"))
    if body.live.owned(op.result):
        body.line(f"call void @incref(ptr {value})")
    body.put(value)


def _set(body: Body, op: Op) -> None:
    done = body.call("cell_set", *(body.word(body.get(value)) for value in op.operands))
    body.leave_if(body.new(f"icmp eq i64 {done}, 0"))


EMIT.update({"cell.get": _get, "cell.set": _set})
