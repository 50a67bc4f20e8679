"""Import one module from its source text, or from a compiled artifact, under the name that an
import would give it.

Both sides of a comparison use the same module name, the same `__file__` and the same `co_filename`,
so that an answer which mentions one of them is equal. Source is passed as text: what was compiled
is what runs, whatever is on disk now.
"""

from __future__ import annotations

import importlib.util
import json
import linecache
import sys
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Final

from pyvorin_runtime.attach import attaching


def module_name(path: str) -> tuple[str, str]:
    """Dotted name of the module in a file, and the folder that `sys.path` must have for it.

    Walks up through folders with an `__init__.py`. `pkg/__init__.py` is `pkg`.
    """
    file = Path(path).absolute()
    parts = [] if file.stem == "__init__" else [file.stem]
    folder = file.parent
    while (folder / "__init__.py").is_file() and folder.name.isidentifier():
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts) or file.stem, str(folder)


def remember_source(path: str, source: str) -> None:
    """Let tracebacks and `inspect.getsource` show this text for `path`, whether or not such a file
    exists."""
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)


def load_source(path: str, source: str, name: str) -> ModuleType:
    """Run the module's source as an import would. Whatever it raises passes through."""
    module = new_module(path, name)
    exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
    return module


def new_module(path: str, name: str) -> ModuleType:
    """An empty module of this name and file, entered in `sys.modules` unless that would hide one.

    A program called `types.py` must not replace a module that this process needs.
    """
    spec = ModuleSpec(name, None, origin=path, is_package=Path(path).name == "__init__.py")
    module = importlib.util.module_from_spec(spec)
    module.__file__ = path
    _enter(name, module)
    return module


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
        return load_source(path, Path(artifact).read_text(encoding="utf-8"), name)
    loader = ExtensionFileLoader(name, artifact)
    spec = importlib.util.spec_from_file_location(name, artifact, loader=loader)
    assert spec is not None, artifact
    module = importlib.util.module_from_spec(spec)
    module.__file__ = path
    _enter(name, module)
    loader.exec_module(module)
    if json.loads(module.META)["standalone"]:
        return module
    code = attaching(compile(source, path, "exec", dont_inherit=True), module)
    attached = new_module(path, name)
    exec(code, attached.__dict__)
    return attached
