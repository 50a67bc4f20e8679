"""What a call did, as bytes that can be compared outside the process that made it.

The judged code must never produce its own verdict, so an outcome is serialised without running any
of its code: types are tested by identity, attributes are read through C-level descriptors, never
`__repr__`, `__eq__`, `__hash__`, `__reduce__` or pickle. Equal outcomes have equal bytes, exactly:
`1`/`True`/`1.0`, `0.0`/`-0.0`, NaN payloads, lone surrogates, dict order, aliasing and cycles among
mutable objects all count.

    encode_outcome(value=[1, x, x], arguments=((x,), {}))  →  bytes, the same for every process in
    which the same happened compare(expected, actual)                              →
    [Difference("result[0]", "1", "2"), …], empty if equal

Encoding: a prefix code, one tag byte a node (table TAGS in `outcome_tree`), lengths and numbers as
unsigned LEB128. An instance of a class of the program is its class name, the value of its builtin
base, and its attributes. Sets are written in iteration order and compared in it if all members hash
the same in every process (set PYTHONHASHSEED), as multisets otherwise. What cannot be looked into
without running code is its type name alone. What may never change within FORMAT: tags and field
order; both sides of a comparison must use the same FORMAT.
"""

import struct
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from pyvorin_wire.errors import OutcomeError
from pyvorin_wire.outcome_tree import FORMAT, Difference, compare

__all__ = ["Difference", "compare", "encode_outcome", "encode_value", "type_name"]

MAX_NODES: Final = 5_000_000
MAX_BYTES: Final = 256 * 1024 * 1024
_MISSING: Final = object()
_pack_float: Final = struct.Struct(">d").pack


def encode_outcome(
    *,
    value: Any = None,
    error: BaseException | None = None,
    arguments: tuple[Sequence[Any], Mapping[str, Any]] = ((), {}),
    stdout: bytes = b"",
    stderr: bytes = b"",
    skip_frames: int | None = None,
) -> bytes:
    """Encode what happened: the value, or the error if given; the arguments *after* the call;
    captured output.

    `skip_frames` = number of leading traceback frames of the harness to leave out; None leaves the
    whole traceback out of the outcome. Raises OutcomeError if it is too large to compare.
    """
    encoder = _Encoder()
    encoder.out.append(bytes([FORMAT]))
    if error is None:
        encoder.node(b"V")
        encoder.value(value)
    else:
        encoder.node(b"X")
        encoder.value(error)
        encoder.value(_trace(error, skip_frames))
    encoder.value(list(arguments[0]))
    encoder.value(dict(arguments[1]))
    encoder.value(stdout)
    encoder.value(stderr)
    return b"".join(encoder.out)


def encode_value(value: Any) -> bytes:
    """Encode one value alone, by the same rules."""
    encoder = _Encoder()
    encoder.out.append(bytes([FORMAT]))
    encoder.value(value)
    return b"".join(encoder.out)


class _Encoder:
    """Writes nodes in prefix order with an explicit stack, so depth is no limit. `seen` numbers
    mutable objects by identity."""

    def __init__(self) -> None:
        self.out: list[bytes] = []
        self.seen: dict[int, int] = {}
        self.alive: list[Any] = []  # keeps every numbered object alive, so that no id is used twice
        self.nodes = 0
        self.size = 0

    def node(self, data: bytes) -> None:
        self.nodes += 1
        self.size += len(data)
        if self.nodes > MAX_NODES or self.size > MAX_BYTES:
            raise OutcomeError("the outcome is too large to compare", code="outcome_size")
        self.out.append(data)

    def value(self, root: Any) -> None:
        pending: list[Iterator[Any]] = [iter((root,))]
        while pending:
            for item in pending[-1]:
                leaf = _LEAVES.get(id(type(item)))
                if leaf is not None:
                    self.node(leaf(item))
                elif (children := self._open(item)) is not None:
                    pending.append(children)
                    break
            else:
                pending.pop()

    def _open(self, item: Any) -> Iterator[Any] | None:
        """Write the head of a compound and return its children; None if it was written as a
        reference."""
        kind = type(item)
        immutable = _IMMUTABLE.get(id(kind))
        if immutable is not None:
            tag, children = immutable
            members = children(item)
            self.node(tag + _number(len(members)))
            return iter(members)
        number = self.seen.get(id(item))
        if number is not None:
            self.node(b"R" + _number(number))
            return None
        self.seen[id(item)] = len(self.seen)
        self.alive.append(item)
        mutable = _MUTABLE.get(id(kind))
        if mutable is not None:
            tag, children = mutable
            members = children(item)
            self.node(tag + _number(len(members)))
            return iter(members)
        return self._object(item, kind)

    def _object(self, item: Any, kind: type) -> Iterator[Any]:
        name = _named(item, kind)
        if name is not None:
            self.node(b"N" + _text(name))
            return iter(())
        base = _base_value(item, kind)
        attributes = _attributes(item, kind)
        self.node(b"O" + _text(type_name(kind)) + _number(len(base)) + _number(len(attributes)))
        flat: list[Any] = list(base)
        for attribute, value in attributes:
            flat += [attribute, value]
        return iter(flat)


