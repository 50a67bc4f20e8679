"""Who is compared: how each peer is found, what it builds, and how it runs.

Every peer works on the same un-annotated file. What it builds goes to
bench/build/<peer>/<program>/ and is kept until the program, the peer's version or the twin
changes; ours is built anew each time.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from workloads import CALL, WORKLOADS

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "bench/programs"
TWINS = ROOT / "bench/c"
BUILD = ROOT / "bench/build"
COMPARED = ROOT / ".venvs/bench/bin"
BUILD_LIMIT_S = 300

Command = Callable[[Path, Path], list[str]]


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to run a program. `command(source, folder)` builds; None runs the source."""

    name: str
    python: Path
    version: str
    mode: str = "plain"
    command: Command | None = None
    keep: bool = True
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Built:
    """Where the program is, and what building took and made (0 when nothing was built)."""

    folder: str
    seconds: float = 0.0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why a peer, or one program of it, cannot be measured."""

    reason: str


def find() -> tuple[list[Peer], dict[str, Unavailable]]:
    """Return this machine's peers, CPython first and ours second, and why others are missing."""
    peers: list[Peer] = []
    missing: dict[str, Unavailable] = {}
    for name, look in _LOOKS.items():
        found = look()
        if isinstance(found, Peer):
            peers.append(found)
        else:
            missing[name] = found
    return peers, missing


def build(peer: Peer, program: str) -> Built | Unavailable:
    """Build a program for a peer, or take what an earlier run built from the same inputs."""
    if peer.command is None:
        return Built(str(PROGRAMS))
    source = PROGRAMS / f"{program}.py"
    folder = BUILD / peer.name.lower() / program
    inputs = _digest(peer, program)
    record = folder / "build.json"
    if peer.keep and record.exists():
        kept = json.loads(record.read_text())
        if kept.pop("inputs") == inputs:
            return Built(**kept)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    begin = time.perf_counter()
    failure = _run(peer.command(source, folder), folder)
    seconds = time.perf_counter() - begin
    objects = list(folder.glob("*.so"))
    if failure or not objects:
        return Unavailable(failure or "nothing was built")
    built = Built(str(folder), seconds, sum(file.stat().st_size for file in objects))
    record.write_text(json.dumps({**asdict(built), "inputs": inputs}))
    return built


def _run(command: list[str], folder: Path) -> str:
    """Return why the command failed, or nothing."""
    environment = {**os.environ, "PATH": f"{COMPARED}{os.pathsep}{os.environ.get('PATH', '')}"}
    try:
        answer = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=BUILD_LIMIT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    output = (answer.stderr or answer.stdout).strip().splitlines()
    return "" if answer.returncode == 0 else (output[-1] if output else f"exit {answer.returncode}")


def _digest(peer: Peer, program: str) -> str:
    digest = hashlib.sha256(f"{peer.version} {peer.python}".encode())
    for file in (PROGRAMS / f"{program}.py", TWINS / f"{program}.c"):
        digest.update(file.read_bytes() if file.exists() else b"")
    return digest.hexdigest()


def _cpython() -> Peer | Unavailable:
    return Peer("CPython", Path(sys.executable), sys.version.split()[0])


def _ours() -> Peer | Unavailable:
    compiler = Path(sys.executable).with_name("pyvorin")
    if not compiler.exists():
        return Unavailable("the pyvorin command is not installed")
    version = _output([str(compiler), "--version"])
    if version is None:
        return Unavailable("`pyvorin --version` failed")

    def command(source: Path, folder: Path) -> list[str]:
        typical = folder / "typical.py"
        typical.write_text("".join(f"{call}\n" for call in _typical(source.stem)))
        choices = ["--on-unsupported", "keep-python", "--min-speedup", "0"]
        choices += ["--examples", str(typical)]
        return [str(compiler), "compile", str(source), "-o", str(folder), *choices]

    return Peer("Pyvorin", Path(sys.executable), version.split()[-1], command=command, keep=False)


