"""What it costs to start, to compile a small file and to call a native function.

    python bench/costs.py                    CPU time, the least of alternating runs
    python bench/costs.py --instructions     calls in machine instructions too (needs valgrind)

A start is a whole process, user and system time, with every process that it starts itself.
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
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench/results"
RUNS = 7
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
IMPORT = "import time; t = time.process_time(); import {}; print(time.process_time() - t)"


def spent(command: list[str]) -> float:
    """CPU seconds of a process and of those that it waited for."""
    environment = {n: v for n, v in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}
    with open(os.devnull, "wb") as nothing:
        child = subprocess.Popen(command, stdout=nothing, stderr=nothing, env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime


def imported(module: str) -> float:
    """CPU seconds that importing a module takes in a fresh process."""
    command = [sys.executable, "-c", IMPORT.format(module)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def starts(folder: str) -> dict[str, Callable[[], float]]:
    """What is measured, by name."""
    pyvorin = [sys.executable, "-m", "pyvorin"]
    compile_ = [*pyvorin, "compile", str(ROOT / "examples/checksums.py"), "-o", folder]
    return {
        "python -c pass": lambda: spent([sys.executable, "-c", "pass"]),
        "pyvorin --version": lambda: spent([*pyvorin, "--version"]),
        "pyvorin explain PYV510": lambda: spent([*pyvorin, "explain", "PYV510"]),
        "import pyvorin_thin.loader": lambda: imported("pyvorin_thin.loader"),
        "compile, 5 functions": lambda: spent([*compile_, "--no-check"]),
        "compile, check, measure": lambda: spent(compile_),
    }


def measured_starts() -> dict[str, float]:
    """The least of RUNS alternating runs of each."""
    with tempfile.TemporaryDirectory() as folder:
        rows = starts(folder)
        for run in rows.values():  # bytecode and the support library are made once a machine
            run()
        found: dict[str, list[float]] = {name: [] for name in rows}
        for _ in range(RUNS):
            for name, run in rows.items():
                found[name].append(run())
    return {name: min(times) for name, times in found.items()}


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
def table(starts_: dict[str, float], calls: dict[str, dict[str, float]]) -> Iterator[str]:
    """The lines to print."""
    load_ = f"load {os.getloadavg()[0]:.1f}"
    yield f"CPython {platform.python_version()}, {os.cpu_count()} processors, {load_}; CPU time"
    for name, seconds in starts_.items():
        yield f"{name:28} {seconds * 1000:8.1f} ms"
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
    parser.add_argument("--loop", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.loop:
        folder, side, form, count = options.loop
        looping(form)(dict(sides(folder))[side], int(count))
        return
    calls = measured_calls(options.instructions)
    starts_ = measured_starts()
    lines = list(table(starts_, calls))
    print("\n".join(lines))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "costs.txt").write_text("\n".join(lines) + "\n")
    content = {"python": platform.python_version(), "seconds": starts_, "calls": calls}
    (RESULTS / "costs.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
