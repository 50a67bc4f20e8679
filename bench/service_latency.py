"""How long the service and the client take: one command, one table.

    .venv/bin/python bench/service_latency.py [--cold 8] [--known 100] [--json]

It starts a service of its own on loopback, in a temporary folder, activates a client there, and
measures what a person waits for:

    cold            a five-function file that the service has not seen: request → jails → signed →
                    downloaded, verified → loaded and attached
    known           the same for code that is known: fingerprint → download → verify
    command start   CPU time of `pyvorin-thin --version`, which every command pays
    loader import   CPU time that installing the hook and importing the loader add to a program
    first artifact  CPU time that installing the hook and loading one artifact add

Beside each wall time stands the CPU time of the same work, client and service together, because on
a machine that is busy otherwise only CPU time says something. Stages of a cold build are the
supervisor's own log. Nothing is left running.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
LIMITS_MS = {  # what issue and README promise, in the median
    "cold": 2000.0,
    "known": 100.0,
    "command start": 100.0,
    "loader import": 15.0,
}
PROGRAM = '''
def triangle(n):
    """
    >>> triangle(1000)
    {first}
    """
    total = 0
    for i in range(n):
        total += i
    return total + {salt}


def gcd(a, b):
    """
    >>> gcd(1071, 462)
    21
    """
    while b:
        a, b = b, a % b
    return a


def is_prime(n):
    """
    >>> is_prime(7919)
    True
    """
    if n < 2:
        return False
    i = 2
    while i * i <= n:
        if n % i == 0:
            return False
        i += 1
    return True


def mean(xs):
    """
    >>> mean([1.0, 2.0, 6.0] * 100)
    3.0
    """
    total = 0.0
    for x in xs:
        total += x
    return total / len(xs)


def checksum(text):
    """
    >>> checksum("pyvorin " * 40)
    1694
    """
    a = 1
    for c in text:
        a = (a * 31 + ord(c)) % 65521
    return a
'''


@dataclass
class Series:
    """One measured thing: wall and CPU milliseconds of every run."""

    name: str
    wall_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for kind, values in (("wall", self.wall_ms), ("cpu", self.cpu_ms)):
            if values:
                ordered = sorted(values)
                found |= {
                    f"{kind}_p50_ms": round(statistics.median(ordered), 1),
                    f"{kind}_p99_ms": round(
                        ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], 1
                    ),
                    f"{kind}_min_ms": round(ordered[0], 1),
                }
        return {"runs": max(len(self.wall_ms), len(self.cpu_ms)), **found}


class Ground:
    """A service and an activated client in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PYVORIN")},
            "PYVORIN_SERVER_DATA_DIR": str(folder / "service"),
            "PYVORIN_SERVER_LISTEN_PORT": str(port),
            "PYVORIN_THIN_HOME": str(folder / "client"),
            "PYVORIN_THIN_TELEMETRY_ENABLED": "false",
            "PYVORIN_THIN_SEND_SOURCE": "1",
        }
        os.environ.update(self.environment)
        self.pid = 0

    def run(self, *words: str) -> str:
        done = subprocess.run(
            [BIN / words[0], *words[1:]],
            env=self.environment,
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=300,
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        self.run("pyvorin-server", "init", "--organisation", "bench")
        process = subprocess.Popen(
            [BIN / "pyvorin-server", "up"], env=self.environment, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        self.pid = process.pid
        try:
            if not any(line.startswith("ready") for line in process.stdout):
                raise SystemExit("the service did not start")
            self._activate()
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(90)

    def _activate(self) -> None:
        issued = json.loads(self.run("pyvorin-server", "licence", "issue", "--format", "json"))
        key = self.folder / "licence.key"
        key.touch(mode=0o600)
        key.write_text(issued["key"] + "\n")
        trust = str(self.folder / "service/trust.json")
        self.run("pyvorin-thin", "activate", "--trust", trust, "--key-file", str(key))

    def cpu_ms(self) -> float:
        """CPU time so far of this process, its ended children, and every process of the service."""
        own = sum(
            used.ru_utime + used.ru_stime
            for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        )
        ticks = sum(used for _, used in _family(self.pid))
        return own * 1000 + ticks * 1000 / os.sysconf("SC_CLK_TCK")

    def stages(self) -> dict[str, list[float]]:
        """Milliseconds of each stage of every build, as the supervisor logged them."""
        found: dict[str, list[float]] = {}
        for line in (self.folder / "service/log/worker.log").read_text().splitlines():
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                for name, value in entry.get("stages_ms", {}).items():
                    found.setdefault(name, []).append(value)
        return found


def _family(ancestor: int) -> Iterator[tuple[int, int]]:
    """(pid, CPU ticks with those of ended children) of a process and its descendants."""
    rows: dict[int, tuple[int, int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = status.read_text(errors="replace").rsplit(")", 1)[1].split()
            rows[int(status.parent.name)] = int(fields[1]), sum(map(int, fields[11:15]))
    family = {ancestor}
    while more := {pid for pid, (parent, _) in rows.items() if parent in family} - family:
        family |= more
    return ((pid, rows[pid][1]) for pid in family if pid in rows)


def timed(ground: Ground, series: Series, action: Callable[[], object]) -> None:
    cpu, wall = ground.cpu_ms(), time.perf_counter()
    action()
    series.wall_ms.append((time.perf_counter() - wall) * 1000)
    series.cpu_ms.append(ground.cpu_ms() - cpu)


def compile_once(path: Path) -> Any:
    """What `pyvorin-thin compile` does, without starting a process for it."""
    from pyvorin_thin import build, config, keys, service, trust

    settings = config.load()
    plan = build.plan(str(path), None, settings)
    believed, device = trust.load(), keys.require_device()
    assert believed is not None
    connected = service.connect(believed, device, settings["service.timeout-s"])
    consent = build.Consent.read(True)
    return build.build(plan, believed, device, connected, consent, wait_s=120)


def write_program(folder: Path, salt: int) -> Path:
    path = folder / f"job{salt}.py"
    path.write_text(PROGRAM.replace("{salt}", str(salt)).replace("{first}", str(499500 + salt)))
    return path


def measure_service(ground: Ground, cold_runs: int, known_runs: int) -> list[Series]:
    from pyvorin_thin import loader

    cold, known = Series("cold"), Series("known")

    def cold_once(path: Path) -> None:
        built = compile_once(path)
        assert not built.known
        code = loader.instrumented(
            compile(path.read_text(), str(path), "exec", dont_inherit=True),
            loader.open_module(path.stem),
        )
        space: dict[str, Any] = {"__name__": path.stem}
        exec(code, space)
        assert space["triangle"].__pyvorin__.state == "native"

    for number in range(1, cold_runs + 1):
        path = write_program(ground.folder, number)
        timed(ground, cold, partial(cold_once, path))
    path = write_program(ground.folder, 1)
    for _ in range(known_runs):
        timed(ground, known, partial(compile_once, path))
    return [cold, known]


def measure_client(ground: Ground, runs: int) -> list[Series]:
    name = write_program(ground.folder, 1).stem
    program = f"import {name}"
    hook = "import pyvorin_thin; pyvorin_thin.install()"
    with_artifact = f"{hook}; {program}"
    return [
        Series("command start", cpu_ms=_cpu_of(ground, ["-m", "pyvorin_thin", "--version"], runs)),
        _difference("loader import", ground, f"{hook}; import pyvorin_thin.loader", "pass", runs),
        _difference("first artifact", ground, with_artifact, program, runs),
    ]


def _difference(name: str, ground: Ground, more: str, less: str, runs: int) -> Series:
    """CPU time that one program takes beyond another, in alternating runs."""
    found = Series(name)
    for _ in range(runs):
        one, other = (_cpu_of(ground, ["-c", text], 1)[0] for text in (more, less))
        found.cpu_ms.append(one - other)
    return found


def _cpu_of(ground: Ground, words: list[str], runs: int) -> list[float]:
    found = []
    for _ in range(runs):
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=ground.folder,
            env=ground.environment,
            stdout=subprocess.DEVNULL,
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
        assert status == 0, words
        found.append((used.ru_utime + used.ru_stime) * 1000)
    return found


def reference_loop_s() -> float:
    """CPU seconds of five million additions: what to divide by, between machines and their moods.
    Beside other work on the same cores it is twice what it is alone.
    """
    began, total = time.process_time(), 0
    for number in range(5_000_000):
        total += number
    return time.process_time() - began


def table(series: list[Series], stages: dict[str, list[float]], machine: str) -> str:
    lines = [machine, ""]
    header = ("", "runs", "wall p50", "p99", "min", "CPU p50", "p99", "min", "promised")
    rows: list[tuple[str, ...]] = [header]
    for each in series:
        found = each.figures()
        cells = [each.name, str(found["runs"])]
        for kind in ("wall", "cpu"):
            for part in ("p50", "p99", "min"):
                value = found.get(f"{kind}_{part}_ms")
                cells.append("-" if value is None else f"{value:.1f} ms")
        limit = LIMITS_MS.get(each.name)
        rows.append((*cells, f"{limit:.0f} ms" if limit else "-"))
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    if stages:
        parts = (f"{name} {statistics.median(values):.0f}" for name, values in stages.items())
        lines += ["", "stages of a cold build, median ms: " + ", ".join(parts)]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cold", type=int, default=8, metavar="N")
    parser.add_argument("--known", type=int, default=100, metavar="N")
    parser.add_argument("--starts", type=int, default=15, metavar="N")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    machine = (
        f"{os.cpu_count()} cores, {platform.platform()}, load {os.getloadavg()[0]:.1f},"
        f" CPython {platform.python_version()}, reference loop {reference_loop_s():.2f} s CPU"
    )
    with tempfile.TemporaryDirectory(prefix="pyvorin-latency-") as name:
        ground = Ground(Path(name))
        with ground.serving():
            series = measure_service(ground, options.cold, options.known)
            series += measure_client(ground, options.starts)
        stages = ground.stages()
    if options.json:
        document = {each.name: each.figures() for each in series}
        middle = {name: round(statistics.median(values), 1) for name, values in stages.items()}
        print(json.dumps({"machine": machine, **document, "stages_ms": middle}, indent=2))
    else:
        print(table(series, stages, machine), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
