"""Values as Python source, so that a recorded call can be replayed in another process.

    spell([1, -0.0, float("nan")], globals)   →  "[1, -0.0, nan]"
    spell_call("f", [a, a], {}, globals)      →  "f((_1 := [0]), _1)"
    spell_call("f", [a], {}, globals, most=2) →  "f([0, 1])", of however many

Built-in types, names of the module (its functions and classes) and plain objects of its classes are
spelled as people would; anything else as `copy` makes it, if it can (`__reduce_ex__`). The result
builds an equal value, with the same sharing of mutable objects within one call. Many numbers are
spelled in base 64, so that real data fits.
"""

from __future__ import annotations

import builtins
import copyreg
import struct
import sys
import warnings
from binascii import b2a_base64
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from math import copysign, isinf, isnan
from types import BuiltinFunctionType, FunctionType, MemberDescriptorType
from typing import Any, Final

MAX_CHARS: Final = 1_000_000
_RUN: Final = 64  # a longer list that is a range, or one value repeated, is spelled so
_PACKED: Final = 256  # a longer sequence of numbers of one class is spelled in base 64
_TEXT: Final = 16  # where items are counted, so many characters or bytes are one
_HEAP: Final = 1 << 9  # flag of classes that were made at run time
_MUTABLE: Final = (list, dict, set, bytearray)


class UnspellableError(ValueError):
    """A value has no spelling, or one over MAX_CHARS."""


def spell(value: Any, names: Mapping[str, Any]) -> str:
    """Source of one value; `names` is the module's namespace. Raises UnspellableError."""
    return _Speller(names).spell(value)


def spell_call(
    function: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    names: Mapping[str, Any],
    most: int = sys.maxsize,
) -> str:
    """Source of a call with these arguments, but only the first `most` items of each collection.
    Raises UnspellableError."""
    speller = _Speller(names, most)
    speller.note_sharing([*args, *kwargs.values()])
    parts = [speller.spell(value) for value in args]
    parts += [f"{name}={speller.spell(value)}" for name, value in kwargs.items()]
    return f"{function}({', '.join(parts)})"


class _Speller:
    """Spells the values of one call. Mutable objects seen twice are bound to `_1`, `_2`, … where
    they first appear."""

    def __init__(self, names: Mapping[str, Any], most: int = sys.maxsize) -> None:
        self.names = names
        self.most = most
        self.shared: set[int] = set()
        self.bound: dict[int, str] = {}
        self.open: set[int] = set()
        self.chars = 0

    def note_sharing(self, values: list[Any]) -> None:
        seen: set[int] = set()
        pending = list(values)
        while pending:
            value = pending.pop()
            if type(value) in _MUTABLE or _is_plain_object(value):
                if id(value) in seen:
                    self.shared.add(id(value))
                    continue
                seen.add(id(value))
            if len(seen) > MAX_CHARS:
                raise UnspellableError("too many objects")
            pending.extend(_children(value))

    def spell(self, value: Any) -> str:
        if id(value) in self.bound:
            return self.bound[id(value)]
        if id(value) in self.open:
            raise UnspellableError("a value contains itself")
        self.open.add(id(value))
        text = self._spell(value)
        self.open.discard(id(value))
        self.chars += len(text)
        if self.chars > 4 * MAX_CHARS or len(text) > MAX_CHARS:
            raise UnspellableError("too long")
        if id(value) in self.shared:
            name = self.bound[id(value)] = f"_{len(self.bound) + 1}"
            return f"({name} := {text})"
        return text

    def _spell(self, value: Any) -> str:
        kind = type(value)
        rule = _RULES.get(kind)
        if rule is not None:
            return rule(self, value)
        if kind in (FunctionType, BuiltinFunctionType, type) or isinstance(value, type):
            return self._named(value)
        if _is_plain_object(value):
            return self._instance(value)
        return self._rebuilt(value)

    def _instance(self, value: Any) -> str:
        """One that is met again is bound before its attributes, which may lead back to it."""
        name = self._named(type(value))
        if id(value) not in self.shared:
            return f"_instance({name}, {self.spell(_state(value))})"
        self.shared.discard(id(value))
        bound = self.bound[id(value)] = f"_{len(self.bound) + 1}"
        return f"_filled(({bound} := _instance({name}, {{}})), {self.spell(_state(value))})"

    def _rebuilt(self, value: Any) -> str:
        """Any other object, from what it tells `copy` and `pickle` of itself."""
        try:
            reduce = copyreg.dispatch_table.get(type(value))
            with warnings.catch_warnings(action="ignore"):  # of iterators, which will not for long
                made = reduce(value) if reduce else value.__reduce_ex__(2)
            make, arguments, state, items, pairs = (*made, None, None, None)[:5]
            parts = [make, arguments, state, list(items or ()), list(pairs or ())]
        except Exception:
            raise UnspellableError(f"a {type(value).__name__} has no spelling") from None
        return f"_rebuilt({', '.join(map(self.spell, parts))})"

    def _named(self, value: Any) -> str:
        name = getattr(value, "__name__", "")
        found = self.names.get(name, getattr(builtins, name, None)) if name else None
        if found is value:
            return str(name)
        module, path = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        found = sys.modules.get(str(module)) if module != self.names.get("__name__") else None
        for part in str(path).split("."):
            found = getattr(found, part, None)
        if found is not value:
            raise UnspellableError("not a name of a module")
        return f"_imported({module!r}, {path!r})"

    def sequence(self, items: Sequence[Any]) -> str:
        return ", ".join(self.spell(item) for item in items[: self.most])


