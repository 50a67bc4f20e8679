"""Who is compared: how each peer is found, what it builds, and how it runs.

Every peer works on the same un-annotated file. What it builds goes to
bench/build/<peer>/<program>/ and is kept until the program, its sample, the peer's version or the
twin changes; our version is the text of the whole compiler, so that any change to it builds anew.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import published
from workloads import Workload

ROOT = Path(__file__).resolve().parent.parent
PROGRAMS = ROOT / "bench/programs"
TWINS = ROOT / "bench/c"
BUILD = ROOT / "bench/build"
OURS = "Pyvorin"
COMPARED = ROOT / ".venvs/bench/bin"
PUBLISHED = BUILD / "pyperformance"
BUILD_LIMIT_S = 600
_SUM = TWINS / "sum.h"

Command = Callable[[Path, Workload, Path], list[str]]


@dataclass(frozen=True, slots=True)
class Peer:
    """One way to run a program. `command(source, workload, folder)` builds; None runs the source.

    `inputs`: what the build depends on besides the program and the version.
    """

    name: str
    python: Path
    version: str
    mode: str = "plain"
    command: Command | None = None
    inputs: str = ""
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Built:
    """Where the program is, and what building took and made (0 when nothing was built).

    `report`: ours only, what `pyvorin compile --format json` printed.
    """

    folder: str
    seconds: float = 0.0
    size_bytes: int = 0
    report: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why a peer, or one program of it, cannot be measured."""

    reason: str


def find(names: Collection[str] = ()) -> tuple[list[Peer], dict[str, Unavailable]]:
    """Return this machine's peers, CPython first and ours second, and why others are missing.

    With `names`, look for those only, and build ours without its own check, whose calls take most
    of the time: the benchmark compares answers anyway.
    """
    peers: list[Peer] = []
    missing: dict[str, Unavailable] = {}
    for name, look in _LOOKS.items():
        if names and name not in names:
            continue
        found = look() if name != OURS else _ours(checked=not names)
        if isinstance(found, Peer):
            peers.append(found)
        else:
            missing[name] = found
    return peers, missing


def build(peer: Peer, workload: Workload) -> Built | Unavailable:
    """Build a program for a peer, or take what an earlier run built from the same inputs."""
    source = source_of(workload)
    if source is None:
        return Unavailable("pyperformance is not installed in .venvs/bench")
    if peer.command is None:
        return Built(str(source.parent))
    if peer.mode == "c" and not workload.twin:
        return Unavailable("no twin")
    if (earlier := kept(peer, workload, source)) is not None:
        return earlier
    folder = _folder(peer, workload)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    built = _build(peer.command(source, workload, folder), source, folder, peer.name == OURS)
    record = {**asdict(built), "inputs": _digest(peer, workload, source)}
    Path(folder, "build.json").write_text(json.dumps(record))
    return built


def kept(peer: Peer, workload: Workload, source: Path) -> Built | Unavailable | None:
    """What an earlier run made of the same inputs."""
    file = _folder(peer, workload) / "build.json"
    if not file.exists():
        return None
    record = json.loads(file.read_text())
    if record.pop("inputs") != _digest(peer, workload, source):
        return None
    return Unavailable(record["reason"]) if "reason" in record else Built(**record)


def inputs(found: list[Peer], workload: Workload) -> str:
    """What a program's row in the table depends on, as text."""
    source = source_of(workload)
    if source is None:
        return "missing"
    digests = [_digest(peer, workload, source) for peer in found]
    return " ".join([*digests, workload.function, repr(workload.arguments)])


def _folder(peer: Peer, workload: Workload) -> Path:
    return BUILD / peer.name.lower().replace(" ", "-") / workload.program


def source_of(workload: Workload) -> Path | None:
    """The file of a program; None if it is of a package that is not installed."""
    if not workload.origin:
        return PROGRAMS / f"{workload.program}.py"
    for packages in COMPARED.parent.glob("lib/python3.*/site-packages"):
        return published.fetch(workload, packages, PUBLISHED)
    return None


