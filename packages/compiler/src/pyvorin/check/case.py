"""A representative call, as one Python expression.

    Case("norm", "norm([0.5, -0.0], scale=inf)", "doctest")
    Case("merge", "merge((_1 := [1, 2]), _1)", "neighbour")          the same list twice
    Case("C.size", "C.size(_instance(C, {'n': 3}))", "main")         a method

Source is the one form that people can read in a report and paste into a prompt, that travels as
JSON, and from which two processes build equal but separate arguments. `nan` and `inf` name the
floats; `_instance(C, {...})` makes an object of a class of the module from its attributes, without
calling its `__init__`, `_rebuilt(…)` any other as `copy` does; `_numbers("d", "…")` are many.
"""

from __future__ import annotations

import ast
import re
import struct
from binascii import a2b_base64
from collections.abc import Callable, Mapping
from importlib import import_module
from operator import attrgetter
from types import MemberDescriptorType
from typing import Any, Final, NamedTuple

from pyvorin.check.definitions import resolve

ORIGINS: Final = ("example", "doctest", "main", "evidence", "neighbour")
LONG: Final = 20_000  # characters of a call that is too long to be varied
_MANY: Final = re.compile(r"_numbers\('(\w)', '([^']*)'\)")
RECORDED: Final = frozenset({"example", "doctest", "main"})  # what a person wrote or a run did


class Case(NamedTuple):
    """One call of one function of the module, or of a method, which gets its instance as any other
    argument. `origin` is one of ORIGINS."""

    function: str
    call: str
    origin: str

    def to_json(self) -> list[str]:
        """The case as a JSON array."""
        return [self.function, self.call, self.origin]

    @classmethod
    def from_json(cls, item: Any) -> Case:
        """Read an array that `to_json` made. Raises ValueError for anything else."""
        if (
            not isinstance(item, list)
            or len(item) != 3
            or not all(isinstance(part, str) for part in item)
            or item[2] not in ORIGINS
        ):
            raise ValueError("a case is [function, call, origin]")
        return cls(*item)


class Inputs(NamedTuple):
    """The calls of one module. `setup` is Python source run once, in the module's namespace, before
    them."""

    cases: tuple[Case, ...] = ()
    setup: str = ""

    def recorded(self) -> tuple[Case, ...]:
        """The calls that came from people or from a run: what types and gain are measured on."""
        return tuple(case for case in self.cases if case.origin in RECORDED)

    def of(self, function: str) -> tuple[Case, ...]:
        """The calls of one function."""
        return tuple(case for case in self.cases if case.function == function)


def split(call: str) -> tuple[str, list[tuple[str | None, str]]]:
    """The called name, and each argument as (keyword or None, source), in order. `*` and `**` stay
    in the source.

    Raises ValueError if the text is not one call of a plain name.
    """
    node = parse(call)
    data = call.encode()
    arguments: list[tuple[int, str | None, ast.expr]] = [
        (item.col_offset, None, item) for item in node.args
    ]
    arguments += [(item.value.col_offset, item.arg, item.value) for item in node.keywords]
    parts: list[tuple[str | None, str]] = []
    for _, keyword, item in sorted(arguments, key=lambda entry: entry[0]):
        text = _slice(data, item)
        if keyword is None and any(item is entry.value for entry in node.keywords):
            text = "**" + text
        parts.append((keyword, text))
    return ast.unparse(node.func), parts


def shown(call: str, most: int = 300) -> str:
    """A call as people may want to read it, on a line: without the digits of many numbers."""
    text = _MANY.sub(lambda many: f"[… {len(_numbers(*many.groups()))} numbers]", call)
    return text if len(text) <= most else text[: most - 1] + "…"


def join(function: str, arguments: list[tuple[str | None, str]]) -> str:
    """The call with these arguments; the inverse of `split`."""
    texts = (text if keyword is None else f"{keyword}={text}" for keyword, text in arguments)
    return f"{function}({', '.join(texts)})"


