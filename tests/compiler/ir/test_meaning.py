"""What typed operations mean: exact ranges, when they leave, and that every row has a meaning."""

import math
from types import FunctionType
from typing import Any

import pytest
from pyvorin.ir.interp import OPERATIONS, UNBOUND, Body, Left, Machine
from pyvorin.ir.model import Rep
from pyvorin.ir.optable import OPS
from pyvorin.ir.text import parse

LEAVES = object()
TOP = 2**63 - 1


def host(a: Any, b: Any, c: Any) -> None:
    """Gives typed IR its constants and globals."""


def run(op: str, reps: str, result: str, args: tuple[Any, ...], attrs: str = "") -> Any:
    names = reps.split()
    params = ", ".join(f"%{i}:{rep}" for i, rep in enumerate(names))
    operands = ", ".join(f"%{i}" for i in range(len(names)))
    last = len(names)
    text = (
        f"function 'f' index=0 variant='base' result={result} nlocals=1\n"
        f"entry -1 a.0 {[('local', i) for i in range(last)]}\n\n"
        f"a.0({params}):\n"
        f"  %{last}:{result} = {op} {operands} {{{attrs}}} @4 [4 | %0 | ]\n"
        f"  ret %{last}\n"
    )
    assert isinstance(host, FunctionType)
    outcome = Machine().run(Body(parse(text), host), args)
    if isinstance(outcome, Left):
        assert outcome.offset == 4
        held = chr(args[0]) if names[0] == Rep.CHAR.value else args[0]
        assert outcome.locals == (held,)
        return LEAVES
    return outcome


def test_every_row_has_a_meaning_and_nothing_else_has() -> None:
    assert set(OPERATIONS) == set(OPS)


@pytest.mark.parametrize(
    ("op", "args", "expected"),
    [
        ("add", (TOP, 0), TOP),
        ("add", (TOP, 1), LEAVES),
        ("sub", (-TOP - 1, 1), LEAVES),
        ("mul", (2**32, 2**31), LEAVES),
        ("mul", (-(2**32), 2**31), -TOP - 1),
        ("floordiv", (-7, 2), -4),
        ("floordiv", (-TOP - 1, -1), LEAVES),
        ("floordiv", (1, 0), LEAVES),
        ("mod", (-7, 2), 1),
        ("mod", (7, -2), -1),
        ("mod", (1, 0), LEAVES),
        ("shl", (1, 62), 2**62),
        ("shl", (1, 63), LEAVES),
        ("shl", (-1, 63), -TOP - 1),
        ("shl", (0, 10**18), 0),
        ("shl", (1, 10**18), LEAVES),
        ("shl", (1, -1), LEAVES),
        ("shr", (-5, 1), -3),
        ("shr", (-5, 200), -1),
        ("shr", (5, -1), LEAVES),
        ("and", (-4, 7), 4),
        ("pow", (3, 39), 3**39),
        ("pow", (3, 40), LEAVES),
        ("pow", (-1, 10**18), 1),
        ("pow", (2, -1), LEAVES),
        ("pow", (0, 0), 1),
    ],
)
def test_i64(op: str, args: tuple[int, int], expected: object) -> None:
    assert run(f"i64.{op}", "i64 i64", "i64", args) == expected


def test_i64_unary_and_wide() -> None:
    assert run("i64.neg", "i64", "i64", (-TOP - 1,)) is LEAVES
    assert run("i64.abs", "i64", "i64", (-TOP - 1,)) is LEAVES
    assert run("i64.not", "i64", "i64", (TOP,)) == -TOP - 1
    assert run("i128.mul", "i128 i128", "i128", (TOP, TOP)) == TOP * TOP
    assert run("i128.add", "i128 i128", "i128", (2**127 - 1, 1)) is LEAVES
    assert run("i128.to_i64", "i128", "i64", (2**63,)) is LEAVES
    assert run("i64.mulmod", "i64 i64 i64", "i64", (TOP, TOP, 10**9)) == TOP * TOP % 10**9
    assert run("i64.truediv", "i64 i64", "f64", (1, 3)) == 1 / 3
    assert run("i64.truediv", "i64 i64", "f64", (2**53 + 1, 3)) is LEAVES


def test_a_broken_promise_is_noticed() -> None:
    with pytest.raises(AssertionError, match=r"i64\.add promised"):
        run("i64.add", "i64 i64", "i64", (TOP, 1), "nowrap=True")


@pytest.mark.parametrize(
    ("op", "args", "expected"),
    [
        ("div", (1.0, 0.0), LEAVES),
        ("div", (1.0, -4.0), -0.25),
        ("mod", (-7.5, 2.0), 0.5),
        ("mod", (1.0, 0.0), LEAVES),
        ("floordiv", (-7.5, 2.0), -4.0),
        ("pow", (-8.0, 0.5), LEAVES),
        ("pow", (0.0, -1.0), LEAVES),
        ("pow", (10.0, 400.0), LEAVES),
        ("pow", (-8.0, 3.0), -512.0),
    ],
)
def test_f64(op: str, args: tuple[float, float], expected: object) -> None:
    assert run(f"f64.{op}", "f64 f64", "f64", args) == expected


