import re
from collections.abc import Mapping
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyvorin_wire import api, artifact, platform, record
from pyvorin_wire.errors import RecordError
from pyvorin_wire.record import Annotated, Check, Record

from tests.wire import samples

PLACES = st.integers(0, 140)
MARKS = st.sampled_from(["", "-", "_", "=", "A", "g", "\n", "é", "٣", " ", "aa"])


class Colour(StrEnum):
    RED = "red"


class Inner(Record):
    x: int


class Outer(Record):
    inner: Inner
    items: tuple[Inner, ...] = ()
    table: Mapping[str, int] = {}
    colour: Colour = Colour.RED
    short: Annotated[str, Check(low=1, high=3)] | None = None
    flag: bool = False
    anything: object = None


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
    return [cls for cls in found if cls is not Record]


@pytest.mark.parametrize("cls", _records(), ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("value", [None, [], "x", {"surplus": 1}, {"__class__": 1}])
def test_every_api_body_refuses_other_shapes(cls, value):
    with pytest.raises(RecordError):
        cls.from_json(value)


def test_compile_request_ties_its_fields_together():
    known = api.CompileRequest("m", samples.TARGET, fingerprint=samples.manifest().fingerprint)
    assert known.checked() is known
    with pytest.raises(RecordError, match="exactly one"):
        known.replace(source="x").checked()
    with pytest.raises(RecordError, match="exactly one"):
        known.replace(fingerprint=None).checked()
    with pytest.raises(RecordError, match="belongs to"):
        known.replace(fingerprint=None, source="x").checked()
    with pytest.raises(RecordError, match="belong to"):
        known.replace(examples="f(1)").checked()


PATTERNS = {
    record.Sha256: "[0-9a-f]{64}",
    record.Hex32: "[0-9a-f]{64}",
    record.Identifier: r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}",
    record.Base64: "[A-Za-z0-9+/]*={0,2}",
    record.FingerprintText: "pf1-[0-9]{1,9}-[0-9a-f]{64}",
    platform.Label: "[a-z0-9_.-]{1,32}",
    artifact.Manifest.__annotations__["sandbox_tier"]: "microvm|gvisor|native|restricted|local",
}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "pattern"), PATTERNS.items(), ids=PATTERNS.values())
@given(data=st.data())
def test_what_is_written_out_is_what_the_pattern_says(kind, pattern, data):
    """The loader's own checks, which do without `re`."""
    good = st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True)
    near = st.builds(lambda text, at, put: text[:at] + put + text[at + 1 :], good, PLACES, MARKS)
    text = data.draw(good | near | st.text())
    try:
        kind.check(text, "it")
    except RecordError:
        assert not re.fullmatch(pattern, text, re.ASCII)
    else:
        assert re.fullmatch(pattern, text, re.ASCII)


def test_a_field_of_a_type_without_a_decoder_is_an_error_of_the_program():
    class Wrong(Record):
        x: float

    with pytest.raises(TypeError, match="float"):
        Wrong.from_json({"x": 1.0})


def test_a_record_of_a_record_has_the_fields_of_both():
    class More(Inner):
        y: Annotated[int, Check(low=1)] | None = None

    assert More.from_json({"x": 1, "y": None}) == More(1)
    assert More(1, 2).to_json() == {"x": 1, "y": 2}
    with pytest.raises(RecordError, match=r"More\.y: below 1"):
        More.from_json({"x": 1, "y": 0})
    with pytest.raises(RecordError, match="missing field `x`"):
        More.from_json({"y": 1})
