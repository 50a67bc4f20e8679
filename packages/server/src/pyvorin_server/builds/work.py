"""One build, from lease to end; runs in the supervisor as a step of the workflow engine.

    claim → source → name, compile, check and time → verdict ─┬→ signature → store → end
                     ↑   some gain too little: again without ─┘

The step may run more than once for a job (the engine is at-least-once) and on two supervisors at a
time (a slow one that was given up). Both are harmless: `claim` raises the fencing token, every
change of the row names it, the signer signs once per token, the store creates once per digest,
usage is unique per job. Source lives in local variables of this module for the time of the step
and in the jails' pipes; nothing of it is returned, raised or logged.
"""

import asyncio
import contextlib
import hashlib
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import sqlalchemy as sa
import structlog
from pyvorin_wire import canonical
from pyvorin_wire.jobs import JobState

from pyvorin_server.artifacts import store as artifact_store
from pyvorin_server.artifacts.storage import ArtifactStore
from pyvorin_server.audit import Event, append
from pyvorin_server.builds import store
from pyvorin_server.builds.jails import Jails, OwnJails, tier_in_manifest
from pyvorin_server.builds.prove import (
    MAX_PASSES,
    LeaseLost,
    Proof,
    Prover,
    Stopped,
    message,
    stop_unless_ok,
)
from pyvorin_server.builds.submit import open_request
from pyvorin_server.builds.view import seal_report
from pyvorin_server.db import Database
from pyvorin_server.errors import RemoteError
from pyvorin_server.kit.clock import Clock
from pyvorin_server.kit.local import LocalClient
from pyvorin_server.kit.stages import Stages
from pyvorin_server.orgs import DataKeys
from pyvorin_server.orgs import count as count_organisations
from pyvorin_server.sandbox.model import SandboxError
from pyvorin_server.settings import Settings

Row = sa.Row[tuple[Any, ...]]
_WATCH_S = 0.3
_log = structlog.get_logger("build")
_CLAIM_REFUSALS = frozenset({"claim", "fingerprint"})


