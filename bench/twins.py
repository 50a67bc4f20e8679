"""Call the C twins through ctypes so that only the loop is timed.

`load` returns two functions. `prepare(arguments)` converts Python values to C ones, untimed. The
other is called with what `prepare` returned, timed, and gives back a function that builds the
Python answer, untimed. So neither side pays for converting lists, texts or wide integers.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

Int = ctypes.c_int64
Word = ctypes.c_uint64
Float = ctypes.c_double
Prepare = Callable[[list[Any]], list[Any]]
Timed = Callable[..., Callable[[], Any]]


def load(program: str, library: str) -> tuple[Prepare, Timed]:
    """Return (prepare, timed call) of a program's twin; KeyError if there is no twin."""
    return _TWINS[program](ctypes.CDLL(library))


def _scalar(function: str, parameters: list[Any], result: Any) -> Callable[[Any], Any]:
    def bind(library: Any) -> tuple[Prepare, Timed]:
        native = library[function]
        native.argtypes = parameters
        native.restype = result

        def timed(*arguments: Any) -> Callable[[], Any]:
            answer = native(*arguments)
            return lambda: answer

        return list, timed

    return bind


def _filled(function: str, inputs: int, word: Any, words: int, read: Any) -> Callable[[Any], Any]:
    """A twin that writes its result into an array of words after its integer inputs."""

    def bind(library: Any) -> tuple[Prepare, Timed]:
        native = library[function]
        native.argtypes = [Int] * inputs + [ctypes.POINTER(word)]
        native.restype = None

        def timed(*arguments: Any) -> Callable[[], Any]:
            native(*arguments)
            return lambda: read(arguments[-1])

        return lambda arguments: [*arguments, (word * words)()], timed

    return bind


def _number(words: Any) -> int:
    return sum(word << (64 * i) for i, word in enumerate(words))


def _knapsack(library: Any) -> tuple[Prepare, Timed]:
    native = library["best_value"]
    array = ctypes.POINTER(Int)
    native.argtypes = [array, array, Int, array, Int]
    native.restype = Int

    def prepare(arguments: list[Any]) -> list[Any]:
        weights, values, best = ((Int * len(items))(*items) for items in arguments)
        return [weights, values, len(weights), best, len(best) - 1]

    def timed(*arguments: Any) -> Callable[[], Any]:
        answer = native(*arguments)
        return lambda: answer

    return prepare, timed


def _checksum(library: Any) -> tuple[Prepare, Timed]:
    native = library["adler32"]
    native.argtypes = [ctypes.c_char_p, Int]
    native.restype = Int

    def timed(*arguments: Any) -> Callable[[], Any]:
        answer = native(*arguments)
        return lambda: answer

    return lambda arguments: [arguments[0].encode("latin-1"), len(arguments[0])], timed


_TWINS: dict[str, Callable[[Any], tuple[Prepare, Timed]]] = {
    "checksum": _checksum,
    "collatz": _filled("longest", 1, Int, 2, tuple),
    "cubes": _filled("sum_of_cubes", 1, Word, 2, _number),
    "fib": _scalar("fib", [Int], Int),
    "gcd": _scalar("coprime_pairs", [Int], Int),
    "integrate": _scalar("arc", [Float, Int], Float),
    "knapsack": _knapsack,
    "lcg_moments": _filled("third_moment", 2, Word, 4, _number),
    "mandelbrot": _scalar("total", [Int, Int, Int], Int),
    "miller_rabin": _scalar("count_primes", [Int, Int], Int),
    "montecarlo": _scalar("pi", [Int, Int], Float),
    "queens": _scalar("queens", [Int], Int),
}
