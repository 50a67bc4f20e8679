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


def _call(
    function: str,
    prepare: Prepare,
    read: Callable[..., Any] = lambda answer, *prepared: answer,
    result: Any = Int,
) -> Callable[[Any], Any]:
    """A twin called with the C values that `prepare` makes; `read(result, *values)` answers."""

    def bind(library: Any) -> tuple[Prepare, Timed]:
        native = library[function]
        native.restype = result

        def timed(*values: Any) -> Callable[[], Any]:
            answer = native(*values)
            return lambda: read(answer, *values)

        return prepare, timed

    return bind


def _ints(items: Any) -> Any:
    return (Int * len(items))(*items)


def _floats(items: Any) -> Any:
    return (Float * len(items))(*items)


def _flat(rows: Any) -> list[Any]:
    return [item for row in rows for item in row]


def _rows(items: Any, width: int) -> list[list[Any]]:
    return [list(items[i : i + width]) for i in range(0, len(items), width)]


def _pairs(items: Any) -> list[tuple[Any, ...]]:
    return list(map(tuple, _rows(items, 2)))


def _text(text: str) -> list[Any]:
    return [ctypes.c_char_p(text.encode("latin-1")), Int(len(text))]


def _octets(data: bytes) -> list[Any]:
    return [ctypes.c_char_p(data), Int(len(data))]


def _knapsack(arguments: list[Any]) -> list[Any]:
    weights, values, best = map(_ints, arguments)
    return [weights, values, Int(len(weights)), best, Int(len(best) - 1)]


def _matmul(arguments: list[Any]) -> list[Any]:
    a, b = arguments
    sizes = len(a), len(b), len(b[0])
    product = (Float * (sizes[0] * sizes[2]))()
    return [_floats(_flat(a)), _floats(_flat(b)), *map(Int, sizes), product]


def _nbody(arguments: list[Any]) -> list[Any]:
    bodies, steps, dt = arguments
    return [_floats(_flat(bodies)), Int(len(bodies)), Int(steps), Float(dt), (Float * 2)()]


def _lu(arguments: list[Any]) -> list[Any]:
    matrix, right = arguments
    n = len(right)
    return [_floats(_flat(matrix)), _floats(right), Int(n), (Float * n)()]


def _kmeans(arguments: list[Any]) -> list[Any]:
    points, k, rounds = arguments
    return [_floats(_flat(points)), Int(len(points)), Int(k), Int(rounds), (Float * (2 * k))()]


def _fft(arguments: list[Any]) -> list[Any]:
    signal = arguments[0]
    return [_floats(signal), Int(len(signal)), (Float * len(signal))()]


def _grid(array: Callable[[Any], Any]) -> Prepare:
    """A matrix with its sizes, and one more number."""
    return lambda a: [array(_flat(a[0])), Int(len(a[0])), Int(len(a[0][0])), Int(a[1])]


def _histogram(arguments: list[Any]) -> list[Any]:
    values, bins = arguments
    return [_floats(values), Int(len(values)), Int(bins), (Int * bins)(), (Float * 2)()]


def _triples(items: Any) -> list[tuple[Any, ...]]:
    return list(map(tuple, _rows(items, 3)))


