import math
import re
import sys
import threading
from array import array
from collections import Counter, OrderedDict, defaultdict, deque
from datetime import date
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyvorin.check.case import Case, builder, join, shown, split
from pyvorin.check.spell import UnspellableError, spell, spell_call


class Point:
    def __init__(self, x: int) -> None:
        self.x = x

    def size(self) -> int:
        return self.x


class Slotted:
    __slots__ = ("x",)
    x: int


class Inheriting(Slotted):
    own: object


class Hiding:
    @property
    def x(self) -> int:
        return 1

    @x.setter
    def x(self, value: int) -> None:
        raise AssertionError


class Colour(Enum):
    RED = 1


class Listed(list[int]):
    pass


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.binary(),
    st.complex_numbers(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=5), inner),
    ),
    max_leaves=10,
)


CLASSES = {cls.__name__: cls for cls in (Point, Slotted, Inheriting, Hiding)}


def evaluated(call: str) -> tuple[object, ...]:
    _, make = builder(call, {"f": len, **CLASSES})
    args, _ = make()
    return args


@settings(max_examples=50)
@given(VALUES)
def test_a_spelled_value_evaluates_to_an_equal_one(value: object) -> None:
    (again,) = evaluated(f"f({spell(value, {})})")
    assert type(again) is type(value)
    assert spell(again, {}) == spell(value, {})


@pytest.mark.parametrize("value", [math.nan, -math.inf, -0.0, list(range(500)), [0.5] * 99])
def test_edge_values_are_spelled_exactly(value: object) -> None:
    (again,) = evaluated(f"f({spell(value, {})})")
    assert repr(again) == repr(value)


def test_a_huge_integer_is_spelled_in_hexadecimal() -> None:
    assert evaluated(f"f({spell(10**5000, {})})") == (10**5000,)


def test_a_shared_list_stays_shared() -> None:
    shared = [1]
    first, second, nested = evaluated(spell_call("f", [shared, shared, [shared]], {}, {}))
    assert first is second
    assert nested[0] is first  # type: ignore[index]


def test_a_plain_object_of_the_module_is_rebuilt_without_init() -> None:
    (again,) = evaluated(spell_call("f", [Point(3)], {}, {"Point": Point}))
    assert isinstance(again, Point)
    assert again.x == 3


def test_attributes_in_slots_and_of_bases_are_rebuilt_without_a_dict() -> None:
    item = Inheriting()
    item.x, item.own = 3, [1]
    (again,) = evaluated(spell_call("f", [item], {}, CLASSES))
    assert type(again) is Inheriting
    assert (again.x, again.own) == (3, [1])
    (empty,) = evaluated(spell_call("f", [Slotted()], {}, CLASSES))
    assert not hasattr(empty, "x")


def test_instances_that_lead_to_each_other_are_rebuilt() -> None:
    first, second = Point(1), Point(2)
    first.x, second.x = second, [first, first]  # type: ignore[assignment]
    call = spell_call("Point.size", [first, second], {}, CLASSES)
    function, make = builder(call, CLASSES)
    (a, b), _ = make()
    assert function is Point.size
    assert a.x is b
    assert b.x[0] is b.x[1] is a


def test_what_a_descriptor_of_the_class_hides_is_rebuilt_in_the_dict() -> None:
    item = Hiding()
    item.__dict__["x"] = 5
    (again,) = evaluated(spell_call("f", [item], {}, CLASSES))
    assert vars(again) == {"x": 5}


@pytest.mark.parametrize(
    "value",
    [lambda: 0, threading.Lock(), sys, (int(i) for i in "")],
    ids=["a lambda", "a lock", "a module", "a generator"],
)
def test_what_cannot_be_rebuilt_has_no_spelling(value: object) -> None:
    with pytest.raises(UnspellableError):
        spell(value, {})


@pytest.mark.parametrize(
    "value",
    [
        Listed([1, [2]]),
        open,
        math.sqrt,
        Decimal("1.50"),
        Fraction(2, 6),
        date(2024, 2, 29),
        Colour.RED,
        deque([1, 2, 3], maxlen=3),
        defaultdict(list, {"a": [1]}),
        Counter("abca"),
        OrderedDict(b=1, a=2),
        array("d", [0.5, -0.0]),
        Path("/a/b"),
        re.compile("a+", re.IGNORECASE),
    ],
    ids=repr,
)
def test_objects_of_other_modules_are_rebuilt(value: object) -> None:
    (again,) = evaluated(f"f({spell(value, {'open': None})})")
    assert type(again) is type(value)
    assert again == value
    assert repr(again) == repr(value)


def test_a_generator_of_random_numbers_goes_on_where_it_stood() -> None:
    chance = Random(5)
    chance.gauss(0.0, 1.0)
    (again,) = evaluated(spell_call("f", [chance], {}, {}))
    assert [again.gauss(0.0, 1.0) for _ in range(9)] == [chance.gauss(0.0, 1.0) for _ in range(9)]


@pytest.mark.parametrize(
    "value",
    [
        [math.sin(n) for n in range(20_000)],
        [n * n % 251 - 100 for n in range(30_000)],
        [n**4 - 2**62 for n in range(300)],
        [2**64 + n for n in range(300)],
        [-0.0, *map(float, range(300)), math.inf],
        tuple(n * n for n in range(1000)),
        [*range(300), True],
    ],
)
def test_many_numbers_are_spelled_exactly(value: list[object]) -> None:
    text = spell(value, {})
    (again,) = evaluated(f"f({text})")
    assert repr(again) == repr(value)
    assert len(text) < 12 * len(value) or type(value[0]) is int


def test_a_call_with_many_numbers_is_shown_without_them() -> None:
    call = spell_call("f", [[n / 7 for n in range(999)], 3], {}, {})
    assert shown(call) == "f([… 999 numbers], 3)"
    assert shown("f('" + "x" * 500 + "')") == "f('" + "x" * 296 + "…"


def test_only_the_first_items_are_spelled_when_told_so() -> None:
    values = [list(range(100)), {n: n for n in range(9)}, "x" * 1000, [0.5] * 900]
    assert spell_call("f", values, {}, {}, most=2) == (
        f"f([0, 1], {{0: 0, 1: 1}}, {'x' * 32!r}, [0.5, 0.5])"
    )


@pytest.mark.parametrize("text", ["f(1), f(2)", "f(1) + f(2)", "f(1)(2)", "f(1) if 0 else 2", "f"])
def test_a_text_that_is_not_one_call_makes_no_arguments(text: str) -> None:
    with pytest.raises((ValueError, TypeError, SyntaxError, KeyError)):
        evaluated(text)


def test_a_list_inside_itself_has_no_spelling() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(UnspellableError):
        spell_call("f", [loop], {}, {})


@pytest.mark.parametrize(
    "call",
    ["f()", "f(1, -2.5)", "f(*[1], **{'a': 2})", "f((x := [1]), x, k='é')", "f(a=1, b=(2,))"],
)
def test_split_and_join_are_inverse(call: str) -> None:
    assert join(*split(call)) == call


@pytest.mark.parametrize("text", ["f", "a.b.f()", "f(", "(lambda: 0)()", "f()\n", "f(1); g()"])
def test_what_is_no_call_of_a_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a"):
        split(text)


@pytest.mark.parametrize("item", [[], ["f", "f()", "nowhere"], ["f", 1, "main"], "f()"])
def test_a_malformed_case_is_refused(item: object) -> None:
    with pytest.raises(ValueError, match="a case is"):
        Case.from_json(item)
