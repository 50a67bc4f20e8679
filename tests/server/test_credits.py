"""Credits on both databases: reserved and settled once, under races, replays and forgery."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from pyvorin_server.billing import credits
from pyvorin_server.billing.plans import PLANS
from pyvorin_server.builds import store as jobs
from pyvorin_server.db import Database
from pyvorin_server.db import tables as t
from pyvorin_server.db.watch_tables import credit_periods
from pyvorin_server.errors import Problem
from pyvorin_server.settings import Settings
from pyvorin_wire.jobs import JobState

from tests.server.test_database import (
    NOW,
    entered_device,
    job_values,
    licensed,
    run,
)


async def on_plan(database: Database, plan: str) -> tuple[Any, str]:
    licence = await licensed(database)
    device_id = await entered_device(database, licence)
    async with database.write() as connection:
        await connection.execute(t.organisations.update().values(plan=plan))
    return licence, device_id


async def accept(database: Database, licence: Any, device_id: str, name: str) -> Any:
    """Accept a job as `builds.submit` does; return its row."""
    async with database.write() as connection:
        job_id = await jobs.enter(connection, job_values(licence, device_id, name), NOW)
        await credits.reserve(connection, licence.organisation_id, NOW)
        return await jobs.get(connection, licence.organisation_id, job_id)


async def counters(database: Database) -> tuple[int, int]:
    async with database.read() as connection:
        row = (await connection.execute(sa.select(credit_periods))).one()
    return row.reserved, row.used


async def complete(database: Database, job: Any, state: JobState, cost: int) -> bool:
    async with database.write() as connection:
        taken = await jobs.claim(connection, job.id, "a", NOW)
        if taken is None:
            return False
        if state is JobState.COMPLETE:
            await jobs.advance(connection, taken, JobState.VERIFYING, NOW)
            await jobs.advance(connection, taken, JobState.SIGNING, NOW)
        return await jobs.end(connection, taken, state, NOW, credits=cost)


def test_a_credit_is_reserved_then_used_or_given_back(settings: Settings) -> None:
    async def work(database: Database) -> None:
        licence, device_id = await on_plan(database, "free")
        first = await accept(database, licence, device_id, "a")
        second = await accept(database, licence, device_id, "b")
        assert await counters(database) == (2, 0)
        assert await complete(database, first, JobState.COMPLETE, 1)
        assert await complete(database, second, JobState.FAILED, 1)
        assert await counters(database) == (0, 1)
        assert not await complete(database, first, JobState.COMPLETE, 1)
        assert await counters(database) == (0, 1)

    run(settings, work)


@pytest.mark.attack
def test_p38_parallel_builds_cannot_pass_the_quota(settings: Settings) -> None:
    async def work(database: Database) -> None:
        licence, device_id = await on_plan(database, "free")
        async with database.write() as connection:
            row = {"organisation_id": licence.organisation_id, "period": "2026-11"}
            await connection.execute(credit_periods.insert().values(**row, reserved=0, used=97))

        async def one(number: int) -> str:
            try:
                await accept(database, licence, device_id, f"f{number}")
            except Problem as problem:
                return problem.code if int(problem.headers["Retry-After"]) > 0 else "never"
            return "accepted"

        found = await asyncio.gather(*(one(number) for number in range(9)))
        assert sorted(found) == ["accepted"] * 3 + ["quota_exhausted"] * 6
        assert await counters(database) == (3, 97)
        async with database.read() as connection:
            count = sa.select(sa.func.count()).select_from(t.jobs)
            assert (await connection.execute(count)).scalar_one() == 3

    run(settings, work)


@pytest.mark.attack
def test_p38_a_job_ended_by_many_at_once_is_billed_once(settings: Settings) -> None:
    async def work(database: Database) -> None:
        licence, device_id = await on_plan(database, "free")
        job = await accept(database, licence, device_id, "a")

        async def cancel() -> bool:
            async with database.write() as connection:
                return await jobs.cancel(connection, job.id, NOW) is not None

        async def finish() -> bool:
            return await complete(database, job, JobState.COMPLETE, 1)

        ended = await asyncio.gather(*[cancel() for _ in range(4)], *[finish() for _ in range(4)])
        assert ended.count(True) == 1
        reserved, used = await counters(database)
        async with database.read() as connection:
            rows = (await connection.execute(sa.select(t.usage))).all()
        assert (reserved, used) == (0, rows[0].credits)
        assert len(rows) == 1

    run(settings, work)


@pytest.mark.parametrize("plan", ["free", "pro", "enterprise"])
def test_a_tier_is_exact_in_a_minute_and_an_hour(settings: Settings, plan: str) -> None:
    async def work(database: Database) -> None:
        licence, _ = await on_plan(database, plan)
        limit = PLANS[plan].per_minute

        async def one() -> str:
            try:
                async with database.write() as connection:
                    await credits.reserve(connection, licence.organisation_id, NOW)
            except Problem as problem:
                wait_s = int(problem.headers["Retry-After"])
                return problem.code if 1 <= wait_s <= 60 else "never"
            return "accepted"

        async with database.write() as connection:
            key = f"builds|{licence.organisation_id}|60"
            window = int(NOW.timestamp()) // 60
            row = {"key": key, "window": window, "count": limit - 2}
            await connection.execute(t.rate_windows.insert().values(**row))
        found = await asyncio.gather(*(one() for _ in range(5)))
        assert sorted(found) == ["accepted"] * 2 + ["rate_limited"] * 3

    run(settings, work)


def test_a_job_is_settled_in_the_month_it_was_accepted_in(settings: Settings) -> None:
    async def work(database: Database) -> None:
        licence, device_id = await on_plan(database, "free")
        job = await accept(database, licence, device_id, "a")
        later = NOW + timedelta(days=20)
        async with database.write() as connection:
            taken = await jobs.claim(connection, job.id, "a", later)
            assert taken is not None
            await jobs.advance(connection, taken, JobState.VERIFYING, later)
            await jobs.advance(connection, taken, JobState.SIGNING, later)
            assert await jobs.end(connection, taken, JobState.COMPLETE, later, credits=1)
            rows = (await connection.execute(sa.select(credit_periods))).all()
        assert [(row.period, row.reserved, row.used) for row in rows] == [("2026-11", 0, 1)]

    run(settings, work)


def test_reconciliation_names_a_changed_counter_and_sets_it_right(settings: Settings) -> None:
    async def work(database: Database) -> None:
        licence, device_id = await on_plan(database, "free")
        job = await accept(database, licence, device_id, "a")
        await accept(database, licence, device_id, "b")
        await complete(database, job, JobState.COMPLETE, 1)
        async with database.write() as connection:
            assert await credits.reconcile(connection) == []
            await connection.execute(credit_periods.update().values(used=0, reserved=7))
            (found,) = await credits.reconcile(connection)
            assert dataclasses.astuple(found)[1:] == ("2026-11", 0, 1, 7, 1)
            await credits.correct(connection, found)
            assert await credits.reconcile(connection) == []

    run(settings, work)


def test_a_small_organisation_does_not_wait_for_a_big_one(settings: Settings) -> None:
    async def work(database: Database) -> None:
        big, big_device = await on_plan(database, "unlimited")
        small = await licensed(database)
        small_device = await entered_device(database, small, 2)

        async def enter(licence: Any, device_id: str, name: str) -> int:
            async with database.write() as connection:
                time = await jobs.queue_time(connection)
                job = await jobs.enter(connection, job_values(licence, device_id, name), NOW, time)
                row = await jobs.get(connection, licence.organisation_id, job)
                return int(row.turn)

        many = [await enter(big, big_device, f"b{number}") for number in range(12)]
        few = [await enter(small, small_device, f"s{number}") for number in range(3)]
        order = sorted([(turn, "big") for turn in many] + [(turn, "small") for turn in few])
        places = [place for place, (_, owner) in enumerate(order) if owner == "small"]
        assert max(places) < 2 * 4, order
        assert many == sorted(many)
        assert few[0] <= many[1]

    run(settings, work)
