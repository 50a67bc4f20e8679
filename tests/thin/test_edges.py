"""Bad input at every edge of `pyvorin-thin`: one message, the right exit code, the place where
there is one, valid JSON on request, no traceback, nothing left behind and nothing sent."""

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from pyvorin_thin import cli

GOOD = "def total(n):\n    s = 0\n    for i in range(n):\n        s += i\n    return s\n"
RUN = GOOD + "\n\nprint(total(5000))\n"
F = b"def f(x):\n    return "

# name: (content, words)
NOT_PYTHON = {
    "a zip": (b"PK\x03\x04" + bytes(range(1, 256)), "is a zip archive"),
    "an ELF file": (b"\x7fELF\x02\x01\x01\0\0\0", "is an ELF object"),
    "a notebook": (b'{"cells": []}', "is a notebook"),
    "NUL in a string": (b"x = 1\ny = '\0'\n", "holds NUL bytes"),
    "UTF-16": (RUN.encode("utf-16"), "is UTF-16 text"),
    "latin-1 undeclared": (b"x = 1\nS = '\xe9'\n", "byte 0xe9 in line 2"),
    "latin-1 declared": (b"# coding: latin-1\nS = '\xe9'\n", "encoded as iso-8859-1"),
    "unknown cookie": (b"# coding: klingon\n", "unknown encoding: klingon"),
    "a surrogate": (b"x = '\xed\xa0\x80'\n", "byte 0xed in line 1"),
    "50 MB": (lambda: b"x = 1\n" * (50 * 10**6 // 6), "is larger than 1048576 bytes"),
    "a long line": (F + b"x" + b" + x" * 10**5, "a line over 100000"),
    "10^4 brackets": (F + b"(" * 10**4 + b")" * 10**4, "nests brackets over 150 deep"),
    "direction controls": ("x = '\u202e'\n".encode(), "bidirectional control characters"),
}
# name: (content, words, line and column)
NOT_PARSED = {
    "a cut line": (b"def f(x):\n    return x +\n", "invalid syntax", "2:15"),
    "an open string": (b"x = 'abc\n", "unterminated string", "1:5"),
    "10^4 terms": (F + b"x" + b" +\\\nx" * 10**4, "nested too deeply", ""),
    "10^4 signs": (F + b"-" * 10**4 + b"x\n", "nested too deeply", ""),
}
COMMANDS = {
    "check": ["check", "app.py"],
    "compile": ["compile", "app.py"],
    "compile here": ["compile", "app.py", "--local-native"],
    "verify": ["verify", "app.py"],
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)


def everything():
    return sorted(str(path) for path in Path(".").rglob("*"))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", NOT_PYTHON)
def test_what_is_no_python_text_is_refused(joined, name, command, capfd):
    content, words = NOT_PYTHON[name]
    Path("app.py").write_bytes(content() if callable(content) else content)
    connections = joined.connections
    assert cli.main(COMMANDS[command]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert re.match(r"error\[PYV813\]: app\.py ", err)
    assert words in err.splitlines()[0]
    assert "Traceback" not in err
    assert cli.main([*COMMANDS[command], "--format", "json"]) == 2
    (found,) = json.loads(capfd.readouterr().out)["diagnostics"]
    assert found["code"] == "PYV813"
    assert everything() == ["app.py"]
    assert joined.connections == connections


@pytest.mark.parametrize("name", NOT_PARSED)
def test_what_does_not_parse_names_the_place(joined, name, capfd):
    content, words, place = NOT_PARSED[name]
    Path("app.py").write_bytes(content)
    connections = joined.connections
    for words_ in (["compile", "app.py"], ["compile", "app.py", "--dry-run"], ["run", "app.py"]):
        assert cli.main(words_) == 2
        out, err = capfd.readouterr()
        assert out == ""
        assert words in err.splitlines()[0]
        assert not place or f"  --> app.py:{place}\n" in err
        assert "Traceback" not in err
    assert everything() == ["app.py"]
    assert joined.connections == connections


@pytest.mark.slow
@pytest.mark.parametrize("name", NOT_PARSED)
def test_the_compilers_refusal_is_the_clients(name, capfd):
    content, words, place = NOT_PARSED[name]
    Path("app.py").write_bytes(content)
    expected = 1 if place else 7
    assert cli.main(["check", "app.py"]) == expected
    out, _ = capfd.readouterr()
    assert words in out
    assert not place or f"app.py:{place}" in out
    for style in ("text", "json"):
        words_ = ["compile", "app.py", "--local-native", "--format", style]
        assert cli.main(words_) == expected
        out, err = capfd.readouterr()
        assert words in out
        assert "Traceback" not in err
        if style == "json":
            assert len(json.loads(out)["diagnostics"]) == 1
    assert everything() == ["app.py"]


PATHS = {
    "missing": lambda: None,
    "a folder": lambda: os.mkdir("app.py"),
    "a pipe": lambda: os.mkfifo("app.py"),
    "a link": lambda: os.symlink("real.py", "app.py"),
    "a link to itself": lambda: os.symlink("app.py", "app.py"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", PATHS)
def test_a_path_that_is_no_file_is_refused(name, command, capfd):
    Path("real.py").write_text(RUN)
    PATHS[name]()
    before = everything()
    assert cli.main(COMMANDS[command]) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("error[PYV813]: app.py ")) == ("", 1)
    assert everything() == before


def test_bad_usage_is_a_finding_where_findings_are_asked_for(capfd):
    for words in (["frob"], ["compile"], ["cache", "frob"], ["check", "app.py", "--frob"]):
        assert cli.main(words) == 2
        out, err = capfd.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert cli.main([*words, "--format=json"]) == 2
        (found,) = json.loads(capfd.readouterr().out)["diagnostics"]
        assert found["code"] == "PYV870"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["verify", "nothing"], "PYV860"),
        (["verify", "gone.pyva"], "PYV870"),
        (["inspect", "nothing"], "PYV860"),
        (["run", "gone.py"], "PYV813"),
        (["run", "app.py\0"], "PYV813"),
        (["benchmark", "gone.py", "--runs", "1"], "PYV870"),
        (["benchmark", "--runs", "0", "app.py"], "PYV870"),
        (["report"], "PYV870"),
        (["report", "--", "python", "gone.py"], "PYV870"),
        (["explain", "PYV999"], "PYV870"),
        (["compile", "app.py", "--target", "cp27"], "PYV861"),
        (["compile", "app.py", "--function", "gone", "--include-source"], "PYV870"),
    ],
)
def test_a_request_that_makes_no_sense_is_one_message(activated, words, code, capfd):
    Path("app.py").write_text(RUN)
    at = 1 if words[0] in ("run", "benchmark", "report") else len(words)
    assert cli.main([*words[:at], "--format", "json", *words[at:]]) == 2
    out, err = capfd.readouterr()
    (found,) = json.loads(out)["diagnostics"]
    assert found["code"] == code
    assert "pyvorin_thin" not in err


# ---- the machine --------------------------------------------------------------------------------
def program(*words, before=None, **options):
    line = [sys.executable, "-m", "pyvorin_thin", *words]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run(line, text=True, preexec_fn=before, timeout=600, check=False, **options)


def small_files():
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # or modules' bytecode is left cut off as well
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))


