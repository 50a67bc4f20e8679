"""Reading and cancelling jobs, for the organisation that owns them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import sqlalchemy as sa
from pyvorin_wire import api, canonical
from pyvorin_wire.diagnostic import Diagnostic, Severity, Span
from pyvorin_wire.jobs import JobState
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.audit import Event, append
from pyvorin_server.auth.guard import Principal, still_admitted
from pyvorin_server.builds import store
from pyvorin_server.builds.broker import SourceBroker
from pyvorin_server.builds.submit import recent_supervisors
from pyvorin_server.builds.view import job_view
from pyvorin_server.db import Database
from pyvorin_server.db import tables as t
from pyvorin_server.engine import EngineClient
from pyvorin_server.errors import Problem
from pyvorin_server.kit.clock import Clock, epoch_s
from pyvorin_server.kit.paging import Cursor, parse_cursor
from pyvorin_server.orgs import DataKeys

Row = sa.Row[tuple[Any, ...]]
_WATCH_S = 0.2
_CHANGED_S = 0.5
_WATCH_LIMIT_S = 600


class Jobs:
    """The job routes' work."""

    def __init__(
        self,
        database: Database,
        data_keys: DataKeys,
        broker: SourceBroker,
        engine: EngineClient,
        clock: Clock,
    ) -> None:
        self._database = database
        self._data_keys = data_keys
        self._broker = broker
        self._engine = engine
        self._clock = clock

    async def view(self, principal: Principal, job_id: str) -> api.JobView:
        """Return one job. A mismatch's differences are added once, for the device that asked for
        the build.
        """
        async with self._database.read() as connection:
            job = await store.get(connection, principal.organisation_id, job_id)
            view = await self._view(connection, job)
        if job.state == JobState.MISMATCH.value and job.device_id == principal.device_id:
            differences = self._broker.take_differences(job_id)
            if differences is not None:
                return _with_differences(view, job, canonical.loads(differences))
        return view

    async def view_row(self, job: Row) -> api.JobView:
        """Return a view of a row at hand."""
        async with self._database.read() as connection:
            return await self._view(connection, job)

    async def page(
        self, principal: Principal, status: JobState | None, cursor: str | None, limit: int
    ) -> api.JobPage:
        """Return a page of the organisation's jobs, newest first."""
        after = parse_cursor(cursor) if cursor else None
        async with self._database.read() as connection:
            rows = await store.page(connection, principal.organisation_id, status, after, limit + 1)
            items = tuple([await self._view(connection, row) for row in rows[:limit]])
        following = None
        if len(rows) > limit:
            following = Cursor(rows[limit - 1].created_at, rows[limit - 1].id).text()
        return api.JobPage(items, following)

    async def log(self, principal: Principal, job_id: str, after: int, limit: int) -> api.LogPage:
        """Return what happened to a job: stages and codes."""
        async with self._database.read() as connection:
            job = await store.get(connection, principal.organisation_id, job_id)
            rows = await store.events(connection, job.id, after, limit + 1)
        items = tuple(
            api.LogLine(epoch_s(row.at), row.event, "", row.detail) for row in rows[:limit]
        )
        return api.LogPage(items, str(rows[limit - 1].id) if len(rows) > limit else None)

    async def cancel(self, principal: Principal, job_id: str) -> api.JobView:
        """End an open job; a running one is stopped by its supervisor within seconds."""
        now = self._clock.now()
        async with self._database.write() as connection:
            job = await store.get(connection, principal.organisation_id, job_id)
            cancelled = await store.cancel(connection, job_id, now)
            if cancelled is not None:
                await append(
                    connection,
                    Event.JOB_CANCELLED,
                    at=now,
                    organisation_id=principal.organisation_id,
                    actor=principal.device_id,
                    subject=job_id,
                )
            job = await store.get(connection, principal.organisation_id, job_id)
        if cancelled is None and job.state != JobState.CANCELLED.value:
            raise Problem("conflict", "the job has ended")
        self._broker.forget(job_id)
        await self._engine.cancel(job_id, job.fence)
        return await self.view_row(job)

    async def changed(
        self, principal: Principal, job_id: str, state: JobState | None, wait_s: float
    ) -> None:
        """Return when the job is in another state, the device is revoked, or time is up."""
        until = asyncio.get_running_loop().time() + wait_s
        while (left := until - asyncio.get_running_loop().time()) > 0:
            event = self._broker.watch(job_id)  # before reading, so that nothing falls between
            async with self._database.read() as connection:
                job = await store.get(connection, principal.organisation_id, job_id)
                now = self._clock.now()
                admitted = await still_admitted(connection, principal.device_id, now)
            if job.state != state or not admitted:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), min(left, _CHANGED_S))

    async def watch(self, principal: Principal, job_id: str) -> AsyncIterator[bytes]:
        """Yield a server-sent event for each change of state, until the job has ended or the device
        is revoked."""
        shown = None
        for _ in range(int(_WATCH_LIMIT_S / _WATCH_S)):
            async with self._database.read() as connection:
                now = self._clock.now()
                if not await still_admitted(connection, principal.device_id, now):
                    return
                job = await store.get(connection, principal.organisation_id, job_id)
                view = await self._view(connection, job)
            if view.state != shown:
                shown = view.state
                yield b"event: state\ndata: " + canonical.dumps(view.to_json()) + b"\n\n"
            if view.state.is_terminal:
                return
            await asyncio.sleep(_WATCH_S)

    async def targets(self) -> api.TargetsView:
        """Return what the supervisors build for."""
        async with self._database.read() as connection:
            rows = await recent_supervisors(connection, self._clock.now())
        pairs = {tuple(item.split("=", 1)) for row in rows for item in row.targets.split()}
        return api.TargetsView(tuple(api.TargetView(*pair) for pair in sorted(pairs)))

    async def _view(self, connection: AsyncConnection, job: Row) -> api.JobView:
        data_key = await self._data_keys.of(connection, job.organisation_id)
        position = None
        if job.state == JobState.QUEUED.value:
            position = await store.ahead_of(connection, job)
        query = sa.select(t.usage.c.credits).where(t.usage.c.job_id == job.id)
        credits = (await connection.execute(query)).scalar_one_or_none() or 0
        return job_view(job, data_key, position=position, credits=credits)


def _with_differences(view: api.JobView, job: Row, found: list[Any]) -> api.JobView:
    lines = tuple(
        f"{item['path']}: CPython gave {item['expected']}, compiled code gave {item['actual']}"
        for item in found
    )
    shown = Diagnostic(
        "PYV601",
        Severity.ERROR,
        "compiled code disagrees with CPython; build refused",
        Span(job.module, 0, 0, 0, 0),
        notes=lines,
    )
    return api.JobView.from_json(
        {**view.to_json(), "diagnostics": [shown.to_json(), *view.to_json()["diagnostics"]]}
    )
