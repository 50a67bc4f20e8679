import contextlib
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyvorin_wire import canonical
from pyvorin_wire.errors import CanonicalError, WireError

INTS = st.integers(-(2**63), 2**63 - 1)
VALUES = st.recursive(
    st.none() | st.booleans() | INTS | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=30,
)


@pytest.mark.slow
@given(VALUES)
def test_round_trip(value):
    data = canonical.dumps(value)
    assert canonical.loads(data) == value
    assert canonical.dumps(canonical.loads(data)) == data


@pytest.mark.slow
@given(VALUES)
def test_other_spellings_are_read_only_when_asked(value):
    loose = json.dumps(value, indent=1).encode()
    assert canonical.loads(loose, exact=False) == value
    if loose != canonical.dumps(value):
        with pytest.raises(CanonicalError):
            canonical.loads(loose)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    with contextlib.suppress(WireError):
        assert canonical.dumps(canonical.loads(data)) == data


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":1}',
        b"1.0",
        b"1e3",
        b"1e400",
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b" 1",
        b"1\n",
        b"\xef\xbb\xbf1",
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b'"\\u0061"',
        b"-0",
        b"01",
        b"9223372036854775808",
        b"1" * 5000,
        b"[" * 100_000,
        b"[" * 65 + b"]" * 65,
        b"",
        b"nul",
        b'{"a":1}{',
        b'"\x00"',
    ],
)
def test_refused(data):
    with pytest.raises(CanonicalError):
        canonical.loads(data)


@pytest.mark.parametrize("value", [1.5, {1: 2}, (1,), b"x", {"a": {2}}, 2**63, "\ud800", object()])
def test_values_without_a_canonical_form(value):
    with pytest.raises(CanonicalError):
        canonical.dumps(value)


def test_a_subclass_cannot_change_what_is_written():
    class Sly(str):
        __slots__ = ()

    with pytest.raises(CanonicalError):
        canonical.dumps(Sly("x"))


def test_normalised_names_stay_different():
    assert canonical.loads('{"e\u0301":1,"\u00e9":2}'.encode()) == {"e\u0301": 1, "\u00e9": 2}


def test_the_size_cap_counts_before_parsing():
    with pytest.raises(CanonicalError, match="over the limit"):
        canonical.loads(b'"aaaa"', max_bytes=3)


def test_a_program_that_never_imported_json_refuses_the_same():
    """Python 3.11's scanner has no error to raise before `json` is imported."""
    program = (
        "import sys\n"
        "from pyvorin_wire import canonical\n"
        "assert 'json' not in sys.modules\n"
        "try:\n"
        "    canonical.loads(bytes.fromhex(sys.argv[1]))\n"
        "except canonical.CanonicalError as error:\n"
        "    print(error)\n"
    )
    for data in (b"", b"[1", b"[1] x", b'{"a" 1}', b'"a', b"tru", b"\xff", b"[" * 5000):
        done = subprocess.run(
            [sys.executable, "-c", program, data.hex()], capture_output=True, text=True, check=True
        )
        with pytest.raises(CanonicalError) as caught:
            canonical.loads(data)
        assert done.stdout == f"{caught.value}\n"