def _typical(program: str) -> list[str]:
    """Write the program's sample calls as Python."""
    found = [w for w in (*WORKLOADS, CALL) if w.program == program]
    return [f"{w.function}({', '.join(map(repr, w.sample))})" for w in found]


def _c() -> Peer | Unavailable:
    version = _output(["gcc", "-dumpfullversion"])
    if version is None:
        return Unavailable("no gcc")

    def command(source: Path, folder: Path) -> list[str]:
        twin, library = TWINS / f"{source.stem}.c", folder / f"{source.stem}.so"
        flags = ["-O3", "-Wall", "-Wextra", "-ffp-contract=off", "-shared", "-fPIC"]
        return ["gcc", *flags, str(twin), "-o", str(library), "-lm"]

    environment = {"PYTHONPATH": str(ROOT / "bench")}
    return Peer("C", Path(sys.executable), version, "c", command, environment=environment)


def _compared(module: str) -> str | None:
    """Return a module's version in the comparison environment."""
    code = f"import importlib.metadata as m, {module}; print(m.version({module.split('.')[0]!r}))"
    return _output([str(COMPARED / "python"), "-c", code])


def _numba() -> Peer | Unavailable:
    version = _compared("numba")
    if version is None:
        return Unavailable("numba is not installed in .venvs/bench")
    return Peer("Numba", COMPARED / "python", version, "numba")


def _mypyc() -> Peer | Unavailable:
    version = _compared("mypy.version")
    if version is None or _output(["gcc", "--version"]) is None:
        return Unavailable("mypy is not installed in .venvs/bench, or there is no gcc")

    def command(source: Path, folder: Path) -> list[str]:
        shutil.copy(source, folder)
        # An empty configuration beside the program, or mypyc would take this project's strict one.
        Path(folder, "mypy.ini").write_text("[mypy]\n")
        return [str(COMPARED / "mypyc"), source.name]

    return Peer("mypyc", COMPARED / "python", version, command=command)


def _cython() -> Peer | Unavailable:
    version = _compared("Cython")
    if version is None or _output(["gcc", "--version"]) is None:
        return Unavailable("cython is not installed in .venvs/bench, or there is no gcc")

    def command(source: Path, folder: Path) -> list[str]:
        shutil.copy(source, folder)
        return [str(COMPARED / "cythonize"), "--inplace", "-3", source.name]

    return Peer("Cython", COMPARED / "python", version, command=command)


def _pypy() -> Peer | Unavailable:
    """Take PyPy from PATH, else unpack Debian's package without installing it."""
    installed = shutil.which("pypy3")
    home = ROOT / ".venvs/pypy"
    python, environment = Path(installed or home / "usr/bin/pypy3"), {}
    if not installed:
        if not python.exists():
            _unpack_pypy(home)
        environment = {"LD_LIBRARY_PATH": str(home / "usr/lib/x86_64-linux-gnu")}
    code = (
        "import platform, sys; v = sys.pypy_version_info; print(*v[:3], platform.python_version())"
    )
    version = _output([str(python), "-c", code], environment)
    if version is None:
        return Unavailable("no pypy3 on PATH and none from apt")
    *number, language = version.split()
    name = f"{'.'.join(number)} (Python {language})"
    return Peer("PyPy", python, name, environment=environment)


def _unpack_pypy(home: Path) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        return
    home.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "download", "pypy3", "pypy3-lib"], cwd=home, capture_output=True)
    for package in home.glob("*.deb"):
        subprocess.run(["dpkg", "-x", str(package), str(home)], capture_output=True)


def _output(command: list[str], environment: dict[str, str] | None = None) -> str | None:
    """Return the last line a command prints, or None when it fails."""
    try:
        answer = subprocess.run(
            command,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return (answer.stdout.strip().splitlines() or ["unknown"])[-1]


_LOOKS: dict[str, Callable[[], Peer | Unavailable]] = {
    "CPython": _cpython,
    "Pyvorin": _ours,
    "PyPy": _pypy,
    "Numba": _numba,
    "mypyc": _mypyc,
    "Cython": _cython,
    "C": _c,
}