@pytest.mark.slow
def test_a_full_disk_leaves_nothing(home):
    Path("app.py").write_text(RUN)
    done = program("compile", "app.py", "--local-native", before=small_files)
    assert done.returncode == 2
    assert "file too large" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    left = [path for path in home.rglob("*") if path.is_file() and path.stat().st_size]
    assert not [path for path in left if path.suffix in (".pyva", ".tmp", ".so")]


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["status"], 5, "error[PYV823]"),
        (["cache", "stats"], 2, "error[PYV855]"),
        (["telemetry", "off"], 2, "error[PYV855]"),
        (["off"], 2, "error[PYV855]"),
    ],
)
def test_a_home_that_cannot_be_is_one_message(words, status, message, tmp_path, monkeypatch, capfd):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv("PYVORIN_THIN_HOME", str(blocked / "home"))
    assert cli.main(words) == status
    out, err = capfd.readouterr()
    assert (out, err.count("error[")) == ("", 1)
    assert err.startswith(message)
    assert "not a directory" in err.lower()
    assert cli.main(["doctor"]) in (0, 1)  # says what is wrong, and does not fail itself


def test_without_a_home_a_terminal_or_utf8(tmp_path):
    Path("app.py").write_text(RUN)
    poor = {"PATH": os.environ["PATH"], "LANG": "C", "PYTHONIOENCODING": "ascii"}
    for words in (["status"], ["doctor"], ["check", "app.py"], ["explain", "PYV601"]):
        done = program(*words, env=poor, stdin=subprocess.DEVNULL)
        assert done.returncode in (0, 1), done.stderr
        assert "Traceback" not in done.stderr
        assert "\x1b" not in done.stdout + done.stderr


def test_standard_output_may_be_closed_full_or_unread():
    with open("/dev/full", "w") as full:
        done = program("explain", stdout=full)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "no space left on device" in done.stderr
    assert program("status", before=lambda: os.close(1), stdout=None).returncode == 0
    read, write = os.pipe()
    os.close(read)
    done = program("explain", stdout=write)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.slow
def test_modules_beside_the_program_are_never_the_clients_or_the_compilers(capfd):
    """A checked-out folder may hold anything; `check` and `compile` must not run it."""
    for name in ("json", "ast", "argparse", "types", "tokenize", "pstats", "profile"):
        Path(f"{name}.py").write_text("import os; os.write(2, b'hijacked'); os._exit(9)\n")
    Path("app.py").write_text(RUN)
    assert cli.main(["check", "app.py"]) == 0
    assert cli.main(["explain", "PYV601"]) == 0
    assert cli.main(["compile", "app.py", "--local-native"]) == 0
    assert "hijacked" not in "".join(capfd.readouterr())


def test_an_explanation_of_the_compilers_is_json_too(capfd):
    assert cli.main(["explain", "pyv101", "--format", "json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["code"] == "PYV101"
    assert document["page"].startswith("# PYV101 ")


def test_benchmark_of_a_program_that_fails_times_nothing(capfd):
    Path("app.py").write_text("raise SystemExit(3)\n")
    assert cli.main(["benchmark", "app.py"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert "ended with exit code 3 in plain Python" in err