def test_libm_has_cpythons_error_rules() -> None:
    assert run("f64.libm1", "f64", "f64", (2.0,), "fn='log'") == math.log(2.0)
    assert run("f64.libm1", "f64", "f64", (0.0,), "fn='log'") is LEAVES
    assert run("f64.libm1", "f64", "f64", (1000.0,), "fn='exp'") is LEAVES
    assert run("f64.libm2", "f64 f64", "f64", (1.0, -0.0), "fn='atan2'") == math.atan2(1.0, -0.0)
    assert run("f64.sqrt", "f64", "f64", (-1.0,)) is LEAVES
    assert math.isnan(run("f64.sqrt", "f64", "f64", (math.nan,)))


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("trunc", -1.9, -1),
        ("floor", -1.1, -2),
        ("ceil", 1.1, 2),
        ("round", 2.5, 2),
        ("round", math.nan, LEAVES),
        ("trunc", math.inf, LEAVES),
        ("trunc", 2.0**63, LEAVES),
        ("trunc", -(2.0**63), -(2**63)),
    ],
)
def test_float_to_int(mode: str, value: float, expected: object) -> None:
    assert run("f64.to_i64", "f64", "i64", (value,), f"mode={mode!r}") == expected


@pytest.mark.parametrize(
    ("op", "result", "value", "expected"),
    [
        ("unbox_i64", "i64", 5, 5),
        ("unbox_i64", "i64", True, LEAVES),
        ("unbox_i64", "i64", 2**63, LEAVES),
        ("unbox_i128", "i128", 2**63, 2**63),
        ("unbox_f64", "f64", 1, LEAVES),
        ("unbox_i1", "i1", 1, LEAVES),
        ("unbox_char", "char", "a", 97),
        ("unbox_char", "char", "ab", LEAVES),
    ],
)
def test_unboxing_takes_exact_classes(op: str, result: str, value: Any, expected: object) -> None:
    assert run(f"obj.{op}", "obj", result, (value,)) == expected


def test_objects_and_sequences() -> None:
    assert run("num.binop", "obj obj", "obj", (2**70, True), "op='+'") == 2**70 + 1
    assert run("num.binop", "obj obj", "obj", (1, 0), "op='/'") is LEAVES
    assert run("num.binop", "obj obj", "obj", ("a", "b"), "op='+'") is LEAVES
    assert run("num.cmp", "obj obj", "i1", ("a", "b"), "op='<'") is True
    assert run("num.truth", "obj", "i1", ([],)) is False
    assert run("num.truth", "obj", "i1", ({},)) is LEAVES
    assert run("seq.index", "i64 i64", "i64", (-1, 3)) == 2
    assert run("seq.index", "i64 i64", "i64", (3, 3)) is LEAVES
    assert run("str.char", "obj i64", "char", ("añ", 1)) == ord("ñ")
    assert run("char.to_i64", "char", "i64", (97,)) == 97
    assert run("builtin.call", "obj obj", "obj", (7, 3), "source=('global', 'divmod')") == (2, 1)
    assert run("builtin.call", "obj obj", "obj", (7, 0), "source=('global', 'divmod')") is LEAVES
    assert run("i64.cmp_f64", "i64 f64", "i1", (2**53 + 1, 2.0**53), "op='>'") is True


def test_virtual_objects_are_built_on_leaving() -> None:
    text = (
        "function 'f' index=0 variant='base' result=obj nlocals=4\n"
        "entry -1 a.0 [('local', 0), ('local', 1)]\n\n"
        "a.0(%0:i64, %1:obj):\n"
        "  %2:i64 = const {value=10}\n"
        "  %3:i64 = const {value=3}\n"
        "  %4:i1 = const {value=False}\n"
        "  %5:char = const {value=98}\n"
        "  leave {reason='test'} @6 [6 | ?(%0, %4), -, !tuple(%5, =('singleton', 'True')), "
        "!range(%0, %2, %3) | -, !range_iter(%0, %2, %3), !list_iter(%1, %0)]\n"
    )
    left = Machine().run(Body(parse(text), host), [1, ["x", "y", "z"]])
    assert isinstance(left, Left)
    assert left.locals == (UNBOUND, UNBOUND, ("b", True), range(1, 10, 3))
    null, numbers, items = left.stack
    assert repr(null) == "NULL"
    assert list(numbers) == [1, 4, 7]
    assert list(items) == ["y", "z"]


CALLER = """\
function 'f' index=0 variant='base' result=i64 nlocals=1
entry -1 a.0 [('local', 0)]

a.0(%0:i64):
  guard.defaults {callee='g'} @2 [2 | %0 | ]
  %1:i64 = call.native %0 {callee='g', body=1} @4 [4 | %0 | -, %0]
  ret %1
"""
CALLEE = """\
function 'g' index=1 variant='base' result=i64 nlocals=1
entry -1 a.0 [('local', 0)]

a.0(%0:i64):
  %1:i64 = i64.add %0, %0 @6 [6 | %0 | ]
  ret %1
"""


def test_a_native_call_leaves_where_its_callee_does() -> None:
    def callee(a: int = 1) -> None: ...

    body = Body(parse(CALLEE), callee)
    machine = Machine(natives={("g", 0): body, ("g", 1): body})
    caller = Body(parse(CALLER), host)
    assert machine.run(caller, [21]) == 42
    left = machine.run(caller, [TOP])
    assert isinstance(left, Left)
    assert (left.offset, left.stack[1]) == (4, TOP)
    assert left.inner is not None
    assert (left.inner.offset, left.inner.locals) == (6, (TOP,))
    callee.__defaults__ = (2,)
    changed = machine.run(caller, [21])
    assert isinstance(changed, Left)
    assert changed.offset == 2
