import dataclasses
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

import pytest
from pyvorin_wire import api
from pyvorin_wire.errors import RecordError
from pyvorin_wire.record import Check, Record

from tests.wire import samples


class Colour(StrEnum):
    RED = "red"


@dataclasses.dataclass(frozen=True, slots=True)
class Inner(Record):
    x: int


@dataclasses.dataclass(frozen=True, slots=True)
class Outer(Record):
    inner: Inner
    items: tuple[Inner, ...] = ()
    table: Mapping[str, int] = dataclasses.field(default_factory=dict)
    colour: Colour = Colour.RED
    short: Annotated[str, Check(low=1, high=3)] | None = None
    flag: bool = False
    anything: Any = None


def test_round_trip():
    value = Outer(Inner(1), (Inner(2),), {"a": 3}, short="ab", flag=True, anything=[1])
    assert Outer.from_json(value.to_json()) == value


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inner": 1}, "Outer.inner: expected an object"),
        ({"inner": {"x": True}}, "Outer.inner.x: expected int"),
        ({"inner": {}}, "missing field `x`"),
        ({"inner": {"x": 1, "y": 2}}, "unknown field `y`"),
        ({"items": {}}, "expected a list"),
        ({"items": [{"x": "1"}]}, r"items\[0\].x: expected int"),
        ({"table": {"a": "b"}}, "expected int"),
        ({"table": []}, "expected an object"),
        ({"colour": "blue"}, "expected one of red"),
        ({"short": ""}, "below 1"),
        ({"short": "abcd"}, "above 3"),
        ({"flag": 1}, "expected bool"),
    ],
)
def test_refused(change, message):
    with pytest.raises(RecordError, match=message):
        Outer.from_json({"inner": {"x": 1}, **change})


def _records():
    found = [cls for cls in vars(api).values() if isinstance(cls, type) and issubclass(cls, Record)]
    return [cls for cls in found if dataclasses.is_dataclass(cls)]


@pytest.mark.parametrize("cls", _records(), ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("value", [None, [], "x", {"surplus": 1}, {"__class__": 1}])
def test_every_api_body_refuses_other_shapes(cls, value):
    with pytest.raises(RecordError):
        cls.from_json(value)


def test_compile_request_ties_its_fields_together():
    known = api.CompileRequest("m", samples.TARGET, fingerprint=samples.manifest().fingerprint)
    assert known.checked() is known
    with pytest.raises(RecordError, match="exactly one"):
        dataclasses.replace(known, source="x").checked()
    with pytest.raises(RecordError, match="exactly one"):
        dataclasses.replace(known, fingerprint=None).checked()
    with pytest.raises(RecordError, match="belongs to"):
        dataclasses.replace(known, fingerprint=None, source="x").checked()
    with pytest.raises(RecordError, match="belong to"):
        dataclasses.replace(known, examples="f(1)").checked()
