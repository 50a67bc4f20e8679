"""What a supervisor does beside building: beat, and put right what others left behind.

    every 2 s   write its own heartbeat; queue jobs whose queueing was lost; take over jobs of
                supervisors whose heart stopped for 10 s; end jobs that waited too long for source
    every 60 s  forget old nonces, windows and idempotency keys; sign the head of the audit log

Takeover is safe when the other one is only slow: the new lease's fencing token locks it out.
"""

import asyncio
from collections.abc import Iterable
from datetime import timedelta

import sqlalchemy as sa
import structlog
from pyvorin_wire.jobs import JobState

from pyvorin_server.audit import checkpoints
from pyvorin_server.audit import log as audit_log
from pyvorin_server.auth import admission, idempotency, limits, sessions
from pyvorin_server.builds import states, store
from pyvorin_server.builds.jails import Worker
from pyvorin_server.db import Database, insert_once
from pyvorin_server.db import tables as t
from pyvorin_server.engine import EngineClient
from pyvorin_server.kit.clock import Clock
from pyvorin_server.kit.local import LocalClient
from pyvorin_server.settings import Settings

BEAT_S = 2.0
DEAD_AFTER_S = 10.0
_HOUSEKEEPING_BEATS = 30
_KEEP_FINISHED = timedelta(hours=1)
_log = structlog.get_logger("sweep")


class Sweeper:
    """The supervisor's periodic work."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        engine: EngineClient,
        signer: LocalClient,
        workers: Iterable[Worker],
        tier: str,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._database = database
        self._engine = engine
        self._signer = signer
        self._targets = " ".join(f"{w.python_tag}={w.compiler}" for w in workers)
        self._tier = tier
        self._clock = clock

    async def run(self) -> None:
        """Beat for ever; a failed round is logged and tried again."""
        beats = 0
        while True:
            try:
                await self.beat()
                await self.put_right()
                if beats % _HOUSEKEEPING_BEATS == 0:
                    await self.keep_house()
            except Exception as error:  # the process edge: a full disk now must not end the beat
                _log.error("sweep failed", error=type(error).__name__)
            beats += 1
            await asyncio.sleep(BEAT_S)

    async def beat(self) -> None:
        """Say that this supervisor is alive and what it builds."""
        row = {
            "executor_id": self._settings.executor_id,
            "tier": self._tier,
            "targets": self._targets,
            "beat_at": self._clock.now(),
        }
        async with self._database.write() as connection:
            if not await insert_once(connection, t.supervisors, row):
                await connection.execute(
                    t.supervisors.update()
                    .where(t.supervisors.c.executor_id == self._settings.executor_id)
                    .values(**row)
                )

    async def put_right(self) -> None:
        """Queue what was lost, take over what was left, end what waited too long."""
        now = self._clock.now()
        async with self._database.read() as connection:
            queued = await store.in_states(
                connection, [JobState.QUEUED], now - timedelta(seconds=BEAT_S)
            )
            running = await store.in_states(
                connection, states.RUNNING, now - timedelta(seconds=DEAD_AFTER_S)
            )
            alive = await self._alive()
            waiting = await store.in_states(
                connection,
                [JobState.NEEDS_SOURCE],
                now - timedelta(seconds=self._settings.source_wait_s),
            )
        orphans = [job for job in running if job.holder not in alive]
        for job in [*queued, *orphans]:
            await self._engine.enqueue_again(job.id, job.fence, job.turn)
        for job in waiting:
            async with self._database.write() as connection:
                await store.end(connection, job, JobState.FAILED, now, code="PYV890")

    async def keep_house(self) -> None:
        """Forget what has served its time; sign the audit log's head."""
        now = self._clock.now()
        async with self._database.write() as connection:
            await admission.drop_old_nonces(connection, now)
            await sessions.drop_old(connection, now)
            await limits.drop_old_windows(connection, now)
            await idempotency.drop_old(connection, now)
        await self._engine.forget_finished(now - _KEEP_FINISHED)
        async with self._database.read() as connection:
            sequence, head = await audit_log.head(connection)
        signed = await self._signer.call("head", {"sequence": sequence, "hash": head.hex()})
        checkpoints.write(self._settings, signed.blobs[0])

    async def _alive(self) -> set[str]:
        since = self._clock.now() - timedelta(seconds=DEAD_AFTER_S)
        query = sa.select(t.supervisors.c.executor_id).where(t.supervisors.c.beat_at > since)
        async with self._database.read() as connection:
            return set((await connection.execute(query)).scalars())
