from __future__ import annotations

import marshal
import sys
from typing import Any

import pytest
from pyvorin_runtime.codehash import code_digest


def digest(source: str, file: str = "a.py") -> str:
    namespace: dict[str, Any] = {}
    exec(compile(source, file, "exec", dont_inherit=True), namespace)
    return code_digest(namespace["f"].__code__)


BASE = "def f(x):\n    for i in range(3):\n        x += i\n    return x, 1.5, 'a'\n"


def test_same_code_has_the_same_digest() -> None:
    assert digest(BASE) == digest(BASE)
    assert len(digest(BASE)) == 64


def test_names_places_and_lines_do_not_matter() -> None:
    assert digest("\n\n" + BASE) == digest(BASE)
    assert digest(BASE, "b.py") == digest(BASE)
    assert digest(BASE.replace("1.5, 'a'", "1.5,   'a'")) == digest(BASE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x += i", "x -= i"),
        ("range(3)", "range(4)"),
        ("range", "rangE"),
        ("1.5", "2.5"),
        ("'a'", "b'a'"),
        ("1.5, 'a'", "1, 5, 'a'"),
        ("f(x)", "f(x=1, *, y=2)"),
        ("f(x)", "f(*x)"),
        ("x, 1.5", "[x for x in x if x], 1.5"),
    ],
)
def test_what_decides_behaviour_matters(old: str, new: str) -> None:
    assert old in BASE
    assert digest(BASE.replace(old, new)) != digest(BASE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0.0", "-0.0"),
        ("1", "1.0"),
        ("1", "True"),
        ("(1, 2)", "(1, (2,))"),
        ("x in {1, 2}", "x in (1, 2)"),
        ("...", "None"),
        ("10**5000", "10**5000 + 1"),
        ("'\\ud800'", "'\\ud801'"),
        ("1j", "1"),
        ("lambda: 1", "lambda: 2"),
    ],
)
def test_constants_are_told_apart_exactly(one: str, other: str) -> None:
    assert digest(f"def f(x): return {one}") != digest(f"def f(x): return {other}")


def test_handler_matters() -> None:
    one = digest("def f():\n try: g()\n except A: pass\n h()")
    assert one != digest("def f():\n try: g(); h()\n except A: pass")


def test_survives_specialisation_tracing_and_marshalling() -> None:
    def f(n: int) -> int:
        return sum([i * 2 for i in range(n)])

    before = code_digest(f.__code__)
    for _ in range(50):
        f(20)
    assert code_digest(f.__code__) == before
    sys.settrace(lambda *_: None)
    try:
        f(3)
        assert code_digest(f.__code__) == before
    finally:
        sys.settrace(None)
    assert code_digest(marshal.loads(marshal.dumps(f.__code__))) == before
