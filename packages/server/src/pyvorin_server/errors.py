"""What can go wrong in the service, each with one stable code.

    ServerError
    ├── Problem          an answer to a caller: RFC 9457 problem+json
    ├── ConfigError      the installation cannot start as configured
    ├── KeyFileError     a key file is missing, open to others, or in the way
    ├── SealError        a sealed record does not open here
    ├── PeerRefused      a local process without the right to speak on a socket
    └── RemoteError      another process of the service refused; carries its code

A caller sees the code, the title and what to do; never a stack, a statement or another's data.
Unknown and foreign ids give the same row (`not_found`).
"""

import math
from typing import Any

from pyvorin_wire import api


class ServerError(Exception):
    """Root of this package's errors."""


class ConfigError(ServerError):
    """The configuration or the data folder does not allow a start; the message says what to do."""


class KeyFileError(ServerError):
    """A key file is missing, readable by others, or would be overwritten."""


class SealError(ServerError):
    """A sealed record was changed, moved to another place, or sealed under an unknown key."""


class PeerRefused(ServerError):
    """The other end of a local socket is not who it must be."""


class RemoteError(ServerError):
    """Another process of the service answered with a refusal."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


class Problem(ServerError):
    """A refusal of one request: a code of `pyvorin_wire.api.PROBLEMS`, which fixes status and
    meaning.

    `detail` is a sentence for a person and holds nothing of another organisation's. `extra` are
    further members of the body (`retry_after_s`, `server_time_s`, `url`).
    """

    def __init__(self, code: str, detail: str = "", **extra: Any) -> None:
        assert code in api.PROBLEMS, code
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.extra = extra

    @property
    def status(self) -> int:
        return api.PROBLEMS[self.code][0]

    @property
    def headers(self) -> dict[str, str]:
        """Retry-After (RFC 9110, whole seconds) where the problem says when to come back."""
        wait = self.extra.get("retry_after_s")
        return {} if wait is None else {"Retry-After": str(wait)}

    def body(self) -> dict[str, Any]:
        """Return the RFC 9457 members; those without a value are left out."""
        members = api.problem(self.code, self.detail, **self.extra).to_json()
        return {name: value for name, value in members.items() if value not in (None, "")}


def retry_later(code: str, seconds: float, detail: str = "") -> Problem:
    """Return a problem that says when to come back, in at least one second."""
    return Problem(code, detail, retry_after_s=max(1, math.ceil(seconds)))
