"""Credits: one is reserved when a build is accepted, and used or given back when it ends.

    accepted   reserved + 1      only while used + reserved < the plan's credits
    ended      reserved − 1, used + what the job cost (1, or 0)

Both are single statements on one row an organisation and month, in the transaction of what they
are about: acceptance enters the job, ending moves it to its last state by compare-and-set, so each
happens exactly once however often a step is repeated or raced. The usage row (one a job and kind)
is what is billed; the counters follow it, and `reconcile` shows where they would not.

A job is settled in the month in which it was accepted.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.auth import limits
from pyvorin_server.billing.plans import Plan, plan_named
from pyvorin_server.db import insert_once
from pyvorin_server.db import tables as t
from pyvorin_server.db.watch_tables import credit_periods
from pyvorin_server.errors import retry_later

Row = sa.Row[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Difference:
    """A counter that does not say what the rows say."""

    organisation_id: str
    period: str
    used: int
    used_by_rows: int
    reserved: int
    reserved_by_jobs: int


async def reserve(connection: AsyncConnection, organisation_id: str, now: datetime) -> None:
    """Reserve a credit for a build and count it against the plan's rates. Raises `rate_limited`
    and `quota_exhausted` with the time to come back.
    """
    plan = await plan_of(connection, organisation_id)
    for limit, window_s in ((plan.per_minute, 60), (plan.per_hour, 3600)):
        if limit:
            await limits.take(connection, f"builds|{organisation_id}", limit, now, window_s)
    of_period = await _open_period(connection, organisation_id, period_of(now))
    room = credit_periods.c.used + credit_periods.c.reserved < plan.credits
    reserved = (
        await connection.execute(
            credit_periods.update()
            .where(of_period, *([room] if plan.credits else []))
            .values(reserved=credit_periods.c.reserved + 1)
            .returning(credit_periods.c.reserved)
        )
    ).first()
    if reserved is None:
        wait_s = (_next_month(now) - now).total_seconds()
        detail = f"the plan's {plan.credits} builds of this month are used or under way"
        raise retry_later("quota_exhausted", wait_s, detail)


async def settle(connection: AsyncConnection, job: Row, cost: int) -> None:
    """Turn a job's reservation into use; in the transaction that ends the job."""
    of_period = await _open_period(connection, job.organisation_id, period_of(job.created_at))
    await connection.execute(
        credit_periods.update()
        .where(of_period)
        .values(
            reserved=credit_periods.c.reserved - 1,
            used=credit_periods.c.used + cost,
        )
    )


async def plan_of(connection: AsyncConnection, organisation_id: str) -> Plan:
    query = sa.select(t.organisations.c.plan).where(t.organisations.c.id == organisation_id)
    return plan_named((await connection.execute(query)).scalar_one())


async def reconcile(connection: AsyncConnection) -> list[Difference]:
    """Compare every counter with the usage rows and open jobs; return the ones that differ."""
    used = await _sums(connection, _by_job_month(t.usage.c.credits, t.usage.c.kind == "compile"))
    open_jobs = await _sums(connection, _open_by_month())
    found = {}
    for row in (await connection.execute(sa.select(credit_periods))).all():
        found[row.organisation_id, row.period] = (row.used, row.reserved)
    differences = []
    for key in sorted({*used, *open_jobs, *found}):
        counted = found.get(key, (0, 0))
        by_rows = (used.get(key, 0), open_jobs.get(key, 0))
        if counted != by_rows:
            numbers = (counted[0], by_rows[0], counted[1], by_rows[1])
            differences.append(Difference(*key, *numbers))
    return differences


async def correct(connection: AsyncConnection, difference: Difference) -> None:
    """Set a counter to what the rows say."""
    of_period = await _open_period(connection, difference.organisation_id, difference.period)
    await connection.execute(
        credit_periods.update()
        .where(of_period)
        .values(used=difference.used_by_rows, reserved=difference.reserved_by_jobs)
    )


def period_of(moment: datetime) -> str:
    """Return the calendar month in UTC, e.g. `2026-11`."""
    return moment.strftime("%Y-%m")


async def _open_period(
    connection: AsyncConnection, organisation_id: str, period: str
) -> sa.ColumnElement[bool]:
    """Make the month's row if it is the first time; return the condition that finds it."""
    row = {"organisation_id": organisation_id, "period": period, "reserved": 0, "used": 0}
    await insert_once(connection, credit_periods, row)
    return (credit_periods.c.organisation_id == organisation_id) & (
        credit_periods.c.period == period
    )


async def _sums(connection: AsyncConnection, query: sa.Select[Any]) -> dict[tuple[str, str], int]:
    sums: dict[tuple[str, str], int] = {}
    for row in (await connection.execute(query)).all():
        key = (row.organisation_id, period_of(row.created_at))
        sums[key] = sums.get(key, 0) + int(row.amount)
    return sums


def _by_job_month(amount: Any, condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return (
        sa.select(t.jobs.c.organisation_id, t.jobs.c.created_at, amount.label("amount"))
        .join(t.usage, t.usage.c.job_id == t.jobs.c.id)
        .where(condition)
    )


def _open_by_month() -> sa.Select[Any]:
    return sa.select(
        t.jobs.c.organisation_id, t.jobs.c.created_at, sa.literal(1).label("amount")
    ).where(t.jobs.c.finished_at.is_(None))


def _next_month(now: datetime) -> datetime:
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    return now.replace(year=year, month=month, day=1, hour=0, minute=0, second=0, microsecond=0)
