import array
import collections
import contextlib
import datetime
import decimal
import math
import struct
import subprocess
import sys
import time
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyvorin_wire import outcome
from pyvorin_wire.errors import OutcomeError
from pyvorin_wire.outcome_tree import compare, decode, decode_value, describe

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(st.characters())
    | st.binary()
)
HASHABLE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.tuples(inner),
    max_leaves=3,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(HASHABLE, inner)
        | st.sets(HASHABLE)
        | st.frozensets(HASHABLE)
    ),
    max_leaves=20,
)


def encode(value):
    return outcome.encode_value(value)


@pytest.mark.slow
@given(VALUES)
def test_every_value_is_encoded_and_read_back(value):
    data = encode(value)
    assert data == encode(value)
    assert describe(decode_value(data))


@pytest.mark.slow
@given(VALUES, VALUES)
def test_equal_bytes_mean_equal_values_of_equal_types(one, other):
    if encode(one) == encode(other):
        assert type(one) is type(other)
        assert ascii(one) == ascii(other)


@pytest.mark.slow
@given(VALUES, VALUES)
def test_compare_is_empty_exactly_for_equal_outcomes(one, other):
    left, right = (outcome.encode_outcome(value=value) for value in (one, other))
    if left == right:
        assert compare(left, right) == []
    elif not _holds_set(one):
        assert compare(left, right)


def _holds_set(value):
    return "set(" in ascii(value) or "{" in ascii(value)


PAYLOAD_NAN = struct.unpack(">d", bytes.fromhex("7ff8000000000001"))[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        (0, False),
        (0.0, -0.0),
        (0j, -0j),
        ("a", b"a"),
        ("\ud800", "?"),
        (b"a", bytearray(b"a")),
        ((1,), [1]),
        ({1: 1, 2: 2}, {2: 2, 1: 1}),
        ({1}, frozenset({1})),
        (range(3), range(0, 3, 2)),
        (2**63, -(2**63)),
        (127, 128),
        (None, ...),
        (slice(1), slice(2)),
        (decimal.Decimal("1.0"), decimal.Decimal("1.00")),
        (datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)),
        (collections.deque([1]), collections.deque([1], 3)),
        (array.array("i", [1]), array.array("l", [1])),
        (collections.Counter("a"), {"a": 1}),
        (int, float),
        (len, max),
        (ValueError("a"), ValueError("b")),
        (ValueError("a"), TypeError("a")),
        (OSError(2, "no"), OSError(2, "no", "f")),
    ],
)
def test_different_values_are_told_apart(one, other):
    left, right = (outcome.encode_outcome(value=value) for value in (one, other))
    assert len(compare(left, right)) >= 1


def test_aliasing_and_cycles_count():
    shared = [1]
    assert encode([shared, shared]) != encode([[1], [1]])
    loop = []
    loop.append(loop)
    assert encode(loop) == encode(loop)
    assert encode(loop) != encode([[]])


def test_returning_the_argument_differs_from_returning_a_copy():
    given_list = [1]
    same = outcome.encode_outcome(value=given_list, arguments=((given_list,), {}))
    copy = outcome.encode_outcome(value=[1], arguments=((given_list,), {}))
    assert compare(same, copy)


@pytest.mark.slow
def test_no_depth_is_too_deep():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    data = encode(deep)
    assert describe(decode_value(data)).startswith("[[[")


def test_sets_of_addressed_objects_compare_as_multisets():
    class Thing:
        def __init__(self, x):
            self.x = x

    things = [Thing(i) for i in range(20)]
    left, right = set(things), set(reversed([Thing(i) for i in range(20)]))
    results = (outcome.encode_outcome(value=value) for value in (left, right))
    assert compare(*results) == []
    fewer = outcome.encode_outcome(value=set(things[1:]) | {Thing(99)})
    assert compare(outcome.encode_outcome(value=left), fewer)


class Hostile:
    """Every hook that an encoder might call raises."""

    def die(self, *args, **kwargs):
        raise RuntimeError("code of the judged program ran")

    __repr__ = __str__ = __eq__ = __hash__ = __reduce__ = __reduce_ex__ = __getattribute__ = die
    __len__ = __iter__ = __bool__ = __int__ = __float__ = __index__ = __class_getitem__ = die
    __getstate__ = __dir__ = __format__ = __sizeof__ = __instancecheck__ = die


class HostileMeta(type):
    def die(cls, *args):
        raise RuntimeError("code of the judged program ran")

    __getattribute__ = __repr__ = __eq__ = __hash__ = __instancecheck__ = __subclasscheck__ = die


