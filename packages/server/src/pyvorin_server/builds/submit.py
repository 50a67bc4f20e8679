"""Accepting work: a look-up by fingerprint, or source with the device's signed claim.

    known fingerprint                  → the artifact, at once
    unknown fingerprint, no source     → `fingerprint_unknown`
    source, same work in flight        → that job
    source                             → a new job: bytes to memory, row to database, id to engine

The claim's signature, source digest and options digest are checked here for an early, clear
refusal; the signer checks them again, and computes the fingerprint itself.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pyvorin_wire import api, canonical, envelope, fingerprint
from pyvorin_wire.platform import PlatformTag
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.artifacts import store as artifact_store
from pyvorin_server.audit import Event, append
from pyvorin_server.auth.guard import Principal
from pyvorin_server.billing import credits as billing
from pyvorin_server.builds import store
from pyvorin_server.builds.broker import SourceBroker
from pyvorin_server.db import Database, tenant
from pyvorin_server.db import tables as t
from pyvorin_server.engine import EngineClient
from pyvorin_server.errors import Problem, retry_later
from pyvorin_server.kit.clock import Clock
from pyvorin_server.kit.ids import new_id
from pyvorin_server.kit.sealing import KeyProvider
from pyvorin_server.orgs import DataKeys
from pyvorin_server.settings import Settings
from pyvorin_server.signer.keys import verify_ed25519

Row = sa.Row[tuple[Any, ...]]
_REMEMBERED = timedelta(minutes=10)


class Submit:
    """Accepts compile requests and repeated source."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        broker: SourceBroker,
        engine: EngineClient,
        data_keys: DataKeys,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._database = database
        self._data_keys = data_keys
        self._broker = broker
        self._engine = engine
        self._clock = clock

    async def submit(self, principal: Principal, asked: api.CompileRequest) -> tuple[int, Row]:
        """Return 200 and the job that built it when known, else 202 and the job that will."""
        asked = asked.checked()
        if asked.source is None or asked.claim is None:
            assert asked.fingerprint is not None
            return 200, await self._look_up(principal, asked.fingerprint)
        body = body_of(asked.source, asked.bundle, asked.examples)
        job_id = new_id("job")
        values = _job_values(principal, asked, asked.claim, job_id, body)
        async with self._database.read() as connection:
            data_key = await self._data_keys.of(connection, principal.organisation_id)
            values["request_sealed"] = seal_request(data_key, job_id, asked)
            known = await self._known(connection, principal, asked.claim.fingerprint)
            await self._check_claim(connection, principal, asked, asked.claim)
            await self._check_room(connection, principal, asked.target)
        if known is not None:
            return 200, known
        self._broker.hold(job_id, body)
        try:
            job = await self._enter(principal, values)
        except BaseException:
            self._broker.forget(job_id)
            raise
        if job.id != job_id:
            self._broker.forget(job_id)
            return 202, job
        await self._engine.enqueue(job_id, 0, job.turn)
        return 202, job

    async def source_again(self, principal: Principal, job_id: str, asked: api.SourceAgain) -> Row:
        """Take the same bytes once more for a job that lost them."""
        body = body_of(asked.source, asked.bundle, asked.examples)
        async with self._database.read() as connection:
            job = await store.get(connection, principal.organisation_id, job_id)
        if hashlib.sha256(body).hexdigest() != job.body_sha256:
            raise Problem("conflict", "these are not the bytes the job was accepted with")
        self._broker.hold(job_id, body)
        async with self._database.write() as connection:
            now = self._clock.now()
            waiting = await store.requeue(connection, job, now)
            if waiting:
                await append(
                    connection,
                    Event.SOURCE_RESENT,
                    at=now,
                    organisation_id=job.organisation_id,
                    actor=principal.device_id,
                    subject=job_id,
                )
            job = await store.get(connection, principal.organisation_id, job_id)
        if not waiting:
            if job.finished_at is not None:
                self._broker.forget(job_id)
            raise Problem("conflict", "the job does not wait for source")
        await self._engine.enqueue(job_id, job.fence, job.turn)
        return job

    async def _look_up(self, principal: Principal, wanted: str) -> Row:
        async with self._database.read() as connection:
            job = await self._known(connection, principal, wanted)
        if job is None:
            raise Problem("fingerprint_unknown", "this organisation has not built this code yet")
        async with self._database.write() as connection:
            await append(
                connection,
                Event.ARTIFACT_FOUND,
                at=self._clock.now(),
                organisation_id=principal.organisation_id,
                actor=principal.device_id,
                subject=job.artifact_id,
            )
        return job

    @staticmethod
    async def _known(connection: AsyncConnection, principal: Principal, wanted: str) -> Row | None:
        """Return the job whose artifact answers this fingerprint."""
        found = await artifact_store.newest(connection, principal.organisation_id, wanted)
        if found is None:
            return None
        return await store.get(connection, principal.organisation_id, found.job_id)

    @staticmethod
    async def _check_claim(
        connection: AsyncConnection,
        principal: Principal,
        asked: api.CompileRequest,
        claim: api.Claim,
    ) -> None:
        assert asked.source is not None
        if claim.source_sha256 != hashlib.sha256(asked.source.encode()).hexdigest():
            raise Problem("unprocessable", "the claim is about another source")
        if claim.options_sha256 != fingerprint.options_digest(asked.all_options()):
            raise Problem("unprocessable", "the claim is about other options")
        query = sa.select(t.devices.c.signing_key).where(t.devices.c.id == principal.device_id)
        public = (await connection.execute(query)).scalar_one()
        message = envelope.pae(api.CLAIM_TYPE, claim.signed_bytes())
        if not verify_ed25519(public, envelope.unbase64(claim.signature), message):
            raise Problem("unprocessable", "the claim is not signed by this device")

    async def _check_room(
        self, connection: AsyncConnection, principal: Principal, target: PlatformTag
    ) -> None:
        supervisors = await recent_supervisors(connection, self._clock.now())
        built = {tag for row in supervisors for tag in row.targets.split()}
        if built and target.python_tag not in {tag.partition("=")[0] for tag in built}:
            raise Problem("unprocessable", f"no worker here builds for {target.python_tag}")
        if await store.count_open(connection, principal.organisation_id) >= (
            self._settings.jobs_open_max
        ):
            raise retry_later("rate_limited", 5, "too many jobs in flight")

    async def _enter(self, principal: Principal, values: dict[str, Any]) -> Row:
        with tenant.as_service():  # the queue is everyone's
            async with self._database.read() as connection:
                queue_time = await store.queue_time(connection)
        async with self._database.write() as connection:
            now = self._clock.now()
            entered = await store.enter(connection, values, now, queue_time)
            if entered == values["id"]:
                await billing.reserve(connection, principal.organisation_id, now)
                await append(
                    connection,
                    Event.JOB_ACCEPTED,
                    at=now,
                    organisation_id=principal.organisation_id,
                    actor=principal.device_id,
                    subject=entered,
                )
            return await store.get(connection, principal.organisation_id, entered)


