"""Retention: entries past their time are sealed as a segment, exported, and only then deleted.

    seal    the oldest unsealed entries, up to a moment: chain hashes at both ends, tree root,
            signed by the signer's audit key
    prune   delete the rows of sealed segments; database triggers allow nothing else to be deleted

The chain goes on from the segment's last hash, so verification still reaches every entry left.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pyvorin_wire import canonical
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.audit import tree
from pyvorin_server.audit.events import Event
from pyvorin_server.audit.log import GENESIS, append
from pyvorin_server.db.tables import audit
from pyvorin_server.db.watch_tables import audit_segments

Row = sa.Row[Any]
Sign = Callable[[dict[str, str | int]], Awaitable[bytes]]
SEGMENT_TYPE = "application/vnd.pyvorin.audit-segment.v1+json"
MOST_ENTRIES = 100_000


@dataclass(frozen=True, slots=True)
class Segment:
    """Entries `first` … `last`, closed."""

    first: int
    last: int
    hash_before: bytes
    hash_at_last: bytes
    root: bytes

    def document(self) -> dict[str, str | int]:
        """Return what is signed."""
        return {
            "first": self.first,
            "last": self.last,
            "hash_before": self.hash_before.hex(),
            "hash_at_last": self.hash_at_last.hex(),
            "root": self.root.hex(),
        }


async def next_segment(
    connection: AsyncConnection, before: datetime
) -> tuple[Segment, list[Row]] | None:
    """Return the oldest unsealed entries from before a moment, at most `MOST_ENTRIES` of them."""
    last = await newest(connection)
    start, hash_before = (last.last + 1, last.hash_at_last) if last else (1, GENESIS)
    query = (
        sa.select(audit)
        .where(audit.c.sequence >= start)
        .order_by(audit.c.sequence)
        .limit(MOST_ENTRIES)
    )
    rows = []
    for row in (await connection.execute(query)).all():
        if row.at >= before:
            break
        rows.append(row)
    if not rows:
        return None
    hashes = [row.entry_hash for row in rows]
    segment = Segment(start, rows[-1].sequence, hash_before, hashes[-1], tree.root(hashes))
    return segment, rows


async def seal(
    connection: AsyncConnection, segment: Segment, newest_at: datetime, sign: Sign, now: datetime
) -> None:
    """Enter a segment with its signed statement; from now on its rows may be pruned."""
    statement = await sign(segment.document())
    await connection.execute(
        audit_segments.insert().values(
            first=segment.first,
            last=segment.last,
            hash_before=segment.hash_before,
            hash_at_last=segment.hash_at_last,
            root=segment.root,
            statement=statement,
            newest_at=newest_at,
            sealed_at=now,
        )
    )
    detail: Mapping[str, str | int] = {"first": segment.first, "last": segment.last}
    await append(connection, Event.AUDIT_SEALED, at=now, detail=detail)


async def prune(connection: AsyncConnection, last: int, now: datetime) -> int:
    """Delete the rows up to the end of a sealed segment; return how many."""
    sealed = sa.select(audit_segments.c.last).where(audit_segments.c.last == last)
    if (await connection.execute(sealed)).first() is None:
        raise ValueError(f"no segment ends at {last}")
    gone = (
        await connection.execute(
            audit.delete().where(audit.c.sequence <= last).returning(audit.c.sequence)
        )
    ).all()
    if gone:
        detail: Mapping[str, str | int] = {"last": last, "entries": len(gone)}
        await append(connection, Event.AUDIT_PRUNED, at=now, detail=detail)
    return len(gone)


async def newest(connection: AsyncConnection) -> Row | None:
    query = sa.select(audit_segments).order_by(audit_segments.c.last.desc()).limit(1)
    return (await connection.execute(query)).first()


async def listing(connection: AsyncConnection) -> list[Row]:
    """Return every segment, oldest first."""
    query = sa.select(audit_segments).order_by(audit_segments.c.first)
    return list((await connection.execute(query)).all())


def line(row: Row) -> bytes:
    """Return an entry as one line of an export, with what is needed to check it."""
    return (
        canonical.dumps(
            {
                "sequence": row.sequence,
                "at_us": round(row.at.timestamp() * 1_000_000),
                "event": row.event,
                "organisation_id": row.organisation_id,
                "actor": row.actor,
                "subject": row.subject,
                "detail": row.detail,
                "previous_hash": row.previous_hash.hex(),
                "entry_hash": row.entry_hash.hex(),
            }
        )
        + b"\n"
    )


async def lines(
    connection: AsyncConnection, organisation_id: str | None = None
) -> AsyncIterator[bytes]:
    """Yield every entry, or an organisation's, oldest first."""
    query = sa.select(audit).order_by(audit.c.sequence)
    if organisation_id is not None:
        query = query.where(audit.c.organisation_id == organisation_id)
    async for row in await connection.stream(query):
        yield line(row)
