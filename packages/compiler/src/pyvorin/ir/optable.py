"""The op table: one row an operation; nothing else in the compiler lists them.

Printer, parser, verifier, reference interpreter, emitter and the generated page `docs/ops.md` read
this table. An op's own behaviour is one small function in `ir.interp` and one in `backend.llvm`,
both keyed by its name; `tests/compiler/test_tables.py` checks that each row has them.

Conventions:

* `operands` and `results` name representations; "*" at the end takes any number of any
  representation; "T" is one representation for all its places.
* `deopt`: the op may leave native code through its frame state, *before having had any effect*.
* Integers are mathematical: an op whose exact result does not fit its representation leaves
  through its frame state, unless attribute `nowrap` says that a pass proved it fits.
* `floordiv`, `mod`, shifts, comparisons and conversions have Python's meaning, not C's.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any, NamedTuple


class Effect(Enum):
    """What an op does besides computing its results; passes ask this, never the op's name."""

    PURE = (
        auto()
    )  # may be merged, moved, dropped (with `deopt`: not moved before an earlier effect)
    READ = auto()  # reads memory that a WRITE may change
    WRITE = auto()  # changes memory; stays, in order
    CALL = auto()  # runs another native function: reads and writes anything
    CONTROL = auto()  # ends a block


class Row(NamedTuple):
    """What is true of every operation of one name."""

    operands: tuple[str, ...]
    results: tuple[str, ...]
    doc: str
    attrs: tuple[str, ...] = ()
    effect: Effect = Effect.PURE
    deopt: bool = False
    commutes: bool = False


OPS: dict[str, Row] = {}


def _row(name: str, operands: str, results: str, doc: str, attrs: str = "", **facts: Any) -> None:
    OPS[name] = Row(
        tuple(operands.split()), tuple(results.split()), doc, tuple(attrs.split()), **facts
    )


