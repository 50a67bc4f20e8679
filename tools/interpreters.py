"""Find the CPython interpreters of this machine that Pyvorin supports.

Looked at: every folder of PATH, pyenv's versions, /usr/bin, /usr/local/bin, /opt, and the
interpreters uv manages. A candidate counts when it runs, is a 64-bit CPython of a supported minor
with the global interpreter lock, and has the standard modules the packages need. Of several with
one minor the newest patch is taken.

    $ python tools/interpreters.py
    3.11  3.11.7   /usr/local/bin/python3.11

Standard library only, because it runs before any environment exists.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

SUPPORTED = ("3.11", "3.12", "3.13")
BASELINE = SUPPORTED[0]

_PROBE = """
import json, sys, sysconfig
import ctypes, sqlite3, ssl, venv, zlib
print(json.dumps({
    "version": list(sys.version_info[:3]),
    "final": sys.version_info.releaselevel == "final",
    "implementation": sys.implementation.name,
    "bits": sys.maxsize.bit_length() + 1,
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "executable": sys.executable,
    "in_environment": sys.prefix != sys.base_prefix,
}))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """One usable CPython: `minor` as in "3.11", `version` as in (3, 11, 7)."""

    minor: str
    version: tuple[int, int, int]
    executable: Path


def find() -> dict[str, Interpreter]:
    """Return the newest usable interpreter of every supported minor, lowest minor first."""
    best: dict[str, Interpreter] = {}
    for candidate in candidates():
        found = _probe(candidate)
        if found and (found.minor not in best or best[found.minor].version < found.version):
            best[found.minor] = found
    return {minor: best[minor] for minor in SUPPORTED if minor in best}


def candidates() -> list[Path]:
    """List the files that may be interpreters, each real file once, without running any."""
    real: dict[Path, Path] = {}
    for folder in _folders():
        for minor in SUPPORTED:
            path = folder / f"python{minor}"
            if path.is_file() and os.access(path, os.X_OK):
                real.setdefault(path.resolve(), path)
    return list(real.values())


def _folders() -> list[Path]:
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT", home / ".pyenv"))
    data = Path(os.environ.get("XDG_DATA_HOME", home / ".local/share"))
    managed = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", data / "uv/python"))
    folders = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry]
    folders += [Path("/usr/bin"), Path("/usr/local/bin")]
    for root in (pyenv / "versions", managed, Path("/opt"), Path("/opt/python")):
        folders += sorted(root.glob("*/bin"))
    # pyenv's shims choose by the working directory; the versions behind them are listed above.
    return [folder for folder in folders if folder != pyenv / "shims"]


def _probe(executable: Path) -> Interpreter | None:
    try:
        answer = subprocess.run(
            [executable, "-I", "-c", _PROBE], capture_output=True, text=True, timeout=20, check=True
        )
        facts = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    usable = facts["final"] and facts["implementation"] == "cpython" and facts["bits"] == 64
    if not usable or facts["free_threaded"] or facts["in_environment"]:
        return None
    major, minor, patch = facts["version"]
    if f"{major}.{minor}" not in SUPPORTED:
        return None
    return Interpreter(f"{major}.{minor}", (major, minor, patch), Path(facts["executable"]))


if __name__ == "__main__":
    for interpreter in find().values():
        version = ".".join(map(str, interpreter.version))
        print(f"{interpreter.minor}  {version:8} {interpreter.executable}")
