"""Every operation of the table, emitted and compared with Python on values where machine arithmetic
goes wrong.

One extension module has a function a case: its Python source, and a body that does the same with
one operation. Where the operation leaves, the function resumes at its start, so answers and
exceptions must be Python's on *every* value; the counters show that plain values were really
computed by native code.
"""

from __future__ import annotations

import bisect
import copy
import heapq
import itertools
import math
import re
from dataclasses import dataclass
from typing import Any

import pytest
from pyvorin.backend import llvm
from pyvorin.backend.module import Assumption
from pyvorin.ir.optable import OPS

from tests.compiler.backend import array_cases, buffer_cases, dict_cases, heap_cases, text_cases
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
MATH = {"math": math, "heapq": heapq, "bisect": bisect}


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


ITEMS = [0, 2**70, 1.5, "x", None, [2], (3, [4])]
LISTS = [[], [1], [1, 2.5, "x"], [[1], (2, [3])], list(range(40))]


def _changing(op: str, operands: str, python: str, values: Any, rep: str = "obj") -> Case:
    """An operation without a result on list `a`; `python` does the same to it. It answers `a`."""
    body = f"{op} {operands} STATE\n  %7:i1 = const {{value=True}}\n"
    body += "  %9:obj = select %7, %0, %0"
    return Case(op, f"({python}, a)[1]", ("obj", rep), "obj", values=tuple(values), body=body)


class Unplain:
    """What could run code when it is let go."""

    def __repr__(self) -> str:
        return "Unplain"


def _singles(values: Any) -> tuple[tuple[Any], ...]:
    return tuple((value,) for value in values)


def _alike(values: Any) -> Any:
    return ((a, b) for a, b in itertools.product(values, values) if type(a) is type(b))


