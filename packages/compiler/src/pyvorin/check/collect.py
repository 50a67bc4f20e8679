"""Calls that really happen: run the module's main block, its doctests and an examples file, and
write down the arguments.

Recording watches call events of the module's own functions and methods (`sys.setprofile`), so calls
among them are seen too, and nothing is wrapped or replaced. Of each function the first calls are
kept, then ever fewer: call number 2, 4, 8, 16, … of those that follow, so that later and larger
inputs are represented. A call with much data is kept once more with the first items only, which is
all there is of it when there is too much.
"""

from __future__ import annotations

import doctest
import inspect
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.machinery import ModuleSpec
from types import CodeType, FrameType, ModuleType
from typing import Any, Final

from pyvorin.check import load
from pyvorin.check.case import LONG, Case
from pyvorin.check.definitions import codes_of
from pyvorin.check.pipes import captured
from pyvorin.check.spell import UnspellableError, spell_call
from pyvorin.limits import time_limit

FIRST: Final = 8
MAX_PER_FUNCTION: Final = 24
MAX_CHARS: Final = 8_000_000  # of all calls that are kept
FEW: Final = 64  # items of each collection, where there are too many


def collect(job: dict[str, Any]) -> list[Case]:
    """Calls of the job's functions that its setup (the examples file), its doctests and its main
    block make, in this order, without duplicates."""
    if job["root"] and job["root"] not in sys.path:
        sys.path.insert(0, job["root"])
    sys.argv = [job["path"]]
    load.remember_source(job["path"], job["source"])
    code = compile(job["source"], job["path"], "exec", dont_inherit=True)
    wanted = {item: item.co_qualname for item in top_level(code, job["functions"])}
    cases: dict[tuple[str, str], Case] = {}
    runs: list[tuple[str, Callable[[CodeType, ModuleType], None], str]] = []
    if job["setup"]:
        runs.append(("example", _examples_of(job["setup"]), job["name"]))
    if ">>>" in job["source"]:
        runs.append(("doctest", _run_doctests, job["name"]))
    runs.append(("main", _run_module, "__main__"))
    for origin, action, name in runs:
        recorder = Recorder(wanted, origin)
        with suppress(BaseException), time_limit(job["import_ms"]):
            module = load.new_module(job["path"], name)
            _place(module, job["name"])
            captured(lambda: recorder.watch(action, code, module))  # noqa: B023  # called at once
        for case in recorder.cases:
            cases.setdefault((case.function, case.call), case)
    return list(cases.values())


def top_level(code: CodeType, functions: list[str]) -> Iterator[CodeType]:
    """Code objects of the plain functions and methods of these names that a module defines."""
    unusual = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
    for item in codes_of(code, frozenset(functions)):
        if not item.co_flags & unusual:
            yield item


def _place(module: ModuleType, name: str) -> None:
    """Let relative imports of a package's module work in its main block, as `python -m` does."""
    package = name.rpartition(".")[0]
    if package and module.__spec__ is not None:
        module.__package__ = package
        module.__spec__ = ModuleSpec(name, None, origin=module.__spec__.origin)


def _run_module(code: CodeType, module: ModuleType) -> None:
    exec(code, module.__dict__)


def _examples_of(setup: str) -> Callable[[CodeType, ModuleType], None]:
    """Runs an examples file in the module, which the file may also import by its name."""

    def run(code: CodeType, module: ModuleType) -> None:
        exec(code, module.__dict__)
        exec(compile(setup, "<setup>", "exec", dont_inherit=True), module.__dict__)

    return run


def _run_doctests(code: CodeType, module: ModuleType) -> None:
    exec(code, module.__dict__)
    runner = doctest.DocTestRunner(verbose=False)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, module=module):
        runner.run(test, out=io.StringIO().write)


class Recorder:
    """Spells the arguments of watched functions as they are called."""

    def __init__(self, wanted: dict[CodeType, str], origin: str) -> None:
        self.wanted = wanted
        self.origin = origin
        self.seen = dict.fromkeys(map(id, wanted), 0)  # to hash a code object is to read it all
        self.left = MAX_CHARS
        self.cases: list[Case] = []

    def watch(self, action: Callable[[CodeType, ModuleType], None], *args: Any) -> None:
        sys.setprofile(self._event)
        try:
            action(*args)
        finally:
            sys.setprofile(None)

    def _event(self, frame: FrameType, event: str, _: Any) -> None:
        if event != "call":
            return
        code = frame.f_code
        count = self.seen.get(id(code))
        if count is None:
            return
        count = self.seen[id(code)] = count + 1
        later = count - FIRST
        if later > 0 and (later & (later - 1) or FIRST + later.bit_length() > MAX_PER_FUNCTION):
            return
        if not self._keep(code, frame):
            self._keep(code, frame, FEW)

    def _keep(self, code: CodeType, frame: FrameType, most: int = sys.maxsize) -> bool:
        """Keep the call, with so many items of each collection; False if that is not enough."""
        try:
            args, kwargs = _arguments(code, frame.f_locals)
            call = spell_call(self.wanted[code], args, kwargs, frame.f_globals, most)
        except (UnspellableError, RecursionError):
            return False
        if len(call) > self.left:
            return False
        self.left -= len(call)
        self.cases.append(Case(self.wanted[code], call, self.origin))
        return len(call) < LONG


def _arguments(code: CodeType, found: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The call that fills a frame's parameters as they are at its start."""
    names = code.co_varnames
    keyword_start = code.co_argcount
    keyword_end = keyword_start + code.co_kwonlyargcount
    args = [found[name] for name in names[:keyword_start]]
    kwargs = {name: found[name] for name in names[keyword_start:keyword_end]}
    rest = keyword_end
    if code.co_flags & inspect.CO_VARARGS:
        args += found[names[rest]]
        rest += 1
    if code.co_flags & inspect.CO_VARKEYWORDS:
        kwargs |= found[names[rest]]
    return args, kwargs
