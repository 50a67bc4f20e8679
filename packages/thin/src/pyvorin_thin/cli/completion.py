"""`pyvorin-thin completion SHELL`: a completion script, made from the command line's own grammar.

    source <(pyvorin-thin completion bash)              in ~/.bashrc
    source <(pyvorin-thin completion zsh)               in ~/.zshrc, after compinit
    pyvorin-thin completion fish | source               in ~/.config/fish/config.fish

Words are offered for commands, options, and arguments of a fixed choice; for all else, file names.
"""

import argparse
from collections.abc import Iterator

from pyvorin_wire.value import Value

from pyvorin_thin.cli import output
from pyvorin_thin.cli.arguments import parser


class Command(Value):
    """What can be written after a command's name: its options, each with the words that may follow
    (None: it takes no value), and the words of its first argument."""

    summary: str
    options: dict[str, tuple[str, ...] | None]
    words: tuple[str, ...]


def run(options: argparse.Namespace) -> int:
    text = {"bash": _bash, "zsh": _zsh, "fish": _fish}[options.shell](commands())
    output.data({"shell": options.shell, "script": text}, text, options.format)
    return 0


def commands() -> dict[str, Command]:
    """Every command of the grammar."""
    (choice,) = (each for each in parser()._actions if isinstance(each, argparse._SubParsersAction))
    summaries = {each.dest: each.help or "" for each in choice._choices_actions}
    return {name: _command(one, summaries[name]) for name, one in choice.choices.items()}


def _command(grammar: argparse.ArgumentParser, summary: str) -> Command:
    options: dict[str, tuple[str, ...] | None] = {}
    words: tuple[str, ...] = ()
    for action in grammar._actions:
        choices = tuple(map(str, action.choices or ()))
        for name in action.option_strings:
            options[name] = None if action.nargs == 0 else choices
        if not action.option_strings and not words:
            words = choices
    return Command(summary, options, words)


_BASH = """\
_pyvorin_thin() {
    local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[$((COMP_CWORD-1))]}"
    local command="" options="" words="" word
    for word in "${COMP_WORDS[@]:1:$((COMP_CWORD-1))}"; do
        case "$word" in -*) ;; *) command="$word"; break ;; esac
    done
    case "$command $previous" in
%s
    esac
    case "$current" in -*) words="$options" ;; esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _pyvorin_thin pyvorin-thin
"""


def _bash(known: dict[str, Command]) -> str:
    """A case for each option that takes a value, one for each command, one before any command.
    Where no words are offered, bash offers file names."""
    cases = []
    for name, command in known.items():
        for option, choices in command.options.items():
            if choices is not None:
                cases.append(_case(f"'{name} {option}'", (), choices))
        cases.append(_case(f"'{name} '*", tuple(command.options), command.words))
    cases.append(_case("' '*", ("--help", "--version"), tuple(known)))
    return _BASH % "\n".join(cases)


def _case(pattern: str, options: tuple[str, ...], words: tuple[str, ...]) -> str:
    return f'        {pattern}) options="{" ".join(options)}" words="{" ".join(words)}" ;;'


def _zsh(known: dict[str, Command]) -> str:
    """zsh reads bash's."""
    return "autoload -U +X bashcompinit && bashcompinit\n" + _bash(known)


def _fish(known: dict[str, Command]) -> str:
    return "\n".join(_fish_lines(known)) + "\n"


def _fish_lines(known: dict[str, Command]) -> Iterator[str]:
    line = "complete -c pyvorin-thin"
    for name, command in known.items():
        summary = command.summary.replace("'", "\\'")
        yield f"{line} -f -n __fish_use_subcommand -a {name} -d '{summary}'"
        here = f"{line} -n '__fish_seen_subcommand_from {name}'"
        if command.words:
            yield f"{here} -f -a '{' '.join(command.words)}'"
        for option, choices in command.options.items():
            spelled = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
            values = (
                "" if choices is None else f" -x -a '{' '.join(choices)}'" if choices else " -r"
            )
            yield f"{here} {spelled}{values}"
