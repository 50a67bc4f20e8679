"""Memory that runs out in native code is a MemoryError in the same loop, never the end of the
process, and native code works again once there is memory; an allocation that fails once changes no
answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from pyvorin.cli import main

SOURCE: Final = """
def ints(n):
    out = []
    for i in range(n):
        out.append(i * 1000003)
    return len(out)

def floats(n):
    out = []
    x = 0.5
    for i in range(n):
        out.append(x * i)
    return out[-1]

def wide_ints(n):
    x = 1
    out = []
    for i in range(n):
        x = x * 3 % (1 << 200)
        out.append(x)
    return out[-1]

def tuples(n):
    out = []
    for i in range(n):
        out.append((i, i + 1))
    return len(out)

def dicts(n):
    d = {}
    for i in range(n):
        d[i * 7919] = {i: i + 1}
    return len(d)

def lists(s):
    out = []
    for c in s:
        out.append([c, c + "x"])
    return len(out)

def doubled(n):
    s = "x"
    for i in range(n):
        s = s + s
    return len(s)

def appended(n):
    s = "é"
    t = "x" * 1000000
    for i in range(n):
        s += t
    return len(s)

def widened(n):
    s = "x"
    for i in range(n):
        s += "aé€𝄞"[i % 4]
    return s

def joined(n):
    s = "x"
    for i in range(n):
        s = f"{s}{s}"
    return len(s)

def handled(n):
    out = []
    failures = 0
    for i in range(n):
        try:
            out.append(i * 1000003)
        except MemoryError:
            out = []
            failures += 1
            break
    return failures, len(out)

if __name__ == "__main__":
    ints(3000); floats(3000); wide_ints(300); tuples(3000); dicts(1000); lists("añb" * 1000)
    doubled(12); appended(2); widened(300); joined(12); handled(1000)
"""
LARGE: Final = {
    "ints": "10**8",
    "floats": "10**8",
    "wide_ints": "10**8",
    "tuples": "10**8",
    "dicts": "10**8",
    "doubled": "60",
    "appended": "10**5",
    "joined": "60",
}
SMALL: Final = {name: "300" for name in LARGE} | {
    "lists": "'añb' * 100",
    "doubled": "12",
    "appended": "2",
    "widened": "300",
    "joined": "12",
    "handled": "300",
}
LIMITED: Final = """
import resource, sys
sys.path.insert(0, sys.argv[1])
import app
f = getattr(app, sys.argv[2])
argument = eval(sys.argv[3])
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = used + (48 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for _ in range(3):
    spare = bytearray(4 << 20)  # what the handler lives on until the function's frame is cleared
    trace, line = None, 0
    try:
        f(argument)
    except MemoryError as error:
        spare = None
        line = -1  # in the call itself, or there was no memory for a traceback either
        raised = error
        while raised and not (raised.__traceback__ and raised.__traceback__.tb_next):
            raised = raised.__context__  # CPython found no memory for this frame's entry
        if raised:
            trace = raised.__traceback__.tb_next
            trace.tb_frame.clear()  # memory for what follows
    if trace:
        line = trace.tb_lineno
    raised = trace = None
    print(line)
print(app.ints(1000), app.widened(5))
"""
FAILING: Final = """
import _testcapi, sys
sys.path.insert(0, sys.argv[1])
import app
f = getattr(app, sys.argv[2])
argument = eval(sys.argv[3])
expected = f(argument)
def one(number):
    try:
        _testcapi.set_nomemory(number, number + 1)
        found = f(argument)
        _testcapi.remove_mem_hooks()
        for _ in range(2):  # where an exception that is due comes at the latest
            pass
    except MemoryError:
        _testcapi.remove_mem_hooks()
        return 1
    if found != expected:
        assert sys.argv[2] == "handled" and found[0] == 1, (number, found, expected)
    return 0
print(sum(map(one, range(1, 120))))
assert f(argument) == expected
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The same module in Python and compiled."""
    python, native = tmp_path_factory.mktemp("python"), tmp_path_factory.mktemp("native")
    source = Path(python, "app.py")
    source.write_text(SOURCE)
    assert main(["compile", str(source), "-o", str(native), "--no-check"]) == 0
    return str(python), str(native)


def run(script: str, *words: str) -> str:
    command = [sys.executable, "-c", script, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", LARGE)
def test_memory_that_ends_in_native_code_is_a_memory_error_in_its_loop(
    folders: tuple[str, str], name: str
) -> None:
    first = SOURCE[: SOURCE.index(f"def {name}(")].count("\n") + 1
    for folder in folders:
        *raised, after = run(LIMITED, folder, name, LARGE[name]).splitlines()
        assert len(raised) == 3
        assert all(line == "-1" or first < int(line) <= first + 6 for line in raised)
        assert after == "1000 xaé€𝄞a"


@pytest.mark.parametrize("name", SMALL)
def test_one_allocation_that_fails_changes_no_answer(folders: tuple[str, str], name: str) -> None:
    pytest.importorskip("_testcapi")
    raised = int(run(FAILING, folders[1], name, SMALL[name]))
    assert 0 <= raised < 120
