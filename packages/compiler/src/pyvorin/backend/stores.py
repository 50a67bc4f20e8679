"""`L[i] = number` or `x.name = number`, into the number that is already there.

    %7:obj = box.i64 %5                  no object yet
    list.set %2, %4, %7 [frame state]    the old item's own memory, if nobody else has that item;
                                         else box, and store the object

An int or float whose only reference is the list's, or the instance's, can be seen by nobody once
the item is replaced, so it may as well become the new item. It must stay what CPython would have
made: a number of one or two digits, not more than there were, and none of the small ints that exist
once.
"""

from __future__ import annotations

from pyvorin.backend.body import EMIT, Body
from pyvorin.backend.layouts import Layout
from pyvorin.backend.liveness import uses
from pyvorin.backend.sites import may_leave
from pyvorin.ir.model import Op, Value

ROUTINE = {"box.i64": "reuse.i64", "box.f64": "reuse.f64"}
STORES = ("list.set", "attr.set")
BOX = {"box.i64": "box_i64", "box.f64": "box_f64"}


def waits(body: Body, op: Op) -> bool:
    """May the number stay unboxed until the next operation that uses it, a store?"""
    if body.context.force:  # a forced store leaves before anything else, and drops its operands
        return False
    ops, box = body.block.ops, op.result
    for later in ops[body.index + 1 :]:
        if box in uses(later) or any(box in edge.args for edge in later.edges):
            stored = later.name in STORES and box is later.operands[-1]
            return stored and body.use_count(box) == later.operands.count(box) == 1
        if may_leave(later):
            return False
    return False


def box(body: Body, op: Op) -> None:
    """Emit box.i64 or box.f64."""
    if waits(body, op):
        body.waiting[op.result] = op
    else:
        body.put(_boxed(body, op))


def _boxed(body: Body, op: Op) -> str:
    return body.pointer(body.call(BOX[op.name], body.typed(op.operands[0])))


def list_set(body: Body, op: Op) -> None:
    """Store an item whose place is known."""
    items, index = (body.get(value) for value in op.operands[:2])
    array = body.load("ptr", items, body.layout.list_items, "header")
    at = body.element("ptr", array, index)
    put(body, op.operands[2], at, body.new(f"load ptr, ptr {at}, !tbaa !11"))


def put(body: Body, value: Value, at: str, old: str) -> None:
    """Put an object in the place of another, which goes at once when that frees nothing, or a
    number or string; else the operation leaves first.
    """
    made = body.waiting.get(value)
    stored = ""
    if value in body.truths:
        stored = body.fresh("stored")
        both = ", ".join(f"ptr {body.symbol(f'_Py_{name}Struct')}" for name in ("True", "False"))
        item = body.get(value)
        done = body.new(f"call i1 @swap.truth(ptr {at}, ptr {old}, ptr {item}, {both})")
        _go_or(body, done, stored)
    if made is not None:
        stored = body.fresh("stored")
        number = body.typed(made.operands[0])
        _go_or(body, body.new(f"call i1 @{ROUTINE[made.name]}(ptr {old}, {number})"), stored)
    body.leave_if(body.new(f"call i1 @keeps.much(ptr {old})"))
    if made is not None:
        del body.waiting[value]
        body.values[value] = _boxed(body, made)
        body.given.add(value)
    item = body.get(value)
    if made is None:
        body.line(f"call void @incref(ptr {item})")
    body.line(f"store ptr {item}, ptr {at}, !tbaa !11")
    body.line(f"call void @decref(ptr {old})")
    if stored:
        body.line(f"br label %{stored}")
        body.begin(stored)


def _go_or(body: Body, done: str, stored: str) -> None:
    """Go to `stored` if that is done, else on."""
    other = body.fresh("other")
    body.line(f"br i1 {done}, label %{stored}, label %{other}")
    body.begin(other)


EMIT.update({"box.i64": box, "box.f64": box, "list.set": list_set})


