"""Members and what they may do: roles as versioned rows, people as rows that name a role.

Every function runs in the caller's transaction. A permission follows from the newest version of
the member's role and from nothing else.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.audit import Event, append
from pyvorin_server.auth import permissions as table
from pyvorin_server.auth.permissions import ADMINISTRATOR, Permission
from pyvorin_server.db import insert_once
from pyvorin_server.db.people_tables import members, roles, sessions
from pyvorin_server.db.tables import refresh_tokens
from pyvorin_server.errors import Problem

Row = sa.Row[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Person:
    """A member at this moment. `role_version` is what a decision was made with."""

    member_id: str
    organisation_id: str
    role: str
    role_version: int
    permissions: frozenset[Permission]


async def permissions_of(connection: AsyncConnection, member_id: str) -> Person | None:
    """Return a member with what the newest version of their role allows; None when disabled."""
    query = (
        sa.select(members.c.organisation_id, members.c.role, roles.c.version, roles.c.permissions)
        .join(
            roles,
            (roles.c.organisation_id == members.c.organisation_id)
            & (roles.c.name == members.c.role),
        )
        .where(members.c.id == member_id, members.c.disabled_at.is_(None))
        .order_by(roles.c.version.desc())
        .limit(1)
    )
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    granted = table.parse(row.permissions)
    return Person(member_id, row.organisation_id, row.role, row.version, granted)


async def create_roles(connection: AsyncConnection, organisation_id: str, now: datetime) -> None:
    """Give an organisation the built-in roles, as their first version."""
    for name, granted in table.BUILT_IN_ROLES.items():
        await connection.execute(
            roles.insert().values(
                organisation_id=organisation_id,
                name=name,
                version=1,
                permissions=table.write(granted),
                created_by="service",
                created_at=now,
            )
        )


async def role(connection: AsyncConnection, organisation_id: str, name: str) -> Row | None:
    """Return the newest version of a role."""
    query = (
        sa.select(roles)
        .where(roles.c.organisation_id == organisation_id, roles.c.name == name)
        .order_by(roles.c.version.desc())
        .limit(1)
    )
    return (await connection.execute(query)).first()


async def role_versions(connection: AsyncConnection, organisation_id: str) -> list[Row]:
    """Return every version of every role, newest first."""
    query = (
        sa.select(roles)
        .where(roles.c.organisation_id == organisation_id)
        .order_by(roles.c.name, roles.c.version.desc())
    )
    return list((await connection.execute(query)).all())


async def write_role(
    connection: AsyncConnection,
    by: Person,
    name: str,
    wanted: Collection[Permission],
    now: datetime,
) -> int:
    """Add a version of a role and return its number. Nobody changes the role they hold, nor gives
    what they do not have; the administrators' role is fixed.
    """
    if name in (by.role, ADMINISTRATOR):
        raise Problem("forbidden", "nobody may change their own role, nor the administrators'")
    _check_has(by, wanted)
    wanted = frozenset(wanted) | {Permission.SESSION_SELF}  # logging out is everyone's
    newest = await role(connection, by.organisation_id, name)
    version = newest.version + 1 if newest is not None else 1
    entered = await insert_once(
        connection,
        roles,
        {
            "organisation_id": by.organisation_id,
            "name": name,
            "version": version,
            "permissions": table.write(wanted),
            "created_by": by.member_id,
            "created_at": now,
        },
    )
    if not entered:
        raise Problem("conflict", "the role was changed meanwhile")
    await append(
        connection,
        Event.ROLE_CHANGED,
        at=now,
        organisation_id=by.organisation_id,
        actor=by.member_id,
        subject=name,
        detail={"version": version, "permissions": table.write(wanted)},
    )
    for holder in await _holders(connection, by.organisation_id, name):
        await _end_access(connection, holder, now)
    return version


async def assign(
    connection: AsyncConnection, by: Person, member_id: str, name: str, now: datetime
) -> None:
    """Give a member another role. Nobody changes their own, nor gives more than they have."""
    if member_id == by.member_id:
        raise Problem("forbidden", "nobody may change their own role")
    wanted = await role(connection, by.organisation_id, name)
    if wanted is None:
        raise Problem("unprocessable", "there is no such role")
    _check_has(by, table.parse(wanted.permissions))
    member = await get(connection, by.organisation_id, member_id)
    await _keep_an_administrator(connection, member, by.organisation_id)
    await connection.execute(members.update().where(members.c.id == member_id).values(role=name))
    await append(
        connection,
        Event.MEMBER_ROLE_CHANGED,
        at=now,
        organisation_id=by.organisation_id,
        actor=by.member_id,
        subject=member_id,
        detail={"from": member.role, "to": name},
    )
    await _end_access(connection, member_id, now)


async def disable(connection: AsyncConnection, by: Person, member_id: str, now: datetime) -> None:
    """Take a member's access away at once: sessions, tokens, and every later request."""
    member = await get(connection, by.organisation_id, member_id)
    if member_id == by.member_id:
        raise Problem("forbidden", "nobody may disable themselves")
    await _keep_an_administrator(connection, member, by.organisation_id)
    await connection.execute(
        members.update()
        .where(members.c.id == member_id, members.c.disabled_at.is_(None))
        .values(disabled_at=now)
    )
    await append(
        connection,
        Event.MEMBER_DISABLED,
        at=now,
        organisation_id=by.organisation_id,
        actor=by.member_id,
        subject=member_id,
    )
    await _end_access(connection, member_id, now)


