"""The standard library as other people's code: all of it passes the front half of the compiler, and
CPython's own tests of some modules pass against their native code.

Each minor takes a third of the modules in turn: what a compiler fails at is a construct, and the
constructs of one minor are in any third of its library.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Final

import pytest
from pyvorin.build import skipped
from pyvorin.check.case import Case, Inputs
from pyvorin.driver import compile_module
from pyvorin.options import CompileOptions

from tests.thirds import third

HERE: Final = Path(__file__).parent
LIBRARY: Final = Path(sysconfig.get_paths()["stdlib"])
# What is in C in place of the Python functions that are to be compiled.
ACCELERATORS: Final = {
    "heapq": "_heapq",
    "bisect": "_bisect",
    "statistics": "_statistics",
}
# Those of the modules named in the compiler's promises that have functions outside classes.
TESTED: Final = (*ACCELERATORS, "base64", "colorsys", "difflib", "string", "textwrap")

# Nothing to compile, or nothing that ought to be imported: windows, other systems, a browser.
LEFT_OUT: Final = {
    *("site-packages", "test", "tests", "idlelib", "turtledemo", "lib2to3", "tkinter"),
    *("ensurepip", "distutils", "pydoc_data", "encodings", "__pycache__"),
    *("antigravity.py", "this.py", "turtle.py", "__main__.py"),
}
SHARES: Final = 3  # of the modules of a run, a test each

needs_tests = pytest.mark.skipif(
    not (LIBRARY / "test" / "test_heapq.py").is_file(), reason="CPython's tests are not installed"
)


def run_tests(*words: str) -> dict[str, Any]:
    """What CPython's tests of a module say, in a process of their own."""
    command = [sys.executable, str(HERE / "run_library_test.py"), *words]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr[-3000:]}"
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def library_files() -> list[str]:
    found = []
    for file in LIBRARY.rglob("*.py"):
        parts = file.relative_to(LIBRARY).parts
        if LEFT_OUT.isdisjoint(parts) and not parts[0].startswith("config-"):
            found.append(str(file))
    return sorted(found)


@pytest.mark.slow
@pytest.mark.parametrize("share", range(SHARES))
def test_the_compiler_fails_at_no_module_of_the_library(share: int) -> None:
    command = [
        sys.executable,
        str(HERE / "lower_library.py"),
        *third(library_files())[share::SHARES],
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    *failed, total = done.stdout.splitlines()
    print(total)
    assert not failed
    assert int(total.split()[0]) > 30, total


@needs_tests
@pytest.mark.slow
@pytest.mark.parametrize("name", third(TESTED))
def test_cpythons_own_tests_pass_against_native_code(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run_tests(name)
    assert expected["tests"] > 5
    if name in ACCELERATORS:
        monkeypatch.setitem(sys.modules, ACCELERATORS[name], None)
    file = LIBRARY / f"{name}.py"
    source = file.read_text(encoding="utf-8")
    options = CompileOptions(
        exclude=skipped(source),
        on_unsupported="keep-python",
        inputs=Inputs(tuple(Case(*call, "example") for call in expected["calls"])),
        opt_level=1,
    )
    result = compile_module(source, str(file), options)
    native = [item.name for item in result.functions if item.verdict == "native"]
    assert result.shared_object is not None
    artifact = tmp_path / f"{name}.so"
    artifact.write_bytes(result.shared_object)
    actual = run_tests(name, str(artifact))
    print(f"{name}: {len(native)} of {len(result.functions)} functions native", actual["entries"])
    assert actual["failed"] == expected["failed"]
    assert (actual["tests"], actual["skipped"]) == (expected["tests"], expected["skipped"])
    assert sum(actual["entries"].values()) > 0, "nothing ran natively"