def _build(command: list[str], source: Path, folder: Path, ours: bool) -> Built | Unavailable:
    begin = time.perf_counter()
    output, failure = _run(command, folder)
    seconds = time.perf_counter() - begin
    objects = list(folder.glob("*.so"))
    size = sum(file.stat().st_size for file in objects)
    if ours and output.startswith("{"):
        report = json.loads(output).get("report") or {}
        if any(row["verdict"] == "native" for row in report.get("functions", ())) != bool(objects):
            return Unavailable(failure or "nothing was written")
        # With nothing native there is no artifact: the program itself is what runs.
        return Built(str(folder if objects else source.parent), seconds, size, report)
    if failure or not objects:
        return Unavailable(failure or "nothing was built")
    return Built(str(folder), seconds, size)


def _run(command: list[str], folder: Path) -> tuple[str, str]:
    """What the command printed, and why it failed, or nothing."""
    environment = {**os.environ, "PATH": f"{COMPARED}{os.pathsep}{os.environ.get('PATH', '')}"}
    environment["PYTHONPATH"] = str(PUBLISHED)
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
        return "", str(error)
    if answer.returncode == 0:
        return answer.stdout, ""
    lines = (answer.stderr or answer.stdout).strip().splitlines()
    return answer.stdout, lines[-1] if lines else f"exit {answer.returncode}"


def _digest(peer: Peer, workload: Workload, source: Path) -> str:
    facts = (peer.version, str(peer.python), peer.inputs, workload.typical)
    digest = hashlib.sha256(repr(facts).encode())
    for file in (source, TWINS / f"{workload.program}.c", _SUM):
        digest.update(file.read_bytes() if file.exists() else b"")
    return digest.hexdigest()


def _cpython() -> Peer | Unavailable:
    return Peer("CPython", Path(sys.executable), sys.version.split()[0])


def _ours(checked: bool = True) -> Peer | Unavailable:
    compiler = Path(sys.executable).with_name("pyvorin")
    if not compiler.exists():
        return Unavailable("the pyvorin command is not installed")
    version = _output([str(compiler), "--version"])
    if version is None:
        return Unavailable("`pyvorin --version` failed")

    def command(source: Path, workload: Workload, folder: Path) -> list[str]:
        typical = folder / "typical.py"
        typical.write_text(workload.typical)
        choices = ["--on-unsupported", "keep-python", "--format", "json"]
        choices += ["--examples", str(typical), "-o", str(folder)]
        choices += [] if checked else ["--no-check"]
        return [str(compiler), "compile", str(source), *choices]

    python = Path(sys.executable)
    return Peer(
        OURS, python, version.split()[-1], command=command, inputs=f"{checked} {_compiler_text()}"
    )


def _compiler_text() -> str:
    """A digest of everything our compiler consists of."""
    digest = hashlib.sha256()
    for file in sorted(ROOT.glob("packages/*/src/**/*.py")):
        if not file.is_relative_to(ROOT / "packages/server"):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _c() -> Peer | Unavailable:
    version = _output(["gcc", "-dumpfullversion"])
    if version is None:
        return Unavailable("no gcc")

    def command(source: Path, workload: Workload, folder: Path) -> list[str]:
        twin = TWINS / f"{workload.program}.c"
        library = folder / f"{workload.program}.so"
        flags = ["-O3", "-Wall", "-Wextra", "-ffp-contract=off", "-shared", "-fPIC"]
        # Python 3.12 made `sum` of floats more exact (bench/c/sum.h).
        flags += ["-DCOMPENSATED"] if sys.version_info >= (3, 12) else []
        return ["gcc", *flags, str(twin), "-o", str(library), "-lm"]

    environment = {"PYTHONPATH": str(ROOT / "bench")}
    return Peer("C", Path(sys.executable), version, "c", command, environment=environment)


def _compared(module: str, package: str = "") -> str | None:
    """Return the version of a module's package in the comparison environment."""
    package = package or module.split(".")[0]
    code = f"import importlib.metadata as m, {module}; print(m.version({package!r}))"
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

    def command(source: Path, workload: Workload, folder: Path) -> list[str]:
        shutil.copy(source, folder)
        # An empty configuration beside the program, or mypyc would take this project's strict one.
        Path(folder, "mypy.ini").write_text("[mypy]\nignore_missing_imports = True\n")
        return [str(COMPARED / "mypyc"), source.name]

    return Peer("mypyc", COMPARED / "python", version, command=command)


