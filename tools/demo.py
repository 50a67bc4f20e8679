"""The whole of Pyvorin once, on this machine: `make demo`.

    service up on loopback → licence issued → client activated → examples sent, compiled in jails,
    compared with CPython, signed → artifacts verified → run natively → one table → service stopped

Everything lives in a temporary folder, on a free port of the loopback interface. Each command is
shown before it runs, as a person would type it. Afterwards no process and no file is left, and
the demo checks that itself. Works without root; the jail then reaches a lower tier, which is
named.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
EXAMPLES = ("queens", "checksums", "orbit")
PROGRAM = """\
import pyvorin_thin

pyvorin_thin.install()
import checksums, orbit, queens

print(queens.queens(12))
print(hex(checksums.crc32("pyvorin " * 100_000)))
print(orbit.travel(1.0, 0.0, 0.0, 1.1, 0.0001, 1_000_000))
"""
AT_ONCE = 2
READY_LIMIT_S = 90
COMMAND_LIMIT_S = 170
# Every process of the demo inherits this variable, so that one left over can be found.
MARK = "PYVORIN_DEMO_MARK"


@dataclass(frozen=True, slots=True)
class Process:
    """One process; `started`, in clock ticks since boot, tells a reused number apart."""

    pid: int
    parent: int = field(compare=False)
    name: str = field(compare=False)
    started: int


def all_processes() -> list[Process]:
    """List what runs now; a process that ended but was not waited for does not run."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            head, tail = status.read_text(errors="replace").rsplit(")", 1)
            pid, name = head.split(" (", 1)
            fields = tail.split()
            if fields[0] != "Z":
                found.append(Process(int(pid), int(fields[1]), name, int(fields[19])))
    return found


def processes_below(ancestor: int) -> list[Process]:
    """List the descendants of a process, and the process itself."""
    running = all_processes()
    family = {ancestor}
    while more := {p.pid for p in running if p.parent in family} - family:
        family |= more
    return [process for process in running if process.pid in family]


class Failed(Exception):
    """A step did not do what it should; the text is for the reader."""