class Builder:
    """Everything a build needs; one per supervisor."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        data_keys: DataKeys,
        objects: ArtifactStore,
        jails: dict[str, Jails],
        broker: LocalClient,
        verifier: LocalClient,
        signer: LocalClient,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._database = database
        self._data_keys = data_keys
        self._objects = objects
        self._jails = jails
        self._broker = broker
        self._verifier = verifier
        self._signer = signer
        self._clock = clock

    async def build(self, job_id: str, attempt: int) -> str:
        """Build a job; return the state it was left in, or `not_open`. Never raises for what a job
        can cause.
        """
        async with self._database.write() as connection:
            job = await store.claim(
                connection, job_id, self._settings.executor_id, self._clock.now()
            )
        if job is None:
            return "not_open"
        with structlog.contextvars.bound_contextvars(job=job_id, fence=job.fence):
            try:
                async with self._watched(job) as cancel:
                    return await self._attempt(job, cancel)
            except LeaseLost:
                return "overtaken"
            finally:
                await self._forget_if_ended(job_id)

    async def _attempt(self, job: Row, cancel: threading.Event) -> str:
        try:
            await self._produce(job, cancel)
            return JobState.COMPLETE.value
        except Stopped as stopped:
            return await self._stop(job, stopped)
        except SandboxError as error:
            _log.error("no jail", error=type(error).__name__, reason=str(error)[:200])
            return await self._stop(job, Stopped(JobState.FAILED, "PYV906"))
        except RemoteError as error:
            _log.error("service", error=error.code, detail=error.detail)
            return await self._stop(job, Stopped(JobState.FAILED, "PYV906"))

    async def _produce(self, job: Row, cancel: threading.Event) -> None:
        stages = Stages()
        stages.add("queued", (self._clock.now() - job.created_at).total_seconds())
        try:
            await self._produce_in(stages, job, cancel)
        finally:
            _log.info("stages", stages_ms=stages.ms)

    async def _produce_in(self, stages: Stages, job: Row, cancel: threading.Event) -> None:
        with stages.of("source"):
            body = await self._source(job)
        if body is None:
            await self._advance(job, JobState.NEEDS_SOURCE)
            raise LeaseLost
        target_jails = self._jails.get(canonical.loads(job.target.encode())["python_tag"])
        if target_jails is None:
            raise Stopped(JobState.FAILED, "PYV906")
        async with self._database.read() as connection:
            data_key = await self._data_keys.of(connection, job.organisation_id)
            organisations = await count_organisations(connection)
        jails = target_jails.of(job.organisation_id, organisations)
        path, functions = open_request(data_key, job)
        asked = {
            "path": path,
            "functions": functions,
            "options": canonical.loads(job.options.encode()),
            "target": canonical.loads(job.target.encode()),
            **canonical.loads(body),
        }
        most = self._settings.artifact_max_bytes
        async with Prover(jails, asked, cancel, most, stages) as prover:
            proof, verdict = await self._proven(job, jails, prover, asked, cancel, stages)
        await self._advance(job, JobState.SIGNING)
        artifact = proof.compiled.artifact
        with stages.of("sign"):
            statement, sequence = await self._sign(job, verdict, artifact)
        with stages.of("store"):
            digest = await self._objects.put(job.organisation_id, artifact, data_key)
            await self._complete(job, proof, statement, sequence, digest)

    async def _proven(
        self,
        job: Row,
        jails: OwnJails,
        prover: Prover,
        asked: dict[str, Any],
        cancel: threading.Event,
        stages: Stages,
    ) -> tuple[Proof, bytes]:
        """The pass that ships, and its signed verdict. Each pass is judged: a wrong answer of a
        function that will not ship stops the build too.
        """
        named = asyncio.ensure_future(self._name(jails, asked, cancel))
        try:
            compiled = await prover.compile()
        finally:
            name = await named
        await self._advance(job, JobState.VERIFYING, compiled[1].sha256)
        for number in range(1, MAX_PASSES + 1):
            proof = await prover.prove(*compiled, last=number == MAX_PASSES)
            with stages.of("judge"):
                verdict = await self._judge(job, [name, *proof.outputs], jails, proof)
            if not proof.slower:
                break
            if proof.nothing_left():
                raise prover.all_too_slow(proof)
            compiled = await prover.compile()
        return proof, verdict

    async def _source(self, job: Row) -> bytes | None:
        """Return the body the job was accepted with; None when its holder is gone."""
        try:
            answer = await self._broker.call("fetch", {"job_id": job.id})
        except RemoteError as error:
            if error.code in ("source_gone", "unreachable"):
                return None
            raise
        body = answer.blobs[0]
        if hashlib.sha256(body).hexdigest() != job.body_sha256:
            return None
        return body

    async def _name(self, jails: OwnJails, asked: dict[str, Any], cancel: threading.Event) -> bytes:
        """Have the source named by the digest jail; the verifier reads its answer."""
        request = {**asked, "compiler": jails.worker.compiler}
        result = await jails.digest(message(request), cancel)
        stop_unless_ok(result)
        return result.stdout

    async def _judge(self, job: Row, outputs: list[bytes], jails: OwnJails, proof: Proof) -> bytes:
        """Return the signed verdict. Both refusals end the job; differences go to the asking
        device only.
        """
        tier = tier_in_manifest(jails.tier)
        asked = {"job_id": job.id, "fence": job.fence, "tier": tier, "runtime": jails.runtime}
        answer = await self._verifier.call("judge", asked, outputs)
        result = answer.text("result")
        if result == "pass" and answer.blobs:
            return answer.blobs[0]
        report = {"report": proof.compiled.answer.get("report"), "tier": tier}
        if result != "mismatch":
            raise Stopped(JobState.FAILED, "PYV604", report)
        differences = canonical.dumps(answer.fields["differences"])
        with contextlib.suppress(RemoteError):
            await self._broker.call("differences", {"job_id": job.id}, [differences])
        raise Stopped(JobState.MISMATCH, "PYV601", report)

    async def _sign(self, job: Row, verdict: bytes, artifact: bytes) -> tuple[bytes, int]:
        asked = {"job_id": job.id, "fence": job.fence}
        try:
            answer = await self._signer.call("sign", asked, [verdict, artifact])
        except RemoteError as error:
            if error.code == "lease":
                raise LeaseLost from None
            await self._record_refusal(job, error.code)
            code = "PYV891" if error.code in _CLAIM_REFUSALS else "PYV906"
            raise Stopped(JobState.FAILED, code) from None
        return answer.blobs[0], answer.integer("seq")

    async def _complete(
        self, job: Row, proof: Proof, statement: bytes, sequence: int, digest: str
    ) -> None:
        now = self._clock.now()
        compiled = proof.compiled
        artifact_id = "art_" + job.id.removeprefix("job_")
        async with self._database.write() as connection:
            data_key = await self._data_keys.of(connection, job.organisation_id)
            ended = await store.end(
                connection,
                job,
                JobState.COMPLETE,
                now,
                report_sealed=seal_report(data_key, job, proof.report),
                artifact_id=artifact_id,
                credits=1 if compiled.functions() else 0,
            )
            if not ended:
                raise LeaseLost
            row = {
                "id": artifact_id,
                "organisation_id": job.organisation_id,
                "job_id": job.id,
                "fingerprint": job.fingerprint,
                "target": job.target,
                "sha256": digest,
                "size": len(compiled.artifact),
                "sequence": sequence,
                "statement": statement,
            }
            await artifact_store.enter(connection, row, now)

    async def _stop(self, job: Row, stopped: Stopped) -> str:
        now = self._clock.now()
        async with self._database.write() as connection:
            data_key = await self._data_keys.of(connection, job.organisation_id)
            await store.end(
                connection,
                job,
                stopped.state,
                now,
                code=stopped.code,
                report_sealed=seal_report(data_key, job, stopped.report),
            )
        return stopped.state.value

    async def _advance(self, job: Row, state: JobState, detail: str = "") -> None:
        async with self._database.write() as connection:
            if not await store.advance(connection, job, state, self._clock.now(), detail):
                raise LeaseLost

    async def _record_refusal(self, job: Row, code: str) -> None:
        async with self._database.write() as connection:
            await append(
                connection,
                Event.SIGNING_REFUSED,
                at=self._clock.now(),
                organisation_id=job.organisation_id,
                subject=job.id,
                detail={"code": code},
            )

    async def _forget_if_ended(self, job_id: str) -> None:
        async with self._database.read() as connection:
            job = await store.find(connection, job_id)
        if job is None or job.finished_at is not None:
            with contextlib.suppress(RemoteError):
                await self._broker.call("forget", {"job_id": job_id})

    @asynccontextmanager
    async def _watched(self, job: Row) -> AsyncIterator[threading.Event]:
        """Stop the jails as soon as the job's row says that this attempt is over."""
        cancel = threading.Event()

        async def watch() -> None:
            while True:
                await asyncio.sleep(_WATCH_S)
                async with self._database.read() as connection:
                    now = await store.find(connection, job.id)
                if now is None or now.finished_at is not None or now.fence != job.fence:
                    cancel.set()
                    return

        watcher = asyncio.create_task(watch())
        try:
            yield cancel
        finally:
            cancel.set()
            watcher.cancel()
