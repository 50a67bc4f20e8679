"""Emitters of operations on strings."""

from __future__ import annotations

from pyvorin.backend.body import EMIT, Body
from pyvorin.backend.dicts import words
from pyvorin.backend.objects import CLASSES, array
from pyvorin.ir.model import Op

_CONVERSIONS = ("", "str", "repr", "ascii")


def _made(body: Body, made: str) -> None:
    """The result is a new object, or 0 for leaving."""
    body.leave_if(body.new(f"icmp eq i64 {made}, 0"))
    body.put(body.pointer(made))


def _to_char(body: Body, op: Op) -> None:
    number = body.get(op.operands[0])
    body.leave_if(body.new(f"icmp uge i64 {number}, 1114112"))
    body.put(number)


_TESTS = {
    "isalpha": "_PyUnicode_IsAlpha",
    "isdigit": "_PyUnicode_IsDigit",
    "isdecimal": "_PyUnicode_IsDecimalDigit",
    "isnumeric": "_PyUnicode_IsNumeric",
    "isspace": "_PyUnicode_IsWhitespace",
    "islower": "_PyUnicode_IsLowercase",
    "isupper": "_PyUnicode_IsUppercase",
    "isalnum": "",
}


def _is(body: Body, op: Op) -> None:
    """ASCII by a bit in two words, others by CPython's tables."""
    point, method = body.get(op.operands[0]), op.attrs["method"]
    bits = sum(1 << number for number in range(128) if getattr(chr(number), method)())
    ascii_, other, end = (body.fresh(hint) for hint in ("ascii", "other", "end"))
    small = body.new(f"icmp ult i64 {point}, 128")
    body.line(f"br i1 {small}, label %{ascii_}, label %{other}, !prof !23")
    body.begin(ascii_)
    wide = body.new(f"zext i64 {point} to i128")
    bit = body.new(f"lshr i128 {bits}, {wide}")
    quick = body.new(f"trunc i128 {bit} to i1")
    body.line(f"br label %{end}")
    body.begin(other)
    if _TESTS[method]:
        function = body.word(body.symbol(_TESTS[method]))
        answer = body.call("char_is", function, f"i64 {point}")
    else:
        answer = body.call("char_is_alnum", f"i64 {point}")
    slow = body.new(f"icmp ne i64 {answer}, 0")
    body.line(f"br label %{end}")
    body.begin(end)
    body.put(body.new(f"phi i1 [ {quick}, %{ascii_} ], [ {slow}, %{other} ]"))


def _map(body: Body, op: Op) -> None:
    """ASCII letters by their distance, others by the method itself."""
    point, method = body.get(op.operands[0]), op.attrs["method"]
    first, change = {"lower": (65, 32), "upper": (97, -32)}[method]
    ascii_, other, end = (body.fresh(hint) for hint in ("ascii", "other", "end"))
    small = body.new(f"icmp ult i64 {point}, 128")
    body.line(f"br i1 {small}, label %{ascii_}, label %{other}, !prof !23")
    body.begin(ascii_)
    place = body.new(f"sub i64 {point}, {first}")
    letter = body.new(f"icmp ult i64 {place}, 26")
    moved = body.new(f"add i64 {point}, {change}")
    quick = body.new(f"select i1 {letter}, i64 {moved}, i64 {point}")
    body.line(f"br label %{end}")
    body.begin(other)
    cell = f"method.str.{method}"
    body.text.word(cell)
    text = body.word(body.text.string(method))
    slow = body.call("char_map", body.word(f"@{cell}"), text, f"i64 {point}")
    body.line(f"br label %{end}")
    body.begin(end)
    result = body.new(f"phi i64 [ {quick}, %{ascii_} ], [ {slow}, %{other} ]")
    body.leave_if(body.new(f"icmp slt i64 {result}, 0"))
    body.put(result)


def _concat(body: Body, op: Op) -> None:
    """The left operand is handed over when this is its last use."""
    left = op.operands[0]
    alive = body.live.before[body.block][body.index]
    last = left in alive and left not in body.live.after(body.block, body.index)
    if last and left is not op.operands[1]:
        _made(body, body.call("str_append", *words(body, op.operands)))
        body.given.add(left)
    else:
        _made(body, body.call("str_concat", *words(body, op.operands)))


def _eq(body: Body, op: Op) -> None:
    same = body.call("str_equal", *words(body, op.operands))
    body.put(body.new(f"trunc i64 {same} to i1"))


def _has(body: Body, op: Op) -> None:
    found = body.call("str_has", *words(body, op.operands))
    body.leave_if(body.new(f"icmp slt i64 {found}, 0"))
    body.put(body.new(f"trunc i64 {found} to i1"))


def _of(body: Body, op: Op) -> None:
    _made(body, body.call("str_of", *words(body, op.operands)))


def _format(body: Body, op: Op) -> None:
    value, *spec = words(body, op.operands)
    conversion = _CONVERSIONS.index(op.attrs["conversion"])
    given = spec[0] if spec else "i64 0"
    _made(body, body.call("str_format", value, given, f"i64 {conversion}"))


def _join(body: Body, op: Op) -> None:
    _made(body, body.call("str_join", array(body, op), f"i64 {len(op.operands)}"))


def _percent(body: Body, op: Op) -> None:
    _made(body, body.call("str_percent", *words(body, op.operands)))


def _method(body: Body, op: Op) -> None:
    cls, name = op.attrs["cls"], op.attrs["method"]
    cell = f"method.{cls}.{name}"
    body.text.word(cell)
    kind = body.word(body.symbol(CLASSES[cls]))
    text = body.word(body.text.string(name))
    count = f"i64 {len(op.operands)}"
    made = body.call("call_method", body.word(f"@{cell}"), kind, text, array(body, op), count)
    _made(body, made)


EMIT.update(
    {
        "i64.to_char": _to_char,
        "char.is": _is,
        "char.map": _map,
        "str.concat": _concat,
        "str.eq": _eq,
        "str.has": _has,
        "str.of": _of,
        "str.format": _format,
        "str.join": _join,
        "str.percent": _percent,
        "method.call": _method,
    }
)
