"""The functions of a module that can be compiled and called: those at its top level, and the
methods of its classes there, by qualified name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any, Final

# Methods that do little but make the object, or that CPython calls at odd times, stay as they are.
LEFT: Final = frozenset(
    f"__{name}__"
    for name in (
        *("init", "new", "del", "init_subclass", "set_name", "class_getitem"),
        *("getattribute", "getattr", "setattr", "delattr", "getstate", "setstate", "reduce"),
    )
)
_CLASS_CELL: Final = frozenset(("super", "__class__"))


def definitions(source: str) -> dict[str, ast.FunctionDef]:
    """Functions and methods by qualified name; of several definitions the last."""
    found: dict[str, ast.FunctionDef] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = node
        elif isinstance(node, ast.ClassDef):
            methods = [item for item in node.body if isinstance(item, ast.FunctionDef)]
            found |= {f"{node.name}.{m.name}": m for m in methods if is_plain_method(m)}
    return found


def is_plain_method(node: ast.FunctionDef) -> bool:
    """Is it a function that is the class's own, with nothing around it?"""
    if node.decorator_list or node.name in LEFT:
        return False
    names = {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}
    yields = any(isinstance(item, ast.Yield | ast.YieldFrom) for item in ast.walk(node))
    return not yields and not names & _CLASS_CELL


def is_method(name: str) -> bool:
    """Is it the qualified name of a method?"""
    return "." in name


def resolve(names: dict[str, Any], qualname: str) -> Any:
    """The function of that name in a module's namespace. Raises KeyError if there is none."""
    first, *rest = qualname.split(".")
    found = names[first]
    for name in rest:
        if not isinstance(found, type):
            raise KeyError(qualname)
        found = vars(found)[name]
    return found


def functions_of(names: dict[str, Any], path: str) -> Iterator[tuple[str, FunctionType]]:
    """The functions and methods that a module run from `path` defined, by qualified name."""
    for name, value in names.items():
        if isinstance(value, type) and value.__qualname__ == name:
            for inner, item in vars(value).items():
                qualname = f"{name}.{inner}"
                if inner not in LEFT and _is_own(item, qualname, path) and not item.__closure__:
                    yield qualname, item
        elif _is_own(value, name, path):
            yield name, value


def _is_own(value: Any, qualname: str, path: str) -> bool:
    if not isinstance(value, FunctionType) or value.__code__.co_filename != path:
        return False
    if is_method(qualname):
        return value.__code__.co_qualname == qualname
    return value.__name__ == qualname


def codes_of(code: CodeType, wanted: frozenset[str]) -> Iterator[CodeType]:
    """The code of the wanted functions and methods in a module's code."""
    for item in code.co_consts:
        if isinstance(item, CodeType):
            if item.co_qualname in wanted and item.co_flags & _NEW_LOCALS:
                yield item
            elif not item.co_flags & _OPTIMISED:  # the body of a class
                yield from codes_of(item, wanted)


_OPTIMISED, _NEW_LOCALS = 1, 2
