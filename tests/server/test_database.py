"""The rules that make one code right on SQLite and PostgreSQL: every test here runs on both."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pyvorin_server.audit import Event, append, first_bad_entry
from pyvorin_server.auth import idempotency, limits, refresh
from pyvorin_server.builds import store as jobs
from pyvorin_server.db import Database, insert_once, migrate, open_database
from pyvorin_server.db import tables as t
from pyvorin_server.errors import Problem
from pyvorin_server.kit.ids import new_id
from pyvorin_server.kit.sealing import AesKey
from pyvorin_server.licences import store as licences
from pyvorin_server.orgs import create
from pyvorin_server.settings import Settings
from pyvorin_wire.jobs import JobState

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
Work = Callable[[Database], Awaitable[None]]


def run(settings: Settings, work: Work) -> None:
    async def whole() -> None:
        database = open_database(settings.app_database)
        try:
            await work(database)
        finally:
            await database.close()

    asyncio.run(whole())


async def licensed(database: Database, devices: int = 3) -> Any:
    """Make an organisation with a licence; return the licence's row."""
    terms = licences.Terms("unlimited", devices, NOW, NOW + timedelta(days=1))
    async with database.write() as connection:
        owner = await create(connection, "Acme", AesKey(bytes(32)), NOW)
        licence_id, _ = await licences.issue(connection, owner, terms, bytes(32), NOW)
        return await licences.get(connection, licence_id)


def device_values(number: int) -> dict[str, Any]:
    return {
        "signing_key": number.to_bytes(32, "big"),
        "sealing_key": bytes(32),
        "label_sealed": None,
        "key_epoch": 1,
    }


async def entered_device(database: Database, licence: Any, number: int = 1) -> str:
    async with database.write() as connection:
        return await licences.enter_device(connection, licence, device_values(number), NOW)


def job_values(licence: Any, device_id: str, fingerprint: str = "pf1-1-aa") -> dict[str, Any]:
    return {
        "id": new_id("job"),
        "organisation_id": licence.organisation_id,
        "licence_id": licence.id,
        "device_id": device_id,
        "fingerprint": fingerprint,
        "source_sha256": "0" * 64,
        "body_sha256": "0" * 64,
        "module": "m",
        "request_sealed": b"",
        "options": "{}",
        "target": "{}",
        "claim_signature": b"",
    }


def test_migrations_make_exactly_the_declared_tables(settings: Settings) -> None:
    engine = sa.create_engine(migrate.sync_url(settings.app_database))
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), t.metadata)
        found = sa.inspect(connection)
        for table in t.metadata.sorted_tables:
            declared = {
                check.name
                for column in table.columns
                for check in column.constraints
                if isinstance(check, sa.CheckConstraint)
            }
            made = {check["name"] for check in found.get_check_constraints(table.name)}
            assert declared <= made, table.name
    engine.dispose()
    assert differences == []


def test_times_keep_zone_and_microseconds(settings: Settings) -> None:
    async def work(database: Database) -> None:
        licence = await licensed(database)
        assert licence.not_before == NOW
        assert licence.not_before.tzinfo is not None

    run(settings, work)


def test_a_text_over_its_length_is_refused(settings: Settings) -> None:
    async def work(database: Database) -> None:
        with pytest.raises(sa.exc.IntegrityError):
            async with database.write() as connection:
                await create(connection, "x" * 201, AesKey(bytes(32)), NOW)

    run(settings, work)


def test_insert_once_says_what_it_did(settings: Settings) -> None:
    async def work(database: Database) -> None:
        row = {"key_id": "k", "nonce": "n", "expires_at": NOW}
        async with database.write() as connection:
            assert await insert_once(connection, t.nonces, row)
            assert not await insert_once(connection, t.nonces, row)

    run(settings, work)


def test_parallel_devices_stop_exactly_at_the_limit(settings: Settings) -> None:
    async def work(database: Database) -> None:
        licence = await licensed(database, devices=3)

        async def one(number: int) -> str:
            try:
                await entered_device(database, licence, number)
            except Problem as problem:
                return problem.code
            return "entered"

        found = await asyncio.gather(*(one(number) for number in range(20)))
        assert sorted(found) == ["device_limit"] * 17 + ["entered"] * 3

    run(settings, work)


def test_parallel_audit_entries_make_one_whole_chain(settings: Settings) -> None:
    async def work(database: Database) -> None:
        async def write(number: int) -> None:
            for _ in range(10):
                async with database.write() as connection:
                    await append(connection, Event.TOKEN_ISSUED, at=NOW, subject=str(number))

        await asyncio.gather(*(write(number) for number in range(8)))
        async with database.read() as connection:
            count = (
                await connection.execute(sa.select(sa.func.count(t.audit.c.sequence)))
            ).scalar()
            assert count == 80
            assert await first_bad_entry(connection) is None

    run(settings, work)


