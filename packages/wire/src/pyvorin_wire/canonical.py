"""Canonical JSON: one value has exactly one byte string, so it can be hashed, signed and compared.

    dumps({"b": 1, "a": [True, None, "é"]})  ==  b'{"a":[true,null,"\\xc3\\xa9"],"b":1}'

Accepted: objects with string keys, arrays, strings, integers of 64 bits, booleans, null. Refused:
floats (their text is not unique), NaN, lone surrogates, duplicate keys, nesting over 64. Keys are
sorted by code point; no white space; UTF-8 without escapes other than the ones JSON requires. What
may never change: all of it, as signatures cover these bytes.
"""

from __future__ import annotations

# The two halves of `json` that are written in C: the module itself imports `re`, which takes longer
# than reading all that a program reads before it runs native code.
from _json import encode_basestring, make_encoder, make_scanner

from pyvorin_wire.errors import CanonicalError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Final, NoReturn

    Json = Any  # dict[str, Json] | list[Json] | str | int | bool | None
else:
    Json = object

MAX_BYTES: Final = 32 * 1024 * 1024
MAX_DEPTH: Final = 64
_INT_LIMIT: Final = 2**63


def dumps(value: Json) -> bytes:
    """Encode to the one canonical byte string. Raises CanonicalError for a value outside the
    subset."""
    _check(value)
    try:
        return "".join(_encode(value, 0)).encode("utf-8")
    except UnicodeEncodeError as error:
        raise CanonicalError("a string holds a lone surrogate") from error


def loads(data: bytes, *, exact: bool = True, max_bytes: int = MAX_BYTES) -> Json:
    """Parse, refusing everything outside the subset.

    With `exact` (signed things) the bytes must also *be* the canonical form; without (HTTP bodies)
    white space and key order are free.
    """
    if len(data) > max_bytes:
        raise CanonicalError(f"{len(data)} bytes, over the limit of {max_bytes}")
    try:
        value = _parse(data.decode("utf-8"))
    except CanonicalError:
        raise
    except ValueError as error:  # of decoding, or json.JSONDecodeError
        raise CanonicalError(f"not JSON: {error}") from error
    except RecursionError as error:
        raise CanonicalError("nested too deeply") from error
    _check(value)
    if exact and dumps(value) != data:
        raise CanonicalError("not in canonical form")
    return value


def _parse(text: str) -> Json:
    """Parse as `json` does, which is asked itself only for its words about what is not JSON."""
    stripped = text.strip(" \t\n\r")
    try:
        value, end = _scan(stripped, 0)
    except (StopIteration, SystemError):  # 3.11's has no error to raise before `json` is imported
        value, end = None, -1
    if end == len(stripped):
        return value
    import json

    return json.loads(
        text,
        object_pairs_hook=_object,
        parse_float=_refuse_number,
        parse_constant=_refuse_number,
        parse_int=_parse_int,
    )


def _check(value: Json) -> None:
    """Walk the value iteratively: exact types only, so that no subclass can change what is
    written."""
    pending: list[tuple[Any, int]] = [(value, 0)]
    while pending:
        item, depth = pending.pop()
        kind = type(item)
        if kind is str or kind is bool or item is None:
            continue
        if kind is int:
            if not -_INT_LIMIT <= item < _INT_LIMIT:
                raise CanonicalError("an integer is outside 64 bits")
        elif depth >= MAX_DEPTH:
            raise CanonicalError("nested too deeply")
        elif kind is list:
            pending.extend((child, depth + 1) for child in item)
        elif kind is dict:
            for key, child in item.items():
                if type(key) is not str:
                    raise CanonicalError("an object key is not a string")
                pending.append((child, depth + 1))
        else:
            raise CanonicalError(f"a value of type {kind.__name__} has no canonical form")


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise CanonicalError("an object repeats a key")
    return result


def _refuse_number(text: str) -> NoReturn:
    raise CanonicalError(f"number {text[:40]} is not an integer")


def _parse_int(text: str) -> int:
    if len(text) > 20:
        raise CanonicalError("an integer is outside 64 bits")
    return int(text)


def _no_form(value: object) -> NoReturn:
    raise CanonicalError(f"a value of type {type(value).__name__} has no canonical form")


class _Rules:
    """What the scanner looks up, under the names that `json.loads` gives them."""

    strict = True
    object_hook = None
    object_pairs_hook = _object
    parse_float = parse_constant = _refuse_number
    parse_int = _parse_int


# Of the class itself, so that its functions stay functions.
_scan: Callable[[str, int], tuple[Json, int]] = make_scanner(_Rules)  # type: ignore[arg-type]
# Separators, keys sorted, none skipped, no NaN; no look-out for cycles, which `_check` ends.
_encode: Callable[[Json, int], tuple[str, ...]] = make_encoder(
    None, _no_form, encode_basestring, None, ":", ",", True, False, False
)