async def get(connection: AsyncConnection, organisation_id: str, member_id: str) -> Row:
    """Return a member of the organisation. Another's and none raise the same `not_found`."""
    query = sa.select(members).where(
        members.c.id == member_id, members.c.organisation_id == organisation_id
    )
    row = (await connection.execute(query)).first()
    if row is None:
        raise Problem("not_found")
    return row


async def listing(connection: AsyncConnection, organisation_id: str) -> list[Row]:
    query = (
        sa.select(members)
        .where(members.c.organisation_id == organisation_id)
        .order_by(members.c.created_at, members.c.id)
    )
    return list((await connection.execute(query)).all())


async def administrators(connection: AsyncConnection, organisation_id: str | None = None) -> int:
    """Return how many administrators can act, of one organisation or of all."""
    query = sa.select(sa.func.count()).where(
        members.c.role == ADMINISTRATOR, members.c.disabled_at.is_(None)
    )
    if organisation_id is not None:
        query = query.where(members.c.organisation_id == organisation_id)
    return int((await connection.execute(query)).scalar_one())


def _check_has(by: Person, wanted: Collection[Permission]) -> None:
    missing = sorted(set(wanted) - by.permissions)
    if missing:
        raise Problem("forbidden", f"you do not have {', '.join(missing)} yourself")


async def _keep_an_administrator(
    connection: AsyncConnection, member: Row, organisation_id: str
) -> None:
    if member.role == ADMINISTRATOR and await administrators(connection, organisation_id) < 2:
        raise Problem("conflict", "the organisation would have no administrator")


async def _holders(connection: AsyncConnection, organisation_id: str, name: str) -> list[str]:
    query = sa.select(members.c.id).where(
        members.c.organisation_id == organisation_id, members.c.role == name
    )
    return list((await connection.execute(query)).scalars())


async def _end_access(connection: AsyncConnection, member_id: str, now: datetime) -> None:
    """End what the member holds: sessions, and refresh tokens of devices they approved."""
    await connection.execute(
        sessions.update()
        .where(sessions.c.member_id == member_id, sessions.c.ended_at.is_(None))
        .values(ended_at=now)
    )
    await connection.execute(
        refresh_tokens.update()
        .where(refresh_tokens.c.member_id == member_id, refresh_tokens.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
