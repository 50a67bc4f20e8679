"""Unboxing the arguments of a call and boxing its result, in the functions around the bodies."""

from __future__ import annotations

from collections.abc import Callable

from pyvorin.backend.body import TYPES
from pyvorin.backend.layouts import Layout
from pyvorin.backend.objects import CLASSES
from pyvorin.backend.text import Text
from pyvorin.ir.model import Rep, Value


class Lines:
    """The lines of a function under construction."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.count = 0

    def add(self, text: str) -> None:
        self.lines.append("  " + text)

    def label(self, name: str) -> None:
        self.lines.append(f"{name}:")

    def new(self, text: str) -> str:
        self.count += 1
        self.add(f"%n{self.count} = {text}")
        return f"%n{self.count}"


def load(lines: Lines, rep: Rep, at: str) -> str:
    if rep is Rep.I1:
        return lines.new(f"trunc i64 {lines.new(f'load i64, ptr {at}')} to i1")
    return lines.new(f"load {TYPES[rep]}, ptr {at}")


def _go_on(lines: Lines, condition: str) -> None:
    """Go elsewhere unless an i1 is true."""
    lines.count += 1
    lines.add(f"br i1 {condition}, label %fits{lines.count}, label %elsewhere, !prof !23")
    lines.label(f"fits{lines.count}")


def argument(
    lines: Lines,
    text: Text,
    layout: Layout,
    slot: tuple[object, ...],
    param: Value | None,
    place: str,
) -> list[str]:
    """Load a parameter's object from `place`, check and unbox it; the typed argument, if any."""
    o = lines.new(f"load ptr, ptr {place}")
    cls = str(slot[2]) if len(slot) > 2 else ""
    if param is None:
        text.external("_Py_NoneStruct")
        _go_on(lines, lines.new(f"icmp eq ptr {o}, @_Py_NoneStruct"))
        return []
    if cls in CLASSES:
        _demand_class(lines, text, o, cls)
    return [f"{TYPES[param.rep]} {_UNBOX[param.rep](lines, text, layout, o)}"]


def _demand_class(lines: Lines, text: Text, o: str, cls: str) -> None:
    text.external(CLASSES[cls])
    found = lines.new(f"load ptr, ptr {lines.new(f'getelementptr i8, ptr {o}, i64 8')}")
    _go_on(lines, lines.new(f"icmp eq ptr {found}, @{CLASSES[cls]}"))


def _unbox_i64(lines: Lines, text: Text, layout: Layout, o: str) -> str:
    _demand_class(lines, text, o, "int")
    pair = lines.new(f"call {{ i64, i1 }} @unbox.i64(ptr {o})")
    wrong = lines.new(f"extractvalue {{ i64, i1 }} {pair}, 1")
    _go_on(lines, lines.new(f"xor i1 {wrong}, true"))
    return lines.new(f"extractvalue {{ i64, i1 }} {pair}, 0")


def _unbox_f64(lines: Lines, text: Text, layout: Layout, o: str) -> str:
    _demand_class(lines, text, o, "float")
    return lines.new(
        f"load double, ptr {lines.new(f'getelementptr i8, ptr {o}, i64 {layout.float_value}')}"
    )


def _unbox_i1(lines: Lines, text: Text, layout: Layout, o: str) -> str:
    text.external("_Py_TrueStruct")
    text.external("_Py_FalseStruct")
    true = lines.new(f"icmp eq ptr {o}, @_Py_TrueStruct")
    false = lines.new(f"icmp eq ptr {o}, @_Py_FalseStruct")
    _go_on(lines, lines.new(f"or i1 {true}, {false}"))
    return true


def _unbox_slowly(name: str, kind: str) -> Callable[[Lines, Text, Layout, str], str]:
    def unbox(lines: Lines, text: Text, layout: Layout, o: str) -> str:
        at = lines.new(f"alloca {kind}, align 16")
        words = [lines.new(f"ptrtoint ptr {pointer} to i64") for pointer in (o, at)]
        fits = lines.new(f"call i64 @pyv.{name}(i64 {words[0]}, i64 {words[1]})")
        _go_on(lines, lines.new(f"icmp ne i64 {fits}, 0"))
        return lines.new(f"load {kind}, ptr {at}")

    return unbox


_UNBOX: dict[Rep, Callable[[Lines, Text, Layout, str], str]] = {
    Rep.OBJ: lambda lines, text, layout, o: o,
    Rep.I64: _unbox_i64,
    Rep.I128: _unbox_slowly("read_i128", "i128"),
    Rep.F64: _unbox_f64,
    Rep.I1: _unbox_i1,
    Rep.CHAR: _unbox_slowly("read_char", "i64"),
}


def given(lines: Lines, rep: Rep) -> str:
    """The result as an object, as a word; and anything that native code let go is freed."""
    value = f"{TYPES[rep]} %result"
    match rep:
        case Rep.OBJ:
            value = f"i64 {lines.new('ptrtoint ptr %result to i64')}"
        case Rep.I128:
            at = lines.new("alloca i128, align 16")
            lines.add(f"store i128 %result, ptr {at}")
            value = f"i64 {lines.new(f'ptrtoint ptr {at} to i64')}"
        case Rep.I1:
            value = f"i64 {lines.new('zext i1 %result to i64')}"
    return lines.new(f"call i64 @pyv.give_{rep.value}({value})")
