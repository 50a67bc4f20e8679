"""Emitters of attributes of instances: `x.name` read and overwritten where the instance keeps it.

Each operation has a site that remembers where the attribute is for the classes that it has met
(`support/attributes.py`). The commonest case is written here: the class met first.
"""

from __future__ import annotations

from pyvorin.backend.body import EMIT, Body
from pyvorin.backend.layouts import Layout
from pyvorin.backend.stores import put
from pyvorin.backend.support.attributes import ENTRY, NEXT, SITE_WORDS, SLOT
from pyvorin.ir.model import Op


def _place(body: Body, op: Op, stored: bool) -> tuple[str, str]:
    """The address of the attribute and the object that is there; leaves if there is none."""
    site = body.fresh(f"attr.{body.name}")
    free = (
        f"i64 {-1 if word * 8 % ENTRY == 0 and word * 8 < NEXT else 0}"
        for word in range(SITE_WORDS)
    )
    body.text.data(site, f"internal global [{SITE_WORDS} x i64] [{', '.join(free)}]")
    name = body.object(("name", op.attrs["name"]))
    o = body.get(op.operands[0])
    routine = "attr.to_store" if stored else "attr.to_read"
    at = body.new(f"call ptr @{routine}(ptr {o}, ptr @{site}, ptr {name})")
    body.leave_if(body.new(f"icmp eq ptr {at}, null"))
    value = body.new(f"load ptr, ptr {at}, !tbaa !11")
    body.leave_if(body.new(f"icmp eq ptr {value}, null"))
    return at, value


def _get(body: Body, op: Op) -> None:
    _, value = _place(body, op, stored=False)
    if body.live.owned(op.result):
        body.line(f"call void @incref(ptr {value})")
    body.put(value)


def _set(body: Body, op: Op) -> None:
    at, old = _place(body, op, stored=True)
    put(body, op.operands[1], at, old)


EMIT.update({"attr.get": _get, "attr.set": _set})


def routines(layout: Layout) -> str:
    """The address of an attribute, null when only CPython knows."""
    return _routine(layout, "attr.to_read", False) + _routine(layout, "attr.to_store", True)


def _routine(layout: Layout, name: str, stored: bool) -> str:
    return f"""
define internal ptr @{name}(ptr %o, ptr %site, ptr %name) nounwind uwtable alwaysinline {{
  %class.at = getelementptr i8, ptr %o, i64 8
  %class = load ptr, ptr %class.at, !tbaa !13
  %version.at = getelementptr i8, ptr %class, i64 {layout.type_version}
  %version.word = load i32, ptr %version.at, !tbaa !13
  %version = zext i32 %version.word to i64
  %known = load i64, ptr %site, !tbaa !13
  %same = icmp eq i64 %version, %known
  br i1 %same, label %met, label %slow, !prof !23
met:
  %how.at = getelementptr i8, ptr %site, i64 8
  %how = load i64, ptr %how.at, !tbaa !13
  %offset.at = getelementptr i8, ptr %site, i64 16
  %offset = load i64, ptr %offset.at, !tbaa !13
  %is.slot = icmp eq i64 %how, {SLOT}
  br i1 %is.slot, label %slot, label %values
slot:
  %in.object = getelementptr i8, ptr %o, i64 %offset
  br label %found
values:{_values(layout, stored)}
inside:
  %in.values = getelementptr i8, ptr %start, i64 %offset
  br label %found
slow:
  %o.word = ptrtoint ptr %o to i64
  %site.word = ptrtoint ptr %site to i64
  %name.word = ptrtoint ptr %name to i64
  %word = call i64 @pyv.attr_place(i64 %o.word, i64 %site.word, i64 %name.word, i64 {int(stored)})
  %elsewhere = inttoptr i64 %word to ptr
  br label %found
found:
  %at = phi ptr [ %in.object, %slot ], [ %in.values, %inside ], [ %elsewhere, %slow ]
  ret ptr %at
}}
"""


def _values(layout: Layout, stored: bool) -> str:
    """Find the values, as `support/attributes.values_of` does."""
    if layout.minor == 11:
        return """
  %start.at = getelementptr i8, ptr %o, i64 -32
  %start = load ptr, ptr %start.at, !tbaa !13
  %none = icmp eq ptr %start, null
  br i1 %none, label %slow, label %inside, !prof !20"""
    if layout.minor == 12:
        return """
  %tagged.at = getelementptr i8, ptr %o, i64 -24
  %tagged = load ptr, ptr %tagged.at, !tbaa !13
  %tagged.word = ptrtoint ptr %tagged to i64
  %tag = and i64 %tagged.word, 1
  %start = getelementptr i8, ptr %tagged, i64 1
  %none = icmp eq i64 %tag, 0
  br i1 %none, label %slow, label %inside, !prof !20"""
    alone = """
  %dict.at = getelementptr i8, ptr %o, i64 -24
  %dict = load ptr, ptr %dict.at, !tbaa !13
  %shared = icmp ne ptr %dict, null
  %none = or i1 %invalid, %shared"""
    return f"""
  %valid.at = getelementptr i8, ptr %o, i64 19
  %valid = load i8, ptr %valid.at, !tbaa !13
  %start = getelementptr i8, ptr %o, i64 16
  %invalid = icmp eq i8 %valid, 0{alone if stored else ""}
  br i1 {"%none" if stored else "%invalid"}, label %slow, label %inside, !prof !20"""
