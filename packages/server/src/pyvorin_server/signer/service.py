"""The signer process: what it is asked, and everything it checks before it signs.

    sign      {job_id, fence}  verdict, artifact   → the signed statement
    envelope  {artifact_id, device_id}  artifact   → container head: manifest and MAC for the device
    deliver   {device_id}                          → the device's secrets, sealed to it (HPKE)
    licence   {licence_id}                         → signed licence file
    recall    {organisation_id}                    → signed recall list
    head      {sequence, hash}                     → signed head of the audit log
    segment   {first, last, …}                     → signed statement of a sealed audit segment

Whose build it is, for which options and under which lease is read from the job row, never taken
from the caller. Of the caller's bytes only what the signer hashes or verifies itself counts.
"""

import hashlib
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from pyvorin_wire import api, artifact, canonical, envelope, fingerprint, licence, recall
from pyvorin_wire.artifact import Manifest
from pyvorin_wire.delivered import DeliveredKey
from pyvorin_wire.envelope import Envelope
from pyvorin_wire.errors import WireError
from pyvorin_wire.licence import Delivered
from pyvorin_wire.platform import PlatformTag
from pyvorin_wire.trust import Role
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.db import Database
from pyvorin_server.db import tables as t
from pyvorin_server.errors import RemoteError
from pyvorin_server.kit.clock import Clock, epoch_s
from pyvorin_server.kit.local import Message
from pyvorin_server.settings import Settings
from pyvorin_server.signer.delivery import seal_to_device
from pyvorin_server.signer.keys import SignerKeys, verify_ed25519
from pyvorin_server.signer.ledger import Ledger
from pyvorin_server.verifier.verdict import Verdict, open_verdict

SOCKET = "signer.sock"
HEAD_TYPE = "application/vnd.pyvorin.audit-head.v1+json"
SEGMENT_TYPE = "application/vnd.pyvorin.audit-segment.v1+json"


