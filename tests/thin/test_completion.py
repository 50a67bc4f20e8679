"""The scripts are run by the shells they are for."""

import importlib
import pkgutil
import shutil
import subprocess

import pytest
from pyvorin_thin import cli
from pyvorin_thin.cli import completion

pytestmark = pytest.mark.slow  # some ten shells and interpreters a test

ASK = {
    "bash": 'source "$1"; shift; COMP_WORDS=(pyvorin-thin "$@"); COMP_CWORD=$#; _pyvorin_thin;'
    ' printf "%s\\n" "${COMPREPLY[@]}"',
    "zsh": "autoload -U +X compinit && compinit -u -D;"
    ' source "$1"; shift; emulate -L sh; setopt kshglob noshglob braceexpand nokshautoload;'
    ' COMP_WORDS=(pyvorin-thin "$@"); COMP_CWORD=$#; _pyvorin_thin;'
    ' printf "%s\\n" "${COMPREPLY[@]}"',
    "fish": 'source $argv[1]; complete -C "pyvorin-thin $argv[2..-1]"',
}
LINES = [
    (("com",), {"compile", "completion"}),
    (("compile", "--o"), {"--opt-level", "--on-unsupported", "--output"}),
    (("compile", "--opt-level", ""), {"0", "1", "2", "3"}),
    (("compile", "app.py", "--format", "s"), {"sarif"}),
    (("cache", "g"), {"gc"}),
    (("completion", ""), {"bash", "zsh", "fish"}),
]


@pytest.fixture
def ask(tmp_path, capsys):
    """Asks a shell what it offers for a line; zsh drops later what does not begin as the word."""

    def words(shell, line):
        if shutil.which(shell) is None:
            pytest.skip(f"{shell} is not installed")
        assert cli.main(["completion", shell]) == 0
        script = tmp_path / "script"
        script.write_text(capsys.readouterr().out)
        flags = ["-f", "-c"] if shell == "zsh" else ["-c"]
        command = [shell, *flags, ASK[shell], *(["_"] if shell != "fish" else []), script, *line]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
        assert done.stderr == ""
        offered = {text.split("\t")[0] for text in done.stdout.splitlines()} - {"", "script"}
        return {word for word in offered if shell != "zsh" or word.startswith(line[-1])}

    return words


@pytest.mark.parametrize("shell", ASK)
@pytest.mark.parametrize(
    ("line", "expected"),
    LINES,
    ids=lambda value: " ".join(sorted(value) if isinstance(value, set) else value),
)
def test_words_of_the_grammar_are_offered(ask, shell, line, expected):
    assert ask(shell, line) == expected


@pytest.mark.parametrize("shell", ASK)
def test_every_command_is_offered(ask, shell):
    assert ask(shell, ("",)) >= set(completion.commands())


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_file_is_left_to_the_shell(ask, shell):
    assert ask(shell, ("compile", "")) == set()


def test_every_command_has_a_module_and_every_module_is_a_command():
    found = {each.name for each in pkgutil.iter_modules(cli.__path__)}
    runnable = {n for n in found if hasattr(importlib.import_module(f"{cli.__name__}.{n}"), "run")}
    assert set(completion.commands()) == runnable