# ---- generic: boxed values, one op a bytecode operation; every one may raise, so every one may lea
_GENERIC: tuple[tuple[str, str, str, str, str], ...] = (
    (
        "py.const",
        "",
        "obj",
        "co_consts[index], or a singleton, as in Const; `pad`: stands for an unbound local",
        "source pad",
    ),
    ("py.global", "", "obj", "LOAD_GLOBAL: globals, then builtins", "name"),
    ("py.attr", "obj", "obj", "LOAD_ATTR / LOAD_METHOD (bound)", "name"),
    (
        "py.check",
        "obj",
        "obj",
        "the local variable `name` (fast local `index`): UnboundLocalError when unbound",
        "name index",
    ),
    (
        "py.binop",
        "obj obj",
        "obj",
        "BINARY_OP: `op` is +, -, *, /, //, %, **, <<, >>, &, |, ^, @; `inplace`",
        "op inplace",
    ),
    ("py.unary", "obj", "obj", "`op` is -, +, ~", "op"),
    ("py.not", "obj", "obj", "not x, as a bool object", ""),
    ("py.compare", "obj obj", "obj", "`op` is <, <=, ==, !=, >, >=", "op"),
    ("py.is", "obj obj", "obj", "x is y; `invert`: is not", "invert"),
    (
        "py.contains",
        "obj obj",
        "obj",
        "x in y (operands: item, container); `invert`: not in",
        "invert",
    ),
    ("py.truth", "obj", "i1", "bool(x) as a truth value, for a branch", ""),
    ("py.getitem", "obj obj", "obj", "x[i]", ""),
    ("py.setitem", "obj obj obj", "", "x[i] = v (operands: x, i, v)", ""),
    ("py.setattr", "obj obj", "", "x.name = v (operands: x, v)", "name"),
    (
        "py.call",
        "obj *",
        "obj",
        "call (callee, arguments…); `kwnames`: names of the last ones",
        "kwnames",
    ),
    ("py.iter", "obj", "obj", "iter(x)", ""),
    ("py.next", "obj", "obj i1", "the next item of an iterator and whether there was one", ""),
    (
        "py.deref",
        "obj",
        "obj",
        "the value of variable `name` in a cell: NameError when empty",
        "name",
    ),
    ("py.store_deref", "obj obj", "", "store in a cell (operands: cell, value)", ""),
    (
        "py.function",
        "*",
        "obj",
        "a comprehension's function (co_consts[const]), to be called at once; the operands are "
        "the values of the variables it captures, `captured` their numbers",
        "const captured",
    ),
    (
        "py.generator",
        "obj obj",
        "obj",
        "a generator (operands: function of a generator expression, iterator) for `py.consume`",
        "",
    ),
    (
        "py.consume",
        "obj obj",
        "obj",
        "what builtin or method `callee` answers for a generator (operands: callee, generator), or "
        'for "items" the list of what it gives; see `ir.consumer`',
        "consumer",
    ),
    ("py.replay", "obj", "obj", "an iterator over a list that nobody else has", ""),
    ("py.zero", "", "obj", "what `sum` starts with", ""),
    (
        "py.sum",
        "obj obj",
        "obj",
        "the sum so far and one more item, as `sum` adds them: the `op` + of numbers",
        "op inplace",
    ),
    ("py.tuple", "*", "obj", "a tuple of the operands", ""),
    (
        "py.format",
        "obj *",
        "obj",
        "(value, perhaps a format): the value, after `conversion` by str, repr or ascii, as text "
        "if it `formats`",
        "conversion formats",
    ),
    ("py.string", "*", "obj", "one str of the operands, which are strs", ""),
    ("py.delitem", "obj obj", "", "del x[i]", ""),
    ("py.slice", "*", "obj", "slice(start, stop) or slice(start, stop, step)", ""),
    (
        "py.unpackstar",
        "obj",
        "*",
        "the first `before` items of an iterable, a list, and as many last items as there are "
        "further results",
        "before",
    ),
    ("py.list", "*", "obj", "a list of the operands", ""),
    ("py.totuple", "obj", "obj", "LIST_TO_TUPLE: the tuple of a list under construction", ""),
    ("py.append", "obj obj", "", "LIST_APPEND: append to a list under construction", ""),
    ("py.extend", "obj obj", "", "LIST_EXTEND: extend a list under construction", ""),
    ("py.dict", "*", "obj", "a dict of the operands: key, value, key, value, …", ""),
    ("py.setupdate", "obj obj", "", "SET_UPDATE: add items to a set under construction", ""),
    ("py.setadd", "obj obj", "", "SET_ADD: add to a set under construction", ""),
    ("py.set", "*", "obj", "a set of the operands", ""),
    ("py.unpack", "obj", "*", "the items of an iterable, exactly as many as there are results", ""),
)
for _name, _operands, _results, _doc, _attrs in _GENERIC:
    _stays = _name in ("py.const", "py.generator", "py.replay", "py.zero")
    _pure = _stays or _name in ("py.is", "py.tuple", "py.function")
    _row(
        _name,
        _operands,
        _results,
        _doc,
        _attrs,
        deopt=not _stays,
        effect=Effect.PURE if _pure else Effect.CALL,
    )

# ---- constants and choices -----------------------------------------------------------------------
_row("const", "", "T", "a number, truth value or code point: `value`", "value")
_row(
    "const.obj",
    "",
    "obj",
    "an object known when the function is bound: `source` as in Const",
    "source",
)
_row("select", "i1 T T", "T", "the second operand if the first is true, else the third")
_row(
    "guard",
    "i1",
    "",
    "leave unless true; `reason` for people",
    "reason",
    deopt=True,
)

