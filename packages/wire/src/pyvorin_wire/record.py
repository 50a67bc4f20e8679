"""A value that is also a JSON object, checked field by field.

    class Point(Record):
        x: int
        label: str | None = None

    Point.from_json({"x": 1})          → Point(x=1, label=None)
    Point.from_json({"x": "1"})        → RecordError: Point.x: expected int
    Point.from_json({"x": 1, "y": 2})  → RecordError: Point: unknown field `y`

Field types: str, int, bool, object (any JSON), `T | None`, `tuple[T, ...]`, `Mapping[str, T]`,
enums of strings, other records. `Annotated[T, Check(...)]` narrows a field; strings without a check
are capped at 4096 characters. Every field is written, defaults too, so one value has one encoding.

`Annotated` comes from here. To a type checker it is typing's own; at run time it is a small
stand-in, because this is on the way of every program that loads native code, and importing `typing`
takes longer than all that it reads. For the same reason the checks of what it reads are written out
(`test`), and a `pattern` imports `re` when it is first used.
"""

from _collections_abc import Mapping  # the ABC itself; its package imports much more

from pyvorin_wire.errors import RecordError
from pyvorin_wire.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Annotated as Annotated
    from typing import Any, Final, Self, TypeVar

    Decoder = Callable[[Any, str], Any]
    R = TypeVar("R", bound="Record")
else:

    class Annotated(Value):
        """`Annotated[kind, check]`, and that `| None`."""

        kind: object
        check: object
        optional: bool = False

        def __class_getitem__(cls, item):
            return cls(*item)

        def __or__(self, other):
            return self.replace(optional=True) if other is None else NotImplemented


_Union: "Any" = type(int | None)
MAX_TEXT: "Final" = 4096
MAX_ITEMS: "Final" = 100_000
_DIGITS: "Final" = "0123456789"
_HEX: "Final" = "0123456789abcdef"
_LETTERS: "Final" = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Check(Value):
    """What a value must satisfy beyond its type. `low` and `high` bound an integer, or the length
    of a string; `pattern` is a regular expression for all of it, `test` a function that says
    whether it is well-formed."""

    low: int | None = None
    high: int | None = None
    pattern: str | None = None
    test: "Callable[[str], bool] | None" = None

    def __call__(self, value: "Any", where: str) -> "Any":
        measure = value if isinstance(value, int) else len(value)
        if self.low is not None and measure < self.low:
            raise RecordError(f"{where}: below {self.low}")
        if self.high is not None and measure > self.high:
            raise RecordError(f"{where}: above {self.high}")
        if self.pattern is not None and not _matches(self.pattern, value):
            raise RecordError(f"{where}: malformed")
        if self.test is not None and not self.test(value):
            raise RecordError(f"{where}: malformed")
        return value


def _matches(pattern: str, text: str) -> bool:
    import re  # see above

    return re.fullmatch(pattern, text, re.ASCII) is not None


def consists_of(text: str, characters: str) -> bool:
    """Whether every character of `text` is one of `characters`."""
    return not text.strip(characters)


def one_of(*choices: str) -> Check:
    """A check that a text is one of these."""
    return Check(test=frozenset(choices).__contains__)


def _is_digest(text: str) -> bool:
    return len(text) == 64 and consists_of(text, _HEX)


def _is_identifier(text: str) -> bool:
    first, rest = text[:1], text[1:128]
    return (
        0 < len(text) <= 128
        and first in _LETTERS + _DIGITS
        and consists_of(rest, _LETTERS + _DIGITS + "._:@+-")
    )


def is_base64_text(text: str) -> bool:
    """Whether a text has base64's letters and at most two signs of padding; not whether it
    decodes."""
    padding = len(text) - len(text.rstrip("="))
    return padding <= 2 and consists_of(text.rstrip("="), _LETTERS + _DIGITS + "+/")


def _is_fingerprint(text: str) -> bool:
    version, _, rest = text.partition("-")
    epoch, _, digest = rest.partition("-")
    numbered = 0 < len(epoch) <= 9 and consists_of(epoch, _DIGITS)
    return version == "pf1" and numbered and _is_digest(digest)


Sha256 = Annotated[str, Check(test=_is_digest)]
Identifier = Annotated[str, Check(test=_is_identifier)]
Seconds = Annotated[int, Check(low=0, high=2**53)]
Count = Annotated[int, Check(low=0, high=2**53)]
Base64 = Annotated[str, Check(test=is_base64_text, high=1_000_000)]
FingerprintText = Annotated[str, Check(test=_is_fingerprint)]
Hex32 = Annotated[str, Check(test=_is_digest)]
LongText = Annotated[str, Check(high=8 * 1024 * 1024)]


