"""Serving artifacts: found in the database, fetched from the store, bound to the asking device,
checked.

Nothing is served that was not verified here in this request: the bytes' SHA-256, the Ed25519
statement, and that the statement is about these bytes.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pyvorin_wire import artifact, envelope
from pyvorin_wire.artifact import Container, Manifest
from pyvorin_wire.envelope import Envelope

from pyvorin_server.artifacts import store
from pyvorin_server.artifacts.storage import ArtifactStore, StoreError
from pyvorin_server.audit import Event, append
from pyvorin_server.auth.guard import Principal
from pyvorin_server.db import Database
from pyvorin_server.errors import Problem, RemoteError
from pyvorin_server.kit.clock import Clock
from pyvorin_server.kit.local import LocalClient
from pyvorin_server.orgs import DataKeys
from pyvorin_server.signer.keys import verify_ed25519

Row = sa.Row[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Served:
    """One artifact for one device: the whole container, and its parts."""

    content: bytes
    parts: Container

    @property
    def manifest(self) -> Manifest:
        return self.parts.manifest


class Artifacts:
    """The artifact routes' work."""

    def __init__(
        self,
        database: Database,
        objects: ArtifactStore,
        data_keys: DataKeys,
        signer: LocalClient,
        artifact_keys: dict[str, bytes],
        clock: Clock,
    ) -> None:
        self._database = database
        self._objects = objects
        self._data_keys = data_keys
        self._signer = signer
        self._public = {key_id: _verifier(public) for key_id, public in artifact_keys.items()}
        self._clock = clock

    async def serve(self, principal: Principal, artifact_id: str) -> Served:
        """Return the artifact bound to the asking device. Raises `not_found`, or `unavailable` if
        it is damaged.
        """
        async with self._database.read() as connection:
            row = await store.get(connection, principal.organisation_id, artifact_id)
            data_key = await self._data_keys.of(connection, row.organisation_id)
            until = self._clock.now() + timedelta(days=1)
            head = await store.envelope(connection, row.id, principal.device_id, until)
        try:
            content = await self._objects.get(row.organisation_id, row.sha256, data_key)
        except StoreError as error:
            raise Problem("unavailable", str(error), retry_after_s=30) from None
        if head is None:
            head = await self._bind(row, principal.device_id, content)
        served = Served(head + content, artifact.unpack(head + content))
        self._check(row, served)
        return served

    async def provenance(self, principal: Principal, artifact_id: str) -> Envelope:
        """Return the signed statement of an artifact."""
        async with self._database.read() as connection:
            row = await store.get(connection, principal.organisation_id, artifact_id)
        statement = Envelope.from_bytes(row.statement)
        envelope.verify(statement, artifact.STATEMENT_TYPE, self._public)
        return statement

    async def record_read(self, principal: Principal, artifact_id: str) -> None:
        """Write the access to the audit log."""
        async with self._database.write() as connection:
            await append(
                connection,
                Event.ARTIFACT_READ,
                at=self._clock.now(),
                organisation_id=principal.organisation_id,
                actor=principal.device_id,
                subject=artifact_id,
            )

    async def recall_list(self, organisation_id: str) -> Envelope:
        answer = await self._signer.call("recall", {"organisation_id": organisation_id})
        return Envelope.from_bytes(answer.blobs[0])

    async def _bind(self, row: Row, device_id: str, content: bytes) -> bytes:
        asked = {"artifact_id": row.id, "device_id": device_id}
        try:
            made = await self._signer.call("envelope", asked, [content])
        except RemoteError as error:
            if error.code == "not_found":
                raise Problem("not_found") from None
            if error.code == "revoked":
                raise Problem("licence_revoked") from None
            raise
        async with self._database.write() as connection:
            await store.keep_envelope(
                connection,
                {
                    **asked,
                    "envelope": made.blobs[0],
                    "expires_at": datetime.fromtimestamp(made.integer("expires_at"), UTC),
                },
                self._clock.now(),
            )
        return made.blobs[0]

    def _check(self, row: Row, served: Served) -> None:
        parts = served.parts
        body = envelope.verify(parts.statement, artifact.STATEMENT_TYPE, self._public)
        if not parts.payload_is_bound() or parts.manifest.sha256 != row.sha256:
            raise Problem("unavailable", "the stored artifact is damaged")
        if not artifact.statement_agrees(body, parts.manifest):
            raise Problem("unavailable", "the stored statement is of another artifact")


def _verifier(public: bytes) -> envelope.Verify:
    return lambda signature, message: verify_ed25519(public, signature, message)