def _sort(function: str, array: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return _call(
        function, lambda a: [array(a[0]), Int(len(a[0]))], lambda _, items, n: list(items), None
    )


_TWINS: dict[str, Callable[[Any], tuple[Prepare, Timed]]] = {
    "binary_trees": _call(
        "trees",
        lambda a: [Int(a[0]), (Int * (3 * (a[0] // 2 + 1)))()],
        lambda _, most, results: _triples(results),
        None,
    ),
    "checksum": _call("adler32", lambda a: _text(a[0])),
    "coin_change": _call(
        "pay",
        lambda a: [_ints(a[0]), Int(len(a[0])), Int(a[1]), (Int * 2)()],
        lambda _, *values: tuple(values[-1]),
        None,
    ),
    "collatz": _filled("longest", 1, Int, 2, tuple),
    "crc32": _call("crc32", lambda a: _octets(a[0])),
    "cubes": _filled("sum_of_cubes", 1, Word, 2, _number),
    "determinant": _call("determinant", lambda a: [_ints(_flat(a[0])), Int(len(a[0]))]),
    "factorize": _call(
        "largest_factors",
        lambda a: [Int(a[0]), Int(a[1]), (Int * (a[1] - a[0]))()],
        lambda _, *values: list(values[-1]),
        None,
    ),
    "fannkuch": _filled("fannkuch", 1, Int, 2, tuple),
    "fft": _call("spectrum", _fft, lambda _, *values: [round(x, 6) for x in values[-1]], None),
    "fib": _scalar("fib", [Int], Int),
    "floyd_warshall": _call(
        "shortest_paths",
        lambda a: [_ints(_flat(a[0])), Int(len(a[0]))],
        lambda _, items, n: _rows(items, n.value),
    ),
    "gcd": _scalar("coprime_pairs", [Int], Int),
    "heapsort": _sort("heap_sort", _ints),
    "heat": _call(
        "relax",
        _grid(_floats),
        lambda change, grid, height, width, n: (_rows(grid, width.value), change),
        Float,
    ),
    "histogram": _call(
        "describe", _histogram, lambda _, *values: (list(values[-2]), *values[-1]), None
    ),
    "integrate": _scalar("arc", [Float, Int], Float),
    "kmeans": _call("kmeans", _kmeans, lambda _, *values: _pairs(values[-1])),
    "knapsack": _call("best_value", _knapsack),
    "lcg_moments": _filled("third_moment", 2, Word, 4, _number),
    "lcs": _call(
        "lcs",
        lambda a: [*_text(a[0]), *_text(a[1]), ctypes.create_string_buffer(len(a[0]) + 1)],
        lambda _, *values: values[-1].value.decode(),
        None,
    ),
    "levenshtein": _call("distance", lambda a: [*_text(a[0]), *_text(a[1])]),
    "life_grid": _call(
        "life", _grid(_ints), lambda _, grid, height, width, n: _rows(grid, width.value), None
    ),
    "lu": _call("solve", _lu, lambda _, *values: list(values[-1])),
    "mandelbrot": _scalar("total", [Int, Int, Int], Int),
    "matmul": _call("matmul", _matmul, lambda _, *values: _rows(values[-1], values[4].value)),
    "mergesort": _sort("merge_sort", _floats),
    "miller_rabin": _scalar("count_primes", [Int, Int], Int),
    "montecarlo": _scalar("pi", [Int, Int], Float),
    "nbody": _call("simulate", _nbody, lambda _, *values: tuple(values[-1]), None),
    "nqueens_list": _call(
        "queens",
        lambda a: [Int(a[0]), (Int * (1000 * a[0]))()],
        lambda found, n, columns: _rows(columns[: found * n.value], n.value),
    ),
    "permutations": _scalar("derangements", [Int], Int),
    "queens": _scalar("queens", [Int], Int),
    "quicksort": _sort("sort", _ints),
    "sha256": _call(
        "sha256",
        lambda a: [*_octets(a[0]), ctypes.create_string_buffer(65)],
        lambda _, *values: values[-1].value.decode(),
        None,
    ),
    "sieve": _call(
        "primes_below",
        lambda a: [Int(a[0]), (Int * a[0])()],
        lambda count, _, primes: primes[:count],
    ),
    "spectral_norm": _scalar("spectral_norm", [Int], Float),
    "sudoku": _call(
        "solve", lambda a: [_ints(a[0])], lambda solved, board: list(board) if solved else []
    ),
    "union_find": _call(
        "spanning_forest",
        lambda a: [Int(a[0]), _ints(_flat(a[1])), Int(len(a[1])), (Int * 2)()],
        lambda _, *values: tuple(values[-1]),
        None,
    ),
}
