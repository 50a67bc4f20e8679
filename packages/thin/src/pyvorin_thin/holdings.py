"""Every file the client keeps on this machine: what is in it, and for how long.

    kept()  →  [Holding("state", "device.json", "keys of this device", "…", secret=True, …), …]

`KEPT` is complete: a test walks the homes of machines that did everything, and the places in the
source that name a file.
"""

import fnmatch
import os
from collections.abc import Iterator
from typing import Final

from pyvorin_wire.value import Value

from pyvorin_thin import paths


class Kept(Value):
    """A kind of file. `pattern` is relative to its folder."""

    folder: str
    pattern: str
    what: str
    until: str
    secret: bool = False


class Holding(Value):
    """A file that exists; `kind` is None for one that is not the client's."""

    path: str
    size: int
    kind: Kept | None


_ALWAYS: Final = "until you remove it"
_ACTIVE: Final = "until another activation replaces it"
KEPT: Final = (
    Kept("config", "config.toml", "your settings", _ALWAYS),
    Kept("config", "native-off", "that native code is off", "until `off --undo`"),
    Kept("config", "telemetry-off", "that telemetry is off", "until `telemetry on`"),
    Kept("state", "device.json", "name and keys of this device", _ACTIVE, secret=True),
    Kept("state", "local.key", "key of artifacts compiled here", _ALWAYS, secret=True),
    Kept("state", "trust.json", "addresses and public keys of the service", _ACTIVE),
    Kept("state", "licence.json", "the licence, as signed", "until the next one"),
    Kept("state", "recall.json", "artifacts that must not be loaded", "until the next list"),
    Kept("state", "sequence.json", "the newest number of each artifact", _ALWAYS),
    Kept("state", "targets.json", "compilers of the service", "ten minutes, then asked again"),
    Kept(
        *("state", "events.jsonl"),
        "refusals, fallbacks, uploads: names of modules and functions, codes",
        "4 MiB, then one predecessor",
    ),
    Kept("state", "events.jsonl.1", "the same, older", "until the next 4 MiB"),
    Kept(
        *("state", "telemetry-queue.json"),
        "usage events that were not sent yet",
        "telemetry.queue_retention_days, or `telemetry off`",
    ),
    Kept("state", "telemetry-announced", "that telemetry was announced", _ALWAYS),
    Kept("state", "telemetry.key", "key that hides names in usage events", "30 days", secret=True),
    Kept("cache", "artifacts/*.pyva", "native code, as accepted", "until `cache rm` or `cache gc`"),
    Kept("cache", "modules/*.json", "which artifacts a module has", "as the artifacts"),
    Kept("cache", "quarantine/*", "refused artifacts, and why", _ALWAYS),
    Kept("*", "*.lock", "nothing; it keeps two commands apart", _ALWAYS),
    Kept("*", "*.tmp", "a file whose writing was interrupted", _ALWAYS),
)


def kept() -> list[Holding]:
    """Every file in the client's folders, by folder and name."""
    folders = {"config": paths.config(), "state": paths.state(), "cache": paths.cache()}
    return [
        Holding(path, os.lstat(path).st_size, _kind(folder, os.path.relpath(path, root)))
        for folder, root in folders.items()
        for path in _files(root)
    ]


def _files(root: str) -> Iterator[str]:
    for folder, below, names in os.walk(root):
        below.sort()
        yield from (os.path.join(folder, name) for name in sorted(names))


def _kind(folder: str, name: str) -> Kept | None:
    for kind in KEPT:
        if kind.folder in (folder, "*") and fnmatch.fnmatchcase(name, kind.pattern):
            return kind
    return None
