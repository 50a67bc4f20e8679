"""Make the project's environments: `.venv` for the baseline minor, `.venvs/X.Y` for every other.

    python3 tools/setup.py run     the packages, baseline only: enough for `make demo`
    python3 tools/setup.py test    with test and development tools, and every other minor found
    python3 tools/setup.py bench   as run, and the compilers `make bench` compares with

Each environment holds the packages in editable form. A stamp inside the first names what they were
made from, so a second call costs milliseconds. Needs a Python of a supported minor and pip, nothing
else: no uv beforehand, no ensurepip, no root. uv is put into `.venv` for speed; it does not read
pip's configuration, so what it cannot install pip tries again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import interpreters

ROOT = Path(__file__).resolve().parent.parent
BASELINE_HOME = ROOT / ".venv"
PIP_QUIET = ("--quiet", "--disable-pip-version-check")


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment to make; `groups` are dependency groups of the root pyproject.toml."""

    home: Path
    interpreter: interpreters.Interpreter
    packages: tuple[str, ...]
    groups: tuple[str, ...]

    @property
    def python(self) -> Path:
        return self.home / "bin/python"


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in ("run", "test", "bench"):
        print(__doc__, file=sys.stderr)
        return 2
    purpose = arguments[0]
    inputs = _digest_of_inputs()
    if _stamped(purpose, inputs):
        return 0
    wanted = plan(purpose)
    if not wanted:
        minors = ", ".join(interpreters.SUPPORTED)
        print(f"setup: no usable CPython of {minors} found on this machine", file=sys.stderr)
        return 1
    for environment in wanted:
        version = ".".join(map(str, environment.interpreter.version))
        print(f"setup: {environment.home.relative_to(ROOT)} on CPython {version}", file=sys.stderr)
        create(environment)
        fill(environment)
    (BASELINE_HOME / f"setup-{purpose}.stamp").write_text(inputs)
    return 0


def plan(purpose: str) -> list[Environment]:
    """Return the environments needed, the baseline first; none when no interpreter is usable."""
    found = interpreters.find()
    if not found:
        return []
    baseline = next(iter(found))
    everything = ("wire", "runtime", "compiler", "thin", "server")
    if purpose != "test":
        alone = [Environment(BASELINE_HOME, found[baseline], everything, ())]
        peers = Environment(ROOT / ".venvs/bench", found[baseline], (), ("bench",))
        return [*alone, peers] if purpose == "bench" else alone
    first = Environment(BASELINE_HOME, found[baseline], everything, ("test", "dev"))
    others = [
        Environment(ROOT / ".venvs" / minor, found[minor], everything[:4], ("test",))
        for minor in found
        if minor != baseline
    ]
    return [first, *others]


def create(environment: Environment) -> None:
    """Make the bare environment, keeping one that runs the wanted interpreter from here."""
    if _runs(environment):
        return
    if environment.home.exists():
        shutil.rmtree(environment.home)
    # --without-pip: Debian ships venv without ensurepip.
    base = str(environment.interpreter.executable)
    _run([base, "-m", "venv", "--without-pip", str(environment.home)])


def fill(environment: Environment) -> None:
    """Install the packages and groups; what is only compared with may be missing."""
    requirements: list[str] = []
    for package in environment.packages:
        requirements += ["--editable", str(ROOT / "packages" / package)]
    for group in environment.groups:
        requirements += _groups()[group]
    _ensure_pip()
    if environment.groups == ("bench",):
        for requirement in requirements:
            if not _install(environment.python, [requirement]):
                print(f"setup: {requirement} is missing from the comparison", file=sys.stderr)
    elif not _install(environment.python, requirements):
        sys.exit(f"setup: could not fill {environment.home}")
    if environment.packages:  # pip compiles what is not editable; a jail cannot write bytecode
        sources = [str(ROOT / "packages" / package / "src") for package in environment.packages]
        _run([str(environment.python), "-m", "compileall", "-q", *sources])


def _install(python: Path, requirements: list[str]) -> bool:
    """Install through uv where it can, else through pip."""
    uv = BASELINE_HOME / "bin/uv"
    pip = [str(BASELINE_HOME / "bin/python"), "-m", "pip"]
    if not uv.exists():
        subprocess.run([*pip, "install", *PIP_QUIET, "uv"], check=False)
    if uv.exists():
        command = [
            str(uv),
            "pip",
            "install",
            "--quiet",
            "--compile-bytecode",
            "--python",
            str(python),
        ]
        command += requirements
        # Trust what the machine trusts, as pip does; uv's own list knows no company's certificate.
        trusting = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1", **os.environ}
        if subprocess.run(command, env=trusting).returncode == 0:
            return True
        print("setup: uv did not succeed; trying pip", file=sys.stderr)
    command = [*pip, "--python", str(python), "install", *PIP_QUIET, *requirements]
    return subprocess.run(command).returncode == 0


def _ensure_pip() -> None:
    """Give the baseline environment a pip: from ensurepip, else from the interpreter's own pip."""
    python = str(BASELINE_HOME / "bin/python")
    has_pip = [python, "-m", "pip", "--version"]
    if subprocess.run(has_pip, capture_output=True).returncode == 0:
        return
    if subprocess.run([python, "-m", "ensurepip"], capture_output=True).returncode == 0:
        return
    outer = [sys.executable, "-m", "pip", "--python", python]
    _run([*outer, "install", *PIP_QUIET, "pip"])


def _runs(environment: Environment) -> bool:
    """Tell whether the environment exists, was not moved, and has the wanted interpreter."""
    code = "import json, sys; print(json.dumps([sys.prefix, list(sys.version_info[:3])]))"
    command = [str(environment.python), "-I", "-c", code]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    wanted = [str(environment.home), list(environment.interpreter.version)]
    return bool(json.loads(answer.stdout) == wanted) and _scripts_point_here(environment.home)


def _scripts_point_here(home: Path) -> bool:
    """A moved environment still runs, but its scripts name the folder it was made in."""
    pip = home / "bin/pip"
    return not pip.exists() or str(home) in pip.read_text(errors="replace")


def _groups() -> dict[str, list[str]]:
    groups: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text())[
        "dependency-groups"
    ]
    return groups


def _digest_of_inputs() -> str:
    """Digest all that environments are made from: metadata, tools, folder, interpreters."""
    digest = hashlib.sha256(str(ROOT).encode())
    files = [ROOT / "pyproject.toml", *sorted(ROOT.glob("packages/*/pyproject.toml"))]
    for file in [*files, Path(__file__), Path(interpreters.__file__)]:
        digest.update(file.read_bytes())
    for candidate in sorted(path.resolve() for path in interpreters.candidates()):
        status = candidate.stat()
        digest.update(f"{candidate}:{status.st_size}:{status.st_mtime_ns}".encode())
    return digest.hexdigest()


def _stamped(purpose: str, inputs: str) -> bool:
    """What was made for testing is also enough for running."""
    enough = ("run", "test", "bench") if purpose == "run" else (purpose,)
    stamps = [BASELINE_HOME / f"setup-{name}.stamp" for name in enough]
    return any(stamp.exists() and stamp.read_text() == inputs for stamp in stamps)


def _run(command: list[str]) -> None:
    if subprocess.run(command).returncode != 0:
        sys.exit(f"setup: failed: {' '.join(command)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