def body_of(source: str, bundle: Any, examples: str | None) -> bytes:
    """Return what a worker needs of a request beside options: the bytes the broker holds."""
    return canonical.dumps({"source": source, "bundle": bundle, "examples": examples})


def seal_request(data_key: KeyProvider, job_id: str, asked: api.CompileRequest) -> bytes:
    """Return the request's path and function names, sealed for the job's row."""
    functions = None if asked.functions is None else list(asked.functions)
    plain = canonical.dumps({"path": asked.path or asked.module, "functions": functions})
    return data_key.seal(plain, f"jobs|request_sealed|{job_id}|")


def open_request(data_key: KeyProvider, job: Row) -> tuple[str, list[str] | None]:
    """Return path and function names of a job."""
    opened = canonical.loads(data_key.open(job.request_sealed, f"jobs|request_sealed|{job.id}|"))
    return opened["path"], opened["functions"]


async def recent_supervisors(connection: AsyncConnection, now: datetime) -> list[Row]:
    """Return the supervisors that beat lately; one that restarts is not forgotten at once."""
    query = sa.select(t.supervisors).where(t.supervisors.c.beat_at > now - _REMEMBERED)
    return list((await connection.execute(query)).all())


def _job_values(
    principal: Principal,
    asked: api.CompileRequest,
    claim: api.Claim,
    job_id: str,
    body: bytes,
) -> dict[str, Any]:
    return {
        "id": job_id,
        "organisation_id": principal.organisation_id,
        "licence_id": principal.licence_id,
        "device_id": principal.device_id,
        "fingerprint": claim.fingerprint,
        "source_sha256": claim.source_sha256,
        "body_sha256": hashlib.sha256(body).hexdigest(),
        "module": asked.module,
        "options": canonical.dumps(asked.all_options()).decode(),
        "target": canonical.dumps(asked.target.to_json()).decode(),
        "claim_signature": envelope.unbase64(claim.signature),
    }
