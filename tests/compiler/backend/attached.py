"""Build functions from hand-written IR, load the extension module, and attach them to Python
functions.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from pyvorin.backend.module import (
    Assumption,
    LoopHeader,
    NativeFunction,
    NativeModule,
    build,
)
from pyvorin.ir.text import parse
from pyvorin_runtime.attach import attach


@dataclass(frozen=True, slots=True)
class Written:
    """A Python function with its bodies in IR text."""

    function: FunctionType
    bodies: tuple[str, ...]
    headers: tuple[LoopHeader, ...] = ()
    assumptions: tuple[Assumption, ...] = ()


def native(
    *written: Written, force: bool = False
) -> tuple[list[Callable[..., Any]], list[Callable[[], dict[str, Any]]], ModuleType]:
    """Attach functions; what gives their counters, and the extension module."""
    return loaded(*written, content=built(*written, force=force))


def loaded(
    *written: Written, content: bytes
) -> tuple[list[Callable[..., Any]], list[Callable[[], dict[str, Any]]], ModuleType]:
    """The same with a module that was built before, from the same functions: a copy of its own."""
    module = load("native", content)
    attach_all(module, [w.function for w in written])
    return [w.function for w in written], [item[5] for item in module.native], module


def built(*written: Written, force: bool = False) -> bytes:
    """The extension module of functions."""
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
    return build(NativeModule("native", functions, force=force, optimise=2))


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


def attach_all(module: ModuleType, functions: list[FunctionType]) -> None:
    """Attach each function to the native one of its number."""
    for number, function in enumerate(functions):
        assert attach(function, module, number) is None, function.__pyvorin__  # type: ignore[attr-defined]


def source_function(source: str, name: str, **names: object) -> FunctionType:
    """Define a function from source in a namespace of its own."""
    namespace: dict[str, Any] = {"__builtins__": __builtins__, **names}
    exec(compile(source, "<source>", "exec", dont_inherit=True), namespace)
    function = namespace[name]
    assert isinstance(function, FunctionType)
    return function
