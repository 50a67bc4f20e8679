"""Emitters of operations on lists, and the LLVM routines of their quick cases.

A list grows and shrinks exactly as CPython's own does, capacity included: the quick cases are those
in which `list_resize` would only change the size.
"""

from __future__ import annotations

from pyvorin.backend.body import EMIT, Body
from pyvorin.backend.layouts import Layout
from pyvorin.backend.objects import COMPARISONS, Emitter, array
from pyvorin.ir.model import Op, Rep


def _new(body: Body, op: Op) -> None:
    made = body.call("new_list", array(body, op), f"i64 {len(op.operands)}")
    body.put(body.pointer(made))


def _append(body: Body, op: Op) -> None:
    items, item = (body.typed(value) for value in op.operands)
    body.leave_if(body.new(f"call i1 @list.append({items}, {item})"))


def _change(name: str) -> Emitter:
    """By a support function that answers 0 for leaving."""

    def emit(body: Body, op: Op) -> None:
        done = body.call(name, *words(body, op))
        body.leave_if(body.new(f"icmp eq i64 {done}, 0"))

    return emit


def _make(name: str) -> Emitter:
    """By a support function that answers a new object, or 0 for leaving."""

    def emit(body: Body, op: Op) -> None:
        made = body.call(name, *words(body, op))
        body.leave_if(body.new(f"icmp eq i64 {made}, 0"))
        body.put(body.pointer(made))

    return emit


def words(body: Body, op: Op) -> list[str]:
    """The operands as words."""
    found = []
    for value in op.operands:
        name = body.get(value)
        if value.rep is Rep.OBJ:
            found.append(body.word(name))
        elif value.rep is Rep.I1:
            found.append("i64 " + body.new(f"zext i1 {name} to i64"))
        else:
            found.append(f"i64 {name}")
    return found


def _del_slice(body: Body, op: Op) -> None:
    done = body.call("list_set_slice", *words(body, op), "i64 0")
    body.leave_if(body.new(f"icmp eq i64 {done}, 0"))


def _ask(name: str, *extra: str) -> Emitter:
    """By a support function that answers a number, or a negative one for leaving."""

    def emit(body: Body, op: Op) -> None:
        answer = body.call(name, *words(body, op), *extra)
        body.leave_if(body.new(f"icmp slt i64 {answer}, 0"))
        body.put(body.new(f"trunc i64 {answer} to i1") if op.result.rep is Rep.I1 else answer)

    return emit


def _extremum(body: Body, op: Op) -> None:
    _ask("seq_extremum", f"i64 {COMPARISONS.index(op.attrs['op'])}")(body, op)


def _bisect(body: Body, op: Op) -> None:
    _ask("seq_bisect", f"i64 {int(op.attrs['right'])}")(body, op)


def _any(body: Body, op: Op) -> None:
    """all(x) is that no item is false."""
    _ask("seq_any", f"i64 {int(not op.attrs['all'])}")(body, op)
    if op.attrs["all"]:
        body.put(body.new(f"xor i1 {body.get(op.result)}, true"))


def _sum(name: str, kind: str) -> Emitter:
    def emit(body: Body, op: Op) -> None:
        at = body.room("[2 x i64]")
        fits = body.call(name, *words(body, op), body.word(at))
        body.leave_if(body.new(f"icmp eq i64 {fits}, 0"))
        body.put(body.new(f"load {kind}, ptr {at}"))

    return emit


def _remove_at(body: Body, op: Op) -> None:
    items, index = (body.get(value) for value in op.operands)
    array_ = body.load("ptr", items, body.layout.list_items, "header")
    at = body.element("ptr", array_, index)
    old = body.new(f"load ptr, ptr {at}, !tbaa !11")
    body.leave_if(body.new(f"call i1 @keeps.much(ptr {old})"))
    pop = int(bool(op.attrs.get("pop")))
    body.line(f"call void @list.remove_at(ptr {items}, i64 {index}, i64 {pop})")


