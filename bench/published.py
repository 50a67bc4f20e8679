"""The programs of the `pyperformance` package that are pure Python and fit: a row a program.

They are run as published, from the installed package; nothing of them is in this tree. Programs of
this package that are left out: those that mostly call C code (json, pickle, regex, sqlite), need
other packages (pyaes, sympy, django …), measure the interpreter itself (start-up, asyncio, garbage
collection), or carry annotations, which some peers would use.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from workloads import Workload

PYPERFORMANCE = "pyperformance"

_SCIMARK = """bench_SOR(1, 10, 2, Array2D)
bench_SparseMatMult(2, 20, 100)
bench_MonteCarlo(1, 100)
bench_LU(1, 8)
bench_FFT(1, 16, 1)
"""
_CHAOS = """class Runner:
    metadata = {}
    def bench_func(self, name, function, *arguments):
        function(*arguments)

class Arguments:
    thickness, width, height, iterations, rng_seed, filename = 0.25, 8, 8, 20, 1, None

main(Runner(), Arguments())
"""
_METEOR = """board, cti, pieces = get_puzzle(WIDTH, HEIGHT)
footprints = get_footprints(board, cti, pieces)
bench_meteor_contest(1, board, pieces, 60, footprints, get_senh(board, cti))
"""


def _row(
    program: str,
    origin: str,
    arguments: tuple[int, ...],
    sample: tuple[int, ...],
    calls: str,
) -> Workload:
    return Workload(
        PYPERFORMANCE, f"pp_{program}", program, arguments, sample, origin=origin, calls=calls
    )


WORKLOADS = (
    _row("nbody", "nbody", (12000,), (20,), "bench_nbody(1, 'sun', 5)"),
    _row("spectral_norm", "spectral_norm", (110,), (10,), "bench_spectral_norm(1)"),
    _row("fannkuch", "fannkuch", (8,), (5,), "fannkuch(5)"),
    _row("nqueens", "nqueens", (8,), (5,), "bench_n_queens(5)"),
    _row("float_points", "float", (60000,), (50,), "benchmark(20)"),
    _row("pidigits", "pidigits", (1500,), (20,), "calc_ndigits(10)"),
    _row("hexiom", "hexiom", (25,), (2,), "main(1, 2)"),
    _row("go", "go", (100,), (2,), "versus_cpu()"),
    _row("chaos", "chaos", (48, 3000), (8, 20), _CHAOS),
    _row("raytrace", "raytrace", (48, 48), (6, 6), "bench_raytrace(1, 8, 8, None)"),
    _row("richards", "richards", (2,), (1,), "assert Richards().run(1)\nschedule()"),
    _row("deltablue", "deltablue", (400,), (10,), "delta_blue(5)"),
    _row("meteor_contest", "meteor_contest", (60,), (2,), _METEOR),
    _row("scimark_sor", "scimark", (80, 10), (10, 2), _SCIMARK),
    _row("scimark_sparse", "scimark", (1000, 50000, 5), (20, 100, 2), _SCIMARK),
    _row("scimark_monte_carlo", "scimark", (100000,), (100,), _SCIMARK),
    _row("scimark_lu", "scimark", (80,), (8,), _SCIMARK),
    _row("scimark_fft", "scimark", (1024, 10), (16, 1), _SCIMARK),
    _row("generators", "generators", (60000,), (20,), "tree(range(10))\nbench_generators(1)"),
    _row("barnes_hut", "barnes_hut", (100, 15), (20, 2), "bench_quadtree_nbody(1, 20, 2, 0.5)"),
)


def fetch(workload: Workload, packages: Path, folder: Path) -> Path | None:
    """Put a program under a name it can be imported by; None if the package is not installed.

    Beside it goes `pyperf`, which every one of them imports.
    """
    home = packages / "pyperformance/data-files/benchmarks"
    published = home / f"bm_{workload.origin}/run_benchmark.py"
    support = packages / "pyperf"
    if not published.exists() or not support.exists():
        return None
    link = folder / "pyperf"
    folder.mkdir(parents=True, exist_ok=True)
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(support)
    program = folder / f"{workload.program}.py"
    if not program.exists() or program.read_bytes() != published.read_bytes():
        shutil.copy(published, program)
    return program