@pytest.mark.attack
def test_a_changed_audit_row_is_named(settings: Settings) -> None:
    drop = {
        "sqlite": ["DROP TRIGGER audit_no_update"],
        "postgresql": ["DROP TRIGGER audit_no_update ON audit"],
    }

    async def work(database: Database) -> None:
        async with database.write() as connection:
            for number in range(5):
                await append(connection, Event.TOKEN_ISSUED, at=NOW, subject=str(number))
        change = sa.text("UPDATE audit SET subject = 'other' WHERE sequence = 3")
        with pytest.raises(sa.exc.DBAPIError, match="append-only"):
            async with database.write() as connection:
                await connection.execute(change)
        async with database.write() as connection:
            for statement in drop[database.engine.dialect.name]:
                await connection.execute(sa.text(statement))
            await connection.execute(change)
        async with database.read() as connection:
            assert await first_bad_entry(connection) == 3

    run(settings, work)


def test_an_older_lease_changes_nothing(settings: Settings) -> None:
    async def work(database: Database) -> None:
        licence = await licensed(database)
        device_id = await entered_device(database, licence)
        async with database.write() as connection:
            job_id = await jobs.enter(connection, job_values(licence, device_id), NOW)
            first = await jobs.claim(connection, job_id, "a", NOW)
            second = await jobs.claim(connection, job_id, "b", NOW)
            assert first is not None
            assert second is not None
            assert second.fence == first.fence + 1
            assert not await jobs.advance(connection, first, JobState.VERIFYING, NOW)
            assert not await jobs.end(connection, first, JobState.FAILED, NOW)
            assert await jobs.advance(connection, second, JobState.VERIFYING, NOW)
            assert await jobs.advance(connection, second, JobState.SIGNING, NOW)
            assert await jobs.end(connection, second, JobState.COMPLETE, NOW, credits=1)
            assert not await jobs.end(connection, second, JobState.COMPLETE, NOW, credits=1)
            assert await jobs.claim(connection, job_id, "c", NOW) is None
            credits = sa.select(sa.func.sum(t.usage.c.credits))
            assert (await connection.execute(credits)).scalar() == 1

    run(settings, work)


def test_a_step_that_the_table_does_not_allow_is_not_taken(settings: Settings) -> None:
    async def work(database: Database) -> None:
        licence = await licensed(database)
        device_id = await entered_device(database, licence)
        async with database.write() as connection:
            job_id = await jobs.enter(connection, job_values(licence, device_id), NOW)
            job = await jobs.claim(connection, job_id, "a", NOW)
            assert not await jobs.advance(connection, job, JobState.SIGNING, NOW)
            assert not await jobs.end(connection, job, JobState.COMPLETE, NOW)

    run(settings, work)


def test_equal_work_in_flight_is_one_job(settings: Settings) -> None:
    async def work(database: Database) -> None:
        licence = await licensed(database)
        device_id = await entered_device(database, licence)

        async def one() -> str:
            async with database.write() as connection:
                return await jobs.enter(connection, job_values(licence, device_id), NOW)

        found = await asyncio.gather(*(one() for _ in range(8)))
        assert len(set(found)) == 1

    run(settings, work)


def test_a_rate_window_counts_exactly_and_says_when_it_ends(settings: Settings) -> None:
    async def work(database: Database) -> None:
        async def one() -> int:
            try:
                async with database.write() as connection:
                    await limits.take(connection, "k", 5, NOW)
            except Problem as problem:
                return int(problem.headers["Retry-After"])
            return 0

        found = await asyncio.gather(*(one() for _ in range(8)))
        assert found.count(0) == 5
        assert max(found) == 60

    run(settings, work)


@pytest.mark.parametrize(("seconds", "good"), [(-1, True), (0, False)])
def test_a_refresh_token_ends_to_the_second(settings: Settings, seconds: int, good: bool) -> None:
    async def work(database: Database) -> None:
        licence = await licensed(database)
        device_id = await entered_device(database, licence)
        async with database.write() as connection:
            token = await refresh.issue(connection, device_id, "compile", NOW, 100)
            at = NOW + timedelta(seconds=100 + seconds)
            spent = await refresh.spend(connection, token, device_id, "org", at)
            assert (spent is not None) == good

    run(settings, work)


def test_an_abandoned_idempotency_key_may_be_used_again(settings: Settings) -> None:
    scope = idempotency.Scope("dev", "/v1/compile", "key", "0" * 64)

    async def work(database: Database) -> None:
        async with database.write() as connection:
            assert await idempotency.begin(connection, scope, NOW) is None
        with pytest.raises(Problem, match="conflict"):
            async with database.write() as connection:
                await idempotency.begin(connection, scope, NOW)
        async with database.write() as connection:
            await idempotency.abandon(connection, scope)
        async with database.write() as connection:
            assert await idempotency.begin(connection, scope, NOW) is None
            await idempotency.finish(connection, scope, 202, "{}")
            assert await idempotency.begin(connection, scope, NOW) == (202, "{}")

    run(settings, work)