def _swap(body: Body, op: Op) -> None:
    """Both objects stay in lists: no reference is counted."""
    found = []
    for items, index in (op.operands[:2], op.operands[2:]):
        array_ = body.load("ptr", body.get(items), body.layout.list_items, "header")
        found.append(body.element("ptr", array_, body.get(index)))
    loaded = [body.new(f"load ptr, ptr {at}, !tbaa !11") for at in found]
    for at, item in zip(found, reversed(loaded), strict=True):
        body.line(f"store ptr {item}, ptr {at}, !tbaa !11")


EMIT.update(
    {
        "list.swap": _swap,
        "list.new": _new,
        "list.append": _append,
        "list.remove_at": _remove_at,
        "list.del_slice": _del_slice,
        "seq.contains": _ask("seq_contains"),
        "seq.find": _ask("seq_find"),
        "seq.count": _ask("seq_count"),
        "seq.bisect": _bisect,
        "seq.extremum": _extremum,
        "seq.any": _any,
        "seq.sum_i64": _sum("seq_sum_i64", "i64"),
        "seq.sum_f64": _sum("seq_sum_f64", "double"),
    }
)
_CHANGES = (
    *("extend", "extend_slice", "repeat_inplace", "insert", "set_slice", "copy_slice", "reverse"),
    "sort",
)
_HEAPS = ("heap.pop", "heap.replace", "heap.pushpop")
_MAKES = (
    *("list.of", "tuple.of", "seq.concat", "seq.concat_slices", "seq.repeat", "seq.slice"),
    *("seq.rest", "range.new", *_HEAPS),
)
EMIT.update({f"list.{name}": _change(f"list_{name}") for name in _CHANGES})
EMIT["heap.push"] = _change("heap_push")
EMIT.update({name: _make(name.replace(".", "_")) for name in _MAKES})


def routines(layout: Layout) -> str:
    """Append and remove where the capacity stays as it is; the rest is CPython's."""
    header = f"""
  %size.at = getelementptr i8, ptr %o, i64 {layout.list_size}
  %size = load i64, ptr %size.at, !tbaa !12
  %capacity.at = getelementptr i8, ptr %o, i64 {layout.list_allocated}
  %capacity = load i64, ptr %capacity.at, !tbaa !12
  %items.at = getelementptr i8, ptr %o, i64 {layout.list_items}"""
    return f"""
define internal i1 @list.append(ptr %o, ptr %item) nounwind uwtable alwaysinline {{{header}
  %fits = icmp slt i64 %size, %capacity
  br i1 %fits, label %quick, label %slow, !prof !23
quick:
  call void @incref(ptr %item)
  %items = load ptr, ptr %items.at, !tbaa !12
  %at = getelementptr inbounds ptr, ptr %items, i64 %size
  store ptr %item, ptr %at, !tbaa !11
  %more = add nuw nsw i64 %size, 1
  store i64 %more, ptr %size.at, !tbaa !12
  ret i1 false
slow:
  %word = ptrtoint ptr %o to i64
  %item.word = ptrtoint ptr %item to i64
  %done = call i64 @pyv.list_append(i64 %word, i64 %item.word)
  %failed = icmp eq i64 %done, 0
  ret i1 %failed
}}

define internal void @list.remove_at(ptr %o, i64 %index, i64 %pop)
  nounwind uwtable alwaysinline {{{header}
  %left = sub i64 %size, 1
  %is.last = icmp eq i64 %index, %left
  %half = ashr i64 %capacity, 1
  %enough = icmp sge i64 %left, %half
  %some = icmp ne i64 %left, 0
  %one = and i1 %is.last, %enough
  %both = and i1 %one, %some
  br i1 %both, label %quick, label %slow
quick:
  %items = load ptr, ptr %items.at, !tbaa !12
  %at = getelementptr inbounds ptr, ptr %items, i64 %index
  %old = load ptr, ptr %at, !tbaa !11
  store i64 %left, ptr %size.at, !tbaa !12
  call void @decref(ptr %old)
  ret void
slow:
  %word = ptrtoint ptr %o to i64
  call void @pyv.list_remove_at(i64 %word, i64 %index, i64 %pop)
  ret void
}}
"""