def _hostile(base):
    hooks = {
        name: Hostile.__dict__[name] for name in ("__repr__", "__iter__", "__len__", "__str__")
    }
    return HostileMeta("Evil", (base,), {**hooks, "__dict__": property(Hostile.__dict__["die"])})


@pytest.mark.parametrize(
    ("base", "content"),
    [(int, 5), (float, 1.5), (str, "s"), (bytes, b"b"), (list, [1]), (dict, {1: 2}), (tuple, (1,))],
)
def test_no_code_of_a_hostile_subclass_runs(base, content):
    value = (
        base.__new__(_hostile(base), content) if base is not list else list.__new__(_hostile(base))
    )
    if base is dict:
        dict.update(value, content)
    if base is list:
        list.extend(value, content)
    assert describe(decode_value(encode(value))).startswith("tests.wire.test_outcome.Evil(")


def test_no_code_of_a_hostile_object_runs():
    data = encode([Hostile.__new__(Hostile), Hostile])
    assert "Hostile" in describe(decode_value(data))


def test_attributes_and_slots_are_seen():
    class Slotted:
        __slots__ = ("a", "b")

    class Both(Slotted):
        pass

    one, other = Both(), Both()
    one.a, other.a = 1, 2
    assert encode(one) != encode(other)
    other.a, other.z = 1, 3
    assert encode(one) != encode(other)


def test_differences_name_the_place():
    one = outcome.encode_outcome(value={"k": [1, {"x": -0.0}]}, stdout=b"a")
    other = outcome.encode_outcome(value={"k": [1, {"x": 0.0}]}, stdout=b"b")
    found = {d.path: (d.expected, d.actual) for d in compare(one, other)}
    assert found["result['k'][1]['x']"] == ("-0.0", "0.0")
    assert found["stdout"] == ("b'a'", "b'b'")


def test_raising_and_returning_differ():
    one = outcome.encode_outcome(value=1)
    other = outcome.encode_outcome(error=KeyError("k"))
    assert compare(one, other)[0].actual == "raised KeyError('k',)"


def _raise(line):
    def inner():
        return 1 / 0 if line else [][0]

    try:
        inner()
    except Exception as error:
        return error


def test_tracebacks_count_when_asked_for():
    one = outcome.encode_outcome(error=_raise(1), skip_frames=0)
    blind = outcome.encode_outcome(error=_raise(1))
    assert compare(one, one) == []
    assert compare(one, blind)
    assert compare(one, blind, traceback=False) == []


def _deep(padding, raising="1 // 0", depth=600):
    """The error of a recursion whose function has `padding` lines before the call."""
    scope = {}
    lines = [
        "if depth < 0: x = y = 1",
        *["x + y"] * padding,
        f"return f(depth - 1) if depth else {raising}",
    ]
    exec("def f(depth, x=1, y=1):\n" + "".join(f"    {line}\n" for line in lines), scope)
    try:
        scope["f"](depth)
    except ZeroDivisionError as error:
        return error


def _seconds(action):
    begin = time.process_time()
    action()
    return time.process_time() - begin


def test_every_place_of_a_recursion_counts():
    last, moved, deeper = (
        outcome.encode_outcome(error=_deep(0, text, depth), skip_frames=1)
        for text, depth in (("1 // 0", 600), (" 1 // 0", 600), ("1 // 0", 601))
    )
    places = decode(last)[1]["traceback"].children
    assert [times.data for _, times in (place.children for place in places)] == [600, 1]
    assert {item.path.partition("[0]")[0] for item in compare(last, moved)} == {"traceback[1]"}
    (difference,) = compare(last, deeper)
    assert difference == ("traceback[0][1]", "600", "601")


def _at_the_limit(last, depth=50, error=RecursionError):
    """The outcome of a recursion that ends with an error at another place of the function."""
    scope = {"error": error}
    exec(
        "def f(n, last):\n    if n == 0:\n        raise error(last)\n    return f(n - 1, last)\n",
        scope,
    )
    try:
        scope["f"](depth, last)
    except error as raised:
        return outcome.encode_outcome(error=raised, skip_frames=1)


def test_the_recursion_limit_may_be_met_inside_an_operation():
    """3.11's specialised comparisons take no level of recursion; its others do."""
    message = "maximum recursion depth exceeded"
    plain, inside = _at_the_limit(message), _at_the_limit(message + " in comparison")
    assert compare(plain, inside) == compare(inside, plain) == []
    assert compare(plain, _at_the_limit(message + " in comparison", 51)) == []
    assert compare(plain, _at_the_limit(message + " in comparison", 52)) != []
    assert compare(plain, _at_the_limit(message, 51)) != []  # said alike, met elsewhere
    assert compare(plain, _at_the_limit("maximum depth")) != []
    assert compare(*(_at_the_limit(message + end, error=ValueError) for end in ("", "!"))) != []


