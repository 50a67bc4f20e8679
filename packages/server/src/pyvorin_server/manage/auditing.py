"""An organisation's view of the audit log: search, export, verify. Reading it is recorded too."""

from collections.abc import AsyncIterator
from typing import Any

import sqlalchemy as sa
from pyvorin_wire import identity

from pyvorin_server.audit import Event, append, segments
from pyvorin_server.audit.checkpoints import Keys, verify
from pyvorin_server.auth.guard import Principal
from pyvorin_server.db import Database
from pyvorin_server.db.tables import audit
from pyvorin_server.kit.clock import Clock, epoch_s
from pyvorin_server.settings import Settings


class Auditing:
    """The audit routes' work."""

    def __init__(self, settings: Settings, database: Database, keys: Keys, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._keys = keys
        self._clock = clock

    async def search(
        self, by: Principal, event: str, actor: str, subject: str, before: int | None, limit: int
    ) -> identity.AuditPage:
        """Return a page of the organisation's entries, newest first."""
        query = sa.select(audit).where(audit.c.organisation_id == by.organisation_id)
        for column, wanted in ((audit.c.event, event), (audit.c.actor, actor)):
            if wanted:
                query = query.where(column == wanted)
        if subject:
            query = query.where(audit.c.subject == subject)
        if before is not None:
            query = query.where(audit.c.sequence < before)
        query = query.order_by(audit.c.sequence.desc()).limit(limit + 1)
        async with self._database.write() as connection:
            rows = (await connection.execute(query)).all()
            detail: dict[str, str | int] = {"rows": min(len(rows), limit)}
            await self._record(connection, Event.AUDIT_READ, by, detail)
        following = str(rows[limit - 1].sequence) if len(rows) > limit else None
        return identity.AuditPage(tuple(map(_entry, rows[:limit])), following)

    async def record_export(self, by: Principal) -> None:
        async with self._database.write() as connection:
            await self._record(connection, Event.AUDIT_EXPORTED, by, {})

    async def export(self, by: Principal) -> AsyncIterator[bytes]:
        """Yield the organisation's entries as JSON lines, oldest first."""
        async with self._database.read() as connection:
            async for line in segments.lines(connection, by.organisation_id):
                yield line

    async def verify(self) -> dict[str, Any]:
        """Return whether chain, segments and heads agree."""
        async with self._database.read() as connection:
            found = await verify(connection, self._settings, self._keys, self._clock.now())
        if found is None:
            return {"whole": True}
        return {"whole": False, "first_bad_entry": found.entry, "what": found.what}

    async def _record(
        self, connection: Any, event: Event, by: Principal, detail: dict[str, str | int]
    ) -> None:
        await append(
            connection,
            event,
            at=self._clock.now(),
            organisation_id=by.organisation_id,
            actor=by.actor,
            detail=detail,
        )


def _entry(row: sa.Row[Any]) -> identity.AuditEntry:
    return identity.AuditEntry(
        row.sequence, epoch_s(row.at), row.event, row.actor, row.subject, row.detail
    )
