"""Refresh tokens: opaque, single use, bound to one device, in families.

A token is 256 random bits, stored by SHA-256. Using it spends it and issues its successor in the
same family. A spent one seen again, or one from another device, means it was copied: the family is
revoked (RFC 9700 section 4.14).
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.audit import Event, append
from pyvorin_server.db.tables import refresh_tokens
from pyvorin_server.kit.ids import new_id

PREFIX = "pvr_"


@dataclass(frozen=True, slots=True)
class Spent:
    """What a spent token stood for."""

    family: str
    scopes: str
    member_id: str


async def issue(
    connection: AsyncConnection,
    device_id: str,
    scopes: str,
    now: datetime,
    life_s: int,
    family: str = "",
    member_id: str | None = None,
) -> str:
    """Return a new token of `family`, or of a family of its own. `scopes` are space-separated."""
    token = PREFIX + secrets.token_urlsafe(32)
    await connection.execute(
        refresh_tokens.insert().values(
            digest=_digest(token),
            family=family or new_id("fam"),
            device_id=device_id,
            scopes=scopes,
            member_id=member_id,
            created_at=now,
            expires_at=now + timedelta(seconds=life_s),
        )
    )
    return token


async def spend(
    connection: AsyncConnection, token: str, device_id: str, organisation_id: str, now: datetime
) -> Spent | None:
    """Spend a token and return what it stood for; None if it is not good. The caller's transaction
    must commit either way: a reuse revokes the family in it."""
    spent = (
        await connection.execute(
            refresh_tokens.update()
            .where(
                refresh_tokens.c.digest == _digest(token),
                refresh_tokens.c.device_id == device_id,
                refresh_tokens.c.spent_at.is_(None),
                refresh_tokens.c.revoked_at.is_(None),
                refresh_tokens.c.expires_at > now,
            )
            .values(spent_at=now)
            .returning(refresh_tokens.c.family, refresh_tokens.c.scopes, refresh_tokens.c.member_id)
        )
    ).first()
    if spent:
        return Spent(spent.family, spent.scopes, spent.member_id or "")
    known = (
        await connection.execute(
            sa.select(refresh_tokens).where(refresh_tokens.c.digest == _digest(token))
        )
    ).first()
    copied = known and (known.spent_at is not None or known.device_id != device_id)
    if known and copied and known.revoked_at is None:
        await revoke_family(connection, known.family, now)
        await append(
            connection,
            Event.TOKEN_REUSED,
            at=now,
            organisation_id=organisation_id,
            actor=device_id,
            subject=known.family,
        )
    return None


async def revoke_family(connection: AsyncConnection, family: str, now: datetime) -> None:
    await connection.execute(
        refresh_tokens.update()
        .where(refresh_tokens.c.family == family, refresh_tokens.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )


async def revoke_device(connection: AsyncConnection, device_id: str, now: datetime) -> None:
    """Revoke every token of a device."""
    await connection.execute(
        refresh_tokens.update()
        .where(refresh_tokens.c.device_id == device_id, refresh_tokens.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
