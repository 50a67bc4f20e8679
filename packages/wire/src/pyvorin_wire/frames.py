"""The framed pipe between a supervisor and a jailed process.

    frame = length of payload (4 bytes, big endian) · kind (1 byte) · payload
    kinds: J canonical JSON · B bytes · E end of message (empty)

The reader enforces the caps before it allocates, because the writer may be hostile: a huge length
prefix, an unknown kind, bytes after the end and an early end of file are each a FrameError.
Deadlines are the caller's (kill the writer; the read then ends early).
"""

import io
import struct
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Protocol

from pyvorin_wire import canonical
from pyvorin_wire.errors import FrameError

JSON: Final = b"J"
BYTES: Final = b"B"
END: Final = b"E"
_HEADER: Final = struct.Struct(">Ic")


class Readable(Protocol):
    def read(self, size: int, /) -> bytes | None: ...


class Writable(Protocol):
    def write(self, data: bytes, /) -> Any: ...
    def flush(self) -> Any: ...


class Caps(NamedTuple):
    """Most that one message may hold."""

    frame_bytes: int = 64 * 1024 * 1024
    total_bytes: int = 128 * 1024 * 1024
    frames: int = 100_000


DEFAULT_CAPS: Final = Caps()


class Frame(NamedTuple):
    kind: bytes
    payload: bytes

    def json(self) -> Any:
        """The payload as canonical JSON. Raises FrameError if the frame is of another kind."""
        if self.kind != JSON:
            raise FrameError(f"expected a JSON frame, found {self.kind!r}")
        return canonical.loads(self.payload, max_bytes=len(self.payload))


def write_json(stream: Writable, value: Any) -> None:
    write(stream, JSON, canonical.dumps(value))


def write_bytes(stream: Writable, data: bytes) -> None:
    write(stream, BYTES, data)


def write_end(stream: Writable) -> None:
    """End the message and flush."""
    write(stream, END, b"")
    stream.flush()


def write(stream: Writable, kind: bytes, payload: bytes) -> None:
    stream.write(_HEADER.pack(len(payload), kind) + payload)


def read_message(stream: Readable, caps: Caps = DEFAULT_CAPS) -> Iterator[Frame]:
    """Frames up to, and not including, the end frame. Raises FrameError; never reads past the end
    frame."""
    total = 0
    for _ in range(caps.frames):
        length, kind = _HEADER.unpack(_read_exactly(stream, _HEADER.size))
        total += length
        if length > caps.frame_bytes or total > caps.total_bytes:
            raise FrameError("a frame is over its cap", code="frame_cap")
        if kind == END:
            if length:
                raise FrameError("an end frame holds bytes")
            return
        if kind not in (JSON, BYTES):
            raise FrameError("a frame is of unknown kind")
        yield Frame(kind, _read_exactly(stream, length))
    raise FrameError("too many frames", code="frame_cap")


def first_frame(data: bytes | bytearray, caps: Caps = DEFAULT_CAPS) -> Frame | None:
    """The first frame of a message of which so far `data` was read; None while it is not whole.
    Raises FrameError as `read_message` does."""
    if len(data) < _HEADER.size:
        return None
    length, kind = _HEADER.unpack_from(data)
    end = _HEADER.size + length
    if length <= caps.frame_bytes and kind in (JSON, BYTES) and len(data) < end:
        return None
    return next(read_message(io.BytesIO(data[:end]), caps), None)


def _read_exactly(stream: Readable, size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        part = stream.read(min(size, 1 << 20))
        if not part:
            raise FrameError("the pipe ended inside a frame", code="frame_eof")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
