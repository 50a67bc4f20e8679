"""The names that support code uses, for readers and type checkers; `backend.dialect` gives them
their meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pyvorin.backend.layouts import LAYOUTS, Layout

F = TypeVar("F", bound=Callable[..., Any])


class Memory:
    """A way to read and write memory: `i64[address]`."""

    def __getitem__(self, address: int) -> int:
        raise NotImplementedError

    def __setitem__(self, address: int, value: int) -> None:
        raise NotImplementedError


class Doubles:
    """Memory read and written as doubles."""

    def __getitem__(self, address: int) -> float:
        raise NotImplementedError

    def __setitem__(self, address: int, value: float) -> None:
        raise NotImplementedError


class Symbols:
    """Functions and objects of the process, or words of the artifact. A few functions answer
    doubles.
    """

    pow: Callable[[float, float], float]
    fmod: Callable[[float, float], float]
    floor: Callable[[float], float]

    def __getattr__(self, name: str) -> Symbol:
        raise NotImplementedError


class Symbol(int):
    """An address that can be called."""

    def __call__(self, *arguments: int | float | str) -> int:
        raise NotImplementedError


i64, i32, u32, u16, u8 = Memory(), Memory(), Memory(), Memory(), Memory()
i16, i8 = Memory(), Memory()
f64 = Doubles()
c, data = Symbols(), Symbols()
layout: Layout = LAYOUTS[13]  # whichever minor it is built for


def call(function: int, *arguments: int) -> int:
    """Call the function at an address."""
    raise NotImplementedError


def copysign(x: float, y: float) -> float:
    """x with the sign of y."""
    raise NotImplementedError


def fabs(x: float) -> float:
    """x without its sign."""
    raise NotImplementedError


def below(a: int, b: int) -> bool:
    """a < b, as unsigned numbers."""
    raise NotImplementedError


def text(value: str) -> int:
    """The address of a constant C string."""
    raise NotImplementedError


def address(function: Callable[..., object]) -> int:
    """The address of a support function."""
    raise NotImplementedError


def cycles() -> int:
    """The processor's time stamp."""
    raise NotImplementedError


def room(size: int) -> int:
    """The address of `size` bytes (a constant) that live as long as the call."""
    raise NotImplementedError


def inline(function: F) -> F:
    """Copy the function's code into its callers."""
    return function


def cold(function: F) -> F:
    """Seldom called: keep it small and out of the way."""
    return function


def reads(function: F) -> F:
    """It ends, and only reads memory: calls may be merged and moved out of loops."""
    return function


def apart(function: F) -> F:
    """Never copied into its callers."""
    return function
