"""How the programs of the `pyperformance` package are called: one function a program.

Their own entry points return the time they took, so nothing could be compared. A driver calls the
same functions with smaller sizes, always from the same state, and returns what was computed. The
first parameter is the program's module, exactly as published.

Written for Python 3.9, which is what PyPy may offer.
"""

from __future__ import annotations

import copy
import io
import os
import tempfile
from typing import Any

_saved: dict[str, Any] = {}


def nbody(m: Any, steps: int) -> Any:
    start = _saved.setdefault("nbody", copy.deepcopy(m.BODIES))
    for name, (place, speed, _) in m.BODIES.items():
        place[:], speed[:] = start[name][0], start[name][1]
    m.offset_momentum(m.BODIES["sun"])
    m.advance(0.01, steps)
    return m.report_energy()


def spectral_norm(m: Any, n: int) -> Any:
    u = [1] * n
    for _ in range(10):
        v = m.eval_AtA_times_u(u)
        u = m.eval_AtA_times_u(v)
    return u, v


def fannkuch(m: Any, n: int) -> Any:
    return m.fannkuch(n)


def nqueens(m: Any, n: int) -> Any:
    return list(m.n_queens(n))


def float_points(m: Any, n: int) -> Any:
    return repr(m.benchmark(n))


def pidigits(m: Any, digits: int) -> Any:
    return list(m.calc_ndigits(digits))


def hexiom(m: Any, level: int) -> Any:
    stream = io.StringIO()
    m.solve_file(m.LEVELS[level][0].strip(), m.Done.FIRST_STRATEGY, m.DESCENDING, stream)
    return stream.getvalue()


def go(m: Any, games: int) -> Any:
    m.GAMES, m.TIMESTAMP, m.MOVES = games, 0, 0
    return m.versus_cpu()


def chaos(m: Any, size: int, iterations: int) -> Any:
    corners = ((0.5, 0.2, 0.0), (3.0, 0.1, 0.0), (2.2, 2.5, 0.0), (1.1, 2.0, 0.0), (0.7, 3.0, 0.0))
    splines = [
        m.Spline([m.GVector(x + i, y, z) for x, y, z in corners[i : i + 4]], 3, [0, 0, 0, 1, 1, 1])
        for i in range(2)
    ]
    handle, path = tempfile.mkstemp(".ppm")
    os.close(handle)
    try:
        m.Chaosgame(splines, 0.25).create_image_chaos(size, size, iterations, path, 1234)
        with open(path, "rb") as file:
            return file.read()
    finally:
        os.unlink(path)


def raytrace(m: Any, width: int, height: int) -> Any:
    scene = m.Scene()
    scene.addLight(m.Point(20, 25, 12))
    scene.lookAt(m.Point(0, 2, 0))
    for i in range(5):
        surface = m.SimpleSurface(baseColour=(i / 5.0, 0.4, 1 - i / 5.0))
        scene.addObject(m.Sphere(m.Point(i - 2.5, 2 + i * 0.3, -6), 0.7), surface)
    scene.addObject(m.Halfspace(m.Point(0, 0, 0), m.Vector.UP), m.CheckerboardSurface())
    canvas = m.Canvas(width, height)
    scene.render(canvas)
    return canvas.bytes.tobytes()


def richards(m: Any, iterations: int) -> Any:
    m.taskWorkArea = m.TaskWorkArea()
    right = m.Richards().run(iterations)
    return right, m.taskWorkArea.holdCount, m.taskWorkArea.qpktCount


def deltablue(m: Any, n: int) -> Any:
    m.delta_blue(n)
    return m.planner.current_mark


def meteor_contest(m: Any, solutions: int) -> Any:
    board, cti, pieces = m.get_puzzle(m.WIDTH, m.HEIGHT)
    found: list[str] = []
    m.solve(
        solutions,
        0,
        frozenset(range(len(board))),
        [-1] * len(board),
        list(range(len(pieces))),
        found,
        m.get_footprints(board, cti, pieces),
        m.get_senh(board, cti),
    )
    return found


def scimark_sor(m: Any, n: int, cycles: int) -> Any:
    grid = m.Random(7).RandomMatrix(m.Array2D(n, n))
    m.SOR_execute(1.25, grid, cycles, m.Array2D)
    return grid.data.tolist()


def scimark_sparse(m: Any, n: int, filled: int, cycles: int) -> Any:
    random_ = m.Random(7)
    per_row = filled // n
    x, values = random_.RandomVector(n), random_.RandomVector(per_row * n)
    columns = [(i * 7 + k) % n for i in range(n) for k in range(per_row)]
    rows = [i * per_row for i in range(n + 1)]
    y = m.array("d", [0]) * n
    m.SparseCompRow_matmult(n, y, values, m.array("i", rows), m.array("i", columns), x, cycles)
    return y.tolist()


def scimark_monte_carlo(m: Any, samples: int) -> Any:
    return m.MonteCarlo(samples)


def scimark_lu(m: Any, n: int) -> Any:
    matrix = m.Random(7).RandomMatrix(m.ArrayList(n, n))
    lu, pivot = m.ArrayList(n, n), m.array("i", [0]) * n
    m.LU(lu, matrix, pivot)
    return [row.tolist() for row in lu.data], pivot.tolist()


def scimark_fft(m: Any, n: int, cycles: int) -> Any:
    data = m.Random(7).RandomVector(2 * n)
    for _ in range(cycles):
        m.FFT_transform(2 * n, data)
        m.FFT_inverse(2 * n, data)
    return data.tolist()


def generators(m: Any, size: int) -> Any:
    return sum(m.tree(range(size)))


def barnes_hut(m: Any, particles: int, steps: int) -> Any:
    galaxy = m.create_deterministic_galaxy(particles, 500, 400)
    for _ in range(steps):
        m.advance_system(galaxy, 0.5, m.TIME_STEP, 1000, 800)
    return m.calculate_system_energy(galaxy)
