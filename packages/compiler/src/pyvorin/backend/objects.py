"""Emitters of operations on Python objects: unboxing, boxing, sequences, arithmetic left to
CPython.

Exact classes are recognised by their address. The quick cases of unboxing are written here in LLVM;
the others, boxing and whatever calls CPython are support functions (`support/numbers.py`).
"""

from __future__ import annotations

from collections.abc import Callable

from pyvorin.backend.body import EMIT, TYPES, Body
from pyvorin.backend.layouts import Layout
from pyvorin.ir.model import Op, Rep

CLASSES = {
    "int": "PyLong_Type",
    "float": "PyFloat_Type",
    "bool": "PyBool_Type",
    "str": "PyUnicode_Type",
    "list": "PyList_Type",
    "tuple": "PyTuple_Type",
    "dict": "PyDict_Type",
    "set": "PySet_Type",
    "frozenset": "PyFrozenSet_Type",
    "bytes": "PyBytes_Type",
    "bytearray": "PyByteArray_Type",
    "dict_keys": "PyDictKeys_Type",
    "dict_values": "PyDictValues_Type",
    "dict_items": "PyDictItems_Type",
    "dict_keyiterator": "PyDictIterKey_Type",
    "dict_valueiterator": "PyDictIterValue_Type",
    "dict_itemiterator": "PyDictIterItem_Type",
    "set_iterator": "PySetIter_Type",
}
BINARY = {
    "+": "PyNumber_Add",
    "-": "PyNumber_Subtract",
    "*": "PyNumber_Multiply",
    "/": "PyNumber_TrueDivide",
    "//": "PyNumber_FloorDivide",
    "%": "PyNumber_Remainder",
    "**": "PyNumber_Power",
    "<<": "PyNumber_Lshift",
    ">>": "PyNumber_Rshift",
    "&": "PyNumber_And",
    "|": "PyNumber_Or",
    "^": "PyNumber_Xor",
}
# Those that `support/boxed.py` does itself where it can.
QUICK = {
    "+": "num_add",
    "-": "num_subtract",
    "*": "num_multiply",
    "&": "num_and",
    "<<": "num_shift_left",
    ">>": "num_shift_right",
}
UNARY = {
    "-": "PyNumber_Negative",
    "+": "PyNumber_Positive",
    "~": "PyNumber_Invert",
    "abs": "PyNumber_Absolute",
}
Emitter = Callable[[Body, Op], None]
COMPARISONS = ("<", "<=", "==", "!=", ">", ">=")  # as CPython numbers them


def class_of(body: Body, o: str) -> str:
    """The class of an object, as a pointer."""
    return body.load("ptr", o, 8, "content")


def _has_class(body: Body, o: str, name: str) -> str:
    return body.new(f"icmp eq ptr {class_of(body, o)}, {body.symbol(CLASSES[name])}")


def _demand_class(body: Body, o: str, name: str) -> None:
    wrong = body.new(f"icmp ne ptr {class_of(body, o)}, {body.symbol(CLASSES[name])}")
    body.leave_if(wrong)


def _is_class(body: Body, op: Op) -> None:
    o, name = body.get(op.operands[0]), op.attrs["cls"]
    if name == "NoneType":
        body.put(body.new(f"icmp eq ptr {o}, {body.symbol('_Py_NoneStruct')}"))
    else:
        body.put(_has_class(body, o, name))


def _same(body: Body, op: Op) -> None:
    a, b = (body.get(value) for value in op.operands)
    body.put(body.new(f"icmp eq ptr {a}, {b}"))


# ---- unboxing ------------------------------------------------------------------------------------


def _unbox_i64(body: Body, op: Op) -> None:
    o = body.get(op.operands[0])
    _demand_class(body, o, "int")
    pair = body.new(f"call {{ i64, i1 }} @unbox.i64(ptr {o})")
    body.leave_if(body.new(f"extractvalue {{ i64, i1 }} {pair}, 1"))
    body.put(body.new(f"extractvalue {{ i64, i1 }} {pair}, 0"))


