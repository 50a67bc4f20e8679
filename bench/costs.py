"""What it costs to start, to compile a small file and to call a native function.

    python bench/costs.py                    CPU time of alternating runs, median and least
    python bench/costs.py --starts           only what a start costs
    python bench/costs.py --instructions     calls in machine instructions too (needs valgrind)

A start is a whole process, user and system time, with every process that it starts itself; beside
it stands what it takes beyond `python -c pass`. "loader" is what a program pays that installs the
hook and imports the client's loader, "first artifact" the same and a module whose five functions
are read from the store, verified, loaded and attached; both sides of it import the module.
"compile" is `pyvorin compile` of `examples/checksums.py`, five functions: without the check it is
the compiler alone; with it the calls that are recorded, three runs of each call and the measured
gain are in it. A call is made by a loop in Python, of a function that adds its two arguments.
Writes `bench/results/costs.{txt,json}`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench/results"
RUNS = 7
START_RUNS = 15
ROUNDS = 15
LOOPS = 20_000

CALLED = """
def add(a, b=2):
    '''
    >>> add(1, 2), add(3), add(b=4, a=3)
    (3, 5, 7)
    '''
    return a + b
"""
LOOP = """
def loop(f, count):
    for _ in range(count):
        {call}
"""
FORMS = {"positional": "f(1, 2)", "default": "f(1)", "keyword": "f(a=1, b=2)"}
HOOK = "import pyvorin_thin; pyvorin_thin.install(); "
LOADER = f"{HOOK}import pyvorin_thin.loader"
PLAIN = "python -c pass"


def spent(command: list[str], home: str = "") -> float:
    """CPU seconds of a process and of those that it waited for."""
    environment = {n: v for n, v in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYVORIN_THIN_HOME": home, "PYTHONPATH": str(ROOT / "examples")} if home else {}
    with open(os.devnull, "wb") as nothing:
        child = subprocess.Popen(command, stdout=nothing, stderr=nothing, env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime


def starts(folder: str) -> dict[str, Callable[[], float]]:
    """What a start costs, by name; `folder` becomes a client's home with one artifact."""
    python, program = [sys.executable, "-c"], str(ROOT / "examples/checksums.py")
    commands = {
        "pyvorin --version": ["pyvorin", "--version"],
        "pyvorin explain PYV110": ["pyvorin", "explain", "PYV110"],
        "pyvorin-thin --help": ["pyvorin_thin", "--help"],
        "pyvorin-thin explain PYV801": ["pyvorin_thin", "explain", "PYV801"],
        "pyvorin-thin explain PYV110": ["pyvorin_thin", "explain", "PYV110"],
    }
    spent([sys.executable, "-m", "pyvorin_thin", "compile", program, "--local-native"], folder)
    rows: dict[str, Callable[[], float]] = {PLAIN: partial(spent, [*python, "pass"])}
    rows |= {name: partial(spent, [sys.executable, "-m", *c]) for name, c in commands.items()}
    rows["hook"] = partial(spent, [*python, HOOK], folder)
    rows["loader"] = partial(spent, [*python, LOADER], folder)
    rows["first artifact"] = partial(spent, [*python, f"{LOADER}; import checksums"], folder)
    rows["that module in Python"] = partial(spent, [*python, "import checksums"], folder)
    return rows


def compilations(folder: str) -> dict[str, Callable[[], float]]:
    """What compiling a small file costs."""
    compile_ = [sys.executable, "-m", "pyvorin", "compile"]
    compile_ += [str(ROOT / "examples/checksums.py"), "-o", folder]
    return {
        "compile, 5 functions": partial(spent, [*compile_, "--no-check"]),
        "compile, check, measure": partial(spent, compile_),
    }


def measured(rows: dict[str, Callable[[], float]], runs: int) -> dict[str, list[float]]:
    """The times of alternating runs of each."""
    for run in rows.values():  # bytecode and the support library are made once a machine
        run()
    found: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(runs):
        for name, run in rows.items():
            found[name].append(run())
    return found


def measured_starts(only: bool) -> dict[str, list[float]]:
    """Starts, and unless `only` they are asked for, compilations."""
    with tempfile.TemporaryDirectory() as folder:
        found = measured(starts(folder), START_RUNS)
        return found if only else found | measured(compilations(folder), RUNS)


