"""Every operator on every pair of edge values, in functions whose recorded types are another
pair's.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import pytest

from tests.compiler.golden.tables import compare

pytestmark = pytest.mark.slow

INTS = ["0", "1", "-1", "2", "7", "-10"] + [
    f"{sign * 2**bits + step}"
    for bits in (15, 31, 53, 63, 64)
    for sign in (1, -1)
    for step in (-1, 0, 1)
]
FLOATS = ["0.0", "-0.0", "1.0", "-2.5", "0.1", "nan", "inf", "-inf", "5e-324", "-2.2e-308",
          "1.7976931348623157e+308", "9007199254740993.0", "9.3e18", "-1e19"]  # fmt: skip
BOOLS = ["True", "False"]
OTHERS = ["None", "'x'", "[]", "(1,)", "1j"]

BINARY = {
    "add": "+", "subtract": "-", "multiply": "*", "floordiv": "//", "modulo": "%", "divide": "/",
    "bit_and": "&", "bit_or": "|", "bit_xor": "^", "less": "<", "at_most": "<=", "equal": "==",
    "unequal": "!=", "more": ">", "at_least": ">=",
}  # fmt: skip
UNARY = {
    "negate": "-x", "plus": "+x", "invert": "~x", "truth": "not x", "absolute": "abs(x)",
    "to_int": "int(x)", "to_float": "float(x)", "to_bool": "bool(x)", "branch": "1 if x else 2",
    "below": "0 <= x < 10", "length": "len(x)", "largest": "max(x, 3)", "smallest": "min(3, x)",
}  # fmt: skip
LOOPS = {
    "adding": "r = r + b", "multiplying": "r = r * b", "subtracting": "r -= b", "masking": "r ^= b",
    "comparing": "r = r + (b < r)", "dividing": "r = r // (b or 1)",
}  # fmt: skip


def binary_source() -> str:
    return "".join(
        f"def {name}(a, b):\n    return a {operator} b\n\n" for name, operator in BINARY.items()
    )


def unary_source() -> str:
    return "".join(f"def {name}(x):\n    return {text}\n\n" for name, text in UNARY.items())


def loop_source() -> str:
    return "".join(
        f"def {name}(a, b):\n    r = a\n    for i in range(5):\n        {text}\n    return r\n\n"
        for name, text in LOOPS.items()
    )


PAIRS = {
    "int": ("7", "-10"),
    "float": ("-2.5", "0.1"),
    "mixed": ("7", "0.1"),
    "bool": ("True", "7"),
}


def recorded_calls(names: Iterable[str], pairs: Iterable[str] = PAIRS) -> list[str]:
    return [f"{name}({', '.join(PAIRS[pair])})" for pair in pairs for name in names]


@pytest.mark.parametrize("recorded", PAIRS)
@pytest.mark.parametrize("kind", ["ints", "floats", "mixed"])
def test_binary_operators(recorded: str, kind: str) -> None:
    left, right = {
        "ints": (INTS, INTS),
        "floats": (FLOATS, FLOATS),
        "mixed": (
            [*INTS[::3], *FLOATS[::2], *BOOLS, *OTHERS],
            [*FLOATS[1::2], *INTS[1::3], *BOOLS],
        ),
    }[kind]
    calls = [f"{name}({a}, {b})" for name in BINARY for a, b in product(left, right)]
    first, wanted = recorded_calls(BINARY), recorded_calls(BINARY, [recorded])
    compare(binary_source(), wanted, calls, 1 / 2, first=first)


@pytest.mark.parametrize("recorded", ["7", "-2.5", "True"])
def test_unary_operators(recorded: str) -> None:
    calls = [f"{name}({x})" for name in UNARY for x in (*INTS, *FLOATS, *BOOLS, *OTHERS)]
    wanted = [f"{name}({recorded})" for name in UNARY if name != "length"]
    compare(unary_source(), wanted, calls, 1 / 2)


@pytest.mark.parametrize("recorded", PAIRS)
def test_loops_over_edges(recorded: str) -> None:
    left, right = [*INTS, *FLOATS, *BOOLS], [*INTS[::2], *FLOATS[::2], "True", "None"]
    calls = [f"{name}({a}, {b})" for name in LOOPS for a, b in product(left, right)]
    first, wanted = recorded_calls(LOOPS), recorded_calls(LOOPS, [recorded])
    compare(loop_source(), wanted, calls, 1 / 2, first=first)


def test_powers_and_shifts() -> None:
    source = "def power(a, b):\n    return a ** b\n\n"
    source += "def left(a, b):\n    return a << b\n\ndef right(a, b):\n    return a >> b\n"
    counts = ["0", "1", "2", "-1", "31", "32", "62", "63", "64", "65", "127", "128", "True", "0.5"]
    bases = [*INTS, *FLOATS, *BOOLS]
    calls = [
        f"{name}({a}, {b})"
        for name in ("power", "left", "right")
        for a, b in product(bases, counts)
    ]
    recorded = ["power(3, 2)", "left(3, 2)", "right(300, 2)"]
    compare(source, recorded, calls, 1 / 2)
    calls = [f"{name}({a}, {b})" for name in ("left", "right") for a in INTS for b in INTS[8:]]
    calls = [call for call in calls if "left" not in call or "-" in call.split(", ")[1]]
    compare(source, recorded, calls, 1 / 2)
