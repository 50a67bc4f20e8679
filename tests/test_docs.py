"""Documents tell the truth: every path, command, symbol and variable they mention exists.

Looked at: Markdown files of the repository, their links, the `code spans` and the lines of fenced
blocks that look like commands. A name in italics or plain words is prose and not checked.
"""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(
    path
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md"))
    if ".venv" not in path.parts
)
TOP_FOLDERS = ("packages/", "docs/", "tests/", "tools/", "bench/", "examples/", ".ci/")
MADE_BY_RUNNING = ("bench/build", "bench/results")
PROGRAMS = ("pyvorin", "pyvorin-thin", "pyvorin-server")
SOURCES = [*ROOT.glob("packages/*/src/**/*.py"), ROOT / "Makefile"]

FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
SYMBOL = re.compile(r"pyvorin(?:_\w+)?(?:\.\w+)+(?:\(\))?")
VARIABLE = re.compile(r"PYVORIN_[A-Z_]+")
CODE = re.compile(r"PYV[1-9]\d\d")


def spans(path: Path) -> list[str]:
    return SPAN.findall(FENCE.sub("", path.read_text()))


def command_lines(path: Path) -> list[str]:
    """Code spans and lines of fenced blocks, without a leading `$`, that start with a command."""
    lines = spans(path)
    for block in FENCE.findall(path.read_text()):
        lines += [line.strip().removeprefix("$ ") for line in block.splitlines()[1:-1]]
    return [line for line in lines if line.split(" ")[0] in ("make", *PROGRAMS)]


@cache
def help_text(*command: str) -> str | None:
    """Return the help of a command, or None when there is no such command."""
    program = Path(sys.executable).with_name(command[0])
    answer = subprocess.run(
        [program, *command[1:], "--help"], capture_output=True, text=True, timeout=60
    )
    return answer.stdout if answer.returncode == 0 else None


@cache
def source_text() -> str:
    return "\n".join(path.read_text() for path in SOURCES)


def each_document(test):  # type: ignore[no-untyped-def]
    ids = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
    return pytest.mark.parametrize("document", DOCUMENTS, ids=ids)(test)


@each_document
def test_paths_exist(document: Path) -> None:
    missing = []
    for span in spans(document):
        name = span.split("::")[0]
        if not name.startswith(TOP_FOLDERS) or " " in name or "<" in name or "NNNN" in name:
            continue
        if not name.startswith(MADE_BY_RUNNING) and not list(ROOT.glob(name.rstrip("/"))):
            missing.append(span)
    assert not missing


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    targets = [t for t in LINK.findall(document.read_text()) if "://" not in t]
    assert [t for t in targets if not (document.parent / t).exists()] == []


@each_document
def test_make_targets_exist(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wanted = [line.split()[1] for line in command_lines(document) if re.match(r"make \S", line)]
    assert [target for target in wanted if target not in targets] == []


@each_document
def test_commands_and_flags_exist(document: Path) -> None:
    unknown = []
    for line in command_lines(document):
        words = shlex.split(line.replace("…", "").split("#")[0])
        if words[0] not in PROGRAMS:
            continue
        path = [words[0], *(w for w in words[1:2] if re.fullmatch(r"[a-z][a-z-]*", w))]
        text = help_text(*path)
        flags = [w.split("=")[0] for w in words[1:] if w.startswith("--")]
        if text is None:
            unknown.append(line)
        else:
            unknown += [f"{' '.join(path)} {flag}" for flag in flags if flag not in text]
    assert not unknown


@each_document
def test_symbols_exist(document: Path) -> None:
    unknown = [s for s in spans(document) if SYMBOL.fullmatch(s) and not _resolves(s)]
    assert not unknown


def _resolves(symbol: str) -> bool:
    parts = symbol.removesuffix("()").split(".")
    for split in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:split]))
        except ModuleNotFoundError:
            continue
        for part in parts[split:]:
            if not hasattr(found, part):
                return False
            found = getattr(found, part)
        return True
    return False


@each_document
def test_variables_and_codes_exist(document: Path) -> None:
    text = document.read_text()
    names = {*VARIABLE.findall(text), *CODE.findall(text)}
    assert sorted(name for name in names if name not in source_text()) == []


@each_document
def test_named_tests_exist(document: Path) -> None:
    """`tests/…/test_x.py::test_y` names a test function of that file."""
    missing = []
    for span in spans(document):
        if "::" in span and span.startswith("tests/"):
            path, name = span.split("::", 1)
            if not (ROOT / path).exists() or f"def {name}(" not in (ROOT / path).read_text():
                missing.append(span)
    assert not missing


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs/adr/index.md").read_text()
    decisions = sorted(path.name for path in (ROOT / "docs/adr").glob("[0-9]*.md"))
    assert decisions == sorted(re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", index))


def test_no_document_names_a_machine_path() -> None:
    pattern = re.compile(r"(?<![\w.])/(?:home|root|work|tmp|opt)/")
    assert [d.name for d in DOCUMENTS if pattern.search(d.read_text())] == []