def routines(layout: Layout) -> str:
    """The LLVM functions that put a number into an object, if they may."""
    if layout.long_words:
        own = "%count = lshr i64 %tag, 3"
        tag = "%minus = lshr i64 %v, 62\n  %sign = and i64 %minus, 2\n"
        tag += "  %shifted = shl i64 %digits, 3\n  %new = or i64 %sign, %shifted"
    else:
        own = "%count = call i64 @llvm.abs.i64(i64 %tag, i1 false)"
        tag = "%minus = sub i64 0, %digits\n  %negative = icmp slt i64 %v, 0\n"
        tag += "  %new = select i1 %negative, i64 %minus, i64 %digits"
    return f"""{_swap_truth(layout)}
define internal i1 @reuse.i64(ptr %o, i64 %v) nounwind uwtable alwaysinline {{
  %references = load i64, ptr %o, !tbaa !10
  %alone = icmp eq i64 %references, 1
  br i1 %alone, label %mine, label %no
mine:
  %class.at = getelementptr i8, ptr %o, i64 8
  %class = load ptr, ptr %class.at, !tbaa !13
  %int = icmp eq ptr %class, @PyLong_Type
  br i1 %int, label %size, label %no
size:
  %tag.at = getelementptr i8, ptr %o, i64 {layout.long_tag}
  %tag = load i64, ptr %tag.at, !tbaa !14
  {own}
  %one = icmp eq i64 %count, 1
  %two = icmp eq i64 %count, 2
  %some = or i1 %one, %two
  %limit = select i1 %two, i64 {(1 << 60) - 257}, i64 {(1 << 30) - 257}
  %size.of = call i64 @llvm.abs.i64(i64 %v, i1 false)
  %past = sub i64 %size.of, 257
  %fits = icmp ult i64 %past, %limit
  %may = and i1 %some, %fits
  br i1 %may, label %put, label %no
put:
  %wide = icmp ugt i64 %size.of, {(1 << 30) - 1}
  %digits = select i1 %wide, i64 2, i64 1
  {tag}
  store i64 %new, ptr %tag.at, !tbaa !14
  %digit.at = getelementptr i8, ptr %o, i64 {layout.long_digits}
  %low = and i64 %size.of, {(1 << 30) - 1}
  %digit = trunc i64 %low to i32
  store i32 %digit, ptr %digit.at, !tbaa !14
  br i1 %wide, label %second, label %done
second:
  %second.at = getelementptr i8, ptr %o, i64 {layout.long_digits + 4}
  %rest = lshr i64 %size.of, 30
  %high = trunc i64 %rest to i32
  store i32 %high, ptr %second.at, !tbaa !14
  br label %done
done:
  ret i1 true
no:
  ret i1 false
}}

define internal i1 @reuse.f64(ptr %o, double %v) nounwind uwtable alwaysinline {{
  %references = load i64, ptr %o, !tbaa !10
  %alone = icmp eq i64 %references, 1
  br i1 %alone, label %mine, label %no
mine:
  %class.at = getelementptr i8, ptr %o, i64 8
  %class = load ptr, ptr %class.at, !tbaa !13
  %float = icmp eq ptr %class, @PyFloat_Type
  br i1 %float, label %put, label %no
put:
  %value.at = getelementptr i8, ptr %o, i64 {layout.float_value}
  store double %v, ptr %value.at, !tbaa !14
  ret i1 true
no:
  ret i1 false
}}
"""


def _swap_truth(layout: Layout) -> str:
    """True or False for True or False. Their counts are at fixed addresses, and change without a
    branch: else the processor would wait for the old item, or guess it.
    """
    counts = ""
    if not layout.immortal:
        counts = """
  %was = zext i1 %is.true to i64
  %will.be = icmp eq ptr %new, %True
  %will = zext i1 %will.be to i64
  %diff = sub i64 %will, %was
  %true.count = load i64, ptr %True, !tbaa !10
  %true.then = add i64 %true.count, %diff
  store i64 %true.then, ptr %True, !tbaa !10
  %false.count = load i64, ptr %False, !tbaa !10
  %false.then = sub i64 %false.count, %diff
  store i64 %false.then, ptr %False, !tbaa !10"""
    return f"""
define internal i1 @swap.truth(ptr %at, ptr %old, ptr %new, ptr %True, ptr %False)
  nounwind uwtable alwaysinline {{
  %same = icmp eq ptr %old, %new
  br i1 %same, label %done, label %more
done:
  ret i1 true
more:
  %is.true = icmp eq ptr %old, %True
  %is.false = icmp eq ptr %old, %False
  %is.truth = or i1 %is.true, %is.false
  br i1 %is.truth, label %put, label %other
put:{counts}
  store ptr %new, ptr %at, !tbaa !11
  ret i1 true
other:
  ret i1 false
}}
"""