def _list_cases() -> list[Case]:
    places = [(items, place) for items in LISTS for place in (0, -1, 1) if -1 <= place < len(items)]
    places = [(items, place % len(items)) for items, place in places if items]
    extending = [*LISTS, (), (1, 2), "", "abc", range(3), 7, {1: 2}]
    pairs = list(itertools.product(ITEMS, ITEMS))
    sequences = [*LISTS, (), (1,), (1, "x", (2,)), [3, 1.5, True, 3], ["b", "a"], [None, math.nan]]
    numbers = [[], [1, 2], (True, 2**62, 2**62), [2**63 - 1, 1, -1], [0.1] * 10, [1, 2.5, True]]
    numbers += [[1e100, 1.0, -1e100], [1, 1e308, 1e308], [2**64], [1.5, 2**64], ["x"], [1.0, None]]
    sorting = [[3, 1, 2], [2.5, -0.0, 0.0, 1], ["b", "a", ""], [(2, "a"), (1, "z"), (1, "b")]]
    sorting += [[(1,), (1, 2)], [1, "x"], [None], [[1]], [(1, (2, 3)), (1, (2, 1))], [True, 0], []]
    steps = list(itertools.product((-9, -2, 0, 1, 3, 2**63 - 1), (-9, -1, 0, 2, 9), (-2, -1, 1, 3)))
    slicing = [(x, *s[:2]) for x in (list(range(5)), "hello", (1, 2, 3)) for s in steps]
    changing = [(list(range(6)), *s[:2]) for s in steps] + [([[Unplain()], 1], 0, 1)]

    def sliced(op: str, python: str, step: int, values: Any, more: str = "") -> Case:
        text = f"%5:i64 = const {{value={step}}}\n  "
        if op == "seq.slice":
            text += "%9:obj = seq.slice %0, %1, %2, %5 STATE"
        else:
            text += f"{op} %0, %1, %2, %5{more} STATE\n  %7:i1 = const {{value=True}}\n"
            text += "  %9:obj = select %7, %0, %0"
        text = text.replace("MORE", "%6:obj = tuple.new %1, %2\n  ")
        return Case(op, python, ("obj", "i64", "i64"), "obj", values=tuple(values), body=text)

    made = [
        Case("list.of", "list(a)", ("obj",), "obj", values=_singles(extending)),
        Case("tuple.of", "tuple(a)", ("obj",), "obj", values=_singles(extending)),
        Case("seq.concat", "a + b", ("obj", "obj"), "obj", values=tuple(_alike(sequences))),
        Case(
            "seq.repeat",
            "a * b",
            ("obj", "i64"),
            "obj",
            values=tuple(itertools.product(sequences, (-1, 0, 1, 3, 2**62))),
        ),
        Case("range.new", "range(a, b, c)", ("i64",) * 3, "obj"),
        Case(
            "seq.contains",
            "b in a",
            ("obj", "obj"),
            "i1",
            values=tuple(itertools.product(sequences, ITEMS)),
        ),
        Case(
            "seq.find",
            "a.index(b)",
            ("obj", "obj"),
            "i64",
            values=tuple(itertools.product(sequences, ITEMS)),
        ),
        Case(
            "seq.count",
            "a.count(b)",
            ("obj", "obj"),
            "i64",
            values=tuple(itertools.product(sequences, ITEMS)),
        ),
        Case("seq.any", "any(a)", ("obj",), "i1", "all=False", _singles(sequences)),
        Case("seq.any", "all(a)", ("obj",), "i1", "all=True", _singles(sequences)),
        Case(
            "seq.sum_i64",
            "sum(a, b)",
            ("obj", "i64"),
            "i64",
            values=tuple(itertools.product(numbers, (0, -5, 2**62))),
        ),
        Case(
            "seq.sum_f64",
            "sum(a, b)",
            ("obj", "i64"),
            "f64",
            values=tuple(itertools.product(numbers, (0, -5, 2**62))),
        ),
        _changing(
            "list.repeat_inplace",
            "%0, %1",
            "a.__imul__(b)",
            itertools.product(LISTS, (-1, 0, 1, 3)),
            "i64",
        ),
        _changing(
            "list.sort", "%0, %1", "a.sort(reverse=b)", itertools.product(sorting, BOOLS), "i1"
        ),
        _changing("list.reverse", "%0", "a.reverse()", itertools.product(LISTS, [0])),
        sliced("seq.slice", "a[b:c]", 1, slicing),
        sliced("list.del_slice", "(a.__delitem__(slice(b, c)), a)[1]", 1, changing),
    ]
    for op, name in (("<", "min"), (">", "max")):
        body = f"%8:i64 = seq.extremum %0 {{op={op!r}}} STATE\n  %9:obj = GET %0, %8"
        for get, kind in (("list.get", list), ("tuple.get", tuple)):
            values = _singles([x for x in (*sequences, *numbers, *sorting) if type(x) is kind])
            made.append(
                Case(
                    "seq.extremum",
                    f"{name}(a)",
                    ("obj",),
                    "obj",
                    values=values,
                    body=body.replace("GET", get),
                )
            )
    for step in (-1, 2, -3):
        made.append(sliced("seq.slice", f"a[b:c:{step}]", step, slicing))
        python = f"(a.__delitem__(slice(b, c, {step})), a)[1]"
        made.append(sliced("list.del_slice", python, step, changing))
    inserting = tuple(itertools.product(LISTS, (-99, -1, 0, 1, 99)))
    made.append(
        Case(
            "list.insert",
            "(a.insert(b, a), a)[1]",
            ("obj", "i64"),
            "obj",
            values=inserting,
            body="list.insert %0, %1, %0 STATE\n  %7:i1 = const {value=True}\n"
            "  %9:obj = select %7, %0, %0",
        )
    )
    for python, step in (("a.__setitem__(slice(b, None), a)", 1), ("a[::-1]", -1)):
        if step == 1:
            body = (
                "%5:i64 = const {value=1}\n  %6:i64 = const {value=9223372036854775807}\n"
                "  list.set_slice %0, %1, %6, %5, %0 STATE\n  %7:i1 = const {value=True}\n"
                "  %9:obj = select %7, %0, %0"
            )
            made.append(
                Case(
                    "list.set_slice",
                    f"({python}, a)[1]",
                    ("obj", "i64"),
                    "obj",
                    values=inserting,
                    body=body,
                )
            )
    constants = "".join(
        f"%{number}:i64 = const {{value={value}}}\n  "
        for number, value in ((2, 0), (3, -1), (4, 2**63 - 1), (5, 1), (6, -(2**63)))
    )
    for python, ends in (
        ("a[::-1]", "%4, %6, %3"),
        ("a[b:]", "%1, %4, %5"),
        ("a[0:b]", "%2, %1, %5"),
    ):
        body = f"{constants}list.copy_slice %0, %1, %4, %5, %0, {ends} STATE\n  "
        body += "%7:i1 = const {value=True}\n  %9:obj = select %7, %0, %0"
        python = f"(a.__setitem__(slice(b, None), {python}), a)[1]"
        made.append(
            Case("list.copy_slice", python, ("obj", "i64"), "obj", values=inserting, body=body)
        )
    for python, last in (
        ("a[:b] + a[b:]", "%9:obj = seq.concat_slices %0, %2, %1, %5, %0, %1, %4, %5 STATE"),
        ("a[b:] + a[::-1]", "%9:obj = seq.concat_slices %0, %1, %4, %5, %0, %4, %6, %3 STATE"),
        ("(a.extend(a[b:]), a)[1]", "list.extend_slice %0, %0, %1, %4, %5 STATE"),
        ("(a.extend(a[::-1]), a)[1]", "list.extend_slice %0, %0, %4, %6, %3 STATE"),
    ):
        body = constants + last
        if not last.startswith("%9"):
            body += "\n  %7:i1 = const {value=True}\n  %9:obj = select %7, %0, %0"
        name = re.search(r"(list|seq)\.\w+", last)
        assert name
        made.append(Case(name[0], python, ("obj", "i64"), "obj", values=inserting, body=body))
    rest = "%5:i64 = const {value=1}\n  %9:obj = seq.rest %0, %1, %5 STATE"
    ends = [(x, n) for x in ([1, 2, 3], (1, 2), list(range(20))) for n in (0, 1)]
    made.append(
        Case("seq.rest", "list(a[b:-1])", ("obj", "i64"), "obj", values=tuple(ends), body=rest)
    )
    return [
        *made,
        Case("list.new", "[a, b]", ("obj", "obj"), "obj", values=tuple(pairs)),
        _changing("list.append", "%0, %1", "a.append(b)", itertools.product(LISTS, ITEMS)),
        _changing("list.extend", "%0, %1", "a.extend(b)", itertools.product(LISTS, extending)),
        Case(
            "list.swap",
            "(a[:] if b else a[::-1])",
            ("obj", "i64"),
            "obj",
            values=tuple(([1, 2.5], n) for n in (0, 1)),
            body="%5:i64 = const {value=1}\n  list.swap %0, %1, %0, %5\n"
            "  %7:i1 = const {value=True}\n  %9:obj = select %7, %0, %0",
        ),
        _changing("list.remove_at", "%0, %1", "a.pop(b)", places, "i64"),
    ]


FAMILIES = (dict_cases, text_cases, buffer_cases, heap_cases, array_cases)
CASES = [
    *_cases(),
    *_list_cases(),
    *(Case(*row) for cases in FAMILIES for row in cases.rows()),
]
ELSEWHERE = {"const", "br", "condbr", "ret", "leave", "call.native", "guard.defaults", "list.set"}
ELSEWHERE |= {"cell.get", "cell.set"}  # golden/behaviours/closures.py: only a frame has cells
ELSEWHERE |= {"attr.get", "attr.set"}  # golden/test_attributes.py: what counts is the class


def _write(case: Case, name: str) -> Written:
    names = "abc"[: len(case.operands)]
    source = f"def {name}({', '.join(names)}):\n    return {case.python}\n"
    function = source_function(source, name, **MATH)
    state = f"[0 | {', '.join(f'%{i}' for i in range(len(names)))} | ]"
    body = case.body.replace("STATE", state).replace("OPEN", f"{state[:-1]}| %5]")
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
        result = function(*copy.deepcopy(arguments))
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
