"""What the workflow engine may write into its tables, and read from them.

DBOS pickles arguments and results by default, and unpickles whatever a row claims to be pickled:
whoever can write one row makes a recovering worker run code. So its values are sealed canonical
JSON (`SealedJson`: AES-256-GCM, bound to the engine), and `refuse_pickle` replaces the default
reader and writer by a refusal in this process. A row under any other name does not open.

Only ids, digests, small integers and codes belong here; a value of another type or of more than
`MAX_BYTES` is refused where it is written, so source cannot slip in as an argument, a result or
an exception text. An exception is stored as its type's name alone.
"""

import base64
import binascii
import re
from typing import Any

import dbos._serialization as dbos_serialization
from dbos import Serializer
from pyvorin_wire import canonical
from pyvorin_wire.errors import CanonicalError

from pyvorin_server.errors import SealError, ServerError
from pyvorin_server.kit.sealing import KeyProvider

MAX_BYTES = 4096
_PLACE = "engine|payload"
_NAME = "pyvorin-sealed-json-1"
_EXCEPTION = "$exception"
_TOKEN = re.compile(r"[A-Za-z0-9._:@/+=-]{0,200}")


class EnginePayloadError(ServerError):
    """A value that must not enter the engine, or a row that must not be read."""


class WorkflowFailed(ServerError):
    """What a stored exception reads back as: the name of its type, nothing else."""


class SealedJson(Serializer):
    """DBOS's serializer hook: sealed canonical JSON of ids and codes."""

    def __init__(self, keys: KeyProvider) -> None:
        self._keys = keys

    def name(self) -> str:
        return _NAME

    def serialize(self, data: Any) -> str:
        plain = canonical.dumps(_plain(data))
        if len(plain) > MAX_BYTES:
            raise EnginePayloadError(f"{len(plain)} bytes do not belong into the engine")
        return base64.b64encode(self._keys.seal(plain, _PLACE)).decode("ascii")

    def deserialize(self, serialized_data: str) -> Any:
        try:
            record = base64.b64decode(serialized_data, validate=True)
            return _restored(canonical.loads(self._keys.open(record, _PLACE)))
        except (SealError, CanonicalError, binascii.Error, ValueError):
            raise EnginePayloadError(
                "a row of the engine was not written by this service"
            ) from None


def refuse_pickle() -> None:
    """Make DBOS's pickle serializer raise, for this whole process. Call before anything is read."""
    default = dbos_serialization.DefaultSerializer

    def refuse(self: object, data: object) -> Any:
        raise EnginePayloadError("pickled rows are refused")

    default.serialize = refuse  # type: ignore[method-assign]
    default.deserialize = refuse  # type: ignore[method-assign,assignment]


def pickle_is_refused() -> bool:
    """Try it, the only proof: start-up and `doctor` ask this."""
    try:
        dbos_serialization.DBOSDefaultSerializer.deserialize("gARLAS4=")  # the integer 1
    except EnginePayloadError:
        return True
    return False


def _plain(value: Any) -> canonical.Json:
    """Return `value` as JSON of short tokens. Raises `EnginePayloadError` for anything else."""
    match value:
        case None | bool() | int():
            return value
        case str() if _TOKEN.fullmatch(value):
            return str(value)
        case list() | tuple():
            return [_plain(item) for item in value]
        case dict() if all(isinstance(key, str) for key in value):
            return {key: _plain(item) for key, item in value.items()}
        case BaseException():
            return {_EXCEPTION: type(value).__name__}
    raise EnginePayloadError(f"a {type(value).__name__} does not belong into the engine")


def _restored(value: canonical.Json) -> Any:
    if isinstance(value, dict) and set(value) == {_EXCEPTION}:
        return WorkflowFailed(str(value[_EXCEPTION]))
    if isinstance(value, dict) and set(value) == {"args", "kwargs"}:
        return {"args": tuple(value["args"]), "kwargs": value["kwargs"]}
    return value
