import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyvorin_wire import fingerprint
from pyvorin_wire.errors import FingerprintError, WireError

from tests.wire.samples import KEY, TARGET

SOURCE = '''
"""Module docstring."""
from __future__ import annotations
import math
import os.path as paths
LIMIT = 10
TABLE = {}
TABLE["a"] = 1
UNUSED = 5

class Shape:
    def area(self):
        return helper(self.side)

def helper(x):
    return x * LIMIT + math.pi

def lookup(key):
    """Doc."""
    return TABLE[key]

def alone(x):
    return x + 1.0

def hinted(x: "Shape"):
    return x

def counting():
    global UNUSED
    UNUSED += 1

if __name__ == "__main__":
    print(alone(1))
'''


def digest(source=SOURCE, functions=("lookup",), **changes):
    settings = {"options": {}, "target": TARGET, "compiler": "1", **changes}
    return fingerprint.canonical_digest(source, functions, **settings)


def changed(old, new, functions):
    assert old in SOURCE
    return digest(SOURCE.replace(old, new), functions) != digest(functions=functions)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return TABLE[key]", "return   TABLE[ key ]  # comment"),
        ("return TABLE[key]", "return (\n        TABLE[key]\n    )"),
        ('"""Doc."""', "'Doc.'"),
        ("def lookup", "\n\n\ndef lookup"),
        ("UNUSED = 5", "UNUSED = 6"),
        ("x + 1.0", "x + 2.0"),
        ('if __name__ == "__main__":\n    print(alone(1))', ""),
        ("import math", "import cmath"),
    ],
)
def test_unchanged_by(old, new):
    assert not changed(old, new, ("lookup",))


@pytest.mark.parametrize(
    ("old", "new", "function"),
    [
        ('TABLE["a"] = 1', 'TABLE["a"] = 2', "lookup"),
        ('TABLE["a"] = 1', "TABLE.update(a=1)", "lookup"),
        ("TABLE = {}", "TABLE = dict()", "lookup"),
        ('"""Doc."""', '"""Dok."""', "lookup"),
        ("from __future__ import annotations", "", "lookup"),
        ("LIMIT = 10", "LIMIT = 11", "Shape.area"),
        ("LIMIT = 10", "LIMIT = 10.0", "helper"),
        ("LIMIT = 10", "LIMIT = True", "helper"),
        ("math.pi", "math.e", "Shape.area"),
        ("import math", "import cmath as math", "helper"),
        ("x + 1.0", "x + 1", "alone"),
        ("x + 1.0", "x + -1.0", "alone"),
        ("self.side", "self.size", "hinted"),
        ("UNUSED = 5", "UNUSED = 6", "counting"),
        ("def alone(x):", "def alone(x):  # pyvorin: skip", "alone"),
        ("def alone(x):", "def alone(x=1):", "alone"),
        ("def alone(x):", "@staticmethod\ndef alone(x):", "alone"),
        ("def alone(x):", "async def alone(x):", "alone"),
    ],
)
def test_changed_by(old, new, function):
    assert changed(old, new, (function,))


def test_zero_and_minus_zero_differ():
    assert digest("def f(): return 0.0", ("f",)) != digest("def f(): return -0.0", ("f",))


def test_options_target_compiler_bundle_and_choice_count():
    base = digest()
    others = [
        digest(options={"opt_level": 3}),
        digest(target=TARGET.replace(cpu_level=2)),
        digest(compiler="2"),
        digest(bundle={"local.py": "x = 1"}),
        digest(functions=None),
        digest(functions=("alone",)),
        digest(functions=("alone", "lookup")),
    ]
    assert len({base, *others}) == len(others) + 1
    bundle = {"local.py": "x  =  1  # c"}
    assert digest(bundle=bundle) == digest(bundle={"local.py": "x = 1"})


def test_the_order_of_the_choice_does_not_count():
    assert digest(functions=("alone", "lookup")) == digest(functions=("lookup", "alone"))


def test_a_definition_made_later_wins_and_both_count():
    source = "def f(): return 1\nif c:\n    def f(): return 2\n"
    assert digest(source, ("f",)) != digest(source.replace("1", "3"), ("f",))
    assert digest(source, ("f",)) != digest(source.replace("2", "3"), ("f",))


@pytest.mark.parametrize(
    ("source", "functions"),
    [
        ("def f(:", ("f",)),
        ("x = 1", ("f",)),
        ("class C: pass", ("C.m",)),
        ("a = '\0'", None),
        ("(" * 500 + ")" * 500, None),
        ("x = " + "-" * 100_000 + "1", None),
    ],
)
def test_source_without_a_fingerprint(source, functions):
    with pytest.raises(FingerprintError):
        digest(source, functions)


def test_deep_expressions_need_no_recursion():
    assert len(digest("def f(): return " + "1+" * 900 + "1", ("f",))) == 64


@given(st.text(max_size=60))
def test_any_text_has_a_digest_or_is_refused(text):
    with contextlib.suppress(WireError):
        assert len(digest(text, None)) == 64


def test_the_keyed_form_depends_on_key_and_epoch():
    plain = digest()
    found = {fingerprint.keyed(key, epoch, plain) for key in (KEY, bytes(32)) for epoch in (1, 2)}
    assert len(found) == 4
    assert not any(plain in text for text in found)
    assert fingerprint.epoch_of(fingerprint.keyed(KEY, 7, plain)) == 7


@pytest.mark.parametrize("text", ["", "pf1-1-", "pf1-x-" + "0" * 64, "pf2-1-" + "0" * 64])
def test_malformed_fingerprints(text):
    with pytest.raises(FingerprintError):
        fingerprint.epoch_of(text)
