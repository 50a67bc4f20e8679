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

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any


class Effect(Enum):
    """What an op does besides computing its results; passes ask this, never the op's name."""

    PURE = (
        auto()
    )  # may be merged, moved, dropped (with `deopt`: not moved before an earlier effect)
    READ = auto()  # reads memory that a WRITE may change
    WRITE = auto()  # changes memory; stays, in order
    CALL = auto()  # runs another native function: reads and writes anything
    CONTROL = auto()  # ends a block


@dataclass(frozen=True, slots=True)
class Row:
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
    (
        "py.call",
        "obj *",
        "obj",
        "call (callee, arguments…); `kwnames`: names of the last ones",
        "kwnames",
    ),
    ("py.iter", "obj", "obj", "iter(x)", ""),
    ("py.next", "obj", "obj i1", "the next item of an iterator and whether there was one", ""),
    ("py.tuple", "*", "obj", "a tuple of the operands", ""),
    ("py.unpack", "obj", "*", "the items of an iterable, exactly as many as there are results", ""),
)
for _name, _operands, _results, _doc, _attrs in _GENERIC:
    _free = _name in ("py.const", "py.tuple", "py.is")
    _row(
        _name,
        _operands,
        _results,
        _doc,
        _attrs,
        deopt=not _free,
        effect=Effect.PURE if _free else Effect.CALL,
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
_row("guard", "i1", "", "leave unless true; `reason` for people", "reason", deopt=True)

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
_row("str.len", "obj", "i64", "len of an exact str")
_row("str.char", "obj i64", "char", "the character; the index is in range")
_row("tuple.new", "*", "obj", "a tuple of boxed operands")
_row("tuple.len", "obj", "i64", "len of an exact tuple")
_row("tuple.get", "obj i64", "obj", "a new reference to the item; the index is in range")

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
