"""The verifier accepts what keeps the rules and names what breaks them."""

import pytest
from pyvorin.ir.text import parse
from pyvorin.ir.verify import VerifyError, verify

GOOD = """\
function 'f' index=0 variant='base' result=i64 nlocals=1
entry -1 entry.0 [('local', 0)]

entry.0(%0:obj 'n'):
  %1:i64 = obj.unbox_i64 %0 @2 [2 | %0 | ]
  %2:i64 = const {value=0}
  br -> loop.1(%2)

loop.1(%3:i64 's'):
  %4:i1 = i64.cmp %3, %1 {op='<'}
  condbr %4 -> body.2(), done.3()

body.2():
  %5:i64 = i64.add %3, %1 @8 [8 | !range_iter(%3, %1, %1) | -, %0]
  %6:i64 = i64.mul %5, %5 {nowrap=True}
  br -> loop.1(%6)

done.3():
  ret %3
"""


def broken(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def test_a_good_function_passes() -> None:
    verify(parse(GOOD))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (broken("br -> loop.1(%2)\n", "br -> loop.1()\n"), r"edge passes \[\], loop.1 takes"),
        (broken("-> loop.1(%6)", "-> loop.1(%4)"), "edge passes"),
        (broken("ret %3", "ret %0"), "operand %0 is obj, not i64"),
        (broken("ret %3", "ret %5"), "operand %5 is not defined on every path"),
        (broken("ret %3", "ret %17"), "operand %17 is defined nowhere"),
        (broken("i64.cmp %3, %1", "i64.cmp %3, %5"), "operand %5 is not defined on every path"),
        (broken("i64.cmp %3, %1", "i64.cmp %3"), "1 operands instead of i64 i64"),
        (broken("i64.cmp", "i64.cpm"), "no operation is called i64.cpm"),
        (broken(" {op='<'}", ""), r"attributes \[\] instead of \['op'\]"),
        (broken("%3, %1, %1)", "%3, %1)"), "virtual range_iter of 2 items"),
        (broken("[2 | %0 | ]", "[2 | %0, %0 | ]"), "frame state of 2 locals, not 1"),
        (broken("[2 | %0 | ]", "[2 | %1 | ]"), "frame-state value %1 is not defined"),
        (broken(" [2 | %0 | ]", ""), "obj.unbox_i64 may leave but has no frame state"),
        (broken("ret %3", "ret %3 [2 | %0 | ]"), "ret never leaves but has a frame state"),
        (broken("  ret %3\n", "  %7:i64 = const {value=1}\n"), "the block does not end"),
        (broken("-> body.2(), done.3()", "-> body.2()"), "condbr has 1 edges"),
        (broken("[('local', 0)]", "[]"), "entry -1 does not name all parameters"),
        (
            broken("  ret %3\n", "  %7:obj = py.const {source=('const', 0)}\n  ret %3\n"),
            "generic and typed operations in one function",
        ),
        (broken("%6:i64 = i64.mul %5, %5", "%6:obj = i64.mul %5, %5"), "result %6 is obj, not i64"),
    ],
)
def test_broken_functions_are_named(text: str, problem: str) -> None:
    with pytest.raises(VerifyError, match=problem):
        verify(parse(text))


def test_a_failure_shows_the_operations_around() -> None:
    with pytest.raises(VerifyError) as failure:
        verify(parse(broken("i64.add %3, %1", "i64.add %3, %0")), "widening")
    text = str(failure.value)
    assert "f (base) after widening: operand %0 is obj, not i64" in text
    assert ">> %5:i64 = i64.add %3, %0" in text
    assert "   %6:i64 = i64.mul" in text


def test_levels_mix_only_while_lowering() -> None:
    text = broken("  ret %3\n", "  %7:obj = py.const {source=('const', 0)}\n  ret %3\n")
    verify(parse(text), mixed=True)


def test_a_value_defined_twice_is_refused() -> None:
    function = parse(GOOD)
    function.blocks[2].ops[1].results = function.blocks[2].ops[0].results
    with pytest.raises(VerifyError, match="%5 is defined twice"):
        verify(function)
