"""Values: small immutable classes, declared by their fields.

    class Point(Value):
        x: int
        label: str = ""

    Point(1, label="a").replace(x=2)   → Point(x=2, label='a')
    Point(1).x = 3                     → AttributeError: a Point does not change

They have what `@dataclass(frozen=True)` gives: construction by position or name, equality, hash,
repr and patterns. They exist because a program that loads native code would wait longer for the
import of `dataclasses`, and `inspect` behind it, than for the verification of its artifact. A field
with a default is a class attribute; the defaults themselves must never be changed.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn, Self, dataclass_transform
else:

    def dataclass_transform(**_: object) -> "Any":
        return lambda cls: cls


@dataclass_transform(frozen_default=True)
class Value:
    """Base of every immutable class. Fields of a base come before those of a subclass."""

    _fields: "tuple[str, ...]" = ()
    _defaults: "Mapping[str, Any]" = {}  # noqa: RUF012  # never changed

    def __init_subclass__(cls) -> None:
        own = cls.__annotations__
        defaults = {name: vars(cls)[name] for name in own if name in vars(cls)}
        cls._defaults = {**cls._defaults, **defaults}
        cls._fields = tuple(dict.fromkeys((*cls._fields, *own)))
        cls.__match_args__ = cls._fields  # type: ignore[attr-defined,misc,unused-ignore]

    def __init__(self, *given: "Any", **named: "Any") -> None:
        fields = self._fields
        placed = dict(zip(fields, given, strict=False))
        values = {**self._defaults, **placed, **named}
        if len(given) > len(fields) or placed.keys() & named or values.keys() != set(fields):
            raise TypeError(f"{type(self).__name__} takes {', '.join(fields) or 'nothing'}")
        vars(self).update(values)

    def replace(self, **changes: "Any") -> "Self":
        """The same with some fields changed."""
        return type(self)(**{**vars(self), **changes})

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if type(self) is type(other) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in self._fields))

    def __repr__(self) -> str:
        fields = (f"{name}={getattr(self, name)!r}" for name in self._fields)
        return f"{type(self).__qualname__}({', '.join(fields)})"

    def __setattr__(self, name: str, value: object) -> "NoReturn":
        raise AttributeError(f"a {type(self).__name__} does not change")

    def __delattr__(self, name: str) -> "NoReturn":
        raise AttributeError(f"a {type(self).__name__} does not change")
