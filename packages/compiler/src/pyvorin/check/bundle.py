"""Local modules that travel with a program, importable from memory.

    provide({"pkg/__init__.py": "", "pkg/rates.py": "RATE = 3"})        then: import pkg.rates

A program of the service is in no folder, so what it imports from beside itself comes as text: paths
relative to the folder that `sys.path` would have, `/` between parts. Such a module comes before one
of the same name elsewhere, as it would in that folder; what this process has loaded already stays.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import Any, Final

from pyvorin.check import load

# The client's part in a program is to attach native code; there is none while it is compiled and
# checked, and the client need not be installed where that happens.
CLIENT: Final = {
    "pyvorin_thin/__init__.py": """
def install(require=()):
    return False

def uninstall():
    return None

def compiled(function):
    return function
"""
}


class _Loader:
    """Runs one module's text as the import of its file would. (`importlib.abc` has base classes for
    this and costs as much to import as all the rest.)
    """

    def __init__(self, path: str, source: str) -> None:
        self.path = path
        self.source = source

    def is_package(self, fullname: str) -> bool:
        return self.path.endswith("__init__.py")

    def get_source(self, fullname: str) -> str:
        return self.source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.source, self.path, "exec", dont_inherit=True)

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self.path
        load.remember_source(self.path, self.source)
        exec(self.get_code(module.__name__), module.__dict__)


class _Finder:
    def __init__(self, bundle: Mapping[str, str]) -> None:
        self.bundle = bundle
        self.found: list[str] = []

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        base = fullname.replace(".", "/")
        for file in (f"{base}/__init__.py", f"{base}.py"):
            if file in self.bundle:
                self.found.append(fullname)
                loader: Any = _Loader(file, self.bundle[file])
                return ModuleSpec(
                    fullname, loader, origin=file, is_package=loader.is_package(fullname)
                )
        return None


def provide(bundle: Mapping[str, str]) -> None:
    """Make these modules importable in this process, and no others that were provided before."""
    for finder in [item for item in sys.meta_path if isinstance(item, _Finder)]:
        sys.meta_path.remove(finder)
        for name in finder.found:
            sys.modules.pop(name, None)
    load.packages = frozenset(path for path in bundle if path.endswith("/__init__.py"))
    if bundle:
        sys.meta_path.insert(0, _Finder(dict(bundle)))