def parse(call: str) -> ast.Call:
    """The syntax tree of a case. Raises ValueError if the text is not one call on one line, of a
    plain name or a method of one."""
    try:
        node = ast.parse(call, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"not an expression: {error}") from None
    if not isinstance(node, ast.Call) or not _is_named(node.func) or "\n" in call:
        raise ValueError("not a call of a function of the module")
    return node


def _is_named(node: ast.expr) -> bool:
    return isinstance(node.value if isinstance(node, ast.Attribute) else node, ast.Name)


def _slice(data: bytes, node: ast.expr) -> str:
    """The source of a node, with the parentheses that a walrus or a generator needs."""
    text = data[node.col_offset : node.end_col_offset].decode()
    return f"({text})" if isinstance(node, ast.NamedExpr) else text


def builder(
    call: str, namespace: dict[str, Any]
) -> tuple[Callable[..., Any], Callable[[], tuple[tuple[Any, ...], dict[str, Any]]]]:
    """The function that a case calls, and what makes fresh arguments for it, in a module's
    namespace. A check does this for hundreds of calls, so the text is compiled as it is, without a
    syntax tree in between.

    Raises KeyError if the module has no such function; making the arguments raises whatever their
    expressions raise, and ValueError if there is more than one call.
    """
    name, _, rest = call.partition("(")
    function = resolve(namespace, name)
    code = compile(f"_arguments({rest}", "<case>", "eval")

    def make() -> tuple[tuple[Any, ...], dict[str, Any]]:
        made: Any = eval(code, namespace, {**_NAMES, "_arguments": _Arguments})
        if type(made) is not _Arguments:
            raise ValueError("not one call")
        return made.args, made.kwargs

    return function, make


class _Arguments:
    """What a call is given."""

    __slots__ = ("args", "kwargs")

    def __init__(self, /, *args: Any, **kwargs: Any) -> None:
        self.args = args
        self.kwargs = kwargs


def _instance(cls: type, state: Mapping[str, Any]) -> Any:
    """Attributes are stored one by one, as an `__init__` does: so CPython keeps them as it would,
    and makes no dict for them.
    """
    return _filled(object.__new__(cls), state)


def _filled(made: Any, state: Mapping[str, Any]) -> Any:
    """The object, once its attributes are stored."""
    cls = type(made)
    for name, value in state.items():
        if _is_stored(cls, name):
            object.__setattr__(made, name, value)
        else:
            made.__dict__[name] = value
    return made


def _is_stored(cls: type, name: object) -> bool:
    """Does storing the attribute put it into the object, past what the class may have?"""
    found = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)  # type: ignore[index]
    return type(name) is str and (
        type(found) is MemberDescriptorType or not hasattr(type(found), "__set__")
    )


def _imported(module: str, path: str) -> Any:
    """What a module has under a dotted name."""
    return attrgetter(path)(import_module(module))


def _rebuilt(
    make: Callable[..., Any], arguments: Any, state: Any, items: list[Any], pairs: list[Any]
) -> Any:
    """The object that such a `__reduce_ex__` describes."""
    made = make(*arguments)
    if hasattr(made, "__setstate__"):
        if state is not None:
            made.__setstate__(state)
    elif state is not None:
        stored, slots = state if isinstance(state, tuple) else (state, None)
        made.__dict__.update(stored or {})
        for name, value in (slots or {}).items():
            setattr(made, name, value)
    for item in items:
        made.append(item)
    for key, value in pairs:
        made[key] = value
    return made


def _numbers(code: str, text: str) -> list[Any]:
    """Numbers of one of the classes of `struct`, in base 64: timing makes them many times."""
    data = a2b_base64(text)
    return list(struct.unpack(f"<{len(data) // struct.calcsize(code)}{code}", data))


_NAMES: Final[dict[str, Any]] = {
    "nan": float("nan"),
    "inf": float("inf"),
    "_filled": _filled,
    "_imported": _imported,
    "_instance": _instance,
    "_numbers": _numbers,
    "_rebuilt": _rebuilt,
}
