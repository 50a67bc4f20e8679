"""What is run: one row a program, with the function called and its arguments.

Sizes are chosen so that CPython takes a few tenths of a second.
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
    shows: str


_ITEMS = 60

WORKLOADS = (
    Workload("collatz", "longest", (30000,), "while, int division"),
    Workload("fib", "fib", (30,), "recursion"),
    Workload("mandelbrot", "total", (240, 180, 200), "floats, nested loops"),
    Workload("montecarlo", "pi", (700000, 12345), "ints and floats"),
    Workload("integrate", "arc", (1.0, 1000000), "math.sqrt, calls"),
    Workload("miller_rabin", "count_primes", (2000000000, 2000070000), "modular arithmetic"),
    Workload("gcd", "coprime_pairs", (1400,), "tuple swap, remainder"),
    Workload("queens", "queens", (11,), "bits, recursion"),
    Workload("lcg_moments", "third_moment", (800000, 42), "beyond 128 bits"),
    Workload("cubes", "sum_of_cubes", (3000000,), "between 64 and 128 bits"),
    Workload(
        "knapsack",
        "best_value",
        (
            [5 + 11 * i % 89 for i in range(_ITEMS)],
            [7 + 17 * i % 97 for i in range(_ITEMS)],
            [0] * 60001,
        ),
        "incoming lists",
    ),
    Workload(
        "checksum", "adler32", ("The quick brown fox jumps over 13 lazy dogs.\n" * 60000,), "text"
    ),
)

CALL = Workload("call", "add", (1, 2), "cost of one call")