def _unbox_slowly(name: str, kind: str) -> Emitter:
    """By a support function that writes the value to memory."""

    def emit(body: Body, op: Op) -> None:
        at = body.room(kind)
        fits = body.call(name, body.word(body.get(op.operands[0])), body.word(at))
        body.leave_if(body.new(f"icmp eq i64 {fits}, 0"))
        body.put(body.new(f"load {kind}, ptr {at}"))

    return emit


def _unbox_f64(body: Body, op: Op) -> None:
    o = body.get(op.operands[0])
    _demand_class(body, o, "float")
    body.put(body.load("double", o, body.layout.float_value, "number"))


def _unbox_i1(body: Body, op: Op) -> None:
    o = body.get(op.operands[0])
    true = body.new(f"icmp eq ptr {o}, {body.symbol('_Py_TrueStruct')}")
    false = body.new(f"icmp eq ptr {o}, {body.symbol('_Py_FalseStruct')}")
    either = body.new(f"or i1 {true}, {false}")
    body.leave_if(body.new(f"xor i1 {either}, true"))
    body.put(true)


# ---- boxing --------------------------------------------------------------------------------------


def _box(name: str) -> Emitter:
    def emit(body: Body, op: Op) -> None:
        body.put(body.pointer(body.call(name, body.typed(op.operands[0]))))

    return emit


def _box_i128(body: Body, op: Op) -> None:
    at = body.room("i128")
    body.line(f"store i128 {body.get(op.operands[0])}, ptr {at}")
    body.put(body.pointer(body.call("box_i128", body.word(at))))


def _box_i1(body: Body, op: Op) -> None:
    true, false = body.symbol("_Py_TrueStruct"), body.symbol("_Py_FalseStruct")
    body.put(body.new(f"select i1 {body.get(op.operands[0])}, ptr {true}, ptr {false}"))
    body.truths.add(op.result)


# ---- by CPython itself ---------------------------------------------------------------------------


def _result_or_leave(body: Body, word: str) -> None:
    body.leave_if(body.new(f"icmp eq i64 {word}, 0"))
    body.put(body.pointer(word))


def _function(body: Body, name: str) -> str:
    return f"i64 ptrtoint (ptr {body.symbol(name)} to i64)"


def _num_binop(body: Body, op: Op) -> None:
    operands = [body.word(body.get(value)) for value in op.operands]
    if op.attrs["op"] in QUICK:
        result = body.call(QUICK[op.attrs["op"]], *operands)
    else:
        result = body.call("num_binop", _function(body, BINARY[op.attrs["op"]]), *operands)
    _result_or_leave(body, result)


def _num_unary(body: Body, op: Op) -> None:
    if op.attrs["op"] == "~":  # of a bool: deprecated, and the warning is the frame's
        body.leave_if(_has_class(body, body.get(op.operands[0]), "bool"))
    operand = body.word(body.get(op.operands[0]))
    _result_or_leave(body, body.call("num_unary", _function(body, UNARY[op.attrs["op"]]), operand))


def _answer_or_leave(body: Body, word: str) -> None:
    body.leave_if(body.new(f"icmp slt i64 {word}, 0"))
    body.put(body.new(f"trunc i64 {word} to i1"))


def _num_cmp(body: Body, op: Op) -> None:
    operands = [body.word(body.get(value)) for value in op.operands]
    number = COMPARISONS.index(op.attrs["op"])
    _answer_or_leave(body, body.call("num_order", *operands, f"i64 {number}"))


