"""Run CPython's own tests of one library module: `run_library_test.py MODULE [ARTIFACT]`.

Every import of MODULE, also a fresh one without its accelerator in C, gets the module from its
Python source, or from the artifact. The last line on standard output is JSON: `tests`, `skipped`,
`failed` (test → last line of its traceback); and from source `calls`, what the tests called the
module's functions with; from an artifact `entries`, how often native code was entered by function.
"""

from __future__ import annotations

import ast
import importlib.util
import io
import json
import sys
import time
import unittest
import warnings
from collections import Counter
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ExtensionFileLoader, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

from pyvorin.check import load
from pyvorin.check.collect import Recorder, top_level
from pyvorin.check.observe import native_counts

RECORD_S: Final = 5.0


class Library(MetaPathFinder):
    """Answers for one module; remembers each copy that was imported."""

    def __init__(self, name: str, artifact: str | None) -> None:
        found = importlib.util.find_spec(name)
        assert found is not None, name
        assert found.origin is not None, name
        self.name, self.path, self.artifact = name, found.origin, artifact
        self.copies: list[ModuleType] = []
        self.source = Path(self.path).read_text(encoding="utf-8")
        self.code = compile(self.source, self.path, "exec", dont_inherit=True)
        sys.modules.pop(name, None)
        sys.meta_path.insert(0, self)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self.name:
            return None
        file = self.artifact or self.path
        loader = _Native(name, file) if self.artifact else _Source(name, file)
        loader.library = self
        return ModuleSpec(name, loader, origin=file)

    def recorder(self) -> Recorder:
        """A recorder of calls of the module's own functions."""
        tree = ast.parse(self.source)
        names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        return Recorder({item: item.co_name for item in top_level(self.code, names)}, "example")

    def entries(self) -> Counter[str]:
        """How often each function was entered natively, in all copies."""
        total: Counter[str] = Counter()
        for copy in self.copies:
            for name, counts in native_counts(copy, list(vars(copy))).items():
                total[name] += counts.get("entries", 0)
        return total


class _Loader:
    """Remembers what it loads; both sides say they are the same file."""

    library: Library

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self.library.path
        super().exec_module(module)  # type: ignore[misc]  # of the loader it is mixed into
        self.library.copies.append(module)


class _Source(_Loader, SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        return self.library.code  # the very one that the recorder knows


class _Native(_Loader, ExtensionFileLoader):
    pass


class _Result(unittest.TestResult):
    """Ends the recording, which makes everything slow, when it has seen enough."""

    def __init__(self) -> None:
        super().__init__()
        self.stop_recording_at = time.monotonic() + RECORD_S

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        if time.monotonic() > self.stop_recording_at:
            sys.setprofile(None)


def main(name: str, artifact: str | None = None) -> dict[str, Any]:
    warnings.simplefilter("ignore")
    library = Library(name, artifact)
    load.remember_source(library.path, library.source)
    suite = unittest.defaultTestLoader.loadTestsFromName(f"test.test_{name}")
    recorder = None if artifact else library.recorder()
    result = _Result()
    if recorder is None:
        suite.run(result)
    else:
        recorder.watch(lambda: suite.run(result))
    said = {
        "tests": result.testsRun,
        "skipped": len(result.skipped),
        "failed": {
            str(test): text.strip().splitlines()[-1]
            for test, text in result.errors + result.failures
        },
    }
    if recorder is None:
        return said | {"entries": library.entries()}
    return said | {"calls": [(case.function, case.call) for case in recorder.cases]}


if __name__ == "__main__":
    out, sys.stdout = sys.stdout, io.StringIO()
    answer = main(*sys.argv[1:])
    out.write(json.dumps(answer) + "\n")
    out.flush()
