"""Calls between the service's processes on one machine: Unix sockets, one call a connection.

    request   J {"op": …, "token": …, …}  B…  E        answer   J {"ok": true, …}  B…  E
                                                       refusal  J {"ok": false, "code": …}  E

Frames are `pyvorin_wire.frames`. A caller must pass two checks: the kernel's word on its user id
(SO_PEERCRED) and the token of that service, a secret in a 0600 file. The socket itself is 0600 in
a 0700 folder. A handler refuses by raising `RemoteError`; any other error answers `fault` and is
logged by its type only, as a message may hold what must not be logged.
"""

import asyncio
import hmac
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from pyvorin_wire import canonical, frames
from pyvorin_wire.errors import WireError

from pyvorin_server.errors import PeerRefused, RemoteError

_HEADER = struct.Struct(">Ic")
_log = structlog.get_logger("local")

MAX_MESSAGE_BYTES = 160_000_000


@dataclass(frozen=True, slots=True)
class Message:
    """One JSON object and the byte strings that came with it."""

    fields: Mapping[str, canonical.Json]
    blobs: Sequence[bytes] = ()

    def text(self, name: str) -> str:
        """Return a string field. Raises `RemoteError` when it is missing or of another type."""
        value = self.fields.get(name)
        if not isinstance(value, str):
            raise RemoteError("request_invalid", name)
        return value

    def integer(self, name: str) -> int:
        value = self.fields.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise RemoteError("request_invalid", name)
        return value


Handler = Callable[[Message], Awaitable[Message]]


async def serve(
    path: Path, token: str, handlers: Mapping[str, Handler], *, uids: frozenset[int] | None = None
) -> asyncio.Server:
    """Listen on `path` (replaced if left over) and answer calls until the server is closed."""
    allowed = uids or frozenset({os.geteuid()})

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            _check_peer(writer, allowed)
            reply = await _dispatch(await _read(reader), token, handlers)
            await _write(writer, reply)
        except (PeerRefused, WireError, ConnectionError, asyncio.IncompleteReadError) as error:
            _log.warning("call refused", socket=path.name, error=type(error).__name__)
        finally:
            writer.close()

    path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(answer, path)
    path.chmod(0o600)
    return server


class LocalClient:
    """Calls one service. `patience_s` is how long to wait for it to come (back) up."""

    def __init__(self, path: Path, token: str, *, patience_s: float = 10.0) -> None:
        self._path = path
        self._token = token
        self._patience_s = patience_s

    async def call(
        self, op: str, fields: Mapping[str, canonical.Json], blobs: Sequence[bytes] = ()
    ) -> Message:
        """Return the answer. Raises `RemoteError` with the service's code, or `unreachable`."""
        reader, writer = await self._connect()
        try:
            await _write(writer, Message({**fields, "op": op, "token": self._token}, blobs))
            reply = await _read(reader)
        except (OSError, WireError, asyncio.IncompleteReadError):
            raise RemoteError("unreachable", self._path.name) from None
        finally:
            writer.close()
        if reply.fields.get("ok") is not True:
            raise RemoteError(str(reply.fields.get("code")), str(reply.fields.get("detail", "")))
        return reply

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._patience_s
        while True:
            try:
                return await asyncio.open_unix_connection(self._path)
            except OSError:
                if loop.time() >= give_up:
                    raise RemoteError("unreachable", self._path.name) from None
                await asyncio.sleep(0.05)


async def _dispatch(request: Message, token: str, handlers: Mapping[str, Handler]) -> Message:
    if not hmac.compare_digest(request.text("token").encode(), token.encode()):
        raise PeerRefused("wrong token")
    op = request.text("op")
    try:
        if op not in handlers:
            raise RemoteError("op_unknown", op[:40])
        reply = await handlers[op](request)
        return Message({**reply.fields, "ok": True}, reply.blobs)
    except RemoteError as error:
        return Message({"ok": False, "code": error.code, "detail": error.detail})
    except Exception as error:  # the process edge: the caller gets a code, the log the type
        _log.error("call failed", op=op, error=type(error).__name__, at=_position(error))
        return Message({"ok": False, "code": "fault", "detail": type(error).__name__})


def _position(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def _check_peer(writer: asyncio.StreamWriter, allowed: frozenset[int]) -> None:
    peer: socket.socket = writer.get_extra_info("socket")
    raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _pid, uid, _gid = struct.unpack("3i", raw)
    if uid not in allowed:
        raise PeerRefused(f"user {uid}")


async def _read(reader: asyncio.StreamReader) -> Message:
    """Read one message, caps checked before anything is allocated."""
    fields: dict[str, canonical.Json] | None = None
    blobs: list[bytes] = []
    left = MAX_MESSAGE_BYTES
    while True:
        length, kind = _HEADER.unpack(await reader.readexactly(_HEADER.size))
        left -= length
        if left < 0:
            raise PeerRefused("message over the cap")
        payload = await reader.readexactly(length)
        if kind == frames.JSON and fields is None:
            fields = canonical.loads(payload)
        elif kind == frames.BYTES:
            blobs.append(payload)
        elif kind == frames.END and isinstance(fields, dict):
            return Message(fields, tuple(blobs))
        else:
            raise PeerRefused("malformed message")


async def _write(writer: asyncio.StreamWriter, message: Message) -> None:
    head = canonical.dumps(dict(message.fields))
    writer.write(_HEADER.pack(len(head), frames.JSON) + head)
    for blob in message.blobs:
        writer.write(_HEADER.pack(len(blob), frames.BYTES))
        writer.write(blob)
    writer.write(_HEADER.pack(0, frames.END))
    await writer.drain()
