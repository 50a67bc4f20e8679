"""How a body calls `support/leave.py`, and what that must know of a site's values.

    leave.9:                                                a cold block of the body
      %t7 = tail call { i64, ptr } (ptr, ...) @leave.i64(ptr @site.4, ptr %v2, i64 %v5, double %v6)
      ret { i64, ptr } %t7

The function is the same for every site, but named by what the body answers, because a call whose
answer is returned unchanged needs no stack frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Set

from pyvorin.backend.support import leave
from pyvorin.ir.model import Rep, Value

_KINDS = {Rep.OBJ: "ptr", Rep.I64: "i64", Rep.I128: "i128", Rep.F64: "double", Rep.I1: "i1"}
_CODES = {Rep.F64: leave.DOUBLE, Rep.I128: leave.WIDE}
_MARKS = "cold noinline nounwind"


def name(result: Rep) -> str:
    """The function that a body with this result leaves by."""
    return f"leave.{(Rep.I64 if result is Rep.CHAR else result).value}"


def codes(values: list[Value], dropped: list[Value], owned: Set[Value], calls: bool) -> list[int]:
    """What the values passed are, for `support/leave.py`."""
    found = [leave.INNER] if calls else []
    for value in values:
        keep = value.rep is Rep.OBJ and value not in owned
        found.append(_CODES.get(value.rep, leave.WORD) + leave.KEEP * keep)
    return [*found, *(leave.DROP for _ in dropped), -1]


def passed(value: Value, operand: str, number: int) -> tuple[list[str], list[str]]:
    """Instructions that make a value fit to be passed, and the typed arguments."""
    at = f"%l{number}"
    match value.rep:
        case Rep.I1:
            return [f"{at} = zext i1 {operand} to i64"], [f"i64 {at}"]
        case Rep.I128:
            return [
                f"{at} = trunc i128 {operand} to i64",
                f"{at}.top = lshr i128 {operand}, 64",
                f"{at}.high = trunc i128 {at}.top to i64",
            ], [f"i64 {at}", f"i64 {at}.high"]
        case Rep.CHAR:
            return [], [f"i64 {operand}"]
        case rep:
            return [], [f"{_KINDS[rep]} {operand}"]


def declarations() -> Iterator[str]:
    """The functions, for code that is compiled apart."""
    for rep, kind in _KINDS.items():
        yield f"declare hidden {{ {kind}, ptr }} @{name(rep)}(ptr, ...) {_MARKS}\n"


def definitions() -> Iterator[str]:
    """The functions themselves."""
    yield "declare void @llvm.va_start.p0(ptr)\n"
    for rep, kind in _KINDS.items():
        yield f"""
define hidden {{ {kind}, ptr }} @{name(rep)}(ptr %site, ...) {_MARKS} uwtable {{
  %given = alloca [3 x i64], align 16
  call void @llvm.va_start.p0(ptr %given)
  %site.word = ptrtoint ptr %site to i64
  %given.word = ptrtoint ptr %given to i64
  %word = call i64 @pyv.leave(i64 %site.word, i64 %given.word)
  %record = inttoptr i64 %word to ptr
  %answer = insertvalue {{ {kind}, ptr }} poison, ptr %record, 1
  ret {{ {kind}, ptr }} %answer
}}
"""
