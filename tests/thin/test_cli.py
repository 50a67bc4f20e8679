"""The program as people and machines use it: exit codes, streams, formats."""

import importlib
import json
import os
import pkgutil
import subprocess
import sys

import pytest
import pyvorin_thin.cli
from pyvorin_thin import activation, cli, codes, config, endings, keys, local, store
from pyvorin_thin.cli import arguments

from tests.thin import artifacts

APP = """\
def f(n):
    total = 0
    for i in range(n):
        total += i * i
    return total

print(f(100_000))
"""


def program(*words, **settings):
    """The program in a process of its own."""
    line = [sys.executable, "-m", "pyvorin_thin", *words]
    return subprocess.run(line, capture_output=True, text=True, check=False, **settings)


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "app.py"
    path.write_text(APP)
    return str(path)


def test_every_command_has_its_file(capsys):
    files = {name for _, name, _ in pkgutil.iter_modules(pyvorin_thin.cli.__path__)}
    text = program("--help").stdout
    commands = files - {"arguments", "findings", "output", "table"}
    assert all(command in text for command in commands)
    for command in commands:
        assert callable(importlib.import_module(f"pyvorin_thin.cli.{command}").run)
        assert cli.main([command, "--help"]) == 0


def test_help_fits_a_screen_and_shows_examples():
    text = program("--help").stdout
    assert text.count("\n") <= 50
    assert "examples:" in text


