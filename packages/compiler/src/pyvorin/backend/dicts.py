"""Emitters of operations on dicts and sets: calls of the support library (`support/tables.py`,
`support/dicts.py`, `support/sets.py`), and reads of what those found.
"""

from __future__ import annotations

from pyvorin.backend.body import EMIT, Body
from pyvorin.backend.objects import array
from pyvorin.ir.model import Op, Rep, Value

_VIEWS = {"keys": "PyDictKeys_Type", "values": "PyDictValues_Type", "items": "PyDictItems_Type"}


def words(body: Body, values: list[Value]) -> list[str]:
    """Operands of a support function: objects as words, other values as they are."""
    return [
        body.word(body.get(value)) if value.rep is Rep.OBJ else body.typed(value)
        for value in values
    ]


def done_or_leave(body: Body, name: str, values: list[Value]) -> None:
    """Call a support function that answers 0 for leaving."""
    done = body.call(name, *words(body, values))
    body.leave_if(body.new(f"icmp eq i64 {done}, 0"))


def _doing(name: str) -> None:
    """An operation that is one support function, and leaves when that answers 0."""
    EMIT[name] = lambda body, op: done_or_leave(body, name.replace(".", "_"), op.operands)


def _dict_new(body: Body, op: Op) -> None:
    kind, (first, second) = op.name.partition(".")[0], (2, 1) if op.name == "dict.new" else (1, 1)
    made = body.call(f"{kind}_new", array(body, op), f"i64 {len(op.operands) // first * second}")
    body.leave_if(body.new(f"icmp eq i64 {made}, 0"))
    body.put(body.pointer(made))


def _length(offset: str) -> None:
    def emit(body: Body, op: Op) -> None:
        at = getattr(body.layout, offset)
        length = body.load("i64", body.get(op.operands[0]), at, "header")
        body.lines[-1] += ", !range !22"
        body.put(length)

    EMIT[offset.replace("_used", ".len")] = emit


def _suffix(op: Op) -> str:
    """Of the support functions, by the key: a pair of ints, an int or an object."""
    if len(op.operands) == 3:
        return "_pair"
    return "_int" if op.operands[1].rep is Rep.I64 else ""


def _find(body: Body, op: Op) -> None:
    place = body.call(
        {"": "find_key"}.get(_suffix(op), f"find{_suffix(op)}"), *words(body, op.operands)
    )
    body.leave_if(body.new(f"icmp eq i64 {place}, -2"))
    body.put(place)


def _at(body: Body, op: Op, offset: int) -> None:
    """Read the object at a place; a new reference unless the container keeps it long enough."""
    at = body.pointer(body.get(op.operands[1]))
    if offset:
        at = body.new(f"getelementptr i8, ptr {at}, i64 {offset}")
    item = body.new(f"load ptr, ptr {at}")
    if body.live.owned(op.result):
        body.line(f"call void @incref(ptr {item})")
    body.put(item)


def _put(body: Body, op: Op) -> None:
    key, value = op.operands[2:]
    name = "dict_put" + ("_int" if key.rep is Rep.I64 else "")
    name += f"_{value.rep.value}" if value.rep is not Rep.OBJ else ""
    done_or_leave(body, name, op.operands)


def _view(body: Body, op: Op) -> None:
    kind = body.word(body.symbol(_VIEWS[op.attrs["kind"]]))
    body.put(body.pointer(body.call("dict_view", *words(body, op.operands), kind)))


def _has(body: Body, op: Op) -> None:
    found = body.call(f"set_has{_suffix(op)}", *words(body, op.operands))
    body.leave_if(body.new(f"icmp slt i64 {found}, 0"))
    body.put(body.new(f"trunc i64 {found} to i1"))


def _add(body: Body, op: Op) -> None:
    done_or_leave(body, f"set_add{_suffix(op)}", op.operands)


_BINARY = {"&": "And", "|": "Or", "-": "Subtract", "^": "Xor"}


def _set_of(body: Body, op: Op) -> None:
    frozen = int(op.attrs["cls"] == "frozenset")
    made = body.call("set_of", *words(body, op.operands), f"i64 {frozen}")
    body.leave_if(body.new(f"icmp eq i64 {made}, 0"))
    body.put(body.pointer(made))


def _set_binop(body: Body, op: Op) -> None:
    function = body.word(body.symbol(f"PyNumber_{_BINARY[op.attrs['op']]}"))
    made = body.call("set_binop", *words(body, op.operands), function)
    body.leave_if(body.new(f"icmp eq i64 {made}, 0"))
    body.put(body.pointer(made))


def _set_change(body: Body, op: Op) -> None:
    function = body.word(body.symbol(f"PyNumber_InPlace{_BINARY[op.attrs['op']]}"))
    done = body.call("set_change", *words(body, op.operands), function)
    body.leave_if(body.new(f"icmp eq i64 {done}, 0"))


def _top(body: Body, op: Op) -> None:
    entry = body.call("set_top", *words(body, op.operands))
    body.leave_if(body.new(f"icmp eq i64 {entry}, 0"))
    item = body.new(f"load ptr, ptr {body.pointer(entry)}")
    if body.live.owned(op.result):
        body.line(f"call void @incref(ptr {item})")
    body.put(item)


def _pop(body: Body, op: Op) -> None:
    body.line(f"call void @pyv.set_pop({words(body, op.operands)[0]})")


def _iter(body: Body, op: Op) -> None:
    body.put(body.pointer(body.call("dict_iter", *words(body, op.operands))))


def _is_of_set(op: Op) -> bool:
    return bool(op.attrs["cls"] == "set_iterator")


def _peek(body: Body, op: Op) -> None:
    place = body.call("set_peek" if _is_of_set(op) else "dict_peek", *words(body, op.operands))
    body.leave_if(body.new(f"icmp eq i64 {place}, -2"))
    body.put(place)


def _step(body: Body, op: Op) -> None:
    name = "set_step" if _is_of_set(op) else "dict_step"
    body.line(f"call void @pyv.{name}({words(body, op.operands)[0]})")


def _finish(body: Body, op: Op) -> None:
    body.line(f"call void @pyv.iter_finish({words(body, op.operands)[0]})")


for _name in ("dict.delete", "dict.clear", "dict.update", "set.discard", "set.clear", "set.update"):
    _doing(_name)
for _offset in ("dict_used", "set_used"):
    _length(_offset)
EMIT.update(
    {
        "dict.new": _dict_new,
        "set.new": _dict_new,
        "dict.find": _find,
        "dict.value": lambda body, op: _at(body, op, 0),
        "dict.put": _put,
        "dict.view": _view,
        "set.has": _has,
        "set.add": _add,
        "set.of": _set_of,
        "set.binop": _set_binop,
        "set.change": _set_change,
        "set.top": _top,
        "set.pop": _pop,
        "hash.iter": _iter,
        "hash.peek": _peek,
        "hash.key": lambda body, op: _at(body, op, 0 if _is_of_set(op) else -8),
        "hash.value": lambda body, op: _at(body, op, 0),
        "hash.step": _step,
        "hash.finish": _finish,
    }
)