class Signer:
    """Answers the local calls of the module's table."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        keys: SignerKeys,
        verifier_public: bytes,
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._database = database
        self._keys = keys
        self._verdict_keys = {
            "verifier": lambda signature, message: verify_ed25519(
                verifier_public, signature, message
            )
        }
        self._ledger = ledger
        self._clock = clock

    async def answer_sign(self, request: Message) -> Message:
        """Local call `sign`. Refusals: lease, verdict, artifact, claim, fingerprint, ledger."""
        signed_verdict, content = _blobs(request, 2)
        verdict = self._opened(signed_verdict)
        job = await self._job_under_lease(request.text("job_id"), request.integer("fence"))
        if (verdict.job_id, verdict.fence) != (job.id, job.fence):
            raise RemoteError("verdict", "of another attempt")
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 != verdict.artifact_sha256 or len(content) != verdict.artifact_size:
            raise RemoteError("artifact", "not the bytes that were judged")
        await self._check_claim(job)
        self._check_fingerprint(job, verdict)
        manifest = await self._manifest_of_build(job, verdict)
        statement = artifact.sign_statement(manifest, self._keys.by_role[Role.ARTIFACT].signers())
        kept = self._ledger.enter(job.id, job.fence, sha256, statement.to_bytes())
        if kept is None:
            raise RemoteError("ledger", "this attempt has signed other bytes")
        return Message({"sha256": sha256, "seq": manifest.seq}, (kept,))

    async def answer_envelope(self, request: Message) -> Message:
        """Local call `envelope`: bind a signed build to one device."""
        (content,) = _blobs(request, 1)
        row, device = await self._artifact_and_device(
            request.text("artifact_id"), request.text("device_id")
        )
        body = self._own_statement(row.statement)
        now = self._clock.now()
        life = timedelta(seconds=self._settings.artifact_accept_s)
        manifest = _manifest_from_statement(
            body,
            device=device,
            mac_key_id=self._keys.mac_key_id,
            times=(epoch_s(now), epoch_s(now + life)),
        )
        if not artifact.statement_agrees(envelope.unbase64(body_text(row.statement)), manifest):
            raise RemoteError("statement", "not of this service")
        key = self._keys.device_artifact_key(device.licence_id, device.id)
        try:
            packed = artifact.pack(manifest, Envelope.from_bytes(row.statement), content, key)
        except WireError as error:
            raise RemoteError("artifact", error.code) from None
        return Message({"expires_at": manifest.expires_at}, (packed[: len(packed) - len(content)],))

    async def answer_deliver(self, request: Message) -> Message:
        """Local call `deliver`: the artifact key and the fingerprint key, sealed to the device's
        own key.
        """
        async with self._database.read() as connection:
            device = await _one(connection, t.devices, request.text("device_id"))
            owner = await _one(connection, t.organisations, device.organisation_id)
            grant = await _one(connection, t.licences, device.licence_id)
        if device.revoked_at is not None or grant.revoked_at is not None:
            raise RemoteError("revoked")
        secrets = (
            (
                Delivered.ARTIFACT_KEY,
                DeliveredKey(
                    self._keys.mac_key_id,
                    self._keys.device_artifact_key(device.licence_id, device.id).hex(),
                ),
            ),
            (
                Delivered.FINGERPRINT_KEY,
                DeliveredKey(
                    f"fp-{owner.fingerprint_epoch}",
                    self._keys.fingerprint_key(owner.id, owner.fingerprint_epoch).hex(),
                    owner.fingerprint_epoch,
                ),
            ),
        )
        return Message({}, tuple(seal_to_device(kind, key, device) for kind, key in secrets))

    async def answer_licence(self, request: Message) -> Message:
        """Local call `licence`: the licence file as the row stands."""
        async with self._database.read() as connection:
            row = await _one(connection, t.licences, request.text("licence_id"))
        if row.revoked_at is not None:
            raise RemoteError("revoked")
        refresh = self._clock.now() + timedelta(seconds=self._settings.licence_file_s)
        document = licence.Licence(
            licence_id=row.id,
            organisation_id=row.organisation_id,
            plan=row.plan,
            features=(),
            max_devices=row.max_devices,
            not_before=epoch_s(row.not_before),
            expires_at=epoch_s(row.expires_at),
            refresh_after=min(epoch_s(refresh), epoch_s(row.expires_at)),
            seq=row.sequence,
        )
        signed = licence.sign_licence(document, self._keys.by_role[Role.LICENCE].signers())
        return Message({}, (signed.to_bytes(),))

    async def answer_recall(self, request: Message) -> Message:
        """Local call `recall`: the complete list as of now; its version is the number of its last
        row.
        """
        async with self._database.read() as connection:
            rows = (
                await connection.execute(sa.select(t.recalls).order_by(t.recalls.c.number))
            ).all()
        entries = tuple(recall.RecallEntry(row.kind, row.value, row.reason) for row in rows)
        document = recall.Recall(
            version=rows[-1].number if rows else 0,
            organisation_id=request.text("organisation_id"),
            issued_at=epoch_s(rows[-1].created_at) if rows else 0,
            entries=entries,
        )
        signed = recall.sign(document, self._keys.by_role[Role.RECALL].signers())
        return Message({}, (signed.to_bytes(),))

    async def answer_head(self, request: Message) -> Message:
        """Local call `head`: sign sequence and hash of the audit log's newest entry, with the
        time.
        """
        document = {
            "sequence": request.integer("sequence"),
            "hash": request.text("hash"),
            "at": epoch_s(self._clock.now()),
        }
        signers = self._keys.by_role[Role.AUDIT].signers()
        signed = envelope.sign(HEAD_TYPE, canonical.dumps(document), signers)
        return Message({}, (signed.to_bytes(),))

    async def answer_segment(self, request: Message) -> Message:
        """Local call `segment`: sign which entries were sealed, both chain hashes and the root."""
        document: dict[str, str | int] = {name: request.integer(name) for name in ("first", "last")}
        document |= {name: request.text(name) for name in ("hash_before", "hash_at_last", "root")}
        signers = self._keys.by_role[Role.AUDIT].signers()
        signed = envelope.sign(SEGMENT_TYPE, canonical.dumps(document), signers)
        return Message({}, (signed.to_bytes(),))

    def _opened(self, signed_verdict: bytes) -> Verdict:
        try:
            return open_verdict(signed_verdict, self._verdict_keys)
        except WireError as error:
            raise RemoteError("verdict", error.code) from None

    async def _job_under_lease(self, job_id: str, fence: int) -> sa.Row[tuple[Any, ...]]:
        async with self._database.read() as connection:
            job = await _one(connection, t.jobs, job_id)
        if job.state != "signing" or job.fence != fence:
            raise RemoteError("lease", "the job is not being signed under this token")
        return job

    async def _check_claim(self, job: sa.Row[tuple[Any, ...]]) -> None:
        """The device asked for this: its signature covers fingerprint, source and options."""
        async with self._database.read() as connection:
            device = await _one(connection, t.devices, job.device_id)
        claim = api.Claim(
            job.fingerprint,
            job.source_sha256,
            _options_digest(job.options),
            envelope.base64_text(job.claim_signature),
        )
        message = envelope.pae(api.CLAIM_TYPE, claim.signed_bytes())
        if not verify_ed25519(device.signing_key, job.claim_signature, message):
            raise RemoteError("claim", "not signed by the device")

    def _check_fingerprint(self, job: sa.Row[tuple[Any, ...]], verdict: Verdict) -> None:
        """The name the device claims is the name of what was built, computed here."""
        epoch = fingerprint.epoch_of(job.fingerprint)
        key = self._keys.fingerprint_key(job.organisation_id, epoch)
        if fingerprint.keyed(key, epoch, verdict.digest) != job.fingerprint:
            raise RemoteError("fingerprint", "the source is not what the claim names")

    async def _manifest_of_build(self, job: sa.Row[tuple[Any, ...]], verdict: Verdict) -> Manifest:
        newest = sa.select(sa.func.coalesce(sa.func.max(t.artifacts.c.sequence), 0)).where(
            t.artifacts.c.organisation_id == job.organisation_id,
            t.artifacts.c.fingerprint == job.fingerprint,
            t.artifacts.c.job_id != job.id,
        )
        async with self._database.read() as connection:
            sequence = (await connection.execute(newest)).scalar_one() + 1
        now = epoch_s(self._clock.now())
        return Manifest(
            format=artifact.FORMAT,
            artifact_id="art_" + job.id.removeprefix("job_"),
            module=job.module,
            sha256=verdict.artifact_sha256,
            size=verdict.artifact_size,
            seq=sequence,
            issued_at=now,
            expires_at=now,
            fingerprint=job.fingerprint,
            options_sha256=_options_digest(job.options),
            organisation_id=job.organisation_id,
            licence_id=job.licence_id,
            device_id=job.device_id,
            mac_key_id=self._keys.mac_key_id,
            target=PlatformTag.from_json(canonical.loads(job.target.encode())),
            toolchain=verdict.toolchain,
            verdict_id=verdict.verdict_id,
            sandbox_tier=verdict.sandbox_tier,
            quorum=1,
            functions=verdict.functions,
        )

    async def _artifact_and_device(
        self, artifact_id: str, device_id: str
    ) -> tuple[sa.Row[tuple[Any, ...]], sa.Row[tuple[Any, ...]]]:
        async with self._database.read() as connection:
            row = await _one(connection, t.artifacts, artifact_id)
            device = await _one(connection, t.devices, device_id)
            owner = await _one(connection, t.licences, device.licence_id)
        if row.organisation_id != device.organisation_id or row.recalled_at is not None:
            raise RemoteError("not_found")
        if device.revoked_at is not None or owner.revoked_at is not None:
            raise RemoteError("revoked")
        return row, device

    def _own_statement(self, statement: bytes) -> canonical.Json:
        """Return a statement this signer made; a row written by anyone else is refused."""
        public = self._keys.by_role[Role.ARTIFACT].public
        keys = {"own": lambda signature, message: verify_ed25519(public, signature, message)}
        try:
            return envelope.document(Envelope.from_bytes(statement), artifact.STATEMENT_TYPE, keys)
        except WireError as error:
            raise RemoteError("statement", error.code) from None


def body_text(statement: bytes) -> str:
    """Return the base64 payload of a statement's envelope."""
    return Envelope.from_bytes(statement).payload


