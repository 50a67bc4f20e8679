"""What launcher, keeper and `inside` say on the status pipe, one JSON object a line.

Nothing of a user writes there. It is read as if something could: a line that is none of these, or
one without end, counts as a refusal.
"""

import json
from typing import Any, Final

from pyvorin_server.sandbox.tiers import Layer

_LONGEST: Final = 1 << 20
_PIDS: Final = range(1, 1 << 22)
_WAIT_STATUSES: Final = range(1 << 16)
_SHAPES: Final = (
    {"keeper": int},
    {"layers": dict},
    {"refused": str, "reason": str},
    {"sealed": bool, "kernel": str},
    {"sealed": bool, "reason": str},
    {"exit": int, "cpu_s": float, "max_rss_bytes": int},
)
_LAYERS: Final = frozenset(Layer)

Message = dict[str, Any]


class Reader:
    """Puts chunks together to messages."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[Message]:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        found = [read(line) for line in lines]
        if len(self._rest) > _LONGEST:
            found.append(read(self._rest))
            self._rest = b""
        return found


def read(line: bytes) -> Message:
    """The message, or a refusal in its place."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, dict) and _is_known(said):
        return said
    return {"refused": "launcher", "reason": "the status pipe holds what none of ours writes"}


def _is_known(said: Message) -> bool:
    kinds = {name: type(value) for name, value in said.items()}
    if kinds not in _SHAPES:
        return False
    layers = said.get("layers", {})
    if not layers.keys() <= _LAYERS or not all(type(why) is str for why in layers.values()):
        return False
    return said.get("keeper", 1) in _PIDS and said.get("exit", 0) in _WAIT_STATUSES
