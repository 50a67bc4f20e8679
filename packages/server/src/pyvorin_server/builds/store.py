"""Jobs in the database: entered once, taken under a lease, moved by compare-and-set, ended once.

Every function runs in the caller's transaction. `fence` is the fencing token: taking a job raises
it, and whoever holds an older one changes nothing any more.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pyvorin_wire.jobs import JobState
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.audit import Event, append
from pyvorin_server.billing import credits as billing
from pyvorin_server.builds import states
from pyvorin_server.db import insert_once
from pyvorin_server.db.tables import job_events, jobs, open_jobs, usage
from pyvorin_server.errors import Problem
from pyvorin_server.kit.ids import is_id, new_id
from pyvorin_server.kit.paging import Cursor

Row = sa.Row[tuple[Any, ...]]


async def enter(
    connection: AsyncConnection, values: Mapping[str, Any], now: datetime, queue_time: int = 0
) -> str:
    """Insert a queued job and return its id; equal work of the organisation already in flight is
    returned instead. `queue_time` is what the function of that name returned a moment ago.
    """
    await connection.execute(
        jobs.insert().values(
            **values,
            state=JobState.QUEUED.value,
            fence=0,
            turn=await _next_turn(connection, values["organisation_id"], queue_time),
            created_at=now,
            updated_at=now,
        )
    )
    entered = await insert_once(
        connection,
        open_jobs,
        {
            "organisation_id": values["organisation_id"],
            "fingerprint": values["fingerprint"],
            "job_id": values["id"],
        },
    )
    if entered:
        await add_event(connection, values["id"], JobState.QUEUED.value, "", now)
        return str(values["id"])
    await connection.execute(jobs.delete().where(jobs.c.id == values["id"]))
    return str(await open_job(connection, values["organisation_id"], values["fingerprint"]))


async def queue_time(connection: AsyncConnection) -> int:
    """Return the smallest turn that waits, of any organisation; the last one when none does."""
    waiting = jobs.c.finished_at.is_(None)
    times = sa.select(sa.func.min(jobs.c.turn).filter(waiting), sa.func.max(jobs.c.turn))
    first, last = (await connection.execute(times)).one()
    return int(first if first is not None else last or 0)


async def _next_turn(connection: AsyncConnection, organisation_id: str, queue_time: int) -> int:
    """Return a new job's place in the queue: start-time fair queueing between organisations.

    An organisation's next job comes one after its last, and never before the queue's time: who has
    many jobs waits behind its own, and nobody saves up turns while idle.
    """
    own = sa.select(sa.func.max(jobs.c.turn)).where(
        jobs.c.organisation_id == organisation_id, jobs.c.finished_at.is_(None)
    )
    return max((await connection.execute(own)).scalar_one() or 0, queue_time) + 1


async def open_job(
    connection: AsyncConnection, organisation_id: str, fingerprint: str
) -> str | None:
    """Return the id of the job in flight for this fingerprint."""
    query = sa.select(open_jobs.c.job_id).where(
        open_jobs.c.organisation_id == organisation_id, open_jobs.c.fingerprint == fingerprint
    )
    return (await connection.execute(query)).scalar_one_or_none()


async def count_open(connection: AsyncConnection, organisation_id: str) -> int:
    query = sa.select(sa.func.count()).where(open_jobs.c.organisation_id == organisation_id)
    return int((await connection.execute(query)).scalar_one())


async def get(connection: AsyncConnection, organisation_id: str, job_id: str) -> Row:
    """Return a job of the organisation. Another's job and no job raise the same `not_found`."""
    row = None
    if is_id(job_id, "job"):
        query = sa.select(jobs).where(
            jobs.c.id == job_id, jobs.c.organisation_id == organisation_id
        )
        row = (await connection.execute(query)).first()
    if row is None:
        raise Problem("not_found")
    return row


async def find(connection: AsyncConnection, job_id: str) -> Row | None:
    """Return any job by id; for the service's own processes."""
    return (await connection.execute(sa.select(jobs).where(jobs.c.id == job_id))).first()


async def page(
    connection: AsyncConnection,
    organisation_id: str,
    status: JobState | None,
    after: Cursor | None,
    limit: int,
) -> list[Row]:
    """Return up to `limit` jobs, newest first, after the cursor's."""
    query = sa.select(jobs).where(jobs.c.organisation_id == organisation_id)
    if status is not None:
        query = query.where(jobs.c.state == status.value)
    if after is not None:
        query = query.where(
            (jobs.c.created_at < after.created_at)
            | ((jobs.c.created_at == after.created_at) & (jobs.c.id < after.id))
        )
    query = query.order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)
    return list((await connection.execute(query)).all())


