"""Emitters of operations on bytes and bytearrays."""

from __future__ import annotations

from pyvorin.backend.body import EMIT, Body
from pyvorin.backend.dicts import done_or_leave, words
from pyvorin.backend.objects import CLASSES, array, length
from pyvorin.ir.model import Op


def _bytes_get(body: Body, op: Op) -> None:
    o, index = (body.get(value) for value in op.operands)
    first = body.new(f"getelementptr i8, ptr {o}, i64 {body.layout.bytes_items}")
    _byte_at(body, first, index, "content")


def _bytearray_get(body: Body, op: Op) -> None:
    o, index = (body.get(value) for value in op.operands)
    _byte_at(body, _start(body, o), index, "byte")


def _start(body: Body, o: str) -> str:
    return body.load("ptr", o, body.layout.bytearray_start, "header")


def _byte_at(body: Body, first: str, index: str, memory: str) -> None:
    at = body.element("i8", first, index)
    byte = body.load("i8", at, 0, memory)
    body.put(body.new(f"zext i8 {byte} to i64"))


def _set(body: Body, op: Op) -> None:
    o, index, number = (body.get(value) for value in op.operands)
    body.leave_if(body.new(f"icmp ugt i64 {number}, 255"))
    at = body.element("i8", _start(body, o), index)
    byte = body.new(f"trunc i64 {number} to i8")
    body.store("i8", byte, at, "byte")


def _extend(body: Body, op: Op) -> None:
    name = {"extend": "bytearray_extend", "+=": "bytearray_grow"}[op.attrs["how"]]
    done_or_leave(body, name, op.operands)


def _of(body: Body, op: Op) -> None:
    kind = body.word(body.symbol(CLASSES[op.attrs["cls"]]))
    made = body.call("bytes_of", kind, array(body, op), f"i64 {len(op.operands)}")
    body.leave_if(body.new(f"icmp eq i64 {made}, 0"))
    body.put(body.pointer(made))


def _eq(body: Body, op: Op) -> None:
    same = body.call("bytes_equal", *words(body, op.operands))
    body.put(body.new(f"trunc i64 {same} to i1"))


def _has(body: Body, op: Op) -> None:
    found = body.call("bytes_has", *words(body, op.operands))
    body.leave_if(body.new(f"icmp slt i64 {found}, 0"))
    body.put(body.new(f"trunc i64 {found} to i1"))


def _to_i64(body: Body, op: Op) -> None:
    at = body.room("i64")
    big = f"i64 {int(op.attrs['order'] == 'big')}"
    fits = body.call("bytes_to_i64", *words(body, op.operands), big, body.word(at))
    body.leave_if(body.new(f"icmp eq i64 {fits}, 0"))
    body.put(body.new(f"load i64, ptr {at}"))


def _to_bytes(body: Body, op: Op) -> None:
    big = f"i64 {int(op.attrs['order'] == 'big')}"
    made = body.call("bytes_of_i64", *words(body, op.operands), big)
    body.leave_if(body.new(f"icmp eq i64 {made}, 0"))
    body.put(body.pointer(made))


def _magnitude(body: Body, op: Op) -> str:
    body.text.declare("llvm.abs.i64", "i64", ["i64", "i1"])
    return body.new(f"call i64 @llvm.abs.i64(i64 {body.get(op.operands[0])}, i1 false)")


def _bit_length(body: Body, op: Op) -> None:
    body.text.declare("llvm.ctlz.i64", "i64", ["i64", "i1"])
    zeros = body.new(f"call i64 @llvm.ctlz.i64(i64 {_magnitude(body, op)}, i1 false)")
    body.put(body.new(f"sub i64 64, {zeros}"))


def _bit_count(body: Body, op: Op) -> None:
    body.text.declare("llvm.ctpop.i64", "i64", ["i64"])
    body.put(body.new(f"call i64 @llvm.ctpop.i64(i64 {_magnitude(body, op)})"))


EMIT.update(
    {
        "bytes.len": length("bytes_size", "content"),
        "bytes.get": _bytes_get,
        "bytearray.len": length("bytearray_size", "header"),
        "bytearray.get": _bytearray_get,
        "bytearray.set": _set,
        "bytearray.append": lambda body, op: done_or_leave(body, "bytearray_append", op.operands),
        "bytearray.extend": _extend,
        "bytes.of": _of,
        "bytes.eq": _eq,
        "bytes.to_i64": _to_i64,
        "i64.to_bytes": _to_bytes,
        "i64.bit_length": _bit_length,
        "i64.bit_count": _bit_count,
        "bytes.has": _has,
    }
)
