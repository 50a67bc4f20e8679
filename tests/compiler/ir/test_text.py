"""Text of the IR and back."""

import math

import pytest
from pyvorin.ir.model import Const, Maybe, Virtual
from pyvorin.ir.picture import dot, svg
from pyvorin.ir.text import ParseError, parse, write

from tests.compiler.ir.test_verify import GOOD

SLOTS = """\
function "it's" index=3 variant='wide' result=f64 nlocals=5
entry -1 a.0 [('local', 0)]
entry 2 a.0 [('stack', 0, 'current')]

a.0(%0:i64 "x'y"):
  %1:f64 = const {value=-inf}
  %2:f64 = const {value=1e-300}
  %3:i64 = const {value=-9223372036854775808}
  %4:i1 = const {value=True}
  guard %4 {reason='a } and [ | ( in "text"'} @12 [10 | ?(%0, %4), -, =('attr', 'math', 'pi'), \
!tuple(%1, !list_iter(%0, %3)), !tuple() | -, =('singleton', 'None'), %2]
  ret %1
"""


@pytest.mark.parametrize("text", [GOOD, SLOTS])
def test_round_trip(text: str) -> None:
    assert write(parse(text)) == text


def test_slots_are_read_as_they_are() -> None:
    function = parse(SLOTS)
    guard = function.blocks[0].ops[4]
    assert guard.state is not None
    maybe, unbound, constant, nested, empty = guard.state.locals
    assert isinstance(maybe, Maybe)
    assert unbound is None
    assert constant == Const(("attr", "math", "pi"))
    assert isinstance(nested, Virtual)
    assert nested.items[1] == Virtual("list_iter", (function.blocks[0].params[0], guard_value(3)))
    assert empty == Virtual("tuple", ())
    assert guard.attrs["reason"] == 'a } and [ | ( in "text"'
    assert function.blocks[0].ops[0].attrs["value"] == -math.inf


def guard_value(number: int) -> object:
    class Same:
        def __eq__(self, other: object) -> bool:
            return getattr(other, "id", None) == number

        __hash__ = None  # type: ignore[assignment]

    return Same()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "line 1"),
        ("functoin", "line 1"),
        (GOOD.replace("i64.cmp %3, %1", "i64.cmp %3, ,"), "line 10, column"),
        (GOOD.replace("[2 | %0 | ]", "[2 | %0"), "line 5, column"),
        (GOOD.replace("%3:i64 's'", "%3:i65 's'"), "line 9, column"),
        (GOOD.replace("-> body.2(), done.3()", "-> body.2(), done.3() extra"), "line 11"),
    ],
)
def test_errors_have_a_place(text: str, place: str) -> None:
    with pytest.raises(ParseError, match=place):
        parse(text)


def test_pictures_show_every_block_and_edge() -> None:
    function = parse(GOOD)
    graph = dot(function)
    assert graph.count(" -> ") - graph.count("-> loop.1(") - graph.count("-> body.2(") == 4
    assert '"body.2" -> "loop.1" [label="" style=dashed]' in graph
    picture = svg(function)
    assert picture.count("<rect") == 4
    assert picture.count("<path") == 4
    assert "i64.cmp\u00a0%3" in picture
