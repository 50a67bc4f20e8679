"""The tamper-evident log of every access, build, grant and refusal."""

from pyvorin_server.audit.events import Event
from pyvorin_server.audit.log import append, first_bad_entry

__all__ = ["Event", "append", "first_bad_entry"]
