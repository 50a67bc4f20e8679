import copy
import pickle

import pytest
from pyvorin_wire.value import Value


class Point(Value):
    x: int
    label: str = "origin"


class Solid(Point):
    z: int = 0


def test_a_value_is_made_by_position_or_name():
    assert Point(1, "a") == Point(1, label="a") == Point(label="a", x=1)
    assert Point(1).label == "origin"
    assert Solid(1, "a", 3) == Solid(x=1, label="a", z=3)
    assert repr(Solid(1, z=2)) == "Solid(x=1, label='origin', z=2)"


@pytest.mark.parametrize(
    ("given", "named"),
    [((), {}), ((1, "a", 2), {}), ((1,), {"x": 1}), ((1,), {"y": 2}), ((), {"label": "a"})],
)
def test_a_value_takes_its_fields_and_nothing_else(given, named):
    with pytest.raises(TypeError, match="Point takes x, label"):
        Point(*given, **named)


def test_a_value_does_not_change():
    point = Point(1)
    with pytest.raises(AttributeError, match="a Point does not change"):
        point.x = 2
    with pytest.raises(AttributeError):
        del point.x
    with pytest.raises(AttributeError):
        point.other = 1
    assert point.replace(x=2) == Point(2)
    assert point.x == 1
    with pytest.raises(TypeError):
        point.replace(other=1)


def test_equal_values_are_of_one_class_and_hash_alike():
    assert Point(1) != Solid(1)
    assert Point(1) != (1, "origin")
    assert len({Point(1), Point(1, "origin"), Point(2)}) == 2


def test_values_match_patterns_and_can_be_copied():
    match Solid(1, "a", 2):
        case Solid(x, label, z):
            assert (x, label, z) == (1, "a", 2)
    for other in (copy.deepcopy(Point(1)), pickle.loads(pickle.dumps(Point(1)))):
        assert other == Point(1)
        assert type(other) is Point
