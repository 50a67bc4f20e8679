"""Usage as the service counted it: one row a job and kind, summed by calendar month in UTC."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from pyvorin_wire import api
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.audit import Event, append
from pyvorin_server.auth.guard import Principal
from pyvorin_server.billing.plans import plan_named
from pyvorin_server.db import Database
from pyvorin_server.db import tables as t
from pyvorin_server.kit.clock import Clock, iso

Row = sa.Row[tuple[Any, ...]]


class Usage:
    """The usage routes' work."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def view(self, principal: Principal) -> api.UsageView:
        """Return this month's credits, and its jobs by the state they ended in."""
        start = month_start(self._clock.now())
        async with self._database.read() as connection:
            used = await credits_since(connection, principal.organisation_id, start)
            states = await jobs_since(connection, principal.organisation_id, start)
            query = sa.select(t.organisations.c.plan).where(
                t.organisations.c.id == principal.organisation_id
            )
            plan = (await connection.execute(query)).scalar_one()
        limit = plan_named(plan).credits
        return api.UsageView(start.strftime("%Y-%m"), plan, used, limit, states)

    async def table(self, principal: Principal) -> str:
        """Return this month's rows as CSV, oldest first."""
        start = month_start(self._clock.now())
        query = (
            sa.select(t.usage)
            .where(
                t.usage.c.organisation_id == principal.organisation_id,
                t.usage.c.created_at >= start,
            )
            .order_by(t.usage.c.created_at, t.usage.c.id)
        )
        async with self._database.write() as connection:
            rows = (await connection.execute(query)).all()
            await append(
                connection,
                Event.USAGE_EXPORTED,
                at=self._clock.now(),
                organisation_id=principal.organisation_id,
                actor=principal.actor,
                detail={"rows": len(rows)},
            )
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(("at", "job", "device", "kind", "credits"))
        for row in rows:
            writer.writerow((iso(row.created_at), row.job_id, row.device_id, row.kind, row.credits))
        return text.getvalue()

    async def add_telemetry(self, principal: Principal, batch: api.TelemetryBatch) -> int:
        """Add a batch to the day's sums; nothing finer is kept."""
        now = self._clock.now()
        day = now.strftime("%Y-%m-%d")
        fallbacks = sum(event.count for event in batch.events if event.event == "fallback")
        async with self._database.write() as connection:
            if fallbacks:
                await append(
                    connection,
                    Event.FALLBACK_REPORTED,
                    at=now,
                    organisation_id=principal.organisation_id,
                    actor=principal.device_id,
                    detail={"count": fallbacks},
                )
            for event in batch.events:
                await _add(connection, principal.organisation_id, day, event)
        return len(batch.events)


async def credits_since(connection: AsyncConnection, organisation_id: str, start: datetime) -> int:
    """Return the organisation's credits since `start`."""
    query = sa.select(sa.func.coalesce(sa.func.sum(t.usage.c.credits), 0)).where(
        t.usage.c.organisation_id == organisation_id, t.usage.c.created_at >= start
    )
    return int((await connection.execute(query)).scalar_one())


async def jobs_since(
    connection: AsyncConnection, organisation_id: str, start: datetime
) -> dict[str, int]:
    """Return how many of the organisation's jobs since `start` are in each state."""
    query = (
        sa.select(t.jobs.c.state, sa.func.count())
        .where(t.jobs.c.organisation_id == organisation_id, t.jobs.c.created_at >= start)
        .group_by(t.jobs.c.state)
    )
    return {state: count for state, count in (await connection.execute(query)).all()}


def month_start(now: datetime) -> datetime:
    return datetime(now.year, now.month, 1, tzinfo=UTC)


async def _add(
    connection: AsyncConnection, organisation_id: str, day: str, event: api.TelemetryEvent
) -> None:
    table = t.telemetry
    updated = await connection.execute(
        table.update()
        .where(
            table.c.organisation_id == organisation_id,
            table.c.day == day,
            table.c.event == event.event,
            table.c.code == event.code,
        )
        .values(
            count=table.c.count + event.count,
            duration_us=table.c.duration_us + event.duration_us,
        )
        .returning(table.c.day)
    )
    if updated.first() is None:
        await connection.execute(
            table.insert().values(
                organisation_id=organisation_id,
                day=day,
                event=event.event,
                code=event.code,
                count=event.count,
                duration_us=event.duration_us,
            )
        )
