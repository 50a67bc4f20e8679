"""Lists in pages: newest first, continued by an opaque cursor.

A cursor is the (time, id) of the last row shown, so a page never skips or repeats a row when
others are added meanwhile. A cursor that was not issued here is refused, never guessed at.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime

from pyvorin_server.errors import Problem

MAX_LIMIT = 200
DEFAULT_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of the page before: its creation time and its id."""

    created_at: datetime
    id: str

    def text(self) -> str:
        micros = round(self.created_at.timestamp() * 1_000_000)
        return base64.urlsafe_b64encode(f"{micros}.{self.id}".encode()).decode().rstrip("=")


def parse_cursor(text: str) -> Cursor:
    """Read a cursor's text. Raises the `malformed` problem when it is not one."""
    try:
        padded = text + "=" * (-len(text) % 4)
        micros, row_id = base64.urlsafe_b64decode(padded.encode("ascii")).decode("ascii").split(".")
        return Cursor(datetime.fromtimestamp(int(micros) / 1_000_000, UTC), row_id)
    except (ValueError, binascii.Error, OverflowError, OSError):
        raise Problem("malformed", "the cursor was not issued by this service") from None