def _manifest_from_statement(
    body: canonical.Json,
    *,
    device: sa.Row[tuple[Any, ...]],
    mac_key_id: str,
    times: tuple[int, int],
) -> Manifest:
    """Return the manifest of a signed build for one device. Raises `RemoteError` on another
    format.
    """
    try:
        definition = body["predicate"]["buildDefinition"]
        asked, made = definition["externalParameters"], definition["internalParameters"]
        return Manifest.from_json(
            {
                "format": artifact.FORMAT,
                "artifact_id": body["subject"][0]["name"],
                "module": asked["module"],
                "sha256": body["subject"][0]["digest"]["sha256"],
                "size": made["size"],
                "seq": made["seq"],
                "issued_at": times[0],
                "expires_at": times[1],
                "fingerprint": asked["fingerprint"],
                "options_sha256": asked["options_sha256"],
                "organisation_id": made["organisation_id"],
                "licence_id": device.licence_id,
                "device_id": device.id,
                "mac_key_id": mac_key_id,
                "target": asked["target"],
                "toolchain": {
                    item["name"]: item["annotations"]["version"]
                    for item in definition["resolvedDependencies"]
                },
                "verdict_id": made["verdict_id"],
                "sandbox_tier": made["sandbox_tier"],
                "quorum": made["quorum"],
                "functions": asked["functions"],
            }
        )
    except (KeyError, IndexError, TypeError, WireError):
        raise RemoteError("statement", "of another format") from None


def _options_digest(options: str) -> str:
    return fingerprint.options_digest(canonical.loads(options.encode()))


def _blobs(request: Message, count: int) -> tuple[bytes, ...]:
    if len(request.blobs) != count:
        raise RemoteError("request_invalid", f"{count} byte strings")
    return tuple(request.blobs)


async def _one(
    connection: AsyncConnection, table: sa.Table, row_id: str
) -> sa.Row[tuple[Any, ...]]:
    row = (await connection.execute(sa.select(table).where(table.c.id == row_id))).first()
    if row is None:
        raise RemoteError("not_found")
    return row
