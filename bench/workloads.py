"""What is run: one row a program, with the function called and its arguments.

Sizes are chosen so that CPython takes a few tenths of a second. `sample` is a small call of the
same kind: what a person would write down as a typical one. Ours gets it through `--examples`, since
an ahead-of-time compiler cannot see the arguments that a just-in-time one waits for; the tests
compare every program with its C twin on it.

NATIVE declares the programs whose work native code does: tests/bench holds each to a coverage of at
least 95 % on its sample. A program is added when the compiler has got there, and never taken out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import inputs

SCALAR = "scalar"
LISTS = "numeric and lists"
TEXTS = "dict, set, str, bytes"
CATEGORIES = (SCALAR, LISTS, TEXTS)


@dataclass(frozen=True, slots=True)
class Workload:
    """Arguments are values of literals; they are copied for every call, since programs write them.

    `twin`: there is a C program of the same name in bench/c. `origin`: the benchmark of the
    pyperformance package that this is; then `function` is one of bench/drivers.py and `calls` are
    typical calls of the program's own functions.
    """

    category: str
    program: str
    function: str
    arguments: tuple[Any, ...]
    sample: tuple[Any, ...]
    twin: bool = False
    origin: str = ""
    calls: str = ""

    @property
    def native(self) -> bool:
        """Whether tests/bench holds the program to its native coverage."""
        return self.program in NATIVE

    @property
    def typical(self) -> str:
        """Calls that a person would write down for the compiler."""
        call = f"{self.function}({', '.join(map(repr, self.sample))})"
        return (self.calls or call).rstrip("\n") + "\n"


_ITEMS = 60
_WEIGHTS = [5 + 11 * i % 89 for i in range(_ITEMS)]
_VALUES = [7 + 17 * i % 97 for i in range(_ITEMS)]
_TEXT = "The quick brown fox jumps over 13 lazy dogs.\n"
_SUDOKU = "800000000003600000070090200050007000000045700000100030001000068008500010090000400"
_EASY = "534678912672195348198342567859761423426853791713924856961537284287419630345286179"
_HELLO = "++++++++[>++++++++<-]>+."
# Ten times ten times … additions, then the two sums.
_LOOPS = "+++[>++++++++++[>++++++++++[>++++++++++[>++++++++++[>+>++<<-]<-]<-]<-]<-]>>>>>.>."

NATIVE = {
    "checksum",
    "collatz",
    "fib",
    "gcd",
    "heapsort",
    "integrate",
    "knapsack",
    "lcg_moments",
    "mandelbrot",
    "miller_rabin",
    "montecarlo",
    "queens",
    "quicksort",
    "sieve",
}
"""Programs declared native: `Workload.native`."""


def _scalar(
    program: str,
    function: str,
    arguments: tuple[Any, ...],
    sample: tuple[Any, ...],
    twin: bool = True,
) -> Workload:
    return Workload(SCALAR, program, function, arguments, sample, twin)


def _lists(
    program: str,
    function: str,
    arguments: tuple[Any, ...],
    sample: tuple[Any, ...],
    twin: bool = True,
) -> Workload:
    return Workload(LISTS, program, function, arguments, sample, twin)


def _texts(
    program: str,
    function: str,
    arguments: tuple[Any, ...],
    sample: tuple[Any, ...],
    twin: bool = False,
) -> Workload:
    return Workload(TEXTS, program, function, arguments, sample, twin)


WORKLOADS = (
    _scalar("collatz", "longest", (30000,), (1000,)),
    _scalar("fib", "fib", (30,), (15,)),
    _scalar("mandelbrot", "total", (240, 180, 200), (24, 18, 60)),
    _scalar("montecarlo", "pi", (700000, 12345), (5000, 7)),
    _scalar("integrate", "arc", (1.0, 1000000), (1.0, 1001)),
    _scalar("miller_rabin", "count_primes", (2000000000, 2000070000), (2000000000, 2000000400)),
    _scalar("gcd", "coprime_pairs", (1400,), (60,)),
    _scalar("queens", "queens", (11,), (7,)),
    _scalar("lcg_moments", "third_moment", (800000, 42), (500, 7)),
    _scalar("cubes", "sum_of_cubes", (3000000,), (200000,)),
    _scalar("pi_digits", "pi_digits", (2000,), (12,), twin=False),
    _lists(
        "knapsack", "best_value", (_WEIGHTS, _VALUES, [0] * 60001), ([3, 4, 5], [4, 5, 7], [0] * 40)
    ),
    _lists("quicksort", "sort", (inputs.integers(60000, 10**6),), (inputs.integers(60, 1000),)),
    _lists("mergesort", "merge_sort", (inputs.floats(30000),), (inputs.floats(60),)),
    _lists("heapsort", "heap_sort", (inputs.integers(25000, 10**6),), (inputs.integers(60, 1000),)),
    _lists(
        "matmul",
        "matmul",
        (inputs.matrix(110, 110), inputs.matrix(110, 110, 4)),
        (inputs.matrix(5, 6), inputs.matrix(6, 4)),
    ),
    _lists("nbody", "simulate", (inputs.planets(5), 15000, 0.001), (inputs.planets(5), 20, 0.001)),
    _lists("spectral_norm", "spectral_norm", (90,), (12,)),
    _lists("fannkuch", "fannkuch", (8,), (5,)),
    _lists("sieve", "primes_below", (2000000,), (2000,)),
    _lists(
        "floyd_warshall", "shortest_paths", (inputs.road_matrix(110),), (inputs.road_matrix(12),)
    ),
    _lists(
        "lu",
        "solve",
        (inputs.matrix(130, 130), inputs.floats(130)),
        (inputs.matrix(8, 8), inputs.floats(8)),
    ),
    _lists(
        "levenshtein",
        "distance",
        (inputs.letters(600), inputs.letters(600, seed=16)),
        ("kitten sat", "sitting here"),
    ),
    _lists("fft", "spectrum", (inputs.floats(16384),), (inputs.floats(16),)),
    _lists("life_grid", "life", (inputs.board(64, 64), 20), (inputs.board(8, 10), 3)),
    _lists(
        "lcs", "lcs", (inputs.letters(700), inputs.letters(600, seed=21)), ("AGCATTGCA", "GACTTAC")
    ),
    _lists("factorize", "largest_factors", (1000000, 1010000), (1000, 1040)),
    _lists(
        "determinant", "determinant", (inputs.small_matrix(9, 12),), (inputs.small_matrix(4, 20),)
    ),
    _lists("histogram", "describe", (inputs.floats(400000), 50), (inputs.floats(60), 6)),
    _lists("binary_trees", "trees", (14,), (4,)),
    _lists("permutations", "derangements", (9,), (4,)),
    _lists(
        "union_find",
        "spanning_forest",
        (20000, inputs.edges(20000, 60000)),
        (20, inputs.edges(20, 40)),
    ),
    _lists("nqueens_list", "queens", (10,), (5,)),
    _lists("heat", "relax", (inputs.plate(70, 70), 40), (inputs.plate(8, 9), 5)),
    _lists("coin_change", "pay", ([1, 2, 5, 10, 20, 50, 100, 200], 30000), ([1, 2, 5], 60)),
    _lists("sudoku", "solved", (inputs.sudoku(_SUDOKU),), (inputs.sudoku(_EASY),)),
    _lists("kmeans", "kmeans", (inputs.points(4000), 8, 12), (inputs.points(40), 3, 4)),
    _texts("checksum", "adler32", (_TEXT * 60000,), (_TEXT,), twin=True),
    _texts("sha256", "sha256", (inputs.octets(16000),), (b"abc",), twin=True),
    _texts("crc32", "crc32", (inputs.octets(1000000),), (inputs.octets(200),), twin=True),
    _texts("base64_codec", "round_trip", (inputs.octets(200000),), (inputs.octets(200),)),
    _texts("life_set", "life", (inputs.cells(1200, 60), 50), (inputs.cells(40, 12), 3)),
    _texts("dijkstra", "shortest", (inputs.roads(25000, 6), 0), (inputs.roads(40, 4), 0)),
    _texts("word_count", "most_common", (inputs.prose(120000), 20), (inputs.prose(60), 5)),
    _texts("string_build", "table", (150000,), (20,)),
    _texts("tokenizer", "total", (inputs.formulas(9000),), (inputs.formulas(6),)),
    _texts("csv_aggregate", "report", (inputs.table(60000),), (inputs.table(60),)),
    _texts(
        "edit_memo",
        "total_distance",
        (inputs.prose(110).split(),),
        (["kitten", "sitting", "bitten"],),
    ),
    _texts("ngrams", "model", (inputs.prose(40000),), (inputs.prose(60),)),
    _texts("run_length", "round_trip", (inputs.runs(120000),), (inputs.runs(20),)),
    _texts("lzw", "round_trip", (inputs.prose(60000),), (inputs.prose(40),)),
    _texts("json_parse", "loads", (inputs.document(4000),), (inputs.document(4),)),
    _texts("graph_search", "explore", (inputs.links(20000, 5), 0), (inputs.links(20, 3), 0)),
    _texts("huffman", "round_trip", (inputs.prose(40000),), (inputs.prose(30),)),
    _texts("brainfuck", "run", (_LOOPS, ""), (_HELLO, "")),
    _texts(
        "anagrams",
        "puzzle",
        (inputs.prose(60000, 20).lower().split(),),
        (["tea", "eat", "ate", "tan", "nat", "bat"],),
    ),
)

CALL = Workload("", "call", "add", (1, 2), (3, 4))
