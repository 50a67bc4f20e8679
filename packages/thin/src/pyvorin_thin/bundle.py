"""Local modules that a program imports, as they would be sent beside it.

    collect("/p/pkg/app.py", source)  →  {"pkg/__init__.py": "…", "pkg/rates.py": "…"}

Local is what lies below the folder from which the program itself would be imported; paths are
relative to it, so nothing about this machine shows. Imports are followed from the source that is
sent, not from the whole file, and on through the modules found. Installed packages are never taken.
"""

import ast
import os
import sys
from collections.abc import Iterator

from pyvorin_wire.api import MAX_BUNDLE_BYTES

from pyvorin_thin.errors import LimitError
from pyvorin_thin.scan import notpython


def collect(path: str, module: str, source: str) -> dict[str, str]:
    """Relative path → text of every local module that `source` reaches by importing.

    Raises UsageError for one that is no Python source, LimitError when they are too large together.
    """
    own = os.path.abspath(path)
    root = _root(own, module)
    package = os.path.basename(own) == "__init__.py"
    found: dict[str, str] = {}
    pending = list(_imported(_parsed(source, path), module, package))
    seen = {module}
    for parent in _parents(module):  # a package's module has the package run before it
        pending.append(parent)
    while pending:
        name = pending.pop()
        if name in seen or name.partition(".")[0] in sys.builtin_module_names:
            continue
        seen.add(name)
        file = _file_of(root, name)
        if file is None:
            continue
        pending += _parents(name)
        relative = os.path.relpath(file, root).replace(os.sep, "/")
        if not os.path.exists(file):
            found[relative] = ""  # a folder without `__init__.py` is a package too
            continue
        found[relative] = text = notpython.read_source(file)
        is_package = relative.endswith("/__init__.py")
        pending += _imported(_parsed(text, file), name, is_package)
    _check_size(found)
    return dict(sorted(found.items()))


def _root(path: str, module: str) -> str:
    """The folder that `sys.path` has for the module in this file."""
    parts = module.count(".") + 1
    if os.path.basename(path) == "__init__.py":
        parts += 1
    for _ in range(parts):
        path = os.path.dirname(path)
    return path


def _parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def _file_of(root: str, name: str) -> str | None:
    """The file of a local module; None if there is none. A folder's file may not exist."""
    base = os.path.join(root, *name.split("."))
    inside = os.path.join(base, "__init__.py")
    if os.path.isfile(inside):
        return inside
    if os.path.isfile(base + ".py"):
        return base + ".py"
    holds_source = os.path.isdir(base) and any(each.endswith(".py") for each in os.listdir(base))
    return inside if holds_source else None


def _imported(tree: ast.Module, module: str, is_package: bool) -> Iterator[str]:
    """Every name that might be a module: `from a import b` may mean `a.b`."""
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, module, is_package)
            if base:
                yield base
            for alias in node.names:
                if alias.name != "*":
                    yield f"{base}.{alias.name}" if base else alias.name


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Every statement, also of blocks within; `ast.walk` visits ten times as many nodes."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        yield node
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            pending += getattr(node, block, ())


def _base(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    """The module that names are imported from; "" if it is above the top."""
    if not node.level:
        return node.module or ""
    up = node.level - is_package
    parts = module.split(".")
    if up >= len(parts):
        return ""
    return ".".join([*parts[: len(parts) - up], *([node.module] if node.module else [])])


def _parsed(source: str, path: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise notpython.unparsable(path, error, source) from error


def _check_size(found: dict[str, str]) -> None:
    size = sum(len(text.encode()) for text in found.values())
    if size > MAX_BUNDLE_BYTES:
        text = f"{len(found)} local modules of {size} bytes together; {MAX_BUNDLE_BYTES} are sent"
        help_ = (
            "choose functions that need fewer: --function NAME",
            "compile here: --local-native",
        )
        raise LimitError("PYV835", text, help_)