def test_a_place_is_the_same_in_every_code_object_of_a_function():
    """Native code's frames come back in code objects of their own, with other offsets."""
    code = compile("def f(n):\n    return f(n - 1) if n else 1 // 0\n", "f.py", "exec").co_consts[0]

    def error(other):
        one, two = {}, {}
        two["f"], one["f"] = types.FunctionType(code, one), types.FunctionType(other, two)
        try:
            two["f"](10)
        except ZeroDivisionError as raised:
            return outcome.encode_outcome(error=raised, skip_frames=1)

    other = code.replace(co_stacksize=99)
    assert other is not code
    assert compare(error(code), error(other)) == []


def test_a_deep_traceback_of_a_long_function_costs_no_more_than_of_a_short_one():
    short, long = _deep(1), _deep(2000)
    took = [
        min(_seconds(lambda e=e: outcome.encode_outcome(error=e, skip_frames=1)) for _ in range(3))
        for e in (short, long)
    ]
    assert took[1] < 10 * took[0]


def test_a_traceback_made_by_hand_is_encoded():
    made = ValueError().with_traceback(types.TracebackType(None, sys._getframe(), -1, 7))
    nodes = decode(outcome.encode_outcome(error=made, skip_frames=0))[1]["traceback"].children
    assert [child.data for child in nodes[0].children[0].children[1:]] == [7, -1, -1, -1]


def test_cause_context_and_notes_count():
    plain, noted, caused = ValueError("a"), ValueError("a"), ValueError("a")
    noted.add_note("n")
    caused.__cause__ = KeyError()
    assert len({encode(error) for error in (plain, noted, caused)}) == 3


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data):
    for read in (decode, decode_value):
        for candidate in (data, bytes([outcome.FORMAT]) + data):
            with contextlib.suppress(OutcomeError):
                read(candidate)


@given(st.binary(max_size=12), st.integers(0), st.booleans())
def test_equal_bytes_are_equal_outcomes_only_if_they_can_be_read(data, cut, inside):
    outcome_bytes = outcome.encode_outcome(value=[1.5, (None, "é"), 2**70, 1j, {}], stdout=b"x")
    place = cut % len(outcome_bytes)
    changed = outcome_bytes[:place] + data + (outcome_bytes[place + len(data) :] if inside else b"")
    try:
        decode(changed)
    except OutcomeError:
        with pytest.raises(OutcomeError):
            compare(changed, changed)
    else:
        assert compare(changed, changed) == []


def test_a_lying_count_costs_no_memory():
    with pytest.raises(OutcomeError):
        decode_value(bytes([outcome.FORMAT]) + b"l" + b"\xff" * 7 + b"\x01")


def test_the_encoding_is_capped(monkeypatch):
    monkeypatch.setattr(outcome, "MAX_NODES", 10)
    with pytest.raises(OutcomeError) as caught:
        encode([0] * 11)
    assert caught.value.code == "outcome_size"


def test_another_process_writes_the_same_bytes():
    program = (
        "import sys; from pyvorin_wire.outcome import encode_value as e\n"
        "sys.stdout.buffer.write(e([{'b', 'a', 'c'}, {1: 2.5}, 'x', None]))"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": "0", "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for _ in range(2)
    }
    assert len(runs) == 1


def _unbound(before):
    scope = {}
    exec(f"def f(x):\n    if x: y = 1\n    return {before}y\n", scope)
    try:
        scope["f"](0)
    except UnboundLocalError as error:
        return outcome.encode_outcome(error=error, skip_frames=1)


def test_positions_of_an_unbound_local_are_compared():
    assert compare(_unbound(""), _unbound("  "))
    assert compare(_unbound(""), _unbound("\\\n"))


def test_of_two_nans_either_may_be_the_sum():
    one, other, number = (outcome.encode_outcome(value=[v]) for v in (math.nan, -math.nan, 1.0))
    assert one != other
    assert compare(one, other) == []
    assert compare(one, number)


def test_a_nan_that_was_nowhere_is_a_difference():
    one, other = (outcome.encode_outcome(value=[v]) for v in (math.nan, PAYLOAD_NAN))
    assert compare(one, other)
    there = {
        v: outcome.encode_outcome(value=[v], arguments=((PAYLOAD_NAN,), {}))
        for v in (math.nan, PAYLOAD_NAN)
    }
    assert compare(*there.values()) == []