def _cython() -> Peer | Unavailable:
    version = _compared("Cython")
    if version is None or _output(["gcc", "--version"]) is None:
        return Unavailable("cython is not installed in .venvs/bench, or there is no gcc")

    def command(source: Path, workload: Workload, folder: Path) -> list[str]:
        shutil.copy(source, folder)
        return [str(COMPARED / "cythonize"), "--inplace", "-3", source.name]

    return Peer("Cython", COMPARED / "python", version, command=command)


def _nuitka() -> Peer | Unavailable:
    version = _compared("nuitka.Version")
    if version is None or _output(["gcc", "--version"]) is None:
        return Unavailable("nuitka is not installed in .venvs/bench, or there is no gcc")

    def command(source: Path, workload: Workload, folder: Path) -> list[str]:
        shutil.copy(source, folder)
        module = [str(COMPARED / "python"), "-m", "nuitka", "--module", "--quiet"]
        return [*module, "--assume-yes-for-downloads", source.name]

    return Peer("Nuitka", COMPARED / "python", version, command=command)


def _pythran() -> Peer | Unavailable:
    """Pythran wants the types of what is exported: those of the sample, in a file of their own."""
    version = _compared("pythran")
    if version is None or _output(["g++", "--version"]) is None:
        return Unavailable("pythran is not installed in .venvs/bench, or there is no g++")

    def command(source: Path, workload: Workload, folder: Path) -> list[str]:
        shutil.copy(source, folder)
        types = ", ".join(map(_pythran_type, workload.sample))
        Path(folder, f"{source.stem}.pythran").write_text(f"export {workload.function}({types})\n")
        return [str(COMPARED / "pythran"), source.name, "-o", f"{source.stem}.so"]

    return Peer("Pythran", COMPARED / "python", version, command=command)


def _pythran_type(value: Any) -> str:
    if isinstance(value, list):
        return f"{_pythran_type(value[0])} list"
    if isinstance(value, tuple):
        return f"({', '.join(map(_pythran_type, value))})"
    if isinstance(value, dict):
        key, item = next(iter(value.items()))
        return f"{_pythran_type(key)}: {_pythran_type(item)} dict"
    return type(value).__name__


def _shed_skin() -> Peer | Unavailable:
    """Shed Skin infers types from calls in the program; the typical calls are put below it."""
    version = _compared("shedskin", "shed-skin")
    if version is None or _output(["make", "--version"]) is None:
        return Unavailable("shed-skin is not installed in .venvs/bench, or there is no make")
    home = ROOT / ".venvs/shedskin"
    library = home / "usr/lib/x86_64-linux-gnu"
    if not library.exists():
        _unpack(home, "libgc-dev", "libgc1", "libpcre2-dev")
    flags = f"-I{home}/usr/include", f"-L{library} -Wl,-rpath,{library}"
    tools = f"CPPFLAGS='{flags[0]}' LDFLAGS='{flags[1]}'"

    def command(source: Path, workload: Workload, folder: Path) -> list[str]:
        main = "".join(f"    {line}\n" for line in workload.typical.splitlines())
        text = source.read_text() + f'\n\nif __name__ == "__main__":\n{main}'
        Path(folder, source.name).write_text(text)
        translate = f"{COMPARED / 'shedskin'} translate --int64 -e {source.name}"
        return ["sh", "-c", f"{translate} && {tools} make"]

    return Peer("Shed Skin", COMPARED / "python", version, command=command, inputs=tools)


def _pypy() -> Peer | Unavailable:
    """Take PyPy from PATH, else unpack Debian's package without installing it."""
    installed = shutil.which("pypy3")
    home = ROOT / ".venvs/pypy"
    python, environment = Path(installed or home / "usr/bin/pypy3"), {}
    if not installed:
        if not python.exists():
            _unpack(home, "pypy3", "pypy3-lib")
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


def _unpack(home: Path, *packages: str) -> None:
    """Put Debian packages into a folder without installing them."""
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        return
    home.mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", "download", *packages], cwd=home, capture_output=True)
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
    OURS: _ours,
    "PyPy": _pypy,
    "Numba": _numba,
    "mypyc": _mypyc,
    "Cython": _cython,
    "Nuitka": _nuitka,
    "Pythran": _pythran,
    "Shed Skin": _shed_skin,
    "C": _c,
}
