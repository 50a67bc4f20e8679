"""The local record of what matters afterwards: refusals, fallbacks, uploads, allowed secrets. One
JSON line an event, in the state folder.

It never leaves the machine. Names of functions and codes are recorded, never source, values or
keys.
"""

from __future__ import annotations

import os
import time

from pyvorin_wire import canonical
from pyvorin_wire.errors import WireError

from pyvorin_thin import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

MAX_BYTES: Final = 4 << 20


def log_path() -> str:
    return os.path.join(paths.state(), "events.jsonl")


def record(kind: str, **details: str | int) -> None:
    """Append an event. The file starts over (keeping one predecessor) when it is over MAX_BYTES."""
    path = log_path()
    paths.private_folder(os.path.dirname(path))
    line = canonical.dumps({"at": int(time.time()), "event": kind, **details}) + b"\n"
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        os.write(descriptor, line)
        full = os.fstat(descriptor).st_size > MAX_BYTES
    finally:
        os.close(descriptor)
    if full:
        os.replace(path, f"{path}.1")


def recent(limit: int = 20) -> list[dict[str, str | int]]:
    """The last events, oldest first."""
    data = paths.read(log_path(), limit=MAX_BYTES * 2) or b""
    found = []
    for line in data.splitlines()[-limit:]:
        try:
            found.append(canonical.loads(line, exact=False))
        except WireError:
            continue
    return found
