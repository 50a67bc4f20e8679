"""Emitters of operations on lists of numbers that are open as arrays (`lower.arrays`).

How much a nest of loops has done is counted in two words of the native frame: items that it has
read and stored, less those that it has copied, and how many it takes until opening pays. Arrays of
one nest are different memory, which LLVM is told by their numbers.
"""

from __future__ import annotations

from pyvorin.backend.body import ARRAYS, EMIT, Body
from pyvorin.backend.objects import Emitter
from pyvorin.backend.support import arrays
from pyvorin.ir.model import Op

TYPES = {"f64": "double", "i64": "i64", "i1": "i8"}
KINDS = {"f64": arrays.FLOATS, "i64": arrays.INTS, "i1": arrays.BOOLS}


def _account(body: Body, op: Op) -> tuple[str, str]:
    """Where items are counted, and where the limit is."""
    nest = op.attrs["nest"]
    if nest not in body.accounts:
        body.accounts[nest] = body.room("i64"), body.room("i64")
        for at, start in zip(body.accounts[nest], (0, _first_limit(body)), strict=True):
            body.head.append(f"  store i64 {start}, ptr {at}")
    return body.accounts[nest]


def _first_limit(body: Body) -> int:
    return 0 if body.context.force else arrays.LEAST


def _count(body: Body, op: Op) -> None:
    at, _ = _account(body, op)
    count = body.new(f"load i64, ptr {at}")
    more = body.new(f"add i64 {count}, {op.attrs['by']}")
    body.line(f"store i64 {more}, ptr {at}")


def _open(body: Body, op: Op) -> None:
    """A negative answer is the next limit."""
    count_at, limit_at = _account(body, op)
    count, limit = (body.new(f"load i64, ptr {at}") for at in (count_at, limit_at))
    due = body.new(f"icmp sge i64 {count}, {limit}")
    start, attempt, met = body.label, body.fresh("attempt"), body.fresh("met")
    body.line(f"br i1 {due}, label %{attempt}, label %{met}, !prof !20")
    body.begin(attempt)
    lists = body.room(f"[{2 * len(op.operands)} x ptr]")
    marks = zip(op.operands, op.attrs["kinds"], op.attrs["written"], strict=True)
    for number, (value, kind, written) in enumerate(marks):
        mark = KINDS[kind.rstrip("*")] + arrays.WRITTEN * written + arrays.ROWS * ("*" in kind)
        at = body.element("ptr", lists, str(2 * number))
        body.line(f"store ptr {body.get(value)}, ptr {at}")
        at = body.element("ptr", lists, str(2 * number + 1))
        body.line(f"store i64 {mark}, ptr {at}")
    given = str(arrays.ENOUGH) if body.context.force else count
    asked = (body.word(lists), f"i64 {len(op.operands)}", f"i64 {given}")
    answer = body.call("arrays_open", *asked)
    opened = body.new(f"icmp sgt i64 {answer}, 0")
    again = body.new(f"sub i64 0, {answer}")
    limit = body.new(f"select i1 {opened}, i64 {_first_limit(body)}, i64 {again}")
    copied = body.new(f"load i64, ptr {lists}")
    body.line(f"store i64 {limit}, ptr {limit_at}")
    body.line(f"store i64 {body.new(f'sub i64 {count}, {copied}')}, ptr {count_at}")
    body.line(f"br label %{met}")
    body.begin(met)
    body.values[op.results[0]] = body.new(f"phi i1 [ false, %{start} ], [ {opened}, %{attempt} ]")
    body.values[op.results[1]] = body.new(f"phi i64 [ 0, %{start} ], [ {answer}, %{attempt} ]")


def _field(offset: int) -> Emitter:
    def emit(body: Body, op: Op) -> None:
        first = arrays.HEAD + op.attrs["at"] * arrays.ENTRY + offset
        handle = body.pointer(body.get(op.operands[0]))
        body.put(body.load("i64", handle, first, "content"))

    return emit


def _close(body: Body, op: Op) -> None:
    body.line(f"call void @pyv.arrays_close(i64 {body.get(op.operands[0])})")


def _row(body: Body, op: Op) -> None:
    base, width, index = (body.get(value) for value in op.operands)
    size = arrays.SIZES[KINDS[op.attrs["kind"]]]
    bytes_ = body.new(f"mul nuw nsw i64 {body.new(f'mul nuw nsw i64 {width}, {index}')}, {size}")
    body.put(body.new(f"add nuw i64 {base}, {bytes_}"))


def _place(body: Body, op: Op) -> tuple[str, str, str]:
    kind = TYPES[op.attrs["kind"]]
    base, index = (body.get(value) for value in op.operands[:2])
    at = body.element(kind, body.pointer(base), index)
    return kind, at, f"!tbaa !{ARRAYS[min(op.attrs['at'], len(ARRAYS) - 1)]}"


def _get(body: Body, op: Op) -> None:
    kind, at, memory = _place(body, op)
    item = body.new(f"load {kind}, ptr {at}, {memory}")
    body.put(body.new(f"trunc i8 {item} to i1") if kind == "i8" else item)


def _set(body: Body, op: Op) -> None:
    item = body.get(op.operands[2])
    if op.attrs["kind"] == "f64" and not op.attrs.get("nowrap"):
        body.leave_if(body.new(f"fcmp uno double {item}, {item}"))
    kind, at, memory = _place(body, op)
    if kind == "i8":
        item = body.new(f"zext i1 {item} to i8")
    body.line(f"store {kind} {item}, ptr {at}, {memory}")


EMIT.update(
    {
        "nest.count": _count,
        "arrays.open": _open,
        "arrays.base": _field(arrays.BASE),
        "arrays.width": _field(arrays.WIDTH),
        "arrays.close": _close,
        "array.row": _row,
        "array.get": _get,
        "array.set": _set,
    }
)