# ---- integers ------------------------------------------------------------------------------------
for _rep in ("i64", "i128"):
    for _op, _doc in (("add", "a + b"), ("sub", "a - b"), ("mul", "a * b")):
        _row(
            f"{_rep}.{_op}",
            f"{_rep} {_rep}",
            _rep,
            f"{_doc}; leaves when it does not fit, unless `nowrap`",
            "nowrap",
            deopt=True,
            commutes=_op != "sub",
        )
    _row(
        f"{_rep}.floordiv",
        f"{_rep} {_rep}",
        _rep,
        "a // b; leaves when b is 0 or the result does not fit",
        deopt=True,
    )
    _row(f"{_rep}.mod", f"{_rep} {_rep}", _rep, "a % b (sign of b); leaves when b is 0", deopt=True)
    _row(
        f"{_rep}.shl",
        f"{_rep} i64",
        _rep,
        "a << n; leaves when n < 0 or the result does not fit",
        deopt=True,
    )
    _row(
        f"{_rep}.shr",
        f"{_rep} i64",
        _rep,
        "a >> n (floor, any n >= 0); leaves when n < 0",
        deopt=True,
    )
    _row(f"{_rep}.and", f"{_rep} {_rep}", _rep, "a & b", commutes=True)
    _row(f"{_rep}.or", f"{_rep} {_rep}", _rep, "a | b", commutes=True)
    _row(f"{_rep}.xor", f"{_rep} {_rep}", _rep, "a ^ b", commutes=True)
    _row(f"{_rep}.neg", _rep, _rep, "-a; leaves when it does not fit", deopt=True)
    _row(f"{_rep}.abs", _rep, _rep, "abs(a); leaves when it does not fit", deopt=True)
    _row(f"{_rep}.not", _rep, _rep, "~a")
    _row(f"{_rep}.cmp", f"{_rep} {_rep}", "i1", "comparison `op`: <, <=, ==, !=, >, >=", "op")
_row(
    "i64.mulmod",
    "i64 i64 i64",
    "i64",
    "(a * b) % m through 128 bits; leaves when m is 0",
    deopt=True,
)
_row(
    "i64.truediv",
    "i64 i64",
    "f64",
    "a / b, correctly rounded; leaves when b is 0 or an operand exceeds 2**53",
    deopt=True,
)
_row(
    "i64.pow",
    "i64 i64",
    "i64",
    "a ** n for n >= 0; leaves when n < 0 or the result does not fit",
    deopt=True,
)

# ---- floats: IEEE double, never reassociated or contracted ---------------------------------------
for _op in ("add", "sub", "mul"):
    _row(f"f64.{_op}", "f64 f64", "f64", f"IEEE {_op}", commutes=_op != "sub")
_row("f64.div", "f64 f64", "f64", "a / b; leaves when b is 0", deopt=True)
_row(
    "f64.floordiv",
    "f64 f64",
    "f64",
    "a // b as CPython's float_floor_div; leaves when b is 0",
    deopt=True,
)
_row("f64.mod", "f64 f64", "f64", "a % b as CPython's float_rem; leaves when b is 0", deopt=True)
_row(
    "f64.pow",
    "f64 f64",
    "f64",
    "a ** b as CPython's float_pow; leaves where that raises or answers a complex",
    deopt=True,
)
_row("f64.neg", "f64", "f64", "-a")
_row("f64.abs", "f64", "f64", "abs(a)")
_row("f64.cmp", "f64 f64", "i1", "comparison `op`; NaN compares as in IEEE", "op")
_row("f64.sqrt", "f64", "f64", "math.sqrt; leaves for a < 0", deopt=True)
_row(
    "f64.libm1",
    "f64",
    "f64",
    "the C library's function `fn` with CPython's math_1 error rules; leaves where that raises",
    "fn",
    deopt=True,
)
_row(
    "f64.libm2",
    "f64 f64",
    "f64",
    "the C library's function `fn` with CPython's math_2 error rules; leaves where that raises",
    "fn",
    deopt=True,
)
_row("f64.isnan", "f64", "i1", "math.isnan")
_row("f64.isinf", "f64", "i1", "math.isinf")
_row("f64.isfinite", "f64", "i1", "math.isfinite")
_row("f64.copysign", "f64 f64", "f64", "math.copysign")
_row(
    "f64.to_i64",
    "f64",
    "i64",
    "rounding `mode`: trunc, floor, ceil, round (half to even); leaves for nan, inf, out of range",
    "mode",
    deopt=True,
)

