from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from pyvorin import build as building
from pyvorin import driver
from pyvorin.check.gain import Gain, slow
from pyvorin.cli import compile as compiling
from pyvorin.cli import files, main
from pyvorin.errors import RefusedError
from pyvorin.options import CompileOptions
from pyvorin_wire import canonical

from tests.compiler.check.stand_in import Compiler, stand_in

APP = textwrap.dedent(
    '''
    def total(xs):
        """
        >>> total([1, 2, 3])
        6
        """
        s = 0
        for x in xs:
            s += x
        return s


    def double(x):
        return x * 2


    if __name__ == "__main__":
        double(21)
    '''
)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(APP)
    return tmp_path / "app.py"


def compile_with(
    compiler: Compiler, monkeypatch: pytest.MonkeyPatch, *arguments: str, gain: float | None = None
) -> int:
    monkeypatch.setattr(compiling, "compile_module", compiler)
    if gain is not None:
        monkeypatch.setattr(building, "slow", lambda gains, source, least: ([], {}))
    return main(["compile", "app.py", *arguments])


def test_a_build_writes_the_artifact_and_its_report(
    app: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compile_with(stand_in(), monkeypatch, "-o", "out", gain=9) == 0
    written = sorted(item.name for item in Path("out").iterdir())
    assert len(written) == 2
    assert written[0].startswith("app.cpython-3")
    report = canonical.loads(Path("out/app.pyv.json").read_bytes().rstrip(b"\n"))
    assert [row["name"] for row in report["functions"]] == ["total", "double"]
    assert report["functions"][0]["checks"]["origins"]["doctest"] == 1
    captured = capsys.readouterr()
    assert "2 of 2 functions native; exact on" in captured.out
    assert "wrote out/" in captured.err


def test_a_wrong_answer_refuses_the_build_with_a_shrunk_diff(
    app: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compile_with(stand_in(("return s", "return -s")), monkeypatch, "-o", "out") == 3
    assert not Path("out").exists()
    out = capsys.readouterr().out
    assert "error[PYV601]: compiled `total` disagrees with CPython; build refused" in out
    assert "input (shrunk): total([" in out
    assert "app.py:2:1" in out


def test_a_rejected_function_stops_the_build_or_stays_python(
    app: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    compiler = stand_in(rejected=("double",))
    assert compile_with(compiler, monkeypatch, "-o", "out", gain=9) == 1
    assert not Path("out").exists()
    assert "`double` not compiled; build stopped" in capsys.readouterr().out
    keep = ("--on-unsupported", "keep-python")
    assert compile_with(compiler, monkeypatch, "-o", "out", *keep, gain=9) == 0
    out = capsys.readouterr().out
    assert "1 of 2 functions native, 1 kept in Python" in out
    report = json.loads(Path("out/app.pyv.json").read_bytes())
    assert [row["verdict"] for row in report["functions"]] == ["native", "python"]
    assert report["functions"][1]["code"] == "PYV100"


def test_a_function_that_does_not_gain_is_compiled_without(
    app: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[CompileOptions] = []
    compiler = stand_in(calls=given)
    assert compile_with(compiler, monkeypatch, "-o", "out", "--min-speedup", "50") == 1
    out = capsys.readouterr().out
    assert "perf[PYV510]: compiling `double` will not help" in out
    assert "0 of 2 functions native, 2 kept in Python" in out
    assert not Path("out").exists()


def test_project_settings_and_skip_comments_are_heeded(
    app: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app.write_text(APP.replace("def double(x):", "def double(x):  # pyvorin: skip"))
    Path("pyproject.toml").write_text('[tool.pyvorin]\non-unsupported = "keep-python"\n')
    given: list[CompileOptions] = []
    compiler = stand_in(calls=given)
    assert compile_with(compiler, monkeypatch, "-o", "out", gain=9) == 0
    assert given[0].on_unsupported == "keep-python"
    assert given[0].exclude == {"double"}
    assert "marked `# pyvorin: skip`" in capsys.readouterr().out


@pytest.mark.parametrize(
    "settings", ["min-speed = 2", 'min-speedup = "x"', 'on-unsupported = "maybe"', "= 3"]
)
def test_bad_project_settings_are_named(
    app: Path, settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("pyproject.toml").write_text(f"[tool.pyvorin]\n{settings}\n")
    assert main(["compile", "app.py"]) == 2
    assert "pyproject.toml" in capsys.readouterr().err


@pytest.mark.parametrize("style", ["json", "sarif", "github"])
def test_machine_formats_hold_the_same_finding(
    app: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], style: str
) -> None:
    compiler = stand_in(rejected=("double",))
    assert compile_with(compiler, monkeypatch, "--format", style) == 1
    out = capsys.readouterr().out
    assert "PYV100" in out
    if style != "github":
        json.loads(out)
    else:
        assert out.startswith("::error file=app.py,line=13,")


def test_the_module_s_own_output_and_failure_stay_out_of_the_data(
    app: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    app.write_text(APP + "\nprint('hello')\nraise LookupError('gone')\n")
    assert main(["compile", "app.py", "--format", "json"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert found["code"] == "PYV702"
    assert found["message"] == "importing `app.py` raised LookupError: gone"
    assert found["span"]["line"] == len(app.read_text().splitlines())


BAD = {
    "missing": (None, 2, "no such file"),
    "nul": (b"x = 1\0", 2, "NUL bytes"),
    "not utf-8": (b"x = 1\n\n\nx = '\xff'\n", 2, "not valid utf-8: byte 0xff in line 4"),
    "not utf-8 at once": (b"x = '\xff'\n", 2, "not valid utf-8"),
    "odd encoding": (b"# coding: utf-7\n", 2, "utf-7"),
    "unknown encoding": (b"# coding: nope\n", 2, "unknown encoding"),
    "syntax": (b"def f(:\n", 1, "app.py:1:7: invalid syntax"),
    "compiler syntax": (b"return 1\n", 1, "'return' outside function"),
    "huge": (b"#" * (3 << 20), 7, "over the limit of 2 MiB"),
    "long line": (b"x = '" + b"a" * 200_000 + b"'\n", 7, "line over"),
    "brackets": (b"x = " + b"(" * 150 + b")" * 150, 7, "nests brackets"),
    "depth": (b"x = y" + b".a" * 3000 + b"\n", 7, "deep"),
    "power": (b"x = 10**10**10\n", 7, "huge value"),
    "repeat": (b"x = 'a' * 10**10\n", 7, "huge value"),
    "shift": (b"x = 1 << 10**9\n", 7, "huge value"),
    "list": (b"x = [0] * 10**12\n", 7, "huge value"),
    "function": (b"def f(x):\n" + b"    x = x * 3 + 1\n" * 5000, 7, "split it"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_refusal(
    app: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data, code, words = BAD[name]
    app.unlink()
    if data is not None:
        app.write_bytes(data)
    assert main(["compile", "app.py", "-o", "out"]) == code
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.err.startswith("pyvorin: ")
    assert captured.out == ""
    assert not Path("out").exists()


def test_a_directory_and_a_device_are_no_source(app: Path) -> None:
    assert main(["compile", "."]) == 2
    assert main(["compile", "/dev/zero"]) == 2
    os.mkfifo("pipe")
    assert main(["compile", "pipe"]) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["frobnicate"],
        ["compile"],
        ["compile", "app.py", "--function", "nowhere"],
        ["compile", "app.py", "--min-speedup", "nan"],
        ["compile", "app.py", "--target", "cp27"],
        ["compile", "app.py", "--examples", "missing.py"],
        ["explain", "PYV999"],
    ],
)
def test_bad_usage_is_exit_2(
    app: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith("pyvorin")


def test_a_forbidden_folder_leaves_nothing(app: Path) -> None:
    Path("file").write_text("in the way")
    with pytest.raises(RefusedError, match="cannot write to `file`"):
        files.write_all("file", {"a": b"1"})


def test_a_full_disk_leaves_what_was_there(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write_all("out", {"a": b"old", "b": b"old"})
    synced: list[int] = []

    def fsync(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(RefusedError, match="no space left on device"):
        files.write_all("out", {"a": b"new", "b": b"new"})
    assert {item.name: item.read_bytes() for item in Path("out").iterdir()} == {
        "a": b"old",
        "b": b"old",
    }


def test_explain_prints_a_page_and_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "pyv601"]) == 0
    assert capsys.readouterr().out.startswith("# PYV601 ")
    assert main(["explain"]) == 0
    assert "PYV510" in capsys.readouterr().out


def test_quick_commands_do_not_load_the_compiler() -> None:
    script = "import sys; from pyvorin.cli import main; main(['explain', 'PYV601'])\n"
    script += "assert not {'llvmlite', 'subprocess', 'pyvorin.driver'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("attribute", "value", "words"),
    [
        ("version_info", (3, 10, 2, "final", 0), "3.11, 3.12 and 3.13 are supported"),
        ("platform", "darwin", "Linux on x86-64 is supported"),
    ],
)
def test_elsewhere_it_says_so_in_one_sentence(
    app: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    attribute: str,
    value: object,
    words: str,
) -> None:
    monkeypatch.setattr(f"pyvorin.cli.request.sys.{attribute}", value)
    assert main(["compile", "app.py"]) == 2
    assert words in capsys.readouterr().err


def test_an_internal_fault_is_exit_70(
    app: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(source: str, path: str, options: CompileOptions) -> object:
        raise AssertionError("a pass is wrong")

    monkeypatch.setattr(driver, "compile_module", broken)
    assert main(["compile", "app.py"]) == 70
    assert "internal error: AssertionError: a pass is wrong" in capsys.readouterr().err


def test_interrupting_is_exit_130(app: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(source: str, path: str, options: CompileOptions) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(driver, "compile_module", interrupted)
    assert main(["compile", "app.py"]) == 130


def test_a_slow_helper_of_a_fast_function_stays(app: Path) -> None:
    source = "def f(n):\n    return g(n)\ndef g(n):\n    return n\n"

    def gain(name: str, ratio: float) -> Gain:
        return Gain(name, f"{name}(1)", 100, 100, ratio, 1, 1, True, True)

    left, serving = slow({"f": gain("f", 5.0), "g": gain("g", 0.9)}, source, 1.2)
    assert left == []
    assert serving == {"g": "f"}
    left, serving = slow({"f": gain("f", 1.0), "g": gain("g", 0.9)}, source, 1.2)
    assert left == ["f", "g"]