def _num_truth(body: Body, op: Op) -> None:
    """True and False are told at once."""
    o = body.get(op.operands[0])
    true = body.new(f"icmp eq ptr {o}, {body.symbol('_Py_TrueStruct')}")
    false = body.new(f"icmp eq ptr {o}, {body.symbol('_Py_FalseStruct')}")
    known = body.new(f"or i1 {true}, {false}")
    start, ask, met = body.label, body.fresh("ask"), body.fresh("known")
    body.line(f"br i1 {known}, label %{met}, label %{ask}")
    body.begin(ask)
    answer = body.call("num_is_true", body.word(o))
    body.leave_if(body.new(f"icmp slt i64 {answer}, 0"))
    asked = body.new(f"trunc i64 {answer} to i1")
    end = body.label
    body.line(f"br label %{met}")
    body.begin(met)
    body.put(body.new(f"phi i1 [ {true}, %{start} ], [ {asked}, %{end} ]"))


def array(body: Body, op: Op) -> str:
    """The operands, objects, in an array on the stack."""
    at = body.room(f"[{max(len(op.operands), 1)} x ptr]")
    for number, value in enumerate(op.operands):
        body.line(f"store ptr {body.get(value)}, ptr {body.element('ptr', at, str(number))}")
    return body.word(at)


def _builtin_call(body: Body, op: Op) -> None:
    function = body.word(body.object(op.attrs["source"]))
    count = f"i64 {len(op.operands)}"
    _result_or_leave(body, body.call("call_builtin", function, array(body, op), count))


# ---- sequences -----------------------------------------------------------------------------------


def _seq_index(body: Body, op: Op) -> None:
    index, length = (body.get(value) for value in op.operands)
    known = body.known(op.operands[0])
    if not isinstance(known, int):
        negative = body.new(f"icmp slt i64 {index}, 0")
        more = body.new(f"select i1 {negative}, i64 {length}, i64 0")
        index = body.new(f"add i64 {index}, {more}")
    elif known < 0:
        index = body.new(f"add i64 {length}, {known}")
    body.leave_if(body.new(f"icmp uge i64 {index}, {length}"))
    body.put(index)


def length(offset: str, memory: str) -> Emitter:
    """A length that the object has at an offset of the layout."""

    def emit(body: Body, op: Op) -> None:
        at = getattr(body.layout, offset)
        size = body.load("i64", body.get(op.operands[0]), at, memory)
        body.lines[-1] += ", !range !22"
        body.put(size)

    return emit


def _keep(body: Body, op: Op, item: str) -> None:
    if body.live.owned(op.result):
        body.line(f"call void @incref(ptr {item})")
    body.put(item)


def _list_get(body: Body, op: Op) -> None:
    items, index = (body.get(value) for value in op.operands)
    array = body.load("ptr", items, body.layout.list_items, "header")
    at = body.element("ptr", array, index)
    _keep(body, op, body.new(f"load ptr, ptr {at}, !tbaa !11"))


def _tuple_get(body: Body, op: Op) -> None:
    items, index = (body.get(value) for value in op.operands)
    first = body.new(f"getelementptr i8, ptr {items}, i64 {body.layout.tuple_items}")
    at = body.element("ptr", first, index)
    _keep(body, op, body.new(f"load ptr, ptr {at}, !tbaa !13"))


def _tuple_new(body: Body, op: Op) -> None:
    made = body.call("new_tuple", array(body, op), f"i64 {len(op.operands)}")
    body.put(body.pointer(made))


def _str_char(body: Body, op: Op) -> None:
    text, index = (body.get(value) for value in op.operands)
    body.put(body.new(f"call i64 @character(ptr {text}, i64 {index})"))


def _select(body: Body, op: Op) -> None:
    choice, a, b = (body.get(value) for value in op.operands)
    kind = TYPES[op.result.rep]
    result = body.new(f"select i1 {choice}, {kind} {a}, {kind} {b}")
    if op.result.rep is Rep.OBJ:
        body.line(f"call void @incref(ptr {result})")
    body.put(result)