# ---- conversions ---------------------------------------------------------------------------------
_row("i64.to_f64", "i64", "f64", "float(a), rounded half to even")
_row("i64.to_i128", "i64", "i128", "the same int")
_row("i128.to_i64", "i128", "i64", "the same int; leaves when it does not fit", deopt=True)
_row("i1.to_i64", "i1", "i64", "int(a)")
_row("i64.cmp_f64", "i64 f64", "i1", "an int compared with a float, exactly: `op`", "op")
_row("char.to_i64", "char", "i64", "ord(c)")
_row("char.cmp", "char char", "i1", "comparison `op` of one-character strings", "op")
_row("i1.and", "i1 i1", "i1", "both", commutes=True)
_row("i1.or", "i1 i1", "i1", "either", commutes=True)
_row("i1.xor", "i1 i1", "i1", "one but not both", commutes=True)
_row("i1.not", "i1", "i1", "not")

# ---- objects -------------------------------------------------------------------------------------
_row("obj.unbox_i64", "obj", "i64", "leaves unless an exact int that fits", deopt=True)
_row("obj.unbox_i128", "obj", "i128", "leaves unless an exact int that fits", deopt=True)
_row("obj.unbox_f64", "obj", "f64", "leaves unless an exact float", deopt=True)
_row("obj.unbox_i1", "obj", "i1", "leaves unless True or False", deopt=True)
_row("obj.unbox_char", "obj", "char", "leaves unless an exact str of length 1", deopt=True)
_row(
    "obj.is_class",
    "obj",
    "i1",
    "type(x) is `cls`: int, float, bool, str, list, tuple, NoneType",
    "cls",
)
_row("obj.same", "obj obj", "i1", "x is y")
_row("box.i64", "i64", "obj", "the int object")
_row("box.i128", "i128", "obj", "the int object")
_row("box.f64", "f64", "obj", "a new float object")
_row("box.i1", "i1", "obj", "True or False")
_row("box.char", "char", "obj", "the str object of length 1, as s[i] makes it")
_row(
    "num.binop",
    "obj obj",
    "obj",
    "`op` on exact ints, floats, bools by CPython itself; leaves for other classes or an error",
    "op",
    deopt=True,
)
_row(
    "num.unary",
    "obj",
    "obj",
    "`op` (-, +, ~, abs) on an exact int, float, bool; leaves for other classes or an error",
    "op",
    deopt=True,
)
_row(
    "num.cmp",
    "obj obj",
    "i1",
    "comparison `op` of exact ints, floats, bools, strs, None (==, !=); leaves for other classes",
    "op",
    deopt=True,
)
_row(
    "num.truth",
    "obj",
    "i1",
    "bool(x) of an exact int, float, bool, str, list, tuple, None; leaves for other classes",
    deopt=True,
)
_row(
    "builtin.call",
    "*",
    "obj",
    "call the C function `source` (a Const source) on exact ints, floats, bools, strs, None; "
    "leaves for other classes or an error. Only for functions without effects",
    "source",
    deopt=True,
)