@pytest.mark.parametrize("words", [[], ["nonsense"], ["compile"], ["status", "--format", "xml"]])
def test_bad_usage_is_2_and_one_sentence(words):
    done = program(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1


def test_status_contacts_nobody(joined, capsys):
    connections = joined.connections
    assert cli.main(["status"]) == 0
    assert "Example at https://127.0.0.1" in capsys.readouterr().out
    assert cli.main(["status", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert document["source upload"] == "off"
    assert joined.connections == connections


def test_status_before_anything(home, capsys):
    assert cli.main(["status"]) == 0
    assert "activation" in capsys.readouterr().out


@pytest.mark.parametrize("code", [*codes.CODES, *endings.ENDINGS])
def test_every_code_is_explained_offline(code, capsys):
    assert cli.main(["explain", code.lower()]) == 0
    text = capsys.readouterr().out
    assert code in text
    assert all(f"{part}: " in text for part in ("Why", "Example", "What to do"))


def test_every_code_that_is_raised_is_declared():
    import re
    from pathlib import Path

    package = Path(pyvorin_thin.cli.__file__).parent.parent
    files = [path for path in package.rglob("*.py") if path.name not in ("codes.py", "endings.py")]
    used = {code for path in files for code in re.findall(r"PYV8\d\d", path.read_text())}
    assert used == set(codes.CODES)


def test_explain_lists_all(capsys):
    assert cli.main(["explain", "--format", "json"]) == 0
    known = {*codes.CODES, *endings.ENDINGS}
    assert set(json.loads(capsys.readouterr().out)["codes"]) == known


@pytest.mark.parametrize("style", ["json", "sarif", "github", "text"])
def test_check_finds_secrets_in_every_format(file, style, capsys, monkeypatch):
    monkeypatch.setattr(local, "is_installed", lambda: False)
    with open(file, "a") as out:
        out.write('KEY = "AKIA' + 'QX5ZB7K2MPLN4RTD"\n')
    assert cli.main(["check", file, "--format", style]) == 1
    captured = capsys.readouterr()
    assert "PYV811" in captured.out
    assert "QX5ZB7K2MPLN4RTD" not in captured.out.replace('"AKIAQX5ZB7K2MPLN4RTD"', "")
    assert "not installed" in captured.err
    if style in ("json", "sarif"):
        json.loads(captured.out)
    assert cli.main(["check", file, "--exit-zero"]) == 0


def test_refusals_reach_machines_too(file, capsys):
    assert cli.main(["compile", file, "--format", "sarif"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["runs"][0]["results"][0]["ruleId"] == "PYV822"


@pytest.mark.slow
def test_colour_only_where_wanted(file):
    plain = program("compile", file)
    assert "\x1b" not in plain.stderr
    forced = program("compile", file, env={**os.environ, "FORCE_COLOR": "1"})
    assert "\x1b" in forced.stderr
    never = program("compile", file, env={**os.environ, "FORCE_COLOR": "1", "NO_COLOR": "1"})
    assert "\x1b" not in never.stderr


def test_run_is_the_program_itself(file):
    direct = subprocess.run([sys.executable, file], capture_output=True, check=True)
    done = program("run", file)
    assert (done.returncode, done.stdout.encode()) == (0, direct.stdout)


def test_run_passes_arguments_and_exit_code(tmp_path):
    path = tmp_path / "exits.py"
    path.write_text("import sys\nprint(sys.argv[1:], __name__)\nsys.exit(7)\n")
    done = program("run", str(path), "--flag", "-x", "y")
    assert done.returncode == 7
    assert done.stdout == "['--flag', '-x', 'y'] __main__\n"


def test_run_shows_the_programs_own_traceback(tmp_path):
    path = tmp_path / "fails.py"
    path.write_text("def f():\n    raise KeyError('k')\nf()\n")
    done = program("run", str(path))
    direct = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == direct.returncode == 1
    assert done.stderr == direct.stderr


def test_run_refuses_an_unknown_mode_and_requires(file):
    done = program("run", file, env={**os.environ, "PYVORIN": "sometimes"})
    assert (done.returncode, "PYV870" in done.stderr) == (2, True)
    done = program("run", file, env={**os.environ, "PYVORIN": "require"})
    assert (done.returncode, "PYV860" in done.stderr) == (5, True)


@pytest.mark.parametrize("end", ["", "import sys; sys.exit(0)", "raise SystemExit"])
def test_requiring_a_program_that_never_was_native_fails(file, end):
    with open(file, "a") as out:
        out.write(f"\n{end}\n")
    done = program("run", file, env={**os.environ, "PYVORIN": "require"})
    assert (done.returncode, "PYV860" in done.stderr) == (5, True)


def test_requiring_keeps_the_programs_own_exit_code(file):
    with open(file, "a") as out:
        out.write("\nraise SystemExit(3)\n")
    done = program("run", file, env={**os.environ, "PYVORIN": "require"})
    assert (done.returncode, done.stderr) == (3, "")


def test_run_module(tmp_path, monkeypatch):
    (tmp_path / "modul.py").write_text("print('here', __name__)\n")
    done = program("run", "-m", "modul", cwd=tmp_path)
    assert done.stdout == "here __main__\n"


@pytest.mark.slow
def test_benchmark_compares_answers(tmp_path, file, capsys):
    assert cli.main(["benchmark", "--runs", "1", "--format", "json", file]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 1
    path = tmp_path / "random_output.py"
    path.write_text("import os\nprint(os.getpid())\n")
    assert cli.main(["benchmark", "--runs", "1", str(path)]) == 3


@pytest.mark.parametrize("command", [["app.py"], ["python", "app.py"], ["-m", "app"], ["app"]])
def test_report_without_account_service_or_compiler(file, capsys, monkeypatch, command):
    monkeypatch.setattr(local, "is_installed", lambda: False)
    assert cli.main(["report", "--", *command]) == 0
    text = capsys.readouterr().out
    assert "app.py:1 f" in text
    assert "pip install pyvorin" in text


def test_report_with_a_compiler(file, capsys, monkeypatch):
    report = {
        "functions": [
            {
                "name": "f",
                "line": 1,
                "verdict": "native",
                "code": "",
                "gain": {"ratio": "8.0"},
                "checks": {"agreed": 12},
            }
        ]
    }
    monkeypatch.setattr(local, "is_installed", lambda: True)
    monkeypatch.setattr(local, "run", lambda *words: local.Outcome(0, (), {"report": report}))
    assert cli.main(["report", "--format", "json", "--", file]) == 0
    document = json.loads(capsys.readouterr().out)
    (entry,) = [item for item in document["functions"] if item["name"] == "f"]
    assert (entry["gain"], entry["inputs"], entry["verdict"]) == ("8.00", 12, "adopt (exact)")
    assert float(document["estimated_gain"]) > 1
    assert cli.main(["report", "--fail-under", "99", "--", file]) == 1


def test_local_native_without_the_compiler_says_how_to_get_it(file, capsys, monkeypatch):
    monkeypatch.setattr(local, "is_installed", lambda: False)
    assert cli.main(["compile", file, "--local-native"]) == 2
    assert "PYV880" in capsys.readouterr().err


def test_local_native_passes_everything_on(file, capsys, monkeypatch):
    seen = []

    def run(command, words, **settings):
        seen.append((command, list(words)))
        return local.Outcome(3, (), {"written": []})

    monkeypatch.setattr(local, "is_installed", lambda: True)
    monkeypatch.setattr(local, "run", run)
    words = ["compile", file, "--local-native", "--function", "f", "-o", "out", "--opt-level", "3"]
    assert cli.main(words) == 3
    ((command, passed),) = seen
    assert command == "compile"
    assert passed[passed.index("--function") + 1] == "f"
    assert passed[passed.index("-o") + 1] == "out"
    assert passed[passed.index("--opt-level") + 1] == "3"


def test_cache_commands(activated, capsys):
    about = artifacts.manifest()
    store.add(artifacts.container(about), about)
    assert cli.main(["cache", "ls"]) == 0
    assert "art-1" in capsys.readouterr().out
    assert cli.main(["cache", "verify"]) == 0
    assert cli.main(["cache", "why", "sample"]) == 0
    assert "good" in capsys.readouterr().out
    path = store.container_path(store.entries("sample")[0].container)
    with open(path, "r+b") as damaged:
        damaged.seek(-1, os.SEEK_END)
        damaged.write(b"!")
    assert cli.main(["cache", "verify"]) == 5
    assert "PYV803" in capsys.readouterr().out
    assert cli.main(["cache", "rm", "sample"]) == 0
    assert store.modules() == []
    assert cli.main(["cache", "gc"]) == 0
    assert cli.main(["cache", "rm"]) == 2


def test_verify_and_inspect_show_the_signer(activated, capsys):
    about = artifacts.manifest()
    store.add(artifacts.container(about), about)
    assert cli.main(["verify", "sample"]) == 0
    assert "artifact-1" in capsys.readouterr().out
    assert cli.main(["inspect", "sample", "--format", "json"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)["artifacts"]
    assert shown["statement"]["predicateType"] == "https://slsa.dev/provenance/v1"
    path = store.container_path(store.entries("sample")[0].container)
    assert cli.main(["inspect", path]) == 0
    assert cli.main(["verify", "absent"]) == 2


def test_verify_refuses_a_bad_signature_with_5(activated, capsys):
    about = artifacts.manifest()
    other = artifacts.container(about, signer=artifacts.KEYS[artifacts.Role.AUDIT])
    store.add(other, about)
    assert cli.main(["verify", "sample"]) == 5
    assert "PYV809" in capsys.readouterr().err


def test_sync_and_doctor(joined, capsys):
    joined.recall_version = 9
    assert cli.main(["sync", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["recall_version"] == 9
    assert cli.main(["doctor"]) == 0
    assert "pinned key" in capsys.readouterr().out
    assert cli.main(["job", "list"]) == 0


def test_doctor_names_what_fails(joined, capsys):
    joined.behaviour = {"raw": lambda request: (500, b"")}
    assert cli.main(["doctor"]) == 1
    assert "FAIL" in capsys.readouterr().out


def test_rotated_keys_keep_the_older_artifact_key(joined, monkeypatch):
    device = keys.load_device()
    older = activation.keys.DeliveredKey("mac-0", "7" * 64)
    keys.save_device(device.replace(artifact_keys=(older,)))
    assert cli.main(["sync"]) == 0
    assert [key.key_id for key in keys.load_device().artifact_keys] == ["mac-1", "mac-0"]


@pytest.mark.slow
def test_a_service_that_is_away_is_4(joined, file, capsys):
    joined.close()
    assert cli.main(["compile", file]) == 4
    assert "PYV830" in capsys.readouterr().err


def test_off_and_back(home, capsys):
    assert cli.main(["off"]) == 0
    assert cli.main(["status"]) == 0
    assert "switched off" in capsys.readouterr().out
    assert cli.main(["off", "--undo"]) == 0


def test_an_internal_error_is_70_and_shows_no_data(monkeypatch, capsys):
    def broken(*arguments, **settings):
        raise ValueError("user data in a message")

    monkeypatch.setattr(config, "load", broken)
    assert cli.main(["status"]) == 70
    assert "user data" not in capsys.readouterr().err


def test_interruption_is_130(monkeypatch, capsys):
    def interrupted(*arguments, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(config, "load", interrupted)
    assert cli.main(["status"]) == 130


CONFIGURATIONS = {
    "unknown": ("[tool.pyvorin]\nmin-speadup = 1.5\n", "did you mean `min-speedup`"),
    "type": ('[tool.pyvorin]\nmin-speedup = "fast"\n', "must be float"),
    "choice": ('[tool.pyvorin]\non-unsupported = "maybe"\n', "error, keep-python"),
    "syntax": ("[tool.pyvorin\n", "cannot be read"),
}


@pytest.mark.parametrize(("text", "words"), CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_a_bad_configuration_is_2(tmp_path, monkeypatch, capsys, text, words):
    (tmp_path / "pyproject.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["status"]) == 2
    assert words in capsys.readouterr().err


def test_precedence(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text("[tool.pyvorin]\nmin-speedup = 3\nopt-level = 1\n")
    monkeypatch.chdir(tmp_path)
    os.makedirs(os.path.dirname(config.user_path()))
    with open(config.user_path(), "w") as out:
        out.write("min-speedup = 2.0\nrequire-fresh = 4\n")
    found = config.load({"opt-level": 3, "on-unsupported": None})
    assert (found["min-speedup"], found["require-fresh"], found["opt-level"]) == (3.0, 4, 3)
    assert found.origins["opt-level"] == "command line"
    assert found.origins["on-unsupported"] == "default"
    monkeypatch.setenv("PYVORIN_MIN_SPEEDUP", "5")
    assert config.load()["min-speedup"] == 5.0


def test_nothing_but_the_flag_and_the_variable_opt_in_to_source():
    assert not any("source" in name for name in config.DEFAULTS)


def test_a_page_is_explained_without_what_takes_long_to_import():
    program = (
        "import sys; before = set(sys.modules)\n"
        "from pyvorin_thin import cli; assert cli.main(['explain', 'PYV801']) == 0\n"
        "print(*set(sys.modules) - before, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    slow = {"dataclasses", "inspect", "json", "ssl", "subprocess", "tempfile", "ast"}
    assert "argparse" in done.stderr.split()
    assert not slow & set(done.stderr.split())


def test_only_the_grammar_of_commands_that_are_named_is_made():
    whole, one = arguments.parser(), arguments.parser(["explain"])
    assert len(whole.format_help()) == len(one.format_help())
    assert arguments.parse(["explain", "PYV801"]).code == "PYV801"
    assert arguments.parse(["check", "explain"]).paths == ["explain"]
    with pytest.raises(arguments.BadUsage, match="invalid choice"):
        arguments.parse(["explian"])
