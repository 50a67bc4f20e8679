"""A package whose parts import one another is compiled module by module, its `__init__` too, and
runs natively however it is imported.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

PACKAGE: Final = {
    "__init__.py": '''
"""The package's own function, and what it takes from its modules."""

from .core import total


def doubled(n):
    """
    >>> doubled(1000)
    999000
    """
    s = 0
    for i in range(n):
        s += i * 2
    return s
''',
    "core.py": '''
"""Imports the package that imports it."""

import parts


def total(n):
    """
    >>> total(1000)
    1498500
    """
    s = 0
    for i in range(n):
        s += i * 3
    return s


def of_package(n):
    return parts.doubled(n)
''',
}
USE: Final = """
import sys
sys.path.insert(0, sys.argv[1])
if sys.argv[2] == "hook":
    import pyvorin_thin
    pyvorin_thin.install()
import parts, parts.core
assert (parts.doubled(10), parts.core.of_package(10), parts.total(10)) == (90, 90, 135)
assert parts.total is parts.core.total
for function in parts.doubled, parts.total:
    assert function.__pyvorin__.counts["entries"] > 0, function
print(parts.__name__, parts.core.__name__, parts.core.__package__)
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["native", "hook"])
def test_the_modules_of_a_package_are_native(way: str, tmp_path: Path) -> None:
    package = tmp_path / "source" / "parts"
    package.mkdir(parents=True)
    for name, text in PACKAGE.items():
        (package / name).write_text(text)
    environment = {**os.environ, "PYVORIN_THIN_HOME": str(tmp_path / "home")}
    for name in PACKAGE:
        file = str(package / name)
        words = ["pyvorin", "compile", file, "-o", str(tmp_path / "out")]
        if way == "hook":
            words = ["pyvorin_thin", "compile", file, "--local-native"]
        run(*words, environment=environment)
    if way == "native":
        for built in (tmp_path / "out").glob("*.so"):
            shutil.copy(built, package)
    script = tmp_path / "use.py"
    script.write_text(USE)
    printed = run(str(script), str(package.parent), way, environment=environment, module=False)
    assert printed.strip() == "parts parts.core parts"


def run(*words: str, environment: dict[str, str], module: bool = True) -> str:
    command = [sys.executable, *(["-m"] if module else []), *words]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