# ---- sequences -----------------------------------------------------------------------------------
_row(
    "seq.index",
    "i64 i64",
    "i64",
    "(index, length): the index counted from the front; leaves when out of range",
    deopt=True,
)
_row("list.len", "obj", "i64", "len of an exact list", effect=Effect.READ)
_row(
    "list.get",
    "obj i64",
    "obj",
    "a new reference to the item; the index is in range",
    effect=Effect.READ,
)
_row(
    "list.set",
    "obj i64 obj",
    "",
    "store an item; the index is in range; leaves when releasing the old item could run code",
    effect=Effect.WRITE,
    deopt=True,
)
_row(
    "list.swap",
    "obj i64 obj i64",
    "",
    "x[i], y[j] = y[j], x[i]; the indices are in range",
    effect=Effect.WRITE,
)
_row("list.new", "*", "obj", "a new list of boxed operands", effect=Effect.WRITE)
_row(
    "list.append",
    "obj obj",
    "",
    "append an item to an exact list; leaves without memory",
    effect=Effect.WRITE,
    deopt=True,
)
_row(
    "list.remove_at",
    "obj i64",
    "",
    "remove an item; the index is in range; leaves when releasing the item could run code; `pop`: "
    "as list.pop does, which keeps another capacity",
    "pop",
    effect=Effect.WRITE,
    deopt=True,
)
_row(
    "list.extend",
    "obj obj",
    "",
    "append the items of an exact list, tuple or str; leaves for other classes",
    effect=Effect.WRITE,
    deopt=True,
)
for _name, _operands, _results, _doc, _attrs in (
    ("list.of", "obj", "obj", "list(x) of an exact list, tuple, str or range", ""),
    ("tuple.of", "obj", "obj", "tuple(x) of an exact list, tuple, str or range", ""),
    ("seq.concat", "obj obj", "obj", "x + y of two exact lists, tuples, bytes or bytearrays", ""),
    ("seq.repeat", "obj i64", "obj", "x * n of an exact sequence", ""),
    ("seq.slice", "obj i64 i64 i64", "obj", "x[start:stop:step] of a sequence", ""),
    ("seq.rest", "obj i64 i64", "obj", "list(x[before:len(x) - after]), as unpacking makes it", ""),
    ("range.new", "i64 i64 i64", "obj", "range(start, stop, step)", ""),
    ("list.repeat_inplace", "obj i64", "", "x *= n", ""),
    ("list.insert", "obj i64 obj", "", "x.insert(i, item)", ""),
    (
        "list.set_slice",
        "obj i64 i64 i64 obj",
        "",
        "x[start:stop:step] = items, a list or tuple",
        "",
    ),
    (
        "list.copy_slice",
        "obj i64 i64 i64 obj i64 i64 i64",
        "",
        "x[start:stop:step] = y[start:stop:step], of a list, tuple or str",
        "",
    ),
    (
        "list.extend_slice",
        "obj obj i64 i64 i64",
        "",
        "x.extend(y[start:stop:step]), of a list, tuple or str",
        "",
    ),
    (
        "seq.concat_slices",
        "obj i64 i64 i64 obj i64 i64 i64",
        "obj",
        "x[start:stop:step] + y[start:stop:step], of two lists or two tuples",
        "",
    ),
    ("list.del_slice", "obj i64 i64 i64", "", "del x[start:stop:step]", ""),
    ("list.reverse", "obj", "", "x.reverse()", ""),
    ("list.sort", "obj i1", "", "x.sort(reverse=r) of items that compare without Python code", ""),
    ("heap.push", "obj obj", "", "heapq.heappush(x, item) where no Python code compares", ""),
    ("heap.pop", "obj", "obj", "heapq.heappop(x) likewise", ""),
    ("heap.replace", "obj obj", "obj", "heapq.heapreplace(x, item) likewise", ""),
    ("heap.pushpop", "obj obj", "obj", "heapq.heappushpop(x, item) likewise", ""),
):
    _row(_name, _operands, _results, f"{_doc}; may leave", _attrs, effect=Effect.WRITE, deopt=True)
for _name, _operands, _results, _doc, _attrs in (
    ("seq.contains", "obj obj", "i1", "item in x (operands: x, item)", ""),
    ("seq.find", "obj obj", "i64", "x.index(item); leaves when it is not there", ""),
    ("seq.count", "obj obj", "i64", "x.count(item)", ""),
    (
        "seq.bisect",
        "obj obj",
        "i64",
        "bisect.bisect_left(x, item), or with `right` the other",
        "right",
    ),
    ("seq.extremum", "obj", "i64", "where min(x) or max(x) is; `op`: < or >", "op"),
    ("seq.any", "obj", "i1", "any(x), or all(x) with `all`", "all"),
    ("seq.sum_i64", "obj i64", "i64", "sum(x, start) of ints and bools", ""),
    (
        "seq.sum_f64",
        "obj i64",
        "f64",
        "sum(x, start) that is a float, rounded as by this minor",
        "",
    ),
):
    _doc += "; leaves unless x is an exact list or tuple whose items need no Python code"
    _row(_name, _operands, _results, _doc, _attrs, effect=Effect.READ, deopt=True)
