"""Members, roles, licences, devices, CI trust: what people of an organisation may change.

Every method acts for an admitted person inside their organisation (`auth.guard` has compared the
path's organisation with theirs) and writes its audit entry in the same transaction. An id of
another organisation answers as one that never existed.
"""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from pyvorin_wire import identity
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.audit import Event, append
from pyvorin_server.auth import members as people
from pyvorin_server.auth.guard import Principal
from pyvorin_server.auth.people import ENROLMENT_LIFE, invite
from pyvorin_server.auth.permissions import Permission, parse
from pyvorin_server.builds import store as job_store
from pyvorin_server.db import Database, insert_once
from pyvorin_server.db import people_tables as p
from pyvorin_server.db import tables as t
from pyvorin_server.errors import Problem
from pyvorin_server.kit.clock import Clock, epoch_s
from pyvorin_server.kit.egress import Egress, EgressRefused
from pyvorin_server.kit.ids import new_id
from pyvorin_server.licences import store as licence_store

Row = sa.Row[tuple[Any, ...]]


class Organisation:
    """The management routes' work."""

    def __init__(self, database: Database, pepper: bytes, egress: Egress, clock: Clock) -> None:
        self._database = database
        self._pepper = pepper
        self._egress = egress
        self._clock = clock

    # ---- members and roles

    async def members(self, by: Principal) -> list[dict[str, Any]]:
        async with self._database.read() as connection:
            rows = await people.listing(connection, by.organisation_id)
        return [
            {
                "member_id": row.id,
                "login": row.login,
                "role": row.role,
                "created_at": epoch_s(row.created_at),
                "state": "disabled" if row.disabled_at else "active",
            }
            for row in rows
        ]

    async def invite(self, by: Principal, role: str) -> identity.Invited:
        """Return a one-time enrolment token for a role the inviter could take on themselves."""
        async with self._database.write() as connection:
            person = await self._person(connection, by)
            wanted = await people.role(connection, by.organisation_id, role)
            if wanted is None:
                raise Problem("unprocessable", "there is no such role")
            if not parse(wanted.permissions) <= person.permissions:
                raise Problem("forbidden", "the role may do more than you may")
            token = await invite(
                connection, by.organisation_id, role, self._clock.now(), by=by.member_id
            )
        return identity.Invited(token, int(ENROLMENT_LIFE.total_seconds()))

    async def assign(self, by: Principal, member_id: str, role: str) -> None:
        async with self._database.write() as connection:
            person = await self._person(connection, by)
            await people.assign(connection, person, member_id, role, self._clock.now())

    async def disable(self, by: Principal, member_id: str) -> None:
        async with self._database.write() as connection:
            person = await self._person(connection, by)
            await people.disable(connection, person, member_id, self._clock.now())

    async def roles(self, by: Principal) -> list[dict[str, Any]]:
        async with self._database.read() as connection:
            rows = await people.role_versions(connection, by.organisation_id)
        return [
            {
                "name": row.name,
                "version": row.version,
                "permissions": row.permissions.split(),
                "created_by": row.created_by,
                "created_at": epoch_s(row.created_at),
            }
            for row in rows
        ]

    async def write_role(self, by: Principal, asked: identity.RoleVersion) -> int:
        known = set(Permission)
        if not set(asked.permissions) <= known:
            raise Problem("unprocessable", f"permissions are {', '.join(sorted(known))}")
        wanted = frozenset(Permission(name) for name in asked.permissions)
        async with self._database.write() as connection:
            person = await self._person(connection, by)
            now = self._clock.now()
            return await people.write_role(connection, person, asked.name, wanted, now)

    # ---- licences and devices

    async def licences(self, by: Principal) -> list[dict[str, Any]]:
        query = (
            sa.select(t.licences)
            .where(t.licences.c.organisation_id == by.organisation_id)
            .order_by(t.licences.c.created_at, t.licences.c.id)
        )
        found = []
        async with self._database.read() as connection:
            for row in (await connection.execute(query)).all():
                devices = await licence_store.count_devices(connection, row.id)
                found.append(licence_store.describe(row, devices, self._clock.now()))
        return found

    async def issue(self, by: Principal, asked: identity.LicenceTerms) -> identity.IssuedLicence:
        now = self._clock.now()
        async with self._database.write() as connection:
            query = sa.select(t.organisations.c.plan).where(
                t.organisations.c.id == by.organisation_id
            )
            plan = (await connection.execute(query)).scalar_one()
            terms = licence_store.Terms(
                plan, asked.max_devices, now, now + timedelta(days=asked.days)
            )
            made = await licence_store.issue(
                connection, by.organisation_id, terms, self._pepper, now, by.member_id
            )
        return identity.IssuedLicence(*made)

    async def change_licence(self, by: Principal, licence_id: str, verb: str) -> int:
        """`suspend`, `resume` or `revoke` a licence; return how many open jobs ended with it."""
        now = self._clock.now()
        async with self._database.write() as connection:
            await self._own(connection, t.licences, by, licence_id)
            if verb == "resume":
                await licence_store.resume(connection, licence_id, now, by.member_id)
                return 0
            change = licence_store.suspend if verb == "suspend" else licence_store.revoke
            open_jobs = await change(connection, licence_id, now, by.member_id)
            for job_id in open_jobs:
                await job_store.cancel(connection, job_id, now)
        return len(open_jobs)

    async def devices(self, by: Principal) -> list[dict[str, Any]]:
        query = (
            sa.select(t.devices)
            .where(t.devices.c.organisation_id == by.organisation_id)
            .order_by(t.devices.c.created_at, t.devices.c.id)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [
            {
                "device_id": row.id,
                "licence_id": row.licence_id,
                "state": "revoked" if row.revoked_at else "active",
                "created_at": epoch_s(row.created_at),
            }
            for row in rows
        ]

    async def revoke_device(self, by: Principal, device_id: str) -> None:
        async with self._database.write() as connection:
            await self._own(connection, t.devices, by, device_id)
            now = self._clock.now()
            await licence_store.revoke_device(connection, device_id, now, by.member_id)

    # ---- CI trust

    async def trusts(self, by: Principal) -> list[dict[str, Any]]:
        table = p.identity_trusts
        query = (
            sa.select(table)
            .where(table.c.organisation_id == by.organisation_id)
            .order_by(table.c.created_at, table.c.id)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        names = ("licence_id", "issuer", "audience", "subject")
        return [
            {
                "trust_id": row.id,
                **{name: getattr(row, name) for name in names},
                "state": "revoked" if row.revoked_at else "active",
            }
            for row in rows
        ]

    async def trust(self, by: Principal, asked: identity.CiTrust) -> str:
        """Let runs of a CI use a licence. The issuer must be one the operator lets us ask."""
        try:
            self._egress.check(asked.issuer)
        except EgressRefused as error:
            raise Problem("unprocessable", f"issuer: {error}") from None
        if asked.subject.strip("*") == "" or "*" in asked.subject[:-1]:
            raise Problem("unprocessable", "subject: one `*`, at the end, after something")
        trust_id, now = new_id("cit"), self._clock.now()
        async with self._database.write() as connection:
            await self._own(connection, t.licences, by, asked.licence_id)
            row = {
                "id": trust_id,
                "organisation_id": by.organisation_id,
                "created_at": now,
                **asked.to_json(),
            }
            if not await insert_once(connection, p.identity_trusts, row):
                raise Problem("conflict", "this is trusted already, or was once")
            await self._record_trust(connection, by, trust_id, "added")
        return trust_id

    async def distrust(self, by: Principal, trust_id: str) -> None:
        async with self._database.write() as connection:
            await self._own(connection, p.identity_trusts, by, trust_id)
            await connection.execute(
                p.identity_trusts.update()
                .where(p.identity_trusts.c.id == trust_id)
                .values(revoked_at=self._clock.now())
            )
            await self._record_trust(connection, by, trust_id, "revoked")

    async def _record_trust(
        self, connection: AsyncConnection, by: Principal, trust_id: str, what: str
    ) -> None:
        await append(
            connection,
            Event.IDENTITY_TRUST_CHANGED,
            at=self._clock.now(),
            organisation_id=by.organisation_id,
            actor=by.member_id,
            subject=trust_id,
            detail={"change": what},
        )

    async def _person(self, connection: AsyncConnection, by: Principal) -> people.Person:
        person = await people.permissions_of(connection, by.member_id)
        if person is None:
            raise Problem("forbidden", "only a person may do this")
        return person

    @staticmethod
    async def _own(
        connection: AsyncConnection, table: sa.Table, by: Principal, row_id: str
    ) -> None:
        """Raise `not_found` unless the row is the organisation's."""
        query = sa.select(sa.literal(1)).where(
            table.c.id == row_id, table.c.organisation_id == by.organisation_id
        )
        if (await connection.execute(query)).first() is None:
            raise Problem("not_found")
