"""Find code that the service refuses: processes, sockets, foreign functions, unpickling, dynamic
code.

A data table of modules, names and attributes, looked up on the syntax tree: a string or comment
that mentions `socket` is no finding, an alias is. This is a courtesy, not a boundary: what gets
past it meets the sandbox.
"""

import ast
from collections.abc import Iterator
from typing import Final

from pyvorin_wire.diagnostic import Diagnostic, Severity, Span

MODULES: Final[dict[str, str]] = {
    **dict.fromkeys(
        ("subprocess", "multiprocessing", "pty", "signal"), "starts or controls processes"
    ),
    **dict.fromkeys(
        ("socket", "socketserver", "ssl", "http", "urllib", "ftplib", "smtplib"), "uses the network"
    ),
    **dict.fromkeys(
        ("requests", "httpx", "aiohttp", "urllib3", "paramiko", "telnetlib"), "uses the network"
    ),
    **dict.fromkeys(("ctypes", "cffi", "_ctypes", "mmap"), "calls foreign code or raw memory"),
    **dict.fromkeys(
        ("pickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"),
        "can execute what it reads",
    ),
    **dict.fromkeys(
        ("importlib", "imp", "pkgutil", "runpy", "zipimport"), "imports by name at run time"
    ),
    **dict.fromkeys(("code", "codeop", "pdb", "bdb", "sitecustomize"), "runs code interactively"),
    **dict.fromkeys(("resource", "fcntl", "pwd", "grp", "crypt"), "asks about the host"),
}
"""Top-level module → what it does."""

CALLS: Final[dict[str, str]] = {
    "eval": "builds code at run time",
    "exec": "builds code at run time",
    "compile": "builds code at run time",
    "__import__": "imports by name at run time",
    "breakpoint": "runs code interactively",
    "open": "reads or writes files",
    "input": "reads from a person",
}
"""Builtin function → what it does."""

ATTRIBUTES: Final[dict[str, str]] = {
    **dict.fromkeys(
        ("__subclasses__", "__globals__", "__builtins__", "__mro__", "__bases__"),
        "walks to hidden objects",
    ),
    **dict.fromkeys(
        ("__code__", "__closure__", "f_globals", "f_builtins", "gi_frame", "cr_frame"),
        "walks to hidden objects",
    ),
    **dict.fromkeys(("__reduce__", "__reduce_ex__"), "can execute what it reads"),
}
"""Attribute → what it does."""

OS_CALLS: Final = frozenset(
    [
        "system",
        "popen",
        "fork",
        "forkpty",
        "kill",
        "killpg",
        "execv",
        "execve",
        "execvp",
        "execl",
        "execlp",
        "spawnl",
        "spawnv",
        "startfile",
        "remove",
        "unlink",
        "rmdir",
        "removedirs",
        "rename",
        "chmod",
        "chown",
        "setuid",
        "setgid",
        "chroot",
        "putenv",
        "symlink",
        "link",
        "mkfifo",
        "mknod",
        "truncate",
    ]
)


def scan(file: str, source: str) -> Iterator[Diagnostic]:
    """Findings in source that parses; none for source that does not (other checks say so)."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    aliases = _aliases(tree)
    for node in ast.walk(tree):
        for reason in _reasons(node, aliases):
            yield _finding(file, node, *reason)


def _aliases(tree: ast.Module) -> dict[str, str]:
    """Local name → what it stands for: `import os as o` gives o → os."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(
                {alias.asname or alias.name.partition(".")[0]: alias.name for alias in node.names}
            )
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update(
                {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            )
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, node.value.id)
    return found


def _reasons(node: ast.AST, aliases: dict[str, str]) -> Iterator[tuple[str, str]]:
    """(what is shown, what it does) of each objection to this node."""
    match node:
        case ast.Import(names=names):
            for alias in names:
                yield from _module(alias.name)
        case ast.ImportFrom(module=str(module), names=names):
            yield from _module(module)
            for alias in names:
                if module in ("os", "posix") and alias.name in OS_CALLS:
                    yield f"{module}.{alias.name}", "acts on the host"
        case ast.Call(func=ast.Name(id=name)):
            target = aliases.get(name, name)
            if target in CALLS:
                yield target, CALLS[target]
        case ast.Attribute(value=ast.Name(id=owner), attr=name):
            module = aliases.get(owner, owner)
            if module in ("os", "posix") and name in OS_CALLS:
                yield f"{module}.{name}", "acts on the host"
            elif (module, name) == ("sys", "modules"):
                yield "sys.modules", "walks to hidden objects"
            elif module in ("builtins", "__builtins__") and name in CALLS:
                yield f"{module}.{name}", CALLS[name]
            elif name in ATTRIBUTES:
                yield name, ATTRIBUTES[name]
        case ast.Attribute(attr=name) if name in ATTRIBUTES:
            yield name, ATTRIBUTES[name]


def _module(name: str) -> Iterator[tuple[str, str]]:
    top = name.partition(".")[0]
    if top in MODULES:
        yield name, MODULES[top]


def _finding(file: str, node: ast.AST, what: str, does: str) -> Diagnostic:
    line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
    end_line, end = getattr(node, "end_lineno", line), getattr(node, "end_col_offset", column + 1)
    return Diagnostic(
        "PYV812",
        Severity.ERROR,
        f"`{what}` {does}, so the service refuses this source",
        Span(file, line, column, end_line, end),
        help=(
            "move the pure computation to a function of its own, or compile here: --local-native",
        ),
        slug="unsafe-import",
    )