_row("str.len", "obj", "i64", "len of an exact str")
_row("bytes.len", "obj", "i64", "len of an exact bytes")
_row("bytes.get", "obj i64", "i64", "the byte; the index is in range")
_row("bytearray.len", "obj", "i64", "len of an exact bytearray", effect=Effect.READ)
_row(
    "bytearray.get", "obj i64", "i64", "the byte; the index is in range", effect=Effect.READ
)  # fmt: skip
_row(
    "bytearray.set",
    "obj i64 i64",
    "",
    "store a byte; the index is in range; leaves for a number that is no byte",
    effect=Effect.WRITE,
    deopt=True,
)
_row(
    "bytearray.append",
    "obj i64",
    "",
    "x.append(byte); leaves for a number that is no byte, or when somebody exported the buffer",
    effect=Effect.WRITE,
    deopt=True,
)
_row(
    "bytearray.extend",
    "obj obj",
    "",
    "x.extend(bytes or bytearray) or x += it, `how`; leaves for others, or when somebody exported "
    "the buffer",
    "how",
    effect=Effect.WRITE,
    deopt=True,
)
_row(
    "bytes.of",
    "*",
    "obj",
    "`cls` bytes or bytearray of nothing, an int, bytes, bytearray, range, or list or tuple of "
    "ints; leaves for others or an error",
    "cls",
    effect=Effect.WRITE,
    deopt=True,
)
_row(
    "bytes.to_i64",
    "obj",
    "i64",
    "int.from_bytes(x, order) of exact bytes or bytearray; leaves when it does not fit",
    "order",
    effect=Effect.READ,
    deopt=True,
)
_row(
    "i64.to_bytes",
    "i64 i64",
    "obj",
    "a.to_bytes(count, order); leaves for a < 0 or when it does not fit",
    "order",
    deopt=True,
)
_row("i64.bit_length", "i64", "i64", "a.bit_length()")
_row("i64.bit_count", "i64", "i64", "a.bit_count()")
_row("bytes.eq", "obj obj", "i1", "a == b of exact bytes or bytearrays", effect=Effect.READ)
_row(
    "bytes.has",
    "obj obj",
    "i1",
    "(x, item): is an int or bytes in an exact bytes or bytearray? leaves for others or an error",
    effect=Effect.READ,
    deopt=True,
)
_row("str.char", "obj i64", "char", "the character; the index is in range")
_row(
    "cell.get",
    "obj",
    "obj",
    "a new reference to what a cell holds; leaves when it is empty",
    effect=Effect.READ,
    deopt=True,
)
_row(
    "cell.set",
    "obj obj",
    "",
    "store in a cell; leaves when releasing what it held could run code",
    effect=Effect.WRITE,
    deopt=True,
)
_row(
    "attr.get",
    "obj",
    "obj",
    "a new reference to what an instance has as attribute `name`; leaves where that is not in one "
    "of its slots or values, or where looking it up could run code",
    "name",
    effect=Effect.READ,
    deopt=True,
)
_row(
    "attr.set",
    "obj obj",
    "",
    "(instance, value): store in an attribute that the instance has; leaves where attr.get does, "
    "or when releasing what it held could run code",
    "name",
    effect=Effect.WRITE,
    deopt=True,
)
# ---- lists of numbers as arrays (`lower.arrays`) -------------------------------------------------
_row("nest.count", "", "", "nest number `nest` reads and stores `by` more items", "nest by")
_row(
    "arrays.open",
    "*",
    "i1 i64",
    "copy lists into arrays if that pays by now and every one is of `kinds` (f64, i64, i1; with * "
    "its items are such lists of one length) and none that `written` marks is another as well; "
    "whether they are open, and a handle",
    "nest kinds written",
    effect=Effect.READ,
)
_row("arrays.base", "i64", "i64", "where array number `at` of a handle begins", "at")
_row("arrays.width", "i64", "i64", "the length of each row of array number `at`", "at")
_row(
    "arrays.close",
    "i64",
    "",
    "write changed items back into the lists, and end the handle",
    effect=Effect.WRITE,
)
_row("array.row", "i64 i64 i64", "i64", "(base, width, index): where a row begins", "kind")
_row(
    "array.get",
    "i64 i64",
    "T",
    "(base or row, index): an item of array number `at`; the index is in range",
    "kind at",
    effect=Effect.READ,
)
_row(
    "array.set",
    "i64 i64 T",
    "",
    "(base or row, index, number): store an item; the index is in range; leaves for nan, unless "
    "`nowrap`",
    "kind at nowrap",
    effect=Effect.WRITE,
    deopt=True,
)
_row("tuple.new", "*", "obj", "a tuple of boxed operands")
_row("tuple.len", "obj", "i64", "len of an exact tuple")
_row("tuple.get", "obj i64", "obj", "a new reference to the item; the index is in range")