# ---- calls --------------------------------------------------------------------------------------
def load(path: Path, name: str) -> ModuleType:
    """A module from a file, source or compiled."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sides(folder: str) -> Iterator[tuple[str, Callable[..., object]]]:
    """The function as Python, and native."""
    source = Path(folder, "called.py")
    yield "python", load(source, "called_python").add
    (compiled,) = Path(folder, "native").glob("called.*.so")
    yield "native", load(compiled, "called").add


def looping(form: str) -> Callable[[Callable[..., object], int], None]:
    """A loop of its own for each function called, so that neither spoils the other's caches."""
    namespace: dict[str, Callable[[Callable[..., object], int], None]] = {}
    exec(LOOP.format(call=FORMS[form]), namespace)
    return namespace["loop"]


def call_times(folder: str) -> dict[str, dict[str, float]]:
    """Nanoseconds of a call, of each form on each side; loop and all."""
    found: dict[str, dict[str, float]] = {}
    functions = dict(sides(folder))
    for form in FORMS:
        loops = {side: looping(form) for side in functions}
        times: dict[str, list[float]] = {side: [] for side in functions}
        for _ in range(ROUNDS):
            for side, function in functions.items():
                began = time.thread_time_ns()
                loops[side](function, LOOPS)
                times[side].append((time.thread_time_ns() - began) / LOOPS)
        found[form] = {side: min(all_) for side, all_ in times.items()}
    return found


def instructions(folder: str, side: str, form: str) -> float:
    """Machine instructions of a call, by what a longer loop takes more."""
    counts = []
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    for loops in (2_000, 22_000):
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        command += [sys.executable, __file__, "--loop", folder, side, form, str(loops)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        (line,) = (line for line in done.stderr.splitlines() if "Collected" in line)
        counts.append(int(line.split(":")[1]))
    return (counts[1] - counts[0]) / 20_000


def measured_calls(count: bool) -> dict[str, dict[str, float]]:
    """The times of calls, and if asked for, their instructions."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "called.py")
        source.write_text(CALLED)
        command = [sys.executable, "-m", "pyvorin", "compile", str(source), "--no-check"]
        command += ["-o", str(Path(folder, "native"))]
        subprocess.run(command, check=True, capture_output=True)
        times = call_times(folder)
        for form, row in times.items() if count else ():
            for side in ("python", "native"):
                row[f"{side}_instructions"] = instructions(folder, side, form)
    return times


# ---- the table ----------------------------------------------------------------------------------
def table(starts_: dict[str, list[float]], calls: dict[str, dict[str, float]]) -> Iterator[str]:
    """The lines to print."""
    load_ = f"load {os.getloadavg()[0]:.1f}"
    yield f"CPython {platform.python_version()}, {os.cpu_count()} processors, {load_}; CPU time"
    yield f"{'':28} {'median':>9} {'beyond':>9} {'least':>10} {'beyond':>9}"
    for name, times in starts_.items():
        text = f"{name:28}"
        for kind in (statistics.median, min):
            spent_, plain = kind(times) * 1000, kind(starts_[PLAIN]) * 1000
            text += f" {spent_:7.1f} ms {spent_ - plain:7.1f} ms"
        yield text
    for form, row in calls.items():
        ratio = row["native"] / row["python"]
        text = f"call, {form:22} {row['native']:8.1f} ns native, {row['python']:6.1f} ns Python"
        text += f"  {ratio:.2f}x"
        if "native_instructions" in row:
            native, python = row["native_instructions"], row["python_instructions"]
            text += f"; {native:.0f} and {python:.0f} instructions  {native / python:.2f}x"
        yield text


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--instructions", action="store_true", help="count them, with valgrind")
    parser.add_argument("--starts", action="store_true", help="only what a start costs")
    parser.add_argument("--loop", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.loop:
        folder, side, form, count = options.loop
        looping(form)(dict(sides(folder))[side], int(count))
        return
    calls = {} if options.starts else measured_calls(options.instructions)
    starts_ = measured_starts(options.starts)
    lines = list(table(starts_, calls))
    print("\n".join(lines))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "costs.txt").write_text("\n".join(lines) + "\n")
    content = {"python": platform.python_version(), "seconds": starts_, "calls": calls}
    (RESULTS / "costs.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
