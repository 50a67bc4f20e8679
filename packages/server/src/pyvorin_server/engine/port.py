"""Durable jobs: `EngineClient` enqueues, `Engine` executes; both hide DBOS.

The engine keeps one row a job (queued → running → done), hands each to exactly one executor of the
queue, and after a crash runs it again on the executor of the same id (at least once: what a job
does is made idempotent by its fencing token, see `builds.work`). The argument is a job id and an
attempt; everything else is read from the service's own tables.

Pinned on purpose: the DBOS release (exactly, in pyproject.toml), `APPLICATION_VERSION` (jobs of an
older process stay recoverable), and the executor id (a restarted supervisor finds its own jobs).
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, EnqueueOptions

from pyvorin_server.engine.serializer import SealedJson, pickle_is_refused, refuse_pickle
from pyvorin_server.errors import ConfigError
from pyvorin_server.kit.sealing import KeyProvider
from pyvorin_server.settings import Settings

QUEUE = "builds"
WORKFLOW = "build"
APPLICATION = "pyvorin-server"
APPLICATION_VERSION = "1"
_UNUSED_POLL_S = 0.5  # for messages between workflows, of which there are none; `stop` waits for it

_MOST_TURNS = 2**31 - 2  # the engine's priorities end there
_FINISHED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]

Build = Callable[[str, int], Awaitable[str]]


def prepare(settings: Settings) -> None:
    """Refuse pickle and put a SQLite engine database into WAL mode (it persists). Idempotent."""
    refuse_pickle()
    if not pickle_is_refused():
        raise ConfigError("this DBOS release still reads pickled rows; refusing to start")
    url = sa.make_url(settings.engine_database)
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).touch(mode=0o600)
        connection = sqlite3.connect(url.database)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.close()


class Engine:
    """The executing side; one per supervisor process."""

    def __init__(self, settings: Settings, keys: KeyProvider, build: Build) -> None:
        prepare(settings)
        self._settings = settings
        DBOS(
            config={
                "name": APPLICATION,
                "system_database_url": settings.engine_database,
                "serializer": SealedJson(keys),
                "application_version": APPLICATION_VERSION,
                "executor_id": settings.executor_id,
                "use_listen_notify": False,
                "enable_otlp": False,
                "log_level": "WARNING",
                "notification_listener_polling_interval_sec": _UNUSED_POLL_S,
            }
        )
        self._running = 0
        run = DBOS.step(name="run")(build)

        @DBOS.workflow(name=WORKFLOW)
        async def workflow(job_id: str, attempt: int) -> str:
            self._running += 1
            try:
                return await run(job_id, attempt)
            finally:
                self._running -= 1

    def start(self) -> None:
        """Recover this executor's unfinished jobs and begin to take new ones."""
        DBOS.launch()
        DBOS.register_queue(
            QUEUE,
            worker_concurrency=self._settings.concurrency,
            polling_interval_sec=self._settings.poll_s,
        )

    def stop(self, wait_s: int) -> None:
        """Take nothing new; give running jobs `wait_s` seconds; what is left is recovered later.
        The engine looks once a second whether any still runs, so it is not asked where none does.
        """
        DBOS.destroy(workflow_completion_timeout_sec=wait_s if self._running else 0)


class EngineClient:
    """The enqueueing side, for API processes. Calls run on threads: the driver is synchronous."""

    def __init__(self, settings: Settings, keys: KeyProvider) -> None:
        prepare(settings)
        self._client = DBOSClient(
            system_database_url=settings.engine_database,
            serializer=SealedJson(keys),
            application_name=APPLICATION,
            lazy=True,
        )

    async def enqueue(self, job_id: str, attempt: int, turn: int = 0) -> None:
        """Queue one attempt of a job; queueing the same attempt again changes nothing. The smallest
        `turn` runs first.
        """
        options: EnqueueOptions = {
            "queue_name": QUEUE,
            "workflow_name": WORKFLOW,
            "workflow_id": f"{job_id}-{attempt}",
            "app_version": APPLICATION_VERSION,
            "priority": 1 + turn % _MOST_TURNS,
        }

        def enqueue() -> None:
            self._client.enqueue(options, job_id, attempt)

        await asyncio.to_thread(enqueue)

    async def enqueue_again(self, job_id: str, attempt: int, turn: int = 0) -> None:
        """Queue an attempt whose first run ended without taking the job; harmless while it waits.

        A finished workflow id runs no more, so a finished one is deleted first.
        """
        await asyncio.to_thread(self._delete_finished, [f"{job_id}-{attempt}"], None)
        await self.enqueue(job_id, attempt, turn)

    async def forget_finished(self, before: datetime) -> None:
        """Delete the engine's rows of attempts that finished before a time."""
        await asyncio.to_thread(self._delete_finished, None, before.isoformat())

    def _delete_finished(self, ids: list[str] | None, before: str | None) -> None:
        found = self._client.list_workflows(
            workflow_ids=ids,
            status=_FINISHED,
            completed_before=before,
            limit=500,
            load_input=False,
            load_output=False,
        )
        if found:
            self._client.delete_workflows([each.workflow_id for each in found])

    async def cancel(self, job_id: str, attempt: int) -> None:
        """Withdraw an attempt that has not started, or stop it at its next step."""
        await asyncio.to_thread(self._client.cancel_workflow, f"{job_id}-{attempt}")

    def close(self) -> None:
        self._client.destroy()
