"""What a supervisor puts right: lost queueing, dead supervisors, source that never came back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pyvorin_server.builds import store as jobs
from pyvorin_server.builds.jails import Worker
from pyvorin_server.builds.sweep import Sweeper
from pyvorin_server.db import Database, open_database
from pyvorin_server.kit.clock import FixedClock
from pyvorin_wire.jobs import JobState

from tests.server.databases import migrated
from tests.server.test_database import NOW, entered_device, job_values, licensed


class Recorder:
    """Stands for the engine's client: notes what is queued."""

    def __init__(self) -> None:
        self.queued: list[tuple[str, int]] = []

    async def enqueue_again(self, job_id: str, attempt: int, turn: int) -> None:
        self.queued.append((job_id, attempt))


Work = Callable[[Database, Sweeper, FixedClock, Recorder], Awaitable[None]]


def run(folder: Path, work: Work) -> None:
    settings = migrated(folder)

    async def whole() -> None:
        database = open_database(settings.app_database)
        clock, engine = FixedClock(NOW), Recorder()
        workers = [Worker("cp311", "python", "0.1.0")]
        signer: Any = None
        sweeper = Sweeper(settings, database, engine, signer, workers, "native", clock)  # type: ignore[arg-type]  # a recorder
        try:
            await work(database, sweeper, clock, engine)
        finally:
            await database.close()

    asyncio.run(whole())


async def enter(database: Database) -> str:
    licence = await licensed(database)
    device_id = await entered_device(database, licence)
    async with database.write() as connection:
        return await jobs.enter(connection, job_values(licence, device_id), NOW)


async def state_of(database: Database, job_id: str) -> tuple[str, str | None]:
    async with database.read() as connection:
        job = await jobs.find(connection, job_id)
    assert job is not None
    return job.state, job.code


def test_a_job_whose_queueing_was_lost_is_queued(tmp_path: Path) -> None:
    async def work(
        database: Database, sweeper: Sweeper, clock: FixedClock, engine: Recorder
    ) -> None:
        job_id = await enter(database)
        await sweeper.put_right()
        assert engine.queued == []
        clock.advance(2.1)
        await sweeper.put_right()
        assert engine.queued == [(job_id, 0)]

    run(tmp_path, work)


def test_a_dead_supervisors_job_is_taken_over_and_a_live_ones_is_not(tmp_path: Path) -> None:
    async def work(
        database: Database, sweeper: Sweeper, clock: FixedClock, engine: Recorder
    ) -> None:
        job_id = await enter(database)
        async with database.write() as connection:
            await jobs.claim(connection, job_id, "slot-0", NOW)
        clock.advance(11)
        await sweeper.beat()
        await sweeper.put_right()
        assert engine.queued == []
        clock.advance(11)
        await sweeper.put_right()
        assert engine.queued == [(job_id, 1)]

    run(tmp_path, work)


@pytest.mark.parametrize(("seconds", "state"), [(899, "needs_source"), (901, "failed")])
def test_source_is_waited_for_fifteen_minutes(tmp_path: Path, seconds: int, state: str) -> None:
    async def work(
        database: Database, sweeper: Sweeper, clock: FixedClock, _engine: Recorder
    ) -> None:
        job_id = await enter(database)
        async with database.write() as connection:
            job = await jobs.claim(connection, job_id, "slot-0", NOW)
            assert await jobs.advance(connection, job, JobState.NEEDS_SOURCE, NOW)
        clock.advance(seconds)
        await sweeper.beat()
        await sweeper.put_right()
        assert await state_of(database, job_id) == (state, "PYV890" if state == "failed" else None)

    run(tmp_path, work)


def test_a_sweep_says_what_it_builds(tmp_path: Path) -> None:
    async def work(
        database: Database, sweeper: Sweeper, clock: FixedClock, _engine: Recorder
    ) -> None:
        await sweeper.beat()
        clock.advance(timedelta(seconds=2).total_seconds())
        await sweeper.beat()
        async with database.read() as connection:
            rows = (await connection.exec_driver_sql("SELECT targets FROM supervisors")).all()
        assert [row[0] for row in rows] == ["cp311=0.1.0"]

    run(tmp_path, work)