# ---- texts and bytes -----------------------------------------------------------------------------
_row("i64.to_char", "i64", "char", "chr(x); leaves when there is no such character", deopt=True)
_row(
    "char.is",
    "char",
    "i1",
    "whether a character is what str's `method` asks: isalpha, isdigit, …",
    "method",
)
_row(
    "char.map",
    "char",
    "char",
    "str's `method`, lower or upper, of a character; leaves when that is several characters",
    "method",
    deopt=True,
)
_row(
    "str.concat",
    "obj obj",
    "obj",
    "a + b of exact strs; a string that nobody else has grows where it is; leaves without memory",
    deopt=True,
)
_row("str.eq", "obj obj", "i1", "a == b of exact strs")
_row("str.has", "obj obj", "i1", "a in b of exact strs", deopt=True)
_row(
    "str.of",
    "obj",
    "obj",
    "str(x) of an exact int, float, bool, str, None; leaves for other classes",
    deopt=True,
)
_row(
    "str.format",
    "obj *",
    "obj",
    "format(x, spec) after `conversion`, of a number, str or None; leaves for others or an error",
    "conversion",
    deopt=True,
)
_row("str.join", "*", "obj", "the concatenation of exact strs; leaves without memory", deopt=True)
_row("str.percent", "obj obj", "obj", "a % b of plain objects; leaves for others", deopt=True)
_row(
    "method.call",
    "obj *",
    "obj",
    "call `method` of builtin class `cls`, which only computes, on plain objects; leaves for "
    "others or an error",
    "cls method",
    effect=Effect.READ,
    deopt=True,
)

