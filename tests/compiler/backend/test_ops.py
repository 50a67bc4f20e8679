"""Every operation of the table, emitted and compared with Python on values where machine arithmetic
goes wrong.

One extension module has a function a case: its Python source, and a body that does the same with
one operation. Where the operation leaves, the function resumes at its start, so answers and
exceptions must be Python's on *every* value; the counters show that plain values were really
computed by native code.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import pytest
from pyvorin.backend import llvm
from pyvorin.backend.module import Assumption
from pyvorin.ir.optable import OPS

from tests.compiler.backend.attached import Written, native, source_function

INTS = sorted(
    {
        sign * (1 << bits) + near
        for bits in (0, 31, 53, 60, 62, 63, 64, 127)
        for near in (-1, 0, 1)
        for sign in (1, -1)
    }
)
SMALL = [
    -(2**63),
    -(2**31),
    -30,
    -7,
    -3,
    -1,
    0,
    1,
    2,
    5,
    29,
    30,
    63,
    64,
    127,
    2**31,
    2**62,
    2**63 - 1,
]
FLOATS = [
    0.0,
    -0.0,
    0.5,
    -0.5,
    1.0,
    -1.0,
    1.5,
    2.5,
    -2.5,
    3.0,
    7.3,
    -7.3,
    1e-310,
    5e-324,
    1e16,
    2.0**53,
]
FLOATS += [2.0**63, -(2.0**63), 1e300, -1e300, math.inf, -math.inf, math.nan, 710.0, -1e-5, 1023.0]
CHARS = ["a", "b", "z", "\0", "é", "ÿ", "Ā", "\ud800", "😀"]
BOOLS = [True, False]
VALUES: dict[str, list[Any]] = {
    "i64": INTS,
    "i128": INTS,
    "f64": FLOATS,
    "i1": BOOLS,
    "char": CHARS,
    "obj": [
        *SMALL,
        2**64,
        2**200,
        1.5,
        -0.0,
        math.nan,
        True,
        False,
        None,
        "",
        "a",
        "ab",
        [],
        [1],
        (),
        (1,),
    ],
}
COMPARISONS = ("<", "<=", "==", "!=", ">", ">=")
MATH = {"math": math}


@dataclass(frozen=True, slots=True)
class Case:
    """An operation with its attributes; `python` is an expression over a, b, c."""

    op: str
    python: str
    operands: tuple[str, ...]
    result: str
    attrs: str = ""
    values: tuple[tuple[Any, ...], ...] = ()  # instead of all combinations of VALUES
    body: str = ""  # the operations, instead of the one

    @property
    def arguments(self) -> list[tuple[Any, ...]]:
        """What to call it with."""
        if self.values:
            return list(self.values)
        lists = [VALUES[rep] for rep in self.operands]
        if len(lists) == 3:
            lists = [SMALL] * 3
        return list(itertools.product(*lists))


def _cases() -> list[Case]:
    cases = []
    for rep in ("i64", "i128"):
        two = (rep, rep)
        for name, symbol in (
            ("add", "+"),
            ("sub", "-"),
            ("mul", "*"),
            ("floordiv", "//"),
            ("mod", "%"),
        ):
            cases.append(Case(f"{rep}.{name}", f"a {symbol} b", two, rep))
        for name, symbol in (("and", "&"), ("or", "|"), ("xor", "^")):
            cases.append(Case(f"{rep}.{name}", f"a {symbol} b", two, rep))
        shifts = tuple(
            itertools.product(INTS, (-1, 0, 1, 5, 31, 62, 63, 64, 65, 126, 127, 128, 200))
        )
        for name, symbol in (("shl", "<<"), ("shr", ">>")):
            cases.append(Case(f"{rep}.{name}", f"a {symbol} b", (rep, "i64"), rep, values=shifts))
        cases += [
            Case(f"{rep}.neg", "-a", (rep,), rep),
            Case(f"{rep}.abs", "abs(a)", (rep,), rep),
            Case(f"{rep}.not", "~a", (rep,), rep),
        ]
        cases += [Case(f"{rep}.cmp", f"a {op} b", two, "i1", f"op={op!r}") for op in COMPARISONS]
        for by in (1, 2, 3, 7, 8, 10, -1, -2, -7, 1 << 62):
            for name, symbol in (("floordiv", "//"), ("mod", "%")):
                body = f"%8:{rep} = const {{value={by}}}\n  %9:{rep} = {rep}.{name} %0, %8"
                cases.append(Case(f"{rep}.{name}", f"a {symbol} {by}", (rep,), rep, body=body))
    for rep in ("f64", "char"):
        cases += [
            Case(f"{rep}.cmp", f"a {op} b", (rep, rep), "i1", f"op={op!r}") for op in COMPARISONS
        ]
    cases += [
        Case("i64.cmp_f64", f"a {op} b", ("i64", "f64"), "i1", f"op={op!r}") for op in COMPARISONS
    ]
    for name, symbol in (("and", "&"), ("or", "|"), ("xor", "^")):
        cases.append(Case(f"i1.{name}", f"a {symbol} b", ("i1", "i1"), "i1"))
    symbols = (
        ("add", "+"),
        ("sub", "-"),
        ("mul", "*"),
        ("div", "/"),
        ("floordiv", "//"),
        ("mod", "%"),
        ("pow", "**"),
    )
    for name, symbol in symbols:
        cases.append(Case(f"f64.{name}", f"a {symbol} b", ("f64", "f64"), "f64"))
    for name in sorted(llvm.floats.UNARY):
        if hasattr(math, name):
            cases.append(Case("f64.libm1", f"math.{name}(a)", ("f64",), "f64", f"fn={name!r}"))
    for name in sorted(llvm.floats.BINARY):
        cases.append(Case("f64.libm2", f"math.{name}(a, b)", ("f64", "f64"), "f64", f"fn={name!r}"))
    for mode, text in (
        ("trunc", "int(a)"),
        ("floor", "math.floor(a)"),
        ("ceil", "math.ceil(a)"),
        ("round", "round(a)"),
    ):
        cases.append(Case("f64.to_i64", text, ("f64",), "i64", f"mode={mode!r}"))
    cases += [
        Case("i64.mulmod", "a * b % c", ("i64", "i64", "i64"), "i64"),
        Case("i64.truediv", "a / b", ("i64", "i64"), "f64"),
        Case(
            "i64.pow",
            "a ** b",
            ("i64", "i64"),
            "i64",
            values=tuple(itertools.product(SMALL[1:-1], range(-2, 70))),
        ),
        Case("f64.neg", "-a", ("f64",), "f64"),
        Case("f64.abs", "abs(a)", ("f64",), "f64"),
        Case("f64.sqrt", "math.sqrt(a)", ("f64",), "f64"),
        Case("f64.isnan", "math.isnan(a)", ("f64",), "i1"),
        Case("f64.isinf", "math.isinf(a)", ("f64",), "i1"),
        Case("f64.isfinite", "math.isfinite(a)", ("f64",), "i1"),
        Case("f64.copysign", "math.copysign(a, b)", ("f64", "f64"), "f64"),
        Case("i64.to_f64", "float(a)", ("i64",), "f64"),
        Case("i64.to_i128", "a", ("i64",), "i128"),
        Case("i128.to_i64", "a", ("i128",), "i64"),
        Case("i1.to_i64", "int(a)", ("i1",), "i64"),
        Case("char.to_i64", "ord(a)", ("char",), "i64"),
        Case("i1.not", "not a", ("i1",), "i1"),
        Case(
            "select",
            "b if a else c",
            ("i1", "i64", "i64"),
            "i64",
            values=tuple(itertools.product(BOOLS, SMALL, SMALL)),
        ),
        Case(
            "guard",
            "a",
            ("i1",),
            "i1",
            body="guard %0 {reason='a test'} STATE\n  %9:i1 = i1.or %0, %0",
        ),
        Case("poll", "a", ("i1",), "i1", body="poll STATE\n  %9:i1 = i1.or %0, %0"),
    ]
    return cases + _object_cases()


def _object_cases() -> list[Case]:
    one, two = ("obj",), ("obj", "obj")
    cases = [
        Case("box.i64", "a", ("i64",), "obj"),
        Case("box.i128", "a", ("i128",), "obj"),
        Case("box.f64", "a", ("f64",), "obj"),
        Case("box.i1", "a", ("i1",), "obj"),
        Case("box.char", "a", ("char",), "obj"),
        Case("obj.same", "a is b", two, "i1"),
        Case("num.truth", "bool(a)", one, "i1"),
        Case("const.obj", "None", (), "obj", "source=('singleton', 'None')"),
        Case("const.obj", "'text'", (), "obj", "source=('const', 1)"),
        Case("builtin.call", "len(a)", one, "obj", "source=('global', 'len')"),
        Case("builtin.call", "max(a, b)", two, "obj", "source=('global', 'max')"),
        Case("tuple.new", "(a, b)", two, "obj"),
        Case("py.tuple", "(a, b)", two, "obj"),
        Case("py.is", "a is not b", two, "obj", "invert=True"),
        Case("py.const", "None", (), "obj", "source=('singleton', 'None')"),
    ]
    for name, rep in (
        ("i64", "i64"),
        ("i128", "i128"),
        ("f64", "f64"),
        ("i1", "i1"),
        ("char", "char"),
    ):
        values = tuple((value,) for value in (*INTS, *FLOATS, *CHARS, *VALUES["obj"]))
        cases.append(Case(f"obj.unbox_{name}", "a", one, rep, values=values))
    for cls in ("int", "float", "bool", "str", "list", "tuple"):
        cases.append(Case("obj.is_class", f"type(a) is {cls}", one, "i1", f"cls={cls!r}"))
    cases.append(Case("obj.is_class", "a is None", one, "i1", "cls='NoneType'"))
    numbers = [
        -(2**70),
        -7,
        -1,
        0,
        1,
        2,
        5,
        2**63,
        1.5,
        -0.0,
        math.inf,
        math.nan,
        True,
        "a",
        None,
        [1],
    ]
    for symbol in llvm.objects.BINARY:
        values = tuple(itertools.product(numbers, numbers))
        if symbol in ("**", "<<"):
            values = tuple((a, b) for a, b in values if not isinstance(b, int) or abs(b) < 100)
        cases.append(
            Case("num.binop", f"a {symbol} b", two, "obj", f"op={symbol!r}", values=values)
        )
    for symbol in llvm.objects.UNARY:
        text = "abs(a)" if symbol == "abs" else f"{symbol}a"
        values = tuple(
            (value,) for value in VALUES["obj"] if symbol != "~" or type(value) is not bool
        )
        cases.append(Case("num.unary", text, one, "obj", f"op={symbol!r}", values=values))
    cases += [Case("num.cmp", f"a {op} b", two, "i1", f"op={op!r}") for op in COMPARISONS]
    sequences = {
        "list": [[], [1], [1, 2.5, "x"]],
        "tuple": [(), (1,), (1, "x")],
        "str": ["", "ab", "éb", "Āb😀"],
    }
    for cls, each in sequences.items():
        pairs = tuple((item,) for item in each)
        cases.append(Case(f"{cls}.len", "len(a)", one, "i64", values=pairs))
        items = tuple((item, index) for item in each for index in (-9, -3, -2, -1, 0, 1, 2, 9))
        get, rep = ("str.char", "char") if cls == "str" else (f"{cls}.get", "obj")
        body = (
            f"%5:i64 = {cls}.len %0\n  %6:i64 = seq.index %1, %5 STATE\n  %9:{rep} = {get} %0, %6"
        )
        cases.append(Case(get, "a[b]", ("obj", "i64"), rep, values=items, body=body))
        cases.append(Case("seq.index", "a[b]", ("obj", "i64"), rep, values=items, body=body))
    return cases


CASES = _cases()
ELSEWHERE = {"const", "br", "condbr", "ret", "leave", "call.native", "guard.defaults", "list.set"}


def _write(case: Case, name: str) -> Written:
    names = "abc"[: len(case.operands)]
    source = f"def {name}({', '.join(names)}):\n    return {case.python}\n"
    function = source_function(source, name, **MATH)
    state = f"[0 | {', '.join(f'%{i}' for i in range(len(names)))} | ]"
    body = case.body.replace("STATE", state)
    if not body:
        attrs = f" {{{case.attrs}}}" if case.attrs else ""
        operands = ", ".join(f"%{i}" for i in range(len(names)))
        body = f"%9:{case.result} = {case.op} {operands}{attrs} {state}"
    elif "\n" in body and body.rstrip().endswith("%8"):
        body += f" {state}"
    params = ", ".join(f"%{i}:{rep}" for i, rep in enumerate(case.operands))
    text = (
        f"function '{name}' index=0 variant='base' result={case.result} nlocals={len(names)}\n"
        f"entry -1 start {[('local', i) for i in range(len(names))]}\n\nstart({params}):\n"
        f"  {body}\n  ret %9\n"
    )
    builtin = [a for a in ("len", "max") if f"'{a}'" in case.attrs]
    return Written(function, (text,), (), tuple(Assumption("builtin", name) for name in builtin))


@pytest.fixture(scope="module")
def compiled() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYVORIN_FORCE", "keep")
        return native(*(_write(case, f"f{number}") for number, case in enumerate(CASES)))


def outcome(function: Any, arguments: tuple[Any, ...]) -> tuple[object, ...]:
    """What a call does, to be compared: -0.0, NaN, classes and messages count."""
    try:
        result = function(*arguments)
    except Exception as error:
        return type(error), str(error)
    return type(result), repr(result)


@pytest.mark.parametrize(
    "number", range(len(CASES)), ids=lambda n: f"{CASES[n].op}-{CASES[n].python}"
)
def test_an_operation_answers_as_python_does(number: int, compiled: Any) -> None:
    case = CASES[number]
    functions, stats, _ = compiled
    names = "abc"[: len(case.operands)]
    reference = eval(f"lambda {', '.join(names)}: {case.python}", dict(MATH))
    stayed = 0
    for arguments in case.arguments:
        before = stats[number]()
        assert outcome(functions[number], arguments) == outcome(reference, arguments), arguments
        after = stats[number]()
        stayed += after["entries"] > before["entries"] and after["resumes"] == before["resumes"]
    assert stayed >= max(1, min(len(case.arguments) // 2, 2)), (stayed, stats[number]())


def test_every_operation_is_tried() -> None:
    tried = {case.op for case in CASES}
    generic = {name for name in OPS if name.startswith("py.")} - {"py.const", "py.tuple", "py.is"}
    assert set(OPS) - tried - ELSEWHERE - generic == set()
