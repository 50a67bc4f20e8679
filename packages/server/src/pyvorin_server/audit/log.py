"""Append to the audit log, and check it.

    entry_hash = SHA-256(0x00 ‖ previous_hash ‖ canonical JSON of the entry)

The first entry follows 32 zero bytes. An entry is written in the transaction of what it
records: either both happened or neither. Triggers forbid changing a row and deleting one that no
sealed segment stands for; whoever can drop triggers can still rewrite the whole table, which only
a head kept elsewhere shows (`audit.checkpoints`). Actors and subjects are ids, never names.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from pyvorin_wire import canonical
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.audit.events import Event
from pyvorin_server.db.tables import audit
from pyvorin_server.db.watch_tables import audit_segments

GENESIS = bytes(32)
_LOCK = 0x7079_6175_6469_74  # "pyaudit"


async def append(
    connection: AsyncConnection,
    event: Event,
    *,
    at: datetime,
    organisation_id: str = "",
    actor: str = "service",
    subject: str = "",
    detail: Mapping[str, str | int] | None = None,
) -> int:
    """Add one entry in the caller's write transaction and return its sequence number.

    An order needs one writer at a time. On SQLite the transaction holds the write lock already. On
    PostgreSQL it is an advisory lock until commit, as a table lock needs rights that the service's
    login must not have.
    """
    if connection.dialect.name == "postgresql":
        await connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    newest, previous = await head(connection)
    sequence = newest + 1
    row = {
        "sequence": sequence,
        "at": at,
        "event": str(event),
        "organisation_id": organisation_id,
        "actor": actor,
        "subject": subject,
        "detail": canonical.dumps(dict(detail or {})).decode(),
    }
    entry_hash = _entry_hash(previous, row)
    await connection.execute(
        audit.insert().values(**row, previous_hash=previous, entry_hash=entry_hash)
    )
    return sequence


async def first_bad_entry(connection: AsyncConnection) -> int | None:
    """Walk the whole chain; return the sequence number where it first breaks, or None.

    Where the oldest entries were pruned, it goes on from the segment that stands for them.
    """
    start = await _start(connection)
    if start is None:
        return 1
    expected, previous = start
    rows = await connection.stream(sa.select(audit).order_by(audit.c.sequence))
    async for row in rows:
        entry = dict(row._mapping)
        if (
            row.sequence != expected
            or row.previous_hash != previous
            or row.entry_hash != _entry_hash(previous, entry)
        ):
            return expected
        expected, previous = expected + 1, row.entry_hash
    return None


async def _start(connection: AsyncConnection) -> tuple[int, bytes] | None:
    """Return the number of the first entry and the hash it must follow; None when entries are
    missing that no unbroken row of segments stands for.
    """
    first = (await connection.execute(sa.select(sa.func.min(audit.c.sequence)))).scalar_one()
    expected, previous = 1, GENESIS
    segments = sa.select(audit_segments).order_by(audit_segments.c.first)
    for segment in (await connection.execute(segments)).all():
        if first is not None and segment.last >= first:
            break
        if segment.first != expected or segment.hash_before != previous:
            return None
        expected, previous = segment.last + 1, segment.hash_at_last
    return expected, previous


async def head(connection: AsyncConnection) -> tuple[int, bytes]:
    """Return sequence and hash of the newest entry; (0, 32 zero bytes) when there is none."""
    row = (
        await connection.execute(
            sa.select(audit.c.sequence, audit.c.entry_hash)
            .order_by(audit.c.sequence.desc())
            .limit(1)
        )
    ).first()
    if row is not None:
        return row.sequence, row.entry_hash
    start = await _start(connection)
    return (start[0] - 1, start[1]) if start else (0, GENESIS)


def _entry_hash(previous: bytes, row: Mapping[str, object]) -> bytes:
    at = row["at"]
    assert isinstance(at, datetime)
    entry = {
        "sequence": row["sequence"],
        "at_us": round(at.timestamp() * 1_000_000),
        "event": row["event"],
        "organisation_id": row["organisation_id"],
        "actor": row["actor"],
        "subject": row["subject"],
        "detail": row["detail"],
    }
    return hashlib.sha256(b"\x00" + previous + canonical.dumps(entry)).digest()
