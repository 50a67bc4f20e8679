"""Idempotency-Key: the first answer to a request, given again for the same request.

A key is scoped to device and route and tied to the body's digest. Meant for answers that hold no
secret: they are stored as they were sent.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.db import insert_once
from pyvorin_server.db.tables import idempotency
from pyvorin_server.errors import Problem

MAX_KEY_CHARS = 128
KEEP = timedelta(hours=24)
_GIVE_UP = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a key is unique within, and the body it stands for."""

    device_id: str
    route: str
    key: str
    body_digest: str


async def begin(connection: AsyncConnection, scope: Scope, now: datetime) -> tuple[int, str] | None:
    """Reserve the key and return None, or return the stored answer. Raises `conflict` for another
    body and while the first request still runs."""
    if not 0 < len(scope.key) <= MAX_KEY_CHARS:
        raise Problem("malformed", "Idempotency-Key")
    fresh = await insert_once(
        connection,
        idempotency,
        {
            "device_id": scope.device_id,
            "route": scope.route,
            "key": scope.key,
            "body_digest": scope.body_digest,
            "created_at": now,
        },
    )
    if fresh:
        return None
    row = (await connection.execute(sa.select(idempotency).where(_of(scope)))).one()
    if row.body_digest != scope.body_digest:
        raise Problem("conflict", "this Idempotency-Key was used for another request")
    if row.status is not None:
        return row.status, row.answer
    if row.created_at > now - _GIVE_UP:
        raise Problem("conflict", "the first request with this key still runs", retry_after_s=1)
    return None


async def finish(connection: AsyncConnection, scope: Scope, status: int, text: str) -> None:
    """Keep the answer."""
    await connection.execute(
        idempotency.update().where(_of(scope)).values(status=status, answer=text)
    )


async def abandon(connection: AsyncConnection, scope: Scope) -> None:
    """Free the key of a request that was refused, so that it may be tried again."""
    await connection.execute(idempotency.delete().where(_of(scope), idempotency.c.status.is_(None)))


async def drop_old(connection: AsyncConnection, now: datetime) -> None:
    await connection.execute(idempotency.delete().where(idempotency.c.created_at < now - KEEP))


def _of(scope: Scope) -> sa.ColumnElement[bool]:
    return (
        (idempotency.c.device_id == scope.device_id)
        & (idempotency.c.route == scope.route)
        & (idempotency.c.key == scope.key)
    )