# ---- dicts and sets ------------------------------------------------------------------------------
# A *place* says where a key is in a dict, until the dict changes: -1 when it is not there. Keys are
# boxed, or i64, or two i64 for a pair of ints; an operation leaves where only Python code could
# tell whether two keys are equal.
_row("dict.new", "*", "obj", "a dict of boxed keys and values in turn", deopt=True)
_row("dict.len", "obj", "i64", "len of an exact dict", effect=Effect.READ)
_row(
    "dict.find",
    "obj *",
    "i64",
    "the place of a key",
    effect=Effect.READ,
    deopt=True,
)
_row("dict.value", "obj i64", "obj", "the value at a place", effect=Effect.READ)
_row(
    "dict.put",
    "obj i64 *",
    "",
    "(dict, place of the key, key, value): store a boxed, i64 or f64 value; leaves when releasing "
    "the old one could run code, or when somebody watches the dict",
    effect=Effect.WRITE,
    deopt=True,
)
_row(
    "dict.delete",
    "obj i64",
    "",
    "delete the key at a place; leaves as dict.put does",
    effect=Effect.WRITE,
    deopt=True,
)
_row("dict.clear", "obj", "", "d.clear()", effect=Effect.WRITE, deopt=True)
_row("dict.update", "obj obj", "", "d.update(exact dict)", effect=Effect.WRITE, deopt=True)
_row("dict.view", "obj", "obj", "d.keys(), d.values() or d.items(): `kind`", "kind")
_row("set.new", "*", "obj", "a set of boxed elements", deopt=True)
_row("set.len", "obj", "i64", "len of an exact set or frozenset", effect=Effect.READ)
_row(
    "set.has", "obj *", "i1", "is it an element? Operands as of dict.find", effect=Effect.READ,
    deopt=True,
)  # fmt: skip
_row("set.add", "obj *", "", "s.add(x)", effect=Effect.WRITE, deopt=True)
_row("set.discard", "obj obj", "", "s.discard(x)", effect=Effect.WRITE, deopt=True)
_row(
    "set.of", "obj", "obj", "set(x), or `cls` frozenset, of a container of keys", "cls", deopt=True
)
_row(
    "set.binop", "obj obj", "obj", "a `op` b of exact sets and frozensets: &, |, -, ^", "op",
    deopt=True,
)  # fmt: skip
_row(
    "set.change", "obj obj", "", "a `op`= b of an exact set and a set or frozenset", "op",
    effect=Effect.WRITE, deopt=True,
)  # fmt: skip
_row(
    "set.update", "obj obj", "", "s.update(list, tuple, str, set or frozenset of keys)",
    effect=Effect.WRITE, deopt=True,
)  # fmt: skip
_row("set.clear", "obj", "", "s.clear()", effect=Effect.WRITE, deopt=True)
_row(
    "set.top", "obj", "obj", "the element that s.pop() takes; leaves when there is none",
    effect=Effect.READ, deopt=True,
)  # fmt: skip
_row("set.pop", "obj", "", "take out what is on top", effect=Effect.WRITE)
_row("hash.iter", "obj", "obj", "iter(x) of an exact dict, set or view of a dict")
_row(
    "hash.peek",
    "obj",
    "i64",
    "the place of what an iterator of class `cls` answers next, -1 at its end; leaves where it "
    "would raise",
    "cls",
    effect=Effect.READ,
    deopt=True,
)
_row("hash.key", "obj i64", "obj", "the key (or element) at that place", "cls", effect=Effect.READ)
_row("hash.value", "obj i64", "obj", "the value at that place", effect=Effect.READ)
_row("hash.step", "obj", "", "go past that place", "cls", effect=Effect.WRITE)
_row(
    "hash.finish", "obj", "", "let go of what an iterator at its end iterates over",
    effect=Effect.WRITE,
)  # fmt: skip

# ---- calls and control ---------------------------------------------------------------------------
_row(
    "call.native",
    "*",
    "T",
    "call the native function `callee`, its body `body` (0 by default), at its start; its result. "
    "When the callee leaves, this frame leaves at its CALL instruction",
    "callee body",
    effect=Effect.CALL,
    deopt=True,
)
_row(
    "guard.defaults",
    "",
    "",
    "leave unless native function `callee` still has the __defaults__ it was bound with",
    "callee",
    effect=Effect.READ,
    deopt=True,
)
_row(
    "poll",
    "",
    "",
    "leave when CPython wants control (signals, other threads, pending calls)",
    effect=Effect.READ,
    deopt=True,
)
_row("br", "", "", "go to the only edge", effect=Effect.CONTROL)
_row("condbr", "i1", "", "first edge if true, else the second", effect=Effect.CONTROL)
_row(
    "ret",
    "T",
    "",
    "return the value, in the function's result representation",
    effect=Effect.CONTROL,
)
_row(
    "leave",
    "",
    "",
    "leave always; `reason` for people",
    "reason",
    effect=Effect.CONTROL,
    deopt=True,
)
