"""What is run: one row a program, with the function called and its arguments.

Sizes are chosen so that CPython takes a few tenths of a second. `sample` is a small call of the
same kind: what a person would write down as a typical one. Ours gets it through `--examples`, since
an ahead-of-time compiler cannot see the arguments that a just-in-time one waits for; the tests
compare every program with its C twin on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Workload:
    """`arguments` are JSON values; lists are copied for every call, since programs write them."""

    program: str
    function: str
    arguments: tuple[Any, ...]
    sample: tuple[Any, ...]


_ITEMS = 60
_WEIGHTS = [5 + 11 * i % 89 for i in range(_ITEMS)]
_VALUES = [7 + 17 * i % 97 for i in range(_ITEMS)]
_TEXT = "The quick brown fox jumps over 13 lazy dogs.\n"

WORKLOADS = (
    Workload("collatz", "longest", (30000,), (1000,)),
    Workload("fib", "fib", (30,), (15,)),
    Workload("mandelbrot", "total", (240, 180, 200), (24, 18, 60)),
    Workload("montecarlo", "pi", (700000, 12345), (5000, 7)),
    Workload("integrate", "arc", (1.0, 1000000), (1.0, 1001)),
    Workload("miller_rabin", "count_primes", (2000000000, 2000070000), (2000000000, 2000000400)),
    Workload("gcd", "coprime_pairs", (1400,), (60,)),
    Workload("queens", "queens", (11,), (7,)),
    Workload("lcg_moments", "third_moment", (800000, 42), (500, 7)),
    Workload("cubes", "sum_of_cubes", (3000000,), (200000,)),
    Workload(
        "knapsack", "best_value", (_WEIGHTS, _VALUES, [0] * 60001), ([3, 4, 5], [4, 5, 7], [0] * 40)
    ),
    Workload("checksum", "adler32", (_TEXT * 60000,), (_TEXT,)),
)

CALL = Workload("call", "add", (1, 2), (3, 4))