async def claim(connection: AsyncConnection, job_id: str, holder: str, now: datetime) -> Row | None:
    """Take an open job under a new lease and return it; None when there is nothing to build."""
    taken: Row | None = (
        await connection.execute(
            jobs.update()
            .where(jobs.c.id == job_id, jobs.c.state.in_(_values(states.CLAIMABLE)))
            .values(
                state=JobState.COMPILING.value,
                fence=jobs.c.fence + 1,
                holder=holder,
                updated_at=now,
            )
            .returning(jobs)
        )
    ).first()
    if taken is not None:
        await add_event(connection, job_id, "compiling", f"attempt {taken.fence}", now)
    return taken


async def advance(
    connection: AsyncConnection, job: Row, state: JobState, now: datetime, detail: str = ""
) -> bool:
    """Move a job one state on under the caller's lease; False when the lease is over."""
    moved = (
        await connection.execute(
            jobs.update()
            .where(
                jobs.c.id == job.id,
                jobs.c.fence == job.fence,
                jobs.c.state.in_(_values(states.before(state))),
            )
            .values(state=state.value, updated_at=now)
            .returning(jobs.c.id)
        )
    ).first()
    if moved is not None:
        await add_event(connection, job.id, state.value, detail, now)
    return moved is not None


async def end(
    connection: AsyncConnection,
    job: Row,
    state: JobState,
    now: datetime,
    *,
    code: str | None = None,
    report_sealed: bytes | None = None,
    artifact_id: str | None = None,
    credits: int = 0,
) -> bool:
    """End a job once, with its usage row and audit entry in the same transaction; False when it
    had ended.

    The state that was left is the job's `stage`. Only a complete job carries credits.
    """
    before = (
        await connection.execute(
            sa.select(jobs.c.state).where(jobs.c.id == job.id, jobs.c.fence == job.fence)
        )
    ).scalar_one_or_none()
    ended = (
        await connection.execute(
            jobs.update()
            .where(
                jobs.c.id == job.id,
                jobs.c.fence == job.fence,
                jobs.c.state.in_(_values(states.before(state))),
            )
            .values(
                state=state.value,
                stage=before,
                code=code,
                report_sealed=report_sealed,
                artifact_id=artifact_id,
                updated_at=now,
                finished_at=now,
            )
            .returning(jobs.c.id)
        )
    ).first()
    if ended is None:
        return False
    await connection.execute(open_jobs.delete().where(open_jobs.c.job_id == job.id))
    await add_event(connection, job.id, state.value, code or "", now)
    await _settle(connection, job, state, credits, now)
    return True


async def _settle(
    connection: AsyncConnection, job: Row, state: JobState, credits: int, now: datetime
) -> None:
    await insert_once(
        connection,
        usage,
        {
            "id": new_id("use"),
            "organisation_id": job.organisation_id,
            "device_id": job.device_id,
            "job_id": job.id,
            "kind": "compile",
            "credits": credits if state is JobState.COMPLETE else 0,
            "created_at": now,
        },
    )
    await billing.settle(connection, job, credits if state is JobState.COMPLETE else 0)
    await append(
        connection,
        Event.JOB_ENDED,
        at=now,
        organisation_id=job.organisation_id,
        actor=job.device_id,
        subject=job.id,
        detail={"state": state.value, "credits": credits},
    )


async def cancel(connection: AsyncConnection, job_id: str, now: datetime) -> Row | None:
    """End an open job as cancelled whatever its lease; None when it had ended."""
    job = await find(connection, job_id)
    if job is None or not await end(connection, job, JobState.CANCELLED, now):
        return None
    return job


async def requeue(connection: AsyncConnection, job: Row, now: datetime) -> bool:
    """Put a job that got its source back into the queue; False when it no longer waits."""
    return await advance(connection, job, JobState.QUEUED, now, "source sent again")


async def in_states(
    connection: AsyncConnection, wanted: Iterable[JobState], before: datetime
) -> list[Row]:
    """Return jobs in any of the states, untouched since `before`; oldest first."""
    query = (
        sa.select(jobs)
        .where(jobs.c.state.in_(_values(wanted)), jobs.c.updated_at < before)
        .order_by(jobs.c.updated_at)
        .limit(200)
    )
    return list((await connection.execute(query)).all())


async def ahead_of(connection: AsyncConnection, job: Row) -> int:
    """Return how many queued jobs were accepted before this one."""
    query = sa.select(sa.func.count()).where(
        jobs.c.state == JobState.QUEUED.value, jobs.c.created_at < job.created_at
    )
    return int((await connection.execute(query)).scalar_one())


async def add_event(
    connection: AsyncConnection, job_id: str, event: str, detail: str, now: datetime
) -> None:
    await connection.execute(
        job_events.insert().values(job_id=job_id, at=now, event=event, detail=detail[:400])
    )


async def events(connection: AsyncConnection, job_id: str, after: int, limit: int) -> list[Row]:
    """Return a job's events in order, from the one after number `after`."""
    query = (
        sa.select(job_events)
        .where(job_events.c.job_id == job_id, job_events.c.id > after)
        .order_by(job_events.c.id)
        .limit(limit)
    )
    return list((await connection.execute(query)).all())


def _values(wanted: Iterable[JobState]) -> list[str]:
    return sorted(state.value for state in wanted)
