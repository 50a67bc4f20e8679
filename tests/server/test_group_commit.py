"""Write blocks of SQLite that share a commit: each for itself when it fails, none before the disk
has it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pyvorin_server.audit import Event, append, first_bad_entry
from pyvorin_server.auth import limits
from pyvorin_server.db import Database, open_database, sqlite, tenant
from pyvorin_server.db import tables as t

from tests.server.databases import migrated

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sqlite, "MOST_S", 60.0)  # on a slow machine a group is over after one block
    migrated(tmp_path)
    return tmp_path / "app.db"


def with_database(file: Path, work: Callable[[Database], Awaitable[None]]) -> None:
    async def run() -> None:
        database = open_database(f"sqlite:///{file}")
        try:
            await work(database)
        finally:
            await database.close()

    asyncio.run(run())


def on_disk(file: Path) -> list[str]:
    """Subjects of the entries that another process would find."""
    with sqlite3.connect(file) as connection:
        return [row[0] for row in connection.execute("SELECT subject FROM audit ORDER BY sequence")]


async def write(database: Database, subject: str, then: Exception | None = None) -> None:
    async with database.write() as connection:
        await append(connection, Event.TOKEN_ISSUED, at=NOW, subject=subject)
        await asyncio.sleep(0)
        if then is not None:
            raise then


def commits(database: Database) -> list[str]:
    """Count COMMITs from now on, by what SQLite itself says it executes."""
    found: list[str] = []

    @sa.event.listens_for(database.engine.sync_engine, "connect")
    def watch(connection: Any, _record: Any) -> None:
        connection.set_trace_callback(lambda text: found.append(text) if text == "COMMIT" else None)

    return found


def test_blocks_that_wait_share_a_commit_and_each_is_on_disk_when_it_returns(file: Path) -> None:
    async def work(database: Database) -> None:
        found = commits(database)

        async def one(number: int) -> None:
            await write(database, f"w{number}")
            assert f"w{number}" in await asyncio.to_thread(on_disk, file)

        await asyncio.gather(*map(one, range(20)))
        assert len(found) < 10
        async with database.read() as connection:
            assert await first_bad_entry(connection) is None

    with_database(file, work)
    assert sorted(on_disk(file)) == sorted(f"w{number}" for number in range(20))


def test_a_block_that_fails_takes_back_its_own_changes_only(file: Path) -> None:
    async def work(database: Database) -> None:
        failing = [None, ValueError("mine"), None, ValueError("mine"), None]
        waits = [write(database, f"w{n}", error) for n, error in enumerate(failing)]
        ended = await asyncio.gather(*waits, return_exceptions=True)
        assert [type(each) for each in ended] == [type(error) for error in failing]
        async with database.read() as connection:
            assert await first_bad_entry(connection) is None

    with_database(file, work)
    assert on_disk(file) == ["w0", "w2", "w4"]


def test_a_commit_that_fails_is_told_to_every_block_of_its_group(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = sqlite._run

    def broken(raw: sqlite3.Connection, statement: str) -> None:
        if statement == "COMMIT":
            raise sa.exc.OperationalError(statement, None, sqlite3.OperationalError("disk full"))
        run(raw, statement)

    async def work(database: Database) -> None:
        monkeypatch.setattr(sqlite, "_run", broken)
        waits = [write(database, f"w{number}") for number in range(6)]
        ended = await asyncio.gather(*waits, return_exceptions=True)
        assert all(isinstance(each, sa.exc.OperationalError) for each in ended), ended
        monkeypatch.setattr(sqlite, "_run", run)
        await write(database, "after")

    with_database(file, work)
    assert on_disk(file) == ["after"]


def test_when_sqlite_takes_back_the_transaction_nobody_of_the_group_hears_of_success(
    file: Path,
) -> None:
    """As a full disk does: the whole transaction is gone, whichever block met it."""

    async def gone(database: Database) -> None:
        async with database.write() as connection:
            raw = (await connection.get_raw_connection()).driver_connection
            assert raw is not None
            raw.execute("ROLLBACK")
            raise sa.exc.OperationalError("INSERT", None, sqlite3.OperationalError("disk full"))

    async def work(database: Database) -> None:
        waits = [write(database, "w0"), gone(database), write(database, "w2")]
        first, second, third = await asyncio.gather(*waits, return_exceptions=True)
        assert isinstance(first, sa.exc.OperationalError)
        assert isinstance(second, sa.exc.OperationalError)
        assert third is None

    with_database(file, work)
    assert on_disk(file) == ["w2"]


def test_a_block_that_is_cancelled_while_it_waits_leaves_nobody_hanging(file: Path) -> None:
    async def work(database: Database) -> None:
        first = asyncio.create_task(write(database, "w0"))
        await asyncio.sleep(0)
        tasks = [asyncio.create_task(write(database, f"w{number}")) for number in range(1, 4)]
        await asyncio.sleep(0)
        for task in tasks[1:]:
            task.cancel()
        await asyncio.wait_for(first, 300)
        await asyncio.wait_for(tasks[0], 300)
        await asyncio.wait_for(write(database, "after"), 300)

    with_database(file, work)
    assert on_disk(file) == ["w0", "w1", "after"]


@pytest.mark.parametrize("after", range(12))
def test_cancelling_at_any_step_leaves_no_transaction_open(file: Path, after: int) -> None:
    async def work(database: Database) -> None:
        first = asyncio.create_task(write(database, "w0"))
        second = asyncio.create_task(write(database, "w1"))
        for _ in range(after):
            await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait_for(first, 300)
        await asyncio.wait([second], timeout=300)
        with sqlite3.connect(file, timeout=300) as other:  # it gets the write lock
            other.execute("BEGIN IMMEDIATE")
            other.rollback()

    with_database(file, work)
    assert on_disk(file)[0] == "w0"


def test_uses_of_several_keys_are_counted_in_one_statement(file: Path) -> None:
    async def work(database: Database) -> None:
        async with database.write() as connection:
            assert await limits.count_each(connection, {"b": 2, "a": 1}, 60, NOW) == {
                "a": 1,
                "b": 2,
            }
            assert await limits.count_each(connection, {"a": 5, "c": 1}, 60, NOW) == {
                "a": 6,
                "c": 1,
            }
            assert await limits.count(connection, "b", 1, 60, NOW) == 3

    with_database(file, work)


def test_what_a_select_is_from_is_what_sqlalchemy_says() -> None:
    joined = t.jobs.join(t.usage, t.usage.c.job_id == t.jobs.c.id)
    other = t.devices.alias()
    for statement in (
        sa.select(t.jobs),
        sa.select(t.jobs.c.id).where(t.usage.c.job_id == t.jobs.c.id),
        sa.select(sa.func.count()).select_from(joined),
        sa.select(t.devices.c.id).join(t.licences, t.licences.c.id == t.devices.c.licence_id),
        sa.select(other.c.id).where(other.c.licence_id == t.licences.c.id),
        sa.select(sa.func.max(t.jobs.c.turn)).where(
            t.jobs.c.id.in_(sa.select(t.open_jobs.c.job_id))
        ),
        sa.select(sa.literal(1)),
    ):
        final = list(tenant._sources(statement.get_final_froms()))
        assert list(tenant._sources(tenant.froms_of(statement))) == final
