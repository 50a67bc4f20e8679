"""`x ** 2` and `x ** 0.5` without the C library's `pow` are what it would have answered."""

from __future__ import annotations

import importlib.util
import math
import random
import struct
from collections.abc import Iterator
from types import ModuleType

import pytest
from pyvorin.cli import main

SOURCE = """
def squares(xs):
    out = []
    for x in xs:
        out.append(x ** 2)
    return out

def roots(xs):
    out = []
    for x in xs:
        out.append(x ** 0.5)
    return out

def square(x):
    return x ** 2

def root(x):
    return x ** 0.5

if __name__ == "__main__":
    squares([1.5, 2.5] * 40); roots([1.5, 2.5] * 40); square(2.5); root(2.5)
"""
COUNT = 20_000


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    folder = tmp_path_factory.mktemp("native_powers")
    source = folder / "app.py"
    source.write_text(SOURCE)
    assert main(["compile", str(source), "-o", str(folder), "--no-check"]) == 0
    (artifact,) = folder.glob("*.so")
    spec = importlib.util.spec_from_file_location("app", artifact)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def doubles(kind: str, drawn: random.Random) -> Iterator[float]:
    for number in range(COUNT):
        match kind:
            case "usual":
                yield drawn.random() + number % 7
            case "any size":
                yield drawn.random() * 10.0 ** drawn.randint(-320, 150)
            case "any bits":
                (x,) = struct.unpack("d", struct.pack("Q", drawn.getrandbits(63)))
                yield x if x < 1e150 else drawn.random()
            case "near powers of two":
                power = math.sqrt(2.0) ** drawn.randint(-900, 900)
                yield power * (1 + drawn.randint(-4, 4) * 2.0**-52)
            case "small integers":
                yield float(number * drawn.choice((1, 3, 1 << 20)))


@pytest.mark.parametrize(
    "kind", ["usual", "any size", "any bits", "near powers of two", "small integers"]
)
@pytest.mark.parametrize(("name", "exponent"), [("squares", 2), ("roots", 0.5)])
def test_powers_are_those_of_cpython(
    native: ModuleType, kind: str, name: str, exponent: float
) -> None:
    xs = list(doubles(kind, random.Random(kind)))
    assert getattr(native, name)(xs) == [x**exponent for x in xs]


EDGES = (0.0, -0.0, 1.0, -1.0, -2.5, 5e-324, 2.0**-500, 2.0**499.5, 1e154, 2.0**511.5, math.inf)


@pytest.mark.parametrize("x", [*EDGES, -math.inf, math.nan])
@pytest.mark.parametrize(("name", "exponent"), [("square", 2), ("root", 0.5)])
def test_edges_are_those_of_cpython(
    native: ModuleType, x: float, name: str, exponent: float
) -> None:
    assert repr(getattr(native, name)(x)) == repr(x**exponent)


def test_a_square_that_is_too_large_raises(native: ModuleType) -> None:
    with pytest.raises(OverflowError, match="Numerical result out of range"):
        native.square(1e155)
