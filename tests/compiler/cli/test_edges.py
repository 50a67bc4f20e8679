"""Bad input at every edge of the `pyvorin` command: one message, the right exit code, the place
where there is one, valid JSON on request, no traceback, and nothing left behind.

The minors take turns at bad sources and failing imports: what answers them is the same code.
"""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from pyvorin.cli import main

from tests.thirds import third

GOOD: Final = "def total(n):\n    s = 0\n    for i in range(n):\n        s += i\n    return s\n"
RUN: Final = GOOD + "\n\ntotal(5000)\n"
F: Final = b"def f(x):\n    return "

# name: (content, exit code, code, words, place)
BAD: Final[dict[str, tuple[bytes | Callable[[], bytes], int, str, str, str]]] = {
    "a zip": (b"PK\x03\x04" + bytes(range(1, 256)), 2, "PYV102", "not valid utf-8", "2:118"),
    "an ELF file": (b"\x7fELF\x02\x01\x01\0\0\0", 2, "PYV102", "NUL bytes", ""),
    "NUL in a string": (b"x = 1\ny = '\0'\n", 2, "PYV102", "NUL bytes", ""),
    "UTF-16": (RUN.encode("utf-16"), 2, "PYV102", "encoded as utf-16", ""),
    "latin-1 undeclared": (b"x = 1\nS = '\xe9'\n", 2, "PYV102", "byte 0xe9 in line 2", "2:6"),
    "unknown cookie": (b"# coding: klingon\n", 2, "PYV102", "unknown encoding: klingon", ""),
    "utf-7 cookie": (b"# coding: utf-7\n", 2, "PYV102", "encoded as utf-7", ""),
    "mark against cookie": (
        b"\xef\xbb\xbf# coding: latin-1\n",
        2,
        "PYV102",
        "its coding line says otherwise",
        "",
    ),
    "a surrogate": (b"x = 1\nx = '\xed\xa0\x80'\n", 2, "PYV102", "byte 0xed in line 2", "2:6"),
    "50 MB": (lambda: b"x = 1\n" * (50 * 10**6 // 6), 7, "PYV102", "over the limit of 2 MiB", ""),
    "a long line": (F + b"x" + b" + x" * 10**5, 7, "PYV102", "a line over 100000", "2:1"),
    "10^5 terms": (F + b"x" + b" +\\\nx" * 10**5, 7, "PYV102", "nested too deeply", ""),
    "10^4 brackets": (F + b"(" * 10**4 + b")" * 10**4, 7, "PYV102", "brackets deeper", "2:1"),
    "10^4 signs": (F + b"-" * 10**4 + b"x\n", 7, "PYV102", "nested too deeply", ""),
    "10^4 nots": (F + b"not " * 10**4 + b"x\n", 7, "PYV102", "nested too deeply", ""),
    "3000 elifs": (
        b"def f(x):\n  if x: pass\n" + b"  elif x: pass\n" * 3000,
        7,
        "PYV102",
        # CPython 3.13 parses it, and then it is ours to say where it nests too deep.
        *(("nests deeper", "501:1") if sys.version_info >= (3, 13) else ("nested too deeply", "")),
    ),
    "3000 lambdas": (b"f = " + b"lambda: " * 3000 + b"1", 7, "PYV102", "nested too deeply", ""),
    "a cut line": (b"def f(x):\n    return x +\n", 1, "PYV103", "invalid syntax", "2:15"),
    "tabs and spaces": (b"if 1:\n\tx = 1\n        y = 2\n", 1, "PYV103", "tabs and spaces", "3:"),
    "return outside": (b"x = 1\nreturn x\n", 1, "PYV103", "outside function", "2:1"),
    "an open string": (b"x = 'abc\n", 1, "PYV103", "unterminated string", "1:5"),
    "a bare dollar": (b"x = $\n", 1, "PYV103", "invalid", "1:5"),
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    assert "app.py" in os.listdir(".")


def write(content: bytes | Callable[[], bytes]) -> None:
    """What is large is made when it is needed: a runner is forked, and its size is the cost."""
    Path("app.py").write_bytes(content if isinstance(content, bytes) else content())


def everything() -> list[str]:
    return sorted(str(path) for path in Path(".").rglob("*"))


@pytest.mark.parametrize("name", third(BAD))
def test_a_file_that_is_no_program_is_refused_by_every_command(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    content, status, code, words, place = BAD[name]
    write(content)
    before = everything()
    commands = (
        ["compile", "app.py", "-o", "out"],
        ["check", "app.py"],
        ["report", "app.py"],
        ["dump", "app.py"],
        ["why", "app.py", "f:2"],
    )
    for command in commands:
        assert main(command) == status, command
        out, err = capfd.readouterr()
        first = err.splitlines()[0]
        assert out == ""
        assert words in first
        assert f"[{code}]" in first
        assert first.startswith(f"pyvorin: app.py:{place}" if place else "pyvorin: `app.py`")
        assert "Traceback" not in err
        assert max(map(len, err.splitlines())) < 200
    assert everything() == before


@pytest.mark.parametrize("style", ["json", "sarif", "github"])
@pytest.mark.parametrize("name", third(BAD))
def test_a_refusal_is_a_finding_in_the_format_asked_for(
    name: str, style: str, capfd: pytest.CaptureFixture[str]
) -> None:
    content, status, code, words, place = BAD[name]
    write(content)
    assert main(["compile", "app.py", "-o", "out", "--format", style]) == status
    out, err = capfd.readouterr()
    assert err == ""
    if style == "github":
        assert out.count("\n") == 1
        assert out.startswith("::error ")
        assert f"title={code}" in out
        return
    document = json.loads(out)
    if style == "json":
        (found,) = document["diagnostics"]
        assert (found["code"], words in found["message"]) == (code, True)
        assert bool(found["span"]) == bool(place)
    else:
        assert [item["ruleId"] for item in document["runs"][0]["results"]] == [code]


FINE: Final[dict[str, bytes]] = {
    "a byte order mark": b"\xef\xbb\xbf" + RUN.encode(),
    "declared latin-1": b"# -*- coding: latin-1 -*-\nS = '\xe9'\n" + RUN.encode(),
    "line ends of Windows": RUN.replace("\n", "\r\n").encode(),
    "line ends of old": RUN.replace("\n", "\r").encode(),
    "a form feed": b"\x0c\n" + RUN.encode(),
}


@pytest.mark.parametrize("name", FINE)
def test_what_python_reads_is_compiled(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    Path("app.py").write_bytes(FINE[name])
    assert main(["compile", "app.py", "-o", "out"]) == 0
    assert "1 of 1 functions native; exact on" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("package", "code", "words"),
    [
        ("raise ValueError('no')", "PYV702", "ValueError: no"),
        ("import not_installed_anywhere", "PYV701", "not_installed_anywhere"),
        ("def f(:", "PYV702", "SyntaxError"),
    ],
)
def test_a_package_that_cannot_be_imported_is_blamed_itself(
    package: str, code: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("app.py").write_text("")
    Path("failing_package").mkdir()
    Path("failing_package/__init__.py").write_text(package)
    Path("failing_package/app.py").write_text(RUN)
    assert main(["compile", "failing_package/app.py", "-o", "out"]) == 1
    message = capfd.readouterr().err
    assert "the package that `failing_package/app.py` is in" in message
    assert words in message
    assert code in message
    assert not Path("out").exists()


@pytest.mark.parametrize("name", ["a b\n", "my-app", "café", "my.app", 'q"uo\\te', "数-a", "1st"])
def test_a_file_of_any_name_is_compiled_and_imported(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("app.py").write_text("")
    Path(f"{name}.py").write_text(RUN)
    assert main(["compile", f"{name}.py", "-o", "out"]) == 0, capfd.readouterr().err
    (artifact,) = Path("out").glob("*.so")
    script = (
        "import importlib.util as u, sys\n"
        "s = u.spec_from_file_location(sys.argv[1], sys.argv[2])\n"
        "m = u.module_from_spec(s); s.loader.exec_module(m); print(m.total(10))\n"
    )
    command = [sys.executable, "-c", script, name, str(artifact)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("45\n", "")


def test_a_name_that_is_no_text_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    Path("app.py").write_text("")
    Path(os.fsdecode(b"\xff.py")).write_text(RUN)
    assert main(["compile", os.fsdecode(b"\xff.py"), "-o", "out"]) == 2
    assert capfd.readouterr().err.startswith("pyvorin: cannot compile `\\udcff.py`: its name is")


def _loop() -> None:
    Path("loop.py").symlink_to("back.py")
    Path("back.py").symlink_to("loop.py")


PATHS: Final[dict[str, tuple[str, Callable[[], Any], str]]] = {
    "missing": ("gone.py", lambda: None, "no such file or directory"),
    "no name": ("", lambda: None, "no such file or directory"),
    "a long name": ("x" * 5000, lambda: None, "file name too long"),
    "NUL in the name": ("a\0.py", lambda: None, "embedded null"),
    "a folder": ("dir.py", lambda: os.mkdir("dir.py"), "it is a directory"),
    "a pipe": ("pipe.py", lambda: os.mkfifo("pipe.py"), "not a regular file"),
    "a device": ("/dev/zero", lambda: None, "not a regular file"),
    "a link to itself": ("loop.py", _loop, "too many levels of symbolic links"),
    "a link to nothing": ("l.py", lambda: os.symlink("gone", "l.py"), "no such file"),
    "through a file": ("app.py/x.py", lambda: None, "not a directory"),
}


@pytest.mark.parametrize("name", PATHS)
def test_a_path_that_is_no_file_is_refused(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    path, make, words = PATHS[name]
    Path("app.py").write_text(RUN)
    make()
    before = everything()
    for command in ("compile", "check"):
        assert main([command, path]) == 2
        out, err = capfd.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert words in err.lower()
    assert everything() == before


def test_a_file_without_functions_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    for content in ("", "# nothing\n", "x = 1\n"):
        Path("app.py").write_text(content)
        assert main(["compile", "app.py", "-o", "out"]) == 1
        assert "there is no function at module level" in capfd.readouterr().err
    assert everything() == ["app.py"]


IMPORTS: Final = {
    "raises": ("x = 1\n1 / 0\n", "PYV702", "ZeroDivisionError: division by zero", 5),
    "exits": ("raise SystemExit(3)\n", "PYV702", "raised SystemExit: 3", 4),
    "lacks a module": ("import no_such_module_zz\n", "PYV701", "No module named 'no_such_", 4),
    "needs a file": ("open('gone.csv')\n", "PYV702", "FileNotFoundError", 4),
    "recurses": ("def g(): g()\ng()\n", "PYV702", "RecursionError", 4),
    "has no memory": ("x = bytearray(1 << 60)\n", "PYV702", "MemoryError", 4),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", third(IMPORTS))
@pytest.mark.parametrize("command", ["compile", "report", "dump", "why"])
def test_a_program_that_fails_while_imported_is_told_with_its_line(
    name: str, command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    tail, code, words, line = IMPORTS[name]
    Path("app.py").write_text("def f(x):\n    return x\n\n" + tail)
    place = ["f:2"] if command == "why" else []
    assert main([command, "app.py", *place]) == 1
    out, err = capfd.readouterr()
    first, excerpt, *_ = err.splitlines()
    assert out == ""
    assert first.startswith(f"pyvorin: app.py:{line}:1: importing `app.py` raised ")
    assert words in first
    assert first.endswith(f"[{code}]")
    assert excerpt.lstrip().startswith(f"{line} | ")
    assert "Traceback" not in err
    assert everything() == ["app.py"]


def test_hidden_and_look_alike_characters_are_warned_of(
    capfd: pytest.CaptureFixture[str],
) -> None:
    source = "def f(n):\n    '\u202e}x\u2066'\n    t\u043etal = n\n    \ufb01 = t\u043etal\n"
    Path("app.py").write_text(source + "    return fi\n")
    assert main(["check", "app.py", "--format", "json"]) == 0
    found = json.loads(capfd.readouterr().out)["diagnostics"]
    places = [(d["code"], d["span"]["line"], d["span"]["col"]) for d in found]
    assert places == [
        ("PYV104", 2, 5),
        ("PYV104", 2, 8),
        ("PYV105", 3, 4),
        ("PYV105", 4, 4),
    ]
    assert "Cyrillic and Latin" in found[2]["message"]
    assert "`fi` to Python" in found[3]["message"]
    Path("app.py").write_text("def größe(naïve, 数):\n    return naïve + 数\n")
    assert main(["check", "app.py", "--format", "json"]) == 0
    assert json.loads(capfd.readouterr().out)["diagnostics"] == []


USAGE: Final = {
    "no command": [],
    "unknown command": ["frobnicate"],
    "no file": ["compile"],
    "unknown option": ["compile", "app.py", "--frob"],
    "unknown function": ["compile", "app.py", "--function", "nowhere"],
    "unknown target": ["compile", "app.py", "--target", "cp27"],
    "bad number": ["compile", "app.py", "--min-speedup", "-1"],
    "missing examples": ["compile", "app.py", "--examples", "gone.py"],
    "unknown pass": ["dump", "app.py", "--after", "lunch"],
    "no place": ["why", "app.py", "total"],
    "no such line": ["why", "app.py", "total:99"],
}


@pytest.mark.parametrize("name", USAGE)
def test_a_request_that_makes_no_sense_is_one_message(
    name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("app.py").write_text(RUN)
    assert main(USAGE[name]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert re.fullmatch(r"pyvorin: .+ \[PYV\d{3}\]\n(  help: .+\n)?", err)
    if "--format" in err or name in ("no command", "no place", "no such line", "unknown pass"):
        return
    assert main([*USAGE[name], "--format", "json"]) == 2
    out, err = capfd.readouterr()
    assert len(json.loads(out)["diagnostics"]) == 1
    assert everything() == ["app.py"]


# ---- the machine --------------------------------------------------------------------------------
def run(
    *words: str, before: Callable[[], None] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pyvorin", *words]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run(command, text=True, preexec_fn=before, timeout=600, **options)


def small_files() -> None:
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # or modules' bytecode is left cut off as well
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def little_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (3 << 28, 3 << 28))


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    Path("app.py").write_text(RUN)
    done = run("compile", "app.py", "-o", "new/out", "--no-check", before=small_files)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("pyvorin: cannot write to `new/out`: file too large [PYV703]")
    done = run("compile", "app.py", "-o", "out", before=small_files)  # on the way, in TMPDIR
    assert (done.returncode, done.stdout) == (2, "")
    assert "file too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert everything() == ["app.py"]


def test_an_earlier_build_outlives_a_full_disk() -> None:
    Path("app.py").write_text(RUN)
    os.mkdir("out")
    (artifact,) = (Path("out", f"app{suffix}") for suffix in [_suffix()])
    artifact.write_bytes(b"old")
    Path("out/app.pyv.json").write_bytes(b"old")
    assert run("compile", "app.py", "-o", "out", "--no-check", before=small_files).returncode == 2
    assert {path.read_bytes() for path in Path("out").iterdir()} == {b"old"}
    assert len(os.listdir("out")) == 2


def _suffix() -> str:
    import sysconfig

    return str(sysconfig.get_config_var("EXT_SUFFIX"))


@pytest.mark.parametrize(
    ("folder", "words"),
    [("app.py", "file exists"), ("app.py/x", "not a directory"), ("/proc/x", "no such file")],
)
def test_a_folder_that_cannot_be_is_refused(
    folder: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("app.py").write_text(RUN)
    assert main(["compile", "app.py", "-o", folder, "--no-check"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert f"cannot write to `{folder}`: {words}" in err
    assert everything() == ["app.py"]


def test_something_in_the_way_of_one_file_stops_both(capfd: pytest.CaptureFixture[str]) -> None:
    Path("app.py").write_text(RUN)
    os.makedirs("out/app.pyv.json")
    assert main(["compile", "app.py", "-o", "out", "--no-check"]) == 2
    assert "`app.pyv.json` is a directory" in capfd.readouterr().err
    assert os.listdir("out") == ["app.pyv.json"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_what_the_user_may_not_read_or_write(capfd: pytest.CaptureFixture[str]) -> None:
    Path("app.py").write_text(RUN)
    Path("app.py").chmod(0)
    assert main(["compile", "app.py"]) == 2
    assert "permission denied" in capfd.readouterr().err
    Path("app.py").chmod(0o644)
    os.mkdir("out", 0o500)
    assert main(["compile", "app.py", "-o", "out", "--no-check"]) == 2
    assert "cannot write to `out`: permission denied" in capfd.readouterr().err


def test_too_little_memory_is_one_message() -> None:
    Path("app.py").write_text("X = list(range(10**8))\n" + RUN)
    done = run("compile", "app.py", "-o", "out", before=little_memory)
    assert done.returncode in (1, 7)
    assert "MemoryError" in done.stderr or "out of memory" in done.stderr
    assert "Traceback" not in done.stderr
    assert everything() == ["app.py"]


def test_standard_output_may_be_closed_full_or_unread() -> None:
    Path("app.py").write_text(RUN)
    with open("/dev/full", "w") as full:
        done = run("check", "app.py", "--format", "json", stdout=full)
    assert done.returncode == 2
    assert "cannot write the output: no space left on device [PYV703]" in done.stderr
    assert "Traceback" not in done.stderr
    done = run("compile", "app.py", "-o", "out", before=lambda: os.close(1), stdout=None)
    assert done.returncode == 0
    read, write = os.pipe()
    os.close(read)
    done = run("explain", stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_poor_environment_is_enough() -> None:
    Path("app.py").write_text(RUN)
    poor = {"PATH": os.environ["PATH"], "LANG": "C", "PYTHONIOENCODING": "ascii"}
    poor |= {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    done = run("compile", "app.py", "-o", "out", env=poor, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert "1 of 1 functions native" in done.stdout
    assert "\x1b" not in done.stdout


def test_the_programs_output_never_mixes_with_the_data() -> None:
    noise = "import os, sys\nprint('noise')\nsys.__stdout__.write('noise')\nos.write(1, b'noise')\n"
    Path("app.py").write_text(RUN + noise)
    done = run("compile", "app.py", "-o", "out", "--format", "json")
    assert json.loads(done.stdout)["written"]
    assert "noise" in done.stderr


def test_a_thread_that_the_program_leaves_does_not_keep_the_command() -> None:
    source = """
    import threading, time
    def f(n):
        return n + 1
    threading.Thread(target=time.sleep, args=(700,)).start()
    print(f(1))
    """
    Path("app.py").write_text(textwrap.dedent(source))
    done = run("compile", "app.py", "--no-check", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["written"]


def test_a_module_beside_the_program_is_not_taken_for_the_compilers() -> None:
    for name in ("json", "ast", "argparse", "types", "tokenize"):
        Path(f"{name}.py").write_text("raise SystemExit('hijacked')\n")
    Path("app.py").write_text(RUN)
    command = [str(Path(sys.executable).with_name("pyvorin")), "check", "app.py"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, "hijacked" in done.stderr) == (0, False)


WAITS: Final = """
import sys
if "pyvorin.driver" in sys.modules:  # compiling, not yet collecting calls
    print("started", flush=True)
    while True:
        pass
"""


@pytest.mark.parametrize("group", [False, True], ids=["the process", "its group"])
def test_an_interrupt_leaves_nothing(group: bool) -> None:
    Path("app.py").write_text(GOOD + WAITS)
    command = [sys.executable, "-m", "pyvorin", "compile", "app.py", "-o", "out"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    assert process.stderr is not None
    while "started" not in process.stderr.readline():
        pass
    (os.killpg if group else os.kill)(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=600)
    assert (process.returncode, out, err) == (130, "", "pyvorin: interrupted\n")
    assert everything() == ["app.py"]
