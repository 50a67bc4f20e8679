"""Compile and job routes."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pyvorin_wire import api, canonical
from pyvorin_wire.jobs import JobState

from pyvorin_server.audit import Event
from pyvorin_server.auth import idempotency
from pyvorin_server.auth.guard import Guard, Principal
from pyvorin_server.auth.permissions import Permission
from pyvorin_server.auth.routing import needs
from pyvorin_server.builds.service import Jobs
from pyvorin_server.builds.submit import Submit
from pyvorin_server.db import Database
from pyvorin_server.errors import Problem, ServerError
from pyvorin_server.kit.clock import Clock
from pyvorin_server.kit.http import answer, read_record
from pyvorin_server.kit.paging import DEFAULT_LIMIT, MAX_LIMIT
from pyvorin_server.settings import Settings

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
_SMALL_BYTES = 4096


class Idempotent:
    """Runs a request's work once per Idempotency-Key."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def scope(self, request: Request, principal: Principal) -> idempotency.Scope | None:
        key = request.headers.get("idempotency-key")
        if key is None:
            return None
        digest = hashlib.sha256(await request.body()).hexdigest()
        return idempotency.Scope(principal.device_id, request.url.path, key, digest)

    async def begin(self, scope: idempotency.Scope) -> Response | None:
        async with self._database.write() as connection:
            kept = await idempotency.begin(connection, scope, self._clock.now())
        if kept is None:
            return None
        return Response(kept[1], status_code=kept[0], media_type="application/json")

    async def finish(self, scope: idempotency.Scope, status: int, body: bytes) -> None:
        async with self._database.write() as connection:
            await idempotency.finish(connection, scope, status, body.decode())

    async def abandon(self, scope: idempotency.Scope) -> None:
        async with self._database.write() as connection:
            await idempotency.abandon(connection, scope)


def router(
    settings: Settings, submit: Submit, jobs: Jobs, guard: Guard, once: Idempotent
) -> APIRouter:
    """Return the routes under /v1/compile, and /v1/targets."""
    routes = APIRouter(prefix="/v1", tags=["compile"])
    read = needs(Permission.JOBS_READ)

    async def compile_once(request: Request, principal: Principal) -> tuple[int, bytes]:
        asked = await read_record(request, api.CompileRequest, settings.body_max_bytes)
        status, job = await submit.submit(principal, asked)
        view = await jobs.view_row(job)
        return status, canonical.dumps(view.to_json())

    @routes.post("/compile", **needs(Permission.JOBS_WRITE, Event.JOB_ACCEPTED))
    async def compile(request: Request) -> Response:
        """Look a fingerprint up, or build source."""
        principal = await guard.admit(request)
        scope = await once.scope(request, principal)
        if scope is not None and (kept := await once.begin(scope)) is not None:
            return kept
        try:
            status, body = await compile_once(request, principal)
        except (ServerError, ValueError):
            if scope is not None:
                await once.abandon(scope)
            raise
        if scope is not None:
            await once.finish(scope, status, body)
        return Response(body, status_code=status, media_type="application/json")

    @routes.get("/compile/jobs", **read)
    async def list_jobs(
        request: Request,
        status: str | None = None,
        cursor: str | None = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response:
        """The organisation's jobs, newest first."""
        principal = await guard.admit(request)
        if status is not None and status not in set(JobState):
            raise Problem("malformed", "status is a job state")
        wanted = JobState(status) if status else None
        return answer(await jobs.page(principal, wanted, cursor, limit))

    @routes.get("/compile/jobs/{job_id}", **read)
    async def get_job(
        request: Request,
        job_id: str,
        state: JobState | None = None,
        wait_s: Annotated[int, Query(ge=0, le=20)] = 0,
    ) -> Response:
        """One job; with `wait_s`, as soon as it is in another state than `state`; as server-sent
        events of its progress when asked for text/event-stream.
        """
        principal = await guard.admit(request)
        await jobs.changed(principal, job_id, state, wait_s)
        view = await jobs.view(principal, job_id)
        if "text/event-stream" in request.headers.get("accept", ""):
            return StreamingResponse(jobs.watch(principal, job_id), media_type="text/event-stream")
        return answer(view)

    @routes.get("/compile/jobs/{job_id}/log", **read)
    async def job_log(
        request: Request,
        job_id: str,
        cursor: Annotated[int, Query(ge=0)] = 0,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response:
        """What happened to a job, in order."""
        principal = await guard.admit(request)
        return answer(await jobs.log(principal, job_id, cursor, limit))

    @routes.post(
        "/compile/jobs/{job_id}/cancel", **needs(Permission.JOBS_WRITE, Event.JOB_CANCELLED)
    )
    async def cancel(request: Request, job_id: str) -> Response:
        """End an open job."""
        principal = await guard.admit(request)
        await read_record(request, api.Empty, _SMALL_BYTES)
        return answer(await jobs.cancel(principal, job_id))

    @routes.put(
        "/compile/jobs/{job_id}/source", **needs(Permission.JOBS_WRITE, Event.SOURCE_RESENT)
    )
    async def source_again(request: Request, job_id: str) -> Response:
        """The same bytes once more, for a job in `needs_source`."""
        principal = await guard.admit(request)
        asked = await read_record(request, api.SourceAgain, settings.body_max_bytes)
        job = await submit.source_again(principal, job_id, asked)
        return answer(await jobs.view_row(job), 202)

    @routes.get("/targets", **read)
    async def targets(request: Request) -> Response:
        """Pythons the service builds for."""
        await guard.admit(request)
        return answer(await jobs.targets())

    return routes
