"""A frozen dataclass that is also a JSON object, checked field by field.

    @dataclass(frozen=True, slots=True)
    class Point(Record):
        x: int
        label: str | None = None

    Point.from_json({"x": 1})          → Point(x=1, label=None)
    Point.from_json({"x": "1"})        → RecordError: Point.x: expected int
    Point.from_json({"x": 1, "y": 2})  → RecordError: Point: unknown field `y`

Field types: str, int, bool, Json (anything), `T | None`, `tuple[T, ...]`, `Mapping[str, T]`, enums
of strings, other records. An annotated `Check` narrows a field (`Annotated[str, Check(...)]`);
strings without one are capped at 4096 characters. Every field is written, defaults too, so one
value has one encoding.
"""

import dataclasses
import enum
import re
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Final, Self, TypeVar, Union, get_args, get_origin, get_type_hints

from pyvorin_wire.errors import RecordError

MAX_TEXT: Final = 4096
MAX_ITEMS: Final = 100_000

Decoder = Callable[[Any, str], Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Check:
    """What a value must satisfy beyond its type. `low` and `high` bound an integer, or the length
    of a string."""

    low: int | None = None
    high: int | None = None
    pattern: str | None = None

    def __call__(self, value: Any, where: str) -> Any:
        measure = value if isinstance(value, int) else len(value)
        if self.low is not None and measure < self.low:
            raise RecordError(f"{where}: below {self.low}")
        if self.high is not None and measure > self.high:
            raise RecordError(f"{where}: above {self.high}")
        if self.pattern is not None and not re.fullmatch(self.pattern, value, re.ASCII):
            raise RecordError(f"{where}: malformed")
        return value


Sha256 = Annotated[str, Check(pattern="[0-9a-f]{64}")]
Identifier = Annotated[str, Check(pattern=r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}")]
Seconds = Annotated[int, Check(low=0, high=2**53)]
Count = Annotated[int, Check(low=0, high=2**53)]
Base64 = Annotated[str, Check(pattern="[A-Za-z0-9+/]*={0,2}", high=1_000_000)]
FingerprintText = Annotated[str, Check(pattern="pf1-[0-9]{1,9}-[0-9a-f]{64}")]
Hex32 = Annotated[str, Check(pattern="[0-9a-f]{64}")]
LongText = Annotated[str, Check(high=8 * 1024 * 1024)]


class Record:
    """Base of every dataclass that travels."""

    __slots__ = ()

    def to_json(self) -> dict[str, Any]:
        """The JSON object of this record; fresh containers all the way down."""
        names = (field.name for field in dataclasses.fields(self))  # type: ignore[arg-type]  # subclasses are dataclasses
        return {name: _encode(getattr(self, name)) for name in names}

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Check and build. Raises RecordError naming the field."""
        return _decode_record(cls, value, cls.__name__)


_R = TypeVar("_R", bound=Record)


def _encode(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_json()
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [_encode(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _encode(item) for key, item in value.items()}
    return value


def _decode_record(cls: type[_R], value: Any, where: str) -> _R:
    if type(value) is not dict:
        raise RecordError(f"{where}: expected an object")
    decoders, required = _plan(cls)  # type: ignore[arg-type]  # classes are hashable
    for name in value:
        if name not in decoders:
            raise RecordError(f"{where}: unknown field `{name[:60]}`")
    for name in required:
        if name not in value:
            raise RecordError(f"{where}: missing field `{name}`")
    return cls(**{name: decoders[name](item, f"{where}.{name}") for name, item in value.items()})


@cache
def _plan(cls: type[Record]) -> tuple[dict[str, Decoder], frozenset[str]]:
    """Decoder of each field, and the names of those without a default. Worked out once a class."""
    hints = get_type_hints(cls, include_extras=True)
    fields = dataclasses.fields(cls)  # type: ignore[arg-type]  # subclasses are dataclasses
    missing = dataclasses.MISSING
    required = (f.name for f in fields if f.default is missing and f.default_factory is missing)
    return {f.name: _decoder(hints[f.name]) for f in fields}, frozenset(required)


def _decoder(hint: Any) -> Decoder:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _checked(_decoder_of_plain(arguments[0]), arguments[1:])
    if hint is str:
        return _checked(_exact(str), (Check(high=MAX_TEXT),))
    if origin in (Union, types.UnionType):
        return _optional(_decoder(next(a for a in arguments if a is not type(None))))
    if origin is tuple:
        return _sequence(_decoder(arguments[0]))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(_decoder(arguments[1]))
    return _decoder_of_plain(hint)


def _decoder_of_plain(hint: Any) -> Decoder:
    if hint is Any:
        return lambda value, where: value
    if hint in (str, int, bool):
        return _exact(hint)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _member(hint)
    if isinstance(hint, type) and issubclass(hint, Record):
        return lambda value, where: _decode_record(hint, value, where)
    return _decoder(hint)


def _exact(kind: type) -> Decoder:
    def decode(value: Any, where: str) -> Any:
        if type(value) is not kind:
            raise RecordError(f"{where}: expected {kind.__name__}")
        return value

    return decode


def _checked(inner: Decoder, checks: tuple[Any, ...]) -> Decoder:
    def decode(value: Any, where: str) -> Any:
        result = inner(value, where)
        for check in checks:
            result = check(result, where)
        return result

    return decode


def _optional(inner: Decoder) -> Decoder:
    return lambda value, where: None if value is None else inner(value, where)


def _sequence(inner: Decoder) -> Decoder:
    def decode(value: Any, where: str) -> Any:
        if type(value) is not list or len(value) > MAX_ITEMS:
            raise RecordError(f"{where}: expected a list of at most {MAX_ITEMS}")
        return tuple(inner(item, f"{where}[{index}]") for index, item in enumerate(value))

    return decode


def _mapping(inner: Decoder) -> Decoder:
    def decode(value: Any, where: str) -> Any:
        if type(value) is not dict or len(value) > MAX_ITEMS:
            raise RecordError(f"{where}: expected an object of at most {MAX_ITEMS}")
        return {key: inner(item, f"{where}[{key[:60]!r}]") for key, item in value.items()}

    return decode


def _member(kind: type[enum.Enum]) -> Decoder:
    values = {member.value: member for member in kind}

    def decode(value: Any, where: str) -> Any:
        if type(value) is not str or value not in values:
            raise RecordError(f"{where}: expected one of {', '.join(map(str, values))}")
        return values[value]

    return decode