def _children(value: Any) -> list[Any]:
    kind = type(value)
    if kind in (list, tuple, set, frozenset):
        return list(value)
    if kind is dict:
        return [*value.keys(), *value.values()]
    return list(_state(value).values()) if _is_plain_object(value) else []


def _is_plain_object(value: Any) -> bool:
    """Whether the object is nothing but its attributes, so that it can be rebuilt from them: its
    class, and all bases but `object`, were made by `class` statements of one module.
    """
    kind = type(value)
    if kind.__module__ == "builtins":
        return False
    for base in kind.__mro__[:-1]:
        if type(base) is not type or not base.__flags__ & _HEAP:
            return False
        if base.__module__ != kind.__module__:
            return False
    try:
        object.__new__(kind)  # as it will be made; classes that C made refuse
    except TypeError:
        return False
    return True


def _state(value: Any) -> dict[str, Any]:
    """The attributes in its slots, and then those in its dict."""
    state: dict[str, Any] = {}
    for base in reversed(type(value).__mro__):
        for name, member in vars(base).items():
            if type(member) is MemberDescriptorType:
                with suppress(AttributeError):  # the slot may be empty
                    state[name] = member.__get__(value)
    found = getattr(value, "__dict__", {})
    return {**state, **found} if type(found) is dict else state


def _int(_: _Speller, value: int) -> str:
    return repr(value) if -(10**4000) < value < 10**4000 else hex(value)


def _float(_: _Speller, value: float) -> str:
    if isnan(value):
        return "nan"
    if isinf(value):
        return "inf" if copysign(1.0, value) > 0 else "-inf"
    return repr(value)


def _list(speller: _Speller, value: list[Any]) -> str:
    value = value[: speller.most]
    return _run(value) or _packed(value) or f"[{speller.sequence(value)}]"


def _packed(value: Sequence[Any]) -> str:
    """A short spelling of many floats, or of many ints of at most 64 bits; else empty."""
    if len(value) <= _PACKED or type(value[0]) not in (int, float):
        return ""
    if any(type(item) is not type(value[0]) for item in value):
        return ""
    for code in "d" if type(value[0]) is float else "bhiq":
        with suppress(struct.error):
            data = struct.pack(f"<{len(value)}{code}", *value)
            return f"_numbers({code!r}, {b2a_base64(data, newline=False).decode()!r})"
    return ""


def _run(value: list[Any]) -> str:
    """A short spelling of a long list of equal numbers, or of an arithmetic progression; else
    empty."""
    if len(value) <= _RUN:
        return ""
    first = value[0]
    if type(first) in (int, float, bool) and first == first:
        text = _float_or_repr(first)
        if all(type(item) is type(first) and _float_or_repr(item) == text for item in value):
            return f"[{text}] * {len(value)}"
    if all(type(item) is int for item in value):
        step = value[1] - first
        if step and value == list(range(first, first + step * len(value), step)):
            return f"list({range(first, first + step * len(value), step)!r})"
    return ""


def _float_or_repr(value: Any) -> str:
    if type(value) is int:
        return hex(value)
    return "-inf" if value == -float("inf") else repr(value)


def _tuple(speller: _Speller, value: tuple[Any, ...]) -> str:
    value = value[: speller.most]
    packed = _packed(value)
    if packed:
        return f"tuple({packed})"
    return f"({speller.sequence(value)}{',' if len(value) == 1 else ''})"


def _dict(speller: _Speller, value: dict[Any, Any]) -> str:
    kept = islice(value.items(), speller.most)
    items = (f"{speller.spell(key)}: {speller.spell(item)}" for key, item in kept)
    return "{" + ", ".join(items) + "}"


def _set(speller: _Speller, value: set[Any]) -> str:
    return f"{{{speller.sequence(list(value))}}}" if value else "set()"


def _frozenset(speller: _Speller, value: frozenset[Any]) -> str:
    return f"frozenset([{speller.sequence(list(value))}])" if value else "frozenset()"


def _complex(speller: _Speller, value: complex) -> str:
    return f"complex({_float(speller, value.real)}, {_float(speller, value.imag)})"


def _repr(speller: _Speller, value: Any) -> str:
    value = value[: speller.most * _TEXT]
    if len(value) > MAX_CHARS:
        raise UnspellableError("too long")
    return _ascii(repr(value))


def _ascii(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _plain(_: _Speller, value: Any) -> str:
    return repr(value)


_RULES: Final[dict[type, Callable[[_Speller, Any], str]]] = {
    int: _int,
    bool: _plain,
    type(None): _plain,
    type(...): _plain,
    float: _float,
    complex: _complex,
    str: _repr,
    bytes: _repr,
    bytearray: _repr,
    range: _plain,
    list: _list,
    tuple: _tuple,
    dict: _dict,
    set: _set,
    frozenset: _frozenset,
}
