"""Build functions from hand-written IR, load the extension module, and attach them to Python functions."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import itertools
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from pyvorin_runtime.merge import Hooks, LoopHeader, ResumePoint, merge

from pyvorin.backend.module import Assumption, NativeFunction, NativeModule, build
from pyvorin.backend.module import LoopHeader as Header
from pyvorin.ir.text import parse

_names = itertools.count()


@dataclass(frozen=True, slots=True)
class Written:
    """A Python function with its bodies in IR text."""

    function: FunctionType
    bodies: tuple[str, ...]
    headers: tuple[Header, ...] = ()
    assumptions: tuple[Assumption, ...] = ()


def native(
    *written: Written, force: bool = False
) -> tuple[list[Callable[..., Any]], list[Callable[[], dict[str, Any]]], ModuleType]:
    """Attach functions; what gives their counters, and the extension module."""
    name = f"native{os.getpid()}_{next(_names)}"
    functions = [
        NativeFunction(
            w.function.__name__,
            w.function.__code__,
            [parse(body) for body in w.bodies],
            list(w.headers),
            list(w.assumptions),
        )
        for w in written
    ]
    module = load(name, build(NativeModule(name, functions, force=force)))
    attach(module, [w.function for w in written])
    return [w.function for w in written], [item[5] for item in module.native], module


def load(name: str, content: bytes) -> ModuleType:
    """Import an extension module from its bytes."""
    with tempfile.NamedTemporaryFile(suffix=".so") as file:
        file.write(content)
        file.flush()
        loader = importlib.machinery.ExtensionFileLoader(name, file.name)
        spec = importlib.util.spec_from_loader(name, loader)
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
        return module


def attach(module: ModuleType, functions: list[FunctionType]) -> None:
    """Give functions merged code and bind them, as pyvorin_runtime does."""
    facts = json.loads(module.META)["functions"]
    for function, fact, item in zip(functions, facts, module.native, strict=True):
        entry, osr, take, bind, _, _ = item
        points = [ResumePoint(*point) for point in fact["points"]]
        headers = [LoopHeader(*header) for header in fact["headers"]]
        hooks = Hooks(entry, osr, take, module.unbound)
        function.__code__ = merge(function.__code__, points, headers, hooks)
        bind(function)


def source_function(source: str, name: str, **names: object) -> FunctionType:
    """Define a function from source in a namespace of its own."""
    namespace: dict[str, Any] = {"__builtins__": __builtins__, **names}
    exec(source, namespace)
    function = namespace[name]
    assert isinstance(function, FunctionType)
    return function