class Record(Value):
    """Base of every value that travels."""

    def to_json(self) -> "dict[str, Any]":
        """The JSON object of this record; fresh containers all the way down."""
        return {name: _encode(getattr(self, name)) for name in self._fields}

    @classmethod
    def from_json(cls, value: "Any") -> "Self":
        """Check and build. Raises RecordError naming the field."""
        return _decode_record(cls, value, cls.__name__)


def _encode(value: "Any") -> "Any":
    if isinstance(value, Record):
        return value.to_json()
    if isinstance(value, tuple | list):
        return [_encode(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _encode(item) for key, item in value.items()}
    return value.value if _is_enum(type(value)) else value


def _is_enum(kind: type) -> bool:
    return hasattr(kind, "__members__")


def _decode_record(cls: "type[R]", value: "Any", where: str) -> "R":
    if type(value) is not dict:
        raise RecordError(f"{where}: expected an object")
    decoders = _decoders(cls)
    for name in value:
        if name not in decoders:
            raise RecordError(f"{where}: unknown field `{name[:60]}`")
    for name in decoders:
        if name not in value and name not in cls._defaults:
            raise RecordError(f"{where}: missing field `{name}`")
    return cls(**{name: decoders[name](item, f"{where}.{name}") for name, item in value.items()})


_known: "dict[type[Record], dict[str, Decoder]]" = {}


def _decoders(cls: "type[Record]") -> "dict[str, Decoder]":
    """Decoder of each field, worked out once a class."""
    if cls not in _known:
        bases = [base for base in reversed(cls.__mro__) if issubclass(base, Record)]
        hints = {name: hint for base in bases for name, hint in base.__annotations__.items()}
        _known[cls] = {name: _decoder(hint) for name, hint in hints.items()}
    return _known[cls]


def _decoder(hint: "Any") -> "Decoder":
    if isinstance(hint, Annotated):  # type: ignore[arg-type]  # the stand-in
        narrowed = _checked(_exact(hint.kind), hint.check)
        return _optional(narrowed) if hint.optional else narrowed
    if hint is object:
        return lambda value, where: value
    if hint is str:
        return _checked(_exact(str), Check(high=MAX_TEXT))
    if hint in (int, bool):
        return _exact(hint)
    if isinstance(hint, _Union):
        return _optional(_decoder(hint.__args__[0]))
    if (origin := getattr(hint, "__origin__", None)) is not None:
        return _container(origin, hint.__args__)
    if isinstance(hint, type) and issubclass(hint, Record):
        return lambda value, where: _decode_record(hint, value, where)
    if _is_enum(hint):
        return _member({member.value: member for member in hint})
    raise TypeError(f"no record can have a field of type {hint!r}")


def _container(origin: type, arguments: "tuple[Any, ...]") -> "Decoder":
    if origin is tuple:
        return _sequence(_decoder(arguments[0]))
    if issubclass(origin, Mapping):
        return _mapping(_decoder(arguments[1]))
    raise TypeError(f"no record can have a field of type {origin!r}")


def _exact(kind: type) -> "Decoder":
    def decode(value: "Any", where: str) -> "Any":
        if type(value) is not kind:
            raise RecordError(f"{where}: expected {kind.__name__}")
        return value

    return decode


def _checked(inner: "Decoder", check: Check) -> "Decoder":
    return lambda value, where: check(inner(value, where), where)


def _optional(inner: "Decoder") -> "Decoder":
    return lambda value, where: None if value is None else inner(value, where)


def _sequence(inner: "Decoder") -> "Decoder":
    def decode(value: "Any", where: str) -> "Any":
        if type(value) is not list or len(value) > MAX_ITEMS:
            raise RecordError(f"{where}: expected a list of at most {MAX_ITEMS}")
        return tuple(inner(item, f"{where}[{index}]") for index, item in enumerate(value))

    return decode


def _mapping(inner: "Decoder") -> "Decoder":
    def decode(value: "Any", where: str) -> "Any":
        if type(value) is not dict or len(value) > MAX_ITEMS:
            raise RecordError(f"{where}: expected an object of at most {MAX_ITEMS}")
        return {key: inner(item, f"{where}[{key[:60]!r}]") for key, item in value.items()}

    return decode


def _member(values: "dict[str, Any]") -> "Decoder":
    def decode(value: "Any", where: str) -> "Any":
        if type(value) is not str or value not in values:
            raise RecordError(f"{where}: expected one of {', '.join(map(str, values))}")
        return values[value]

    return decode