class Demo:
    """One run: its folder, the environment of its commands, and what was measured."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.programs = folder / "programs"
        self.port = _free_port()
        self.started: list[Process] = []
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PYVORIN", "PYTHON"))},
            MARK: secrets.token_hex(8),
            "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYVORIN_SERVER_DATA_DIR": str(folder / "service"),
            "PYVORIN_SERVER_LISTEN_PORT": str(self.port),
            "PYVORIN_THIN_HOME": str(folder / "client"),
            "PYVORIN_THIN_TELEMETRY_ENABLED": "false",
        }

    def command(
        self, line: str, *, show: str = "all", out: TextIO = sys.stdout, **extra: str
    ) -> str:
        """Run one command line beside the programs; return its standard output.

        `show` says what is printed to `out`: "all", only the "line", or "nothing".
        """
        if show != "nothing":
            variables = "".join(f"{name}={value} " for name, value in extra.items())
            print(f"\n$ {variables}{line}", file=out, flush=True)
        answer = subprocess.run(
            shlex.split(line),
            cwd=self.programs,
            env={**self.environment, **extra},
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT_S,
        )
        if show == "all":
            _indent(answer.stdout + answer.stderr, out)
        if answer.returncode != 0:
            details = "" if show == "all" else f"\n{answer.stdout}{answer.stderr}"
            raise Failed(f"`{line}` ended with status {answer.returncode}{details}")
        return answer.stdout

    @contextlib.contextmanager
    def service(self) -> Iterator[str]:
        """Run the service until the block ends; yield its address."""
        print("\n$ pyvorin-server up", flush=True)
        log = self.folder / "service.log"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [BIN / "pyvorin-server", "up"], env=self.environment, stdout=sink, stderr=sink
            )
        try:
            yield self._wait_until_ready(process, log)
        finally:
            self.started += processes_below(process.pid)
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _wait_until_ready(self, process: subprocess.Popen[bytes], log: Path) -> str:
        deadline = time.monotonic() + READY_LIMIT_S
        while time.monotonic() < deadline and process.poll() is None:
            for line in log.read_text().splitlines():
                if line.startswith("ready "):
                    print(f"    {line}")
                    return line.split()[1]
            time.sleep(0.05)
        raise Failed(f"the service did not become ready:\n{log.read_text()}")

    def activate(self, url: str) -> None:
        """Issue a licence and activate this machine; the key travels in a private file only."""
        issued = json.loads(
            self.command("pyvorin-server licence issue --format json", show="nothing")
        )
        key = self.programs / "licence.key"
        key.touch(mode=0o600)
        key.write_text(issued["key"] + "\n")
        print(f"\n$ pyvorin-server licence issue > {key.name}\n    licence {issued['licence']}")
        shutil.copy(self.folder / "service/trust.json", self.programs)
        self.command(f"pyvorin-thin activate {url} --trust trust.json --key-file {key.name}")

    def leftovers(self) -> list[str]:
        """Name the processes of this demo that still run: known by ancestry or by their mark."""
        mark = f"{MARK}={self.environment[MARK]}".encode()
        found = {process.pid: process for process in self.started if process in all_processes()}
        for process in all_processes():
            with contextlib.suppress(OSError):
                if mark in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0"):
                    found[process.pid] = process
        return [f"{process.pid} {process.name}" for process in found.values()]


def main() -> int:
    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the service is stopped too
    with tempfile.TemporaryDirectory(prefix="pyvorin-demo-") as name:
        demo = Demo(Path(name))
        try:
            run(demo)
        except (Failed, subprocess.TimeoutExpired) as failure:
            print(f"\ndemo: failed: {failure}", file=sys.stderr)
            return 1
        left = demo.leftovers()
    if left:
        print("demo: failed: still running:", *left, sep="\n  ", file=sys.stderr)
        return 1
    print(f"\nservice stopped, nothing left running; {time.monotonic() - began:.0f} s in all")
    return 0


def run(demo: Demo) -> None:
    demo.programs.mkdir()
    for example in EXAMPLES:
        shutil.copy(ROOT / "examples" / f"{example}.py", demo.programs)
    demo.command("pyvorin-server init --organisation demo")
    with demo.service() as url:
        demo.activate(url)
        show_refusal(demo, EXAMPLES[0])
        rows = []
        with ThreadPoolExecutor(AT_ONCE) as pool:
            built = [pool.submit(compile_example, demo, example) for example in EXAMPLES]
            report = pool.submit(show_report, demo, EXAMPLES[0])
            for each in built:
                transcript, found = each.result()
                print(transcript, end="", flush=True)
                rows += found
            print(report.result(), end="", flush=True)
        demo.command(f"pyvorin-thin run {EXAMPLES[0]}.py")
        run_program(demo)
        demo.command("pyvorin-thin status")
    print_table(rows)
    if not any(cells[-1] == "verified" for cells in rows):
        raise Failed("no function became native")


def show_refusal(demo: Demo, example: str) -> None:
    """Show that nothing leaves this machine without both opt-ins."""
    line = f"pyvorin-thin compile {example}.py"
    try:
        demo.command(line)
    except Failed:
        return
    raise Failed(f"`{line}` did not ask before sending source")


def compile_example(demo: Demo, example: str) -> tuple[str, list[list[str]]]:
    """Compile through the service and verify what came back; return the transcript and the rows."""
    out = io.StringIO()
    built = json.loads(
        demo.command(
            f"pyvorin-thin compile {example}.py --include-source --on-unsupported keep-python"
            " --format json",
            show="line",
            out=out,
            PYVORIN_THIN_SEND_SOURCE="1",
        )
    )
    entries = built["report"]["functions"]
    tier = built["sandbox_tier"]
    native = f"{len(built['functions'])} of {len(entries)} functions native"
    _indent(f"{native}, built and checked in jails of tier `{tier}`", out)
    line = f"pyvorin-thin verify {example}.py --format json"
    verified: set[str] = set()
    for artifact in json.loads(demo.command(line, show="line", out=out))["artifacts"]:
        _indent(f"{artifact['artifact_id']} {artifact['fits']}, by {artifact['signer']}", out)
        verified |= set(artifact["functions"])
    rows = [row(example, entry, entry["name"] in verified) for entry in entries]
    return out.getvalue(), rows


def show_report(demo: Demo, example: str) -> str:
    """Ask what compiling would gain, as someone would who has no account; return the transcript."""
    out = io.StringIO()
    demo.command(f"pyvorin-thin report --top 3 -- python {example}.py", out=out)
    return out.getvalue()


def row(example: str, built: dict[str, Any], verified: bool) -> list[str]:
    """One function's line of the closing table. Times and agreeing calls are those of the jails in
    which the service compared and timed what it then signed.
    """
    name = f"{example}.{built['name']}"
    if built["verdict"] != "native":
        return [name, "-", "-", "stays in Python", built["code"], built["reason"]]
    gain, agreed = built.get("gain"), built.get("checks", {}).get("agreed", 0)
    times = [duration(gain["cpython_s"]), duration(gain["native_s"])] if gain else ["-", "-"]
    ratio = f"{float(gain['ratio']):.1f}x" if gain else "not measured"
    return [name, *times, ratio, str(agreed), "verified" if verified else "NOT VERIFIED"]


def run_program(demo: Demo) -> None:
    """Run a program that imports the examples, in Python and natively; both must print the same."""
    (demo.programs / "longer.py").write_text(PROGRAM)
    print("\n$ cat longer.py")
    _indent(PROGRAM)
    python, python_s = timed(demo, "python longer.py", "off")
    native, native_s = timed(demo, "python longer.py", "require")
    _indent(native)
    if native != python:
        raise Failed(f"it printed something else in Python:\n{python}")
    print(
        f"    the same output; {python_s:.2f} s in Python, {native_s:.2f} s natively, all included"
    )


def timed(demo: Demo, line: str, mode: str) -> tuple[str, float]:
    began = time.monotonic()
    output = demo.command(line, show="line", PYVORIN=mode)
    return output, time.monotonic() - began


def duration(seconds: str) -> str:
    """Three digits with a unit: `"0.0000123"` is 12.3 µs."""
    value = float(seconds)
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def print_table(rows: Sequence[Sequence[str]]) -> None:
    header = ("function", "CPython", "native", "gain", "inputs agreed", "artifact")
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    print()
    for row in (header, *rows):
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join(cells).rstrip())


def _indent(text: str, out: TextIO = sys.stdout) -> None:
    for line in text.splitlines():
        print(f"    {line}", file=out)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