def _const_obj(body: Body, op: Op) -> None:
    kind, *rest = source = op.attrs["source"]
    if kind == "singleton":
        names = {"None": "_Py_NoneStruct", "True": "_Py_TrueStruct", "False": "_Py_FalseStruct"}
        body.put(body.symbol(names[rest[0]]))
        body.truths |= {op.result} if rest[0] != "None" else set()
    else:
        body.put(body.object(source))


EMITTERS: dict[str, Emitter] = {
    "const.obj": _const_obj,
    "select": _select,
    "obj.is_class": _is_class,
    "obj.same": _same,
    "obj.unbox_i64": _unbox_i64,
    "obj.unbox_i128": _unbox_slowly("read_i128", "i128"),
    "obj.unbox_f64": _unbox_f64,
    "obj.unbox_i1": _unbox_i1,
    "obj.unbox_char": _unbox_slowly("read_char", "i64"),
    "box.i128": _box_i128,
    "box.i1": _box_i1,
    "box.char": _box("box_char"),
    "num.binop": _num_binop,
    "num.unary": _num_unary,
    "num.cmp": _num_cmp,
    "num.truth": _num_truth,
    "builtin.call": _builtin_call,
    "seq.index": _seq_index,
    "list.len": length("list_size", "header"),
    "list.get": _list_get,
    "str.len": length("str_length", "content"),
    "str.char": _str_char,
    "tuple.new": _tuple_new,
    "tuple.len": length("tuple_size", "content"),
    "tuple.get": _tuple_get,
}
EMIT.update(EMITTERS)


def routines(layout: Layout) -> str:
    """Reference counting, unboxing of ints, characters: LLVM functions for one layout."""
    return _counting(layout) + _unboxing(layout) + _characters(layout)


def _counting(layout: Layout) -> str:
    """A 64-bit sequence; CPython's own macros store 32 bits and read 64, which stalls the
    processor.
    """
    immortal = ""
    if layout.immortal:
        immortal = """
  %low = trunc i64 %count to i32
  %fixed = icmp slt i32 %low, 0
  br i1 %fixed, label %done, label %counted
counted:"""
    return f"""
define internal void @incref(ptr %o) nounwind uwtable alwaysinline {{
  %count = load i64, ptr %o, !tbaa !10{immortal}
  %more = add i64 %count, 1
  store i64 %more, ptr %o, !tbaa !10
{"  br label %done" if immortal else "  ret void"}
{"done:" if immortal else ""}
{"  ret void" if immortal else ""}
}}

define internal void @decref(ptr %o) nounwind uwtable alwaysinline {{
  %count = load i64, ptr %o, !tbaa !10{immortal}
  %less = sub i64 %count, 1
  store i64 %less, ptr %o, !tbaa !10
  %last = icmp eq i64 %less, 0
  br i1 %last, label %free, label %done
free:
  %word = ptrtoint ptr %o to i64
  call void @pyv.release_last(i64 %word)
  br label %done
done:
  ret void
}}

define internal i1 @keeps.much(ptr %o) nounwind uwtable alwaysinline {{
  %count = load i64, ptr %o, !tbaa !10
  %shared = icmp ne i64 %count, 1
  br i1 %shared, label %no, label %last
last:
  %word = ptrtoint ptr %o to i64
  %plain = call i64 @pyv.is_quiet(i64 %word)
  %much = icmp eq i64 %plain, 0
  ret i1 %much
no:
  ret i1 false
}}
"""


