"""Artifact rows, device envelopes and recalls. Every function runs in the caller's transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.audit import Event, append
from pyvorin_server.db import insert_once
from pyvorin_server.db.tables import artifacts, envelopes, recalls
from pyvorin_server.errors import Problem
from pyvorin_server.kit.ids import is_id

Row = sa.Row[tuple[Any, ...]]


async def enter(connection: AsyncConnection, values: Mapping[str, Any], now: datetime) -> None:
    """Insert a signed artifact; a job has one, however often its last step is repeated."""
    if await insert_once(connection, artifacts, {**values, "created_at": now}):
        await append(
            connection,
            Event.ARTIFACT_SIGNED,
            at=now,
            organisation_id=values["organisation_id"],
            subject=values["id"],
            detail={"sha256": values["sha256"], "sequence": values["sequence"]},
        )


async def newest(connection: AsyncConnection, organisation_id: str, fingerprint: str) -> Row | None:
    """Return the organisation's newest artifact of this fingerprint that is not recalled."""
    query = (
        sa.select(artifacts)
        .where(
            artifacts.c.organisation_id == organisation_id,
            artifacts.c.fingerprint == fingerprint,
            artifacts.c.recalled_at.is_(None),
        )
        .order_by(artifacts.c.sequence.desc())
        .limit(1)
    )
    return (await connection.execute(query)).first()


async def get(connection: AsyncConnection, organisation_id: str, artifact_id: str) -> Row:
    """Return an artifact of the organisation. Another's, a recalled one and none raise the same
    `not_found`.
    """
    row = None
    if is_id(artifact_id, "art"):
        query = sa.select(artifacts).where(
            artifacts.c.id == artifact_id,
            artifacts.c.organisation_id == organisation_id,
            artifacts.c.recalled_at.is_(None),
        )
        row = (await connection.execute(query)).first()
    if row is None:
        raise Problem("not_found")
    return row


async def envelope(
    connection: AsyncConnection, artifact_id: str, device_id: str, good_until: datetime
) -> bytes | None:
    """Return the head made for this device, if it stays valid until `good_until`."""
    query = sa.select(envelopes.c.envelope).where(
        envelopes.c.artifact_id == artifact_id,
        envelopes.c.device_id == device_id,
        envelopes.c.expires_at > good_until,
    )
    return (await connection.execute(query)).scalar_one_or_none()


async def keep_envelope(
    connection: AsyncConnection, values: Mapping[str, Any], now: datetime
) -> None:
    """Keep a head for a device, in place of an older one."""
    await connection.execute(
        envelopes.delete().where(
            envelopes.c.artifact_id == values["artifact_id"],
            envelopes.c.device_id == values["device_id"],
        )
    )
    await insert_once(connection, envelopes, {**values, "created_at": now})


async def recall(
    connection: AsyncConnection, kind: str, value: str, reason: str, now: datetime
) -> None:
    """Add a line to the recall list; an artifact named by id is served no more."""
    await connection.execute(
        recalls.insert().values(kind=kind, value=value, reason=reason, created_at=now)
    )
    column = {"artifact_id": artifacts.c.id, "sha256": artifacts.c.sha256}.get(kind)
    if column is not None:
        await connection.execute(artifacts.update().where(column == value).values(recalled_at=now))
    await append(
        connection, Event.ARTIFACT_RECALLED, at=now, subject=value[:120], detail={"kind": kind}
    )
