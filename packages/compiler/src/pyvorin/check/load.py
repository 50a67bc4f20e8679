"""Import one module from its source text, or from a compiled artifact, under the name that an
import would give it.

Both sides of a comparison use the same module name, the same `__file__` and the same `co_filename`,
so that an answer which mentions one of them is equal. Source is passed as text: what was compiled
is what runs, whatever is on disk now.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import linecache
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from types import ModuleType
from typing import Final

packages: frozenset[str] = frozenset()  # `__init__.py` files that came with a program, not on disk


def module_name(path: str) -> tuple[str, str]:
    """Dotted name of the module in a file, and the folder that `sys.path` must have for it.

    Walks up through folders with an `__init__.py`, be it on disk or in `packages`.
    `pkg/__init__.py` is `pkg`.
    """
    folder, stem = _place(path)
    parts = [] if stem == "__init__" else [stem]
    given = os.path.dirname(path)
    while _is_package(folder, given) and os.path.basename(folder).isidentifier():
        parts.insert(0, os.path.basename(folder))
        folder, given = os.path.dirname(folder), os.path.dirname(given)
    return ".".join(parts) or stem, folder


def import_name(path: str) -> str:
    """The last part of the name that an import of the file uses: a package's is its folder's."""
    folder, stem = _place(path)
    return os.path.basename(folder) if stem == "__init__" else stem


def _place(path: str) -> tuple[str, str]:
    """The folder of a file, and its name without suffix."""
    folder, file = os.path.split(os.path.abspath(path))
    return folder, os.path.splitext(file)[0]


def _is_package(folder: str, given: str) -> bool:
    return os.path.isfile(f"{folder}/__init__.py") or f"{given or '.'}/__init__.py" in packages


@contextmanager
def importable(root: str) -> Iterator[None]:
    """Let a program import what lies beside it, while the body runs."""
    if root in sys.path:
        yield
        return
    sys.path.insert(0, root)
    try:
        yield
    finally:
        sys.path.remove(root)


def remember_source(path: str, source: str) -> None:
    """Let tracebacks and `inspect.getsource` show this text for `path`, whether or not such a file
    exists."""
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)


def load_source(path: str, source: str, name: str) -> ModuleType:
    """Run the module's source as an import would. Whatever it raises passes through."""
    import_parents(path, name)
    module = new_module(path, name)
    exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
    return module


def import_parents(path: str, name: str) -> None:
    """Import the packages a module is in, as an import of the module does first: one that itself
    imports the module must not find it half made. A file's own name may have dots in it.
    """
    stem = _place(path)[1]
    package = name.removesuffix(stem).rpartition(".")[0]
    if stem == "__init__":
        package = name.rpartition(".")[0]
    if package and package not in sys.modules:
        importlib.import_module(package)


def new_module(path: str, name: str) -> ModuleType:
    """An empty module of this name and file, entered in `sys.modules` unless that would hide one.

    A program called `types.py` must not replace a module that this process needs.
    """
    spec = ModuleSpec(name, None, origin=path)
    spec.submodule_search_locations = _folders(path)
    module = importlib.util.module_from_spec(spec)
    module.__file__ = path
    _enter(name, module)
    return module


def _folders(path: str) -> list[str] | None:
    """Where a package's modules are; None for a module that is no package."""
    folder, stem = _place(path)
    return [folder] if stem == "__init__" else None


def _enter(name: str, module: ModuleType) -> None:
    if name == "__main__" or name not in sys.modules or sys.modules[name] in _LOADED:
        sys.modules[name] = module
        _LOADED.append(module)


_LOADED: Final[list[ModuleType]] = []


def load_artifact(artifact: str, path: str, name: str, source: str = "") -> ModuleType:
    """Import a standalone artifact in place of the source file at `path`; or run `source` with the
    native code of one that is only attached.

    An artifact that ends in `.py` is a stand-in written in Python: its code claims to come from
    `path`.
    """
    if artifact.endswith(".py"):
        with open(artifact, encoding="utf-8") as file:
            return load_source(path, file.read(), name)
    import_parents(path, name)
    loader = ExtensionFileLoader(name, artifact)
    spec = importlib.util.spec_from_file_location(name, artifact, loader=loader)
    assert spec is not None, artifact
    spec.submodule_search_locations = _folders(path)
    module = importlib.util.module_from_spec(spec)
    module.__file__ = path
    _enter(name, module)
    loader.exec_module(module)
    if json.loads(module.META)["standalone"]:
        return module
    from pyvorin_runtime.attach import attaching  # CPython's side does without

    code = attaching(compile(source, path, "exec", dont_inherit=True), module)
    attached = new_module(path, name)
    exec(code, attached.__dict__)
    return attached
