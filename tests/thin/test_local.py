"""The whole local path with the real compiler: compile, check, store, verify, load, attach, run."""

import json
import os
import subprocess
import sys

import pytest
from pyvorin_thin import cli, local, store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not local.is_installed(), reason="the compiler is not installed here"),
]

PROGRAM = '''
def total(n):
    """
    >>> total(10)
    285
    """
    s = 0
    for i in range(n):
        s += i * i
    return s

if __name__ == "__main__":
    import json
    answer = total(3_000_000)
    state = getattr(total, "__pyvorin__", None)
    native = state is not None and state.state == "native" and state.counts["entries"] > 0
    print(json.dumps([answer, native]))
'''


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "app.py"
    path.write_text(PROGRAM)
    return str(path)


def run(file, **environment):
    line = [sys.executable, "-m", "pyvorin_thin", "run", file]
    settings = {**os.environ, **environment}
    done = subprocess.run(line, capture_output=True, text=True, env=settings, check=False)
    return done, json.loads(done.stdout) if done.returncode == 0 else None


def test_from_source_to_native_code_and_back(file, capsys):
    assert cli.main(["compile", file, "--local-native"]) == 0
    assert "total compiled, checked and stored" in capsys.readouterr().out
    answer = sum(i * i for i in range(3_000_000))
    assert run(file)[1] == [answer, True]
    assert run(file, PYVORIN="off")[1] == [answer, False]
    assert run(file, PYVORIN="require")[1] == [answer, True]
    assert cli.main(["verify", file]) == 0
    assert "fits the source" in capsys.readouterr().out
    _a_script_that_imports_it_is_native(file)
    _changed_source_runs_in_python(file, answer)
    _tampering_is_refused(file, answer)


def _a_script_that_imports_it_is_native(file):
    """Requiring holds a script without an artifact to what it imports, as it does any module."""
    script = os.path.join(os.path.dirname(file), "script.py")
    with open(script, "w") as out:
        out.write("import app\nprint(app.total(5), app.total.__pyvorin__.counts['entries'])\n")
    line = [sys.executable, "-m", "pyvorin_thin", "run", script]
    required = {**os.environ, "PYVORIN": "require"}
    done = subprocess.run(line, capture_output=True, text=True, env=required, check=False)
    assert (done.returncode, done.stdout) == (0, "30 1\n"), done.stderr
    required["PYVORIN_REQUIRE"] = "script"
    done = subprocess.run(line, capture_output=True, text=True, env=required, check=False)
    assert (done.returncode, "PYV860" in done.stderr, done.stdout) == (5, True, "")


def _changed_source_runs_in_python(file, answer):
    with open(file, "w") as out:
        out.write(PROGRAM.replace("s += i * i", "s += i * i + 0"))
    assert run(file)[1] == [answer, False]
    done, _ = run(file, PYVORIN="require")
    assert (done.returncode, "PYV862" in done.stderr, done.stdout) == (5, True, "")
    line = [sys.executable, "-c", "import pyvorin_thin; pyvorin_thin.install(); import app"]
    required = {**os.environ, "PYVORIN": "require"}
    done = subprocess.run(line, capture_output=True, text=True, env=required, check=False)
    assert (done.returncode, "ImportError: PYV862: app: total" in done.stderr) == (1, True)
    assert cli.main(["verify", file]) == 1
    with open(file, "w") as out:
        out.write(PROGRAM)


def _tampering_is_refused(file, answer):
    path = store.container_path(store.entries("app")[0].container)
    with open(path, "r+b") as container:
        container.seek(-100, os.SEEK_END)
        container.write(b"evil")
    done, found = run(file)
    assert found == [answer, False]
    assert "PYV803" in done.stderr
    done, _ = run(file, PYVORIN="require")
    assert done.returncode == 5
    assert "PYV803" in done.stderr
