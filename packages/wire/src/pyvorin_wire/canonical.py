"""Canonical JSON: one value has exactly one byte string, so it can be hashed, signed and compared.

    dumps({"b": 1, "a": [True, None, "é"]})  ==  b'{"a":[true,null,"\\xc3\\xa9"],"b":1}'

Accepted: objects with string keys, arrays, strings, integers of 64 bits, booleans, null. Refused:
floats (their text is not unique), NaN, lone surrogates, duplicate keys, nesting over 64. Keys are
sorted by code point; no white space; UTF-8 without escapes other than the ones JSON requires. What
may never change: all of it, as signatures cover these bytes.
"""

import json
from typing import Any, Final, NoReturn

from pyvorin_wire.errors import CanonicalError

MAX_BYTES: Final = 32 * 1024 * 1024
MAX_DEPTH: Final = 64
_INT_LIMIT: Final = 2**63

Json = Any  # dict[str, Json] | list[Json] | str | int | bool | None


def dumps(value: Json) -> bytes:
    """Encode to the one canonical byte string. Raises CanonicalError for a value outside the
    subset."""
    _check(value)
    try:
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.encode("utf-8")
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
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
            parse_int=_parse_int,
        )
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CanonicalError(f"not JSON: {error}") from error
    except RecursionError as error:
        raise CanonicalError("nested too deeply") from error
    _check(value)
    if exact and dumps(value) != data:
        raise CanonicalError("not in canonical form")
    return value


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