def _unboxing(layout: Layout) -> str:
    """One digit here, two apart, more in `read_i64`. The sign is a factor: the tag's low bits are
    0, 1 or 2 for +, 0 and -.
    """
    if layout.long_words:
        quick = """
  %small = icmp ult i64 %tag, 16
  br i1 %small, label %one, label %more
one:
  %bits = and i64 %tag, 3
  %sign = sub i64 1, %bits"""
    else:
        quick = """
  %up = add i64 %tag, 1
  %small = icmp ult i64 %up, 3
  br i1 %small, label %one, label %more
one:
  %sign = add i64 %tag, 0"""
    two = "%two = icmp eq i64 %count, 2"
    if layout.long_words:
        two = f"%count = lshr i64 %tag, 3\n  {two}"
        sign = "%bits = and i64 %tag, 3\n  %sign = sub i64 1, %bits"
    else:
        two = f"%count = call i64 @llvm.abs.i64(i64 %tag, i1 false)\n  {two}"
        sign = "%sign = ashr i64 %tag, 1"
    return f"""
define internal {{ i64, i1 }} @unbox.i64(ptr %o) nounwind uwtable alwaysinline {{
  %tag.at = getelementptr i8, ptr %o, i64 {layout.long_tag}
  %tag = load i64, ptr %tag.at, !tbaa !14{quick}
  %digit.at = getelementptr i8, ptr %o, i64 {layout.long_digits}
  %digit32 = load i32, ptr %digit.at, !tbaa !14
  %digit = zext i32 %digit32 to i64
  %value = mul i64 %digit, %sign
  %good = insertvalue {{ i64, i1 }} {{ i64 poison, i1 false }}, i64 %value, 0
  ret {{ i64, i1 }} %good
more:
  %slow = call {{ i64, i1 }} @unbox.i64.long(ptr %o)
  ret {{ i64, i1 }} %slow
}}

define internal {{ i64, i1 }} @unbox.i64.long(ptr %o) #5 {{
  %at = alloca i64
  %tag.at = getelementptr i8, ptr %o, i64 {layout.long_tag}
  %tag = load i64, ptr %tag.at, !tbaa !14
  {two}
  br i1 %two, label %short, label %long
short:
  {sign}
  %digit.at = getelementptr i8, ptr %o, i64 {layout.long_digits}
  %low32 = load i32, ptr %digit.at, !tbaa !14
  %low = zext i32 %low32 to i64
  %high.at = getelementptr i8, ptr %o, i64 {layout.long_digits + 4}
  %high32 = load i32, ptr %high.at, !tbaa !14
  %high = zext i32 %high32 to i64
  %shifted = shl i64 %high, 30
  %both = or i64 %shifted, %low
  %signed = mul i64 %both, %sign
  %good = insertvalue {{ i64, i1 }} {{ i64 poison, i1 false }}, i64 %signed, 0
  ret {{ i64, i1 }} %good
long:
  %word = ptrtoint ptr %o to i64
  %at.word = ptrtoint ptr %at to i64
  %fits = call i64 @pyv.read_i64(i64 %word, i64 %at.word)
  %value = load i64, ptr %at
  %wrong = icmp eq i64 %fits, 0
  %part = insertvalue {{ i64, i1 }} poison, i64 %value, 0
  %whole = insertvalue {{ i64, i1 }} %part, i1 %wrong, 1
  ret {{ i64, i1 }} %whole
}}
"""


def _characters(layout: Layout) -> str:
    """The width of a string's characters does not change, so a loop over one can be split by it."""
    return f"""
define internal i64 @character(ptr %o, i64 %index) nounwind uwtable alwaysinline {{
  %state.at = getelementptr i8, ptr %o, i64 {layout.str_state}
  %state = load i32, ptr %state.at, !tbaa !13
  %ascii.bit = and i32 %state, 64
  %ascii = icmp ne i32 %ascii.bit, 0
  br i1 %ascii, label %plain, label %other
plain:
  %first = getelementptr i8, ptr %o, i64 {layout.str_ascii}
  %at = getelementptr i8, ptr %first, i64 %index
  %byte = load i8, ptr %at, !tbaa !13
  %point = zext i8 %byte to i64
  ret i64 %point
other:
  %word = ptrtoint ptr %o to i64
  %wide = call range(i64 0, 1114112) i64 @pyv.character(i64 %word, i64 %index)
  ret i64 %wide
}}
"""