class _Raw:
    """Bytes to be written as they are."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


def _number(value: int) -> bytes:
    """Unsigned LEB128."""
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _blob(tag: bytes, data: bytes) -> bytes:
    return tag + _number(len(data)) + data


def _text(text: str) -> bytes:
    return _blob(b"", text.encode("utf-8", "surrogatepass"))


def _int(value: int) -> bytes:
    return _blob(b"i", value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


# Keyed by the identity of the type: hashing a type would run its metaclass.
_LEAVES: Final[dict[int, Callable[[Any], bytes]]] = {
    id(type(None)): lambda value: b"0",
    id(bool): lambda value: b"T" if value else b"F",
    id(type(...)): lambda value: b".",
    id(type(NotImplemented)): lambda value: b"!",
    id(int): _int,
    id(float): lambda value: b"f" + _pack_float(value),
    id(complex): lambda value: b"c" + _pack_float(value.real) + _pack_float(value.imag),
    id(str): lambda value: b"s" + _text(value),
    id(bytes): lambda value: _blob(b"b", value),
    id(_Raw): lambda value: value.data,
    id(range): lambda value: b"r" + _int(value.start) + _int(value.stop) + _int(value.step),
}

_IMMUTABLE: Final[dict[int, tuple[bytes, Callable[[Any], Sequence[Any]]]]] = {
    id(tuple): (b"t", lambda value: value),
    id(frozenset): (b"z", list),
    id(slice): (b"S", lambda value: (value.start, value.stop, value.step)),
}

_MUTABLE: Final[dict[int, tuple[bytes, Callable[[Any], Sequence[Any]]]]] = {
    id(list): (b"l", list),
    id(dict): (b"d", lambda value: [part for pair in dict.items(value) for part in pair]),
    id(set): (b"e", list),
    id(bytearray): (b"y", lambda value: (bytes(value),)),
}

_type_name = type.__dict__["__qualname__"].__get__
_type_module = type.__dict__["__module__"].__get__
_type_mro = type.__dict__["__mro__"].__get__
_type_dict = type.__dict__["__dict__"].__get__


def _derives(kind: type, base: type) -> bool:
    """`issubclass` by identity: `in` and `==` would ask the metaclass."""
    return any(one is base for one in _type_mro(kind))


def type_name(kind: type) -> str:
    """`module.qualname`, read without running code of a metaclass; `?` for what is not a plain
    string."""
    try:
        module, name = _type_module(kind), _type_name(kind)
    except (AttributeError, TypeError):
        return "?"
    if type(name) is not str or type(module) is not str:
        return "?"
    return name if module == "builtins" else f"{module}.{name}"


def _named(item: Any, kind: type) -> str | None:
    """Functions, classes and modules are compared by name."""
    if _derives(kind, type):
        return f"class {type_name(item)}"
    if kind is types.FunctionType:
        return f"function {item.__qualname__}"
    if kind is types.CodeType:
        return f"code {item.co_qualname}"
    if id(kind) in _BUILTIN_CALLABLES:
        return f"builtin {item.__name__}"
    if kind is types.ModuleType:
        name = types.ModuleType.__getattribute__(item, "__dict__").get("__name__")
        return f"module {name}" if type(name) is str else "module ?"
    return None


_BUILTIN_CALLABLES: Final = frozenset(
    map(id, (types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType))
)


def _base_value(item: Any, kind: type) -> list[Any]:
    """The value of the builtin that `kind` derives from, as an exact builtin; empty for plain
    objects and opaque types."""
    for base, exact in _BASES:
        if _derives(kind, base):
            return [exact(item)]
    for module, name, exact in _LIBRARY:
        known = getattr(sys.modules.get(module), name, None)
        if kind is known:
            return [exact(item)]
    return []


def _cell(value: types.CellType) -> Any:
    try:
        return (value.cell_contents,)
    except ValueError:
        return ()


def _exception_parts(error: BaseException) -> tuple[Any, ...]:
    """args, cause, context (unless suppressed by a cause), whether suppressed. Its other C members
    are read as attributes."""
    parts = BaseException.__dict__
    return (
        parts["args"].__get__(error),
        parts["__cause__"].__get__(error),
        parts["__context__"].__get__(error),
        parts["__suppress_context__"].__get__(error),
    )


_BASES: Final[tuple[tuple[type, Callable[[Any], Any]], ...]] = (
    (int, int.__int__),
    (float, float.__float__),
    (
        complex,
        lambda value: complex(
            complex.__dict__["real"].__get__(value), complex.__dict__["imag"].__get__(value)
        ),
    ),
    (str, str.__str__),
    (bytes, lambda value: bytes.__getitem__(value, slice(None))),
    (bytearray, lambda value: bytes(bytearray.__iter__(value))),
    (tuple, lambda value: tuple(tuple.__iter__(value))),
    (list, lambda value: list(list.__iter__(value))),
    (dict, lambda value: list(dict.items(value))),
    (frozenset, lambda value: list(frozenset.__iter__(value))),
    (set, lambda value: list(set.__iter__(value))),
    (BaseException, _exception_parts),
    (types.MethodType, lambda value: (value.__func__, value.__self__)),
    (types.CellType, _cell),
)

_LIBRARY: Final[tuple[tuple[str, str, Callable[[Any], Any]], ...]] = (
    ("collections", "deque", lambda value: (list(value), value.maxlen)),
    ("array", "array", lambda value: (value.typecode, value.tobytes())),
    ("decimal", "Decimal", lambda value: value.__reduce__()[1]),
    ("datetime", "date", lambda value: value.__reduce__()[1]),
    ("datetime", "time", lambda value: value.__reduce__()[1]),
    ("datetime", "datetime", lambda value: value.__reduce__()[1]),
    ("datetime", "timedelta", lambda value: value.__reduce__()[1]),
)
"""Library types without attributes whose content is read by C code alone, for exact instances."""


def _attributes(item: Any, kind: type) -> list[tuple[str, Any]]:
    """Instance dictionary in its order, then slots and C members by class and name; only through
    C-level descriptors."""
    found: list[tuple[str, Any]] = []
    for base in _type_mro(kind):
        for name, descriptor in sorted(
            _type_dict(base).items(), key=lambda pair: str.__str__(pair[0])
        ):
            shape = type(descriptor)
            if name == "__dict__" and shape is types.GetSetDescriptorType:
                found[:0] = _instance_dict(descriptor.__get__(item))
            elif (
                shape is types.MemberDescriptorType
                and name != "__suppress_context__"
                and not _is_noise(base)
            ):
                value = _member(descriptor, item)
                if value is not _MISSING:
                    found.append((str.__str__(name), value))
    return found


def _instance_dict(attributes: Any) -> list[tuple[str, Any]]:
    if type(attributes) is not dict:
        return []
    return [
        (str.__str__(name), value)
        for name, value in dict.items(attributes)
        if _derives(type(name), str)
    ]


def _member(descriptor: Any, item: Any) -> Any:
    try:
        return descriptor.__get__(item)
    except (AttributeError, TypeError):
        return _MISSING


def _is_noise(base: type) -> bool:
    """Builtin types whose C members say nothing about the program (a generator's frame, a method's
    function), exceptions apart."""
    module = _type_module(base)
    return type(module) is str and module == "builtins" and not _derives(base, BaseException)


# A traceback is the places it passes, each with how often it does so in a row: deep recursion is a
# thousand times at one place. A place is a qualified name, line (from 1), column (from 0, UTF-8
# bytes), end line, end column, as in `co_positions`; -1 where unknown.
def _trace(error: BaseException, skip: int | None) -> Any:
    if skip is None:
        return None
    passed: list[tuple[_Raw, int]] = []
    known: dict[tuple[int, int], _Raw] = {}
    tb = BaseException.__dict__["__traceback__"].__get__(error)
    while tb is not None:
        if skip:
            skip -= 1
        else:
            code, offset = tb.tb_frame.f_code, tb.tb_lasti
            place = known.get((id(code), offset))
            if place is None:
                place = known[id(code), offset] = _place(code, offset, tb.tb_lineno)
            # The same place in another code object too: a function may run in more than one.
            again = bool(passed) and passed[-1][0].data == place.data
            passed.append((place, passed.pop()[1] + 1 if again else 1))
        tb = tb.tb_next
    return passed


def _place(code: types.CodeType, offset: int, line: int) -> _Raw:
    unknown = line, None, None, None
    positions = islice(code.co_positions(), offset // 2, None) if offset >= 0 else iter(())
    start, end, column, end_column = next(positions, unknown)
    numbers = (start or line, column, end, end_column)
    encoder = _Encoder()
    encoder.value((code.co_qualname, *(-1 if number is None else number for number in numbers)))
    return _Raw(b"".join(encoder.out))
