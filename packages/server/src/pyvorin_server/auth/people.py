"""People: enrolment by a one-time token, login with password and TOTP, logout, new password.

An enrolment token is made by a command on the server (the first administrator's) or by an
administrator; it is stored by SHA-256, good for a short time and one person. Until an
administrator exists, only the machine itself may enrol. Wrong login, wrong password, wrong code
and a code used twice give one and the same answer, after the same work.
"""

import asyncio
import base64
import hashlib
import ipaddress
import os
import secrets
from datetime import datetime, timedelta

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor import InvalidToken
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from fastapi import Request
from pyvorin_wire import identity
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.audit import Event, append
from pyvorin_server.auth import limits, members, sessions
from pyvorin_server.auth.guard import Principal
from pyvorin_server.auth.permissions import ADMINISTRATOR
from pyvorin_server.auth.refusals import Refusals
from pyvorin_server.auth.sessions import Session, Sessions
from pyvorin_server.db import Database, tenant
from pyvorin_server.db import people_tables as t
from pyvorin_server.errors import Problem
from pyvorin_server.kit.clock import Clock, epoch_s
from pyvorin_server.kit.ids import new_id
from pyvorin_server.kit.sealing import KeyProvider

ENROLMENT_LIFE = timedelta(hours=24)
FIRST_LIFE = timedelta(minutes=30)
STEP_S = 30
LOGINS_PER_MINUTE = 20
_HASHERS = 2  # Argon2id takes 64 MiB each: so many at a time on a node


class People:
    """What people may do about themselves."""

    def __init__(
        self,
        database: Database,
        keys: KeyProvider,
        sessions: Sessions,
        refusals: Refusals,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keys = keys
        self._sessions = sessions
        self._refusals = refusals
        self._clock = clock
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex(16))
        self._hashing = asyncio.Semaphore(_HASHERS)

    async def enrol(self, request: Request, asked: identity.Enrol) -> identity.Enrolled:
        """Make a member of whoever holds an enrolment token; return their TOTP secret, once."""
        with tenant.as_service():
            await self._throttle(request, "enrol")
            await self._check_first(request)
            async with self._hashing:
                hashed = await asyncio.to_thread(self._hasher.hash, asked.password)
            async with self._database.write() as connection:
                member_id, secret = await self._enter(connection, asked, hashed)
        issuer = request.headers.get("host", "pyvorin")
        uri = _totp(secret).get_provisioning_uri(asked.login, f"Pyvorin {issuer}")
        return identity.Enrolled(member_id, uri)

    async def _check_first(self, request: Request) -> None:
        async with self._database.read() as connection:
            if await members.administrators(connection):
                return
        if not is_loopback(request):
            raise Problem("forbidden", "the first administrator enrols on the machine itself")

    async def _enter(
        self, connection: AsyncConnection, asked: identity.Enrol, hashed: str
    ) -> tuple[str, bytes]:
        now = self._clock.now()
        used = (
            await connection.execute(
                t.enrolments.update()
                .where(
                    t.enrolments.c.digest == _digest(asked.token),
                    t.enrolments.c.used_at.is_(None),
                    t.enrolments.c.expires_at > now,
                )
                .values(used_at=now)
                .returning(t.enrolments.c.organisation_id, t.enrolments.c.role)
            )
        ).first()
        if used is None:
            raise Problem("unauthenticated", "the enrolment token was not accepted")
        taken = sa.select(t.members.c.id).where(t.members.c.login == asked.login)
        if (await connection.execute(taken)).first() is not None:
            raise Problem("conflict", "this login name is taken")
        member_id, secret = new_id("mem"), os.urandom(20)
        await connection.execute(
            t.members.insert().values(
                id=member_id,
                organisation_id=used.organisation_id,
                login=asked.login,
                role=used.role,
                password_hash=hashed,
                totp_sealed=self._keys.seal(secret, _place(member_id, used.organisation_id)),
                totp_step=0,
                created_at=now,
            )
        )
        await append(
            connection,
            Event.MEMBER_ENROLLED,
            at=now,
            organisation_id=used.organisation_id,
            actor=member_id,
            subject=member_id,
            detail={"role": used.role},
        )
        return member_id, secret

    async def log_in(self, request: Request, asked: identity.PasswordLogin) -> tuple[Session, str]:
        """Return a new session and its member. Raises `unauthenticated`, always the same."""
        with tenant.as_service():
            await self._throttle(request, f"login|{asked.login}")
            async with self._refusals.recorded(request, Event.SESSION_REFUSED):
                row = await self._checked(asked.login, asked.password)
                async with self._database.write() as connection:
                    await self._use_code(connection, row, asked.code)
                    made = await self._sessions.start(connection, row.id, row.organisation_id)
                    await append(
                        connection,
                        Event.SESSION_STARTED,
                        at=self._clock.now(),
                        organisation_id=row.organisation_id,
                        actor=row.id,
                        subject=row.id,
                    )
        return made, row.id

    async def log_out(self, request: Request, person: Principal) -> None:
        async with self._database.write() as connection:
            await self._sessions.end(connection, request)
            await append(
                connection,
                Event.SESSION_ENDED,
                at=self._clock.now(),
                organisation_id=person.organisation_id,
                actor=person.member_id,
                subject=person.member_id,
            )

    async def change_password(
        self, request: Request, person: Principal, asked: identity.NewPassword
    ) -> None:
        """Set a new password after the old one and a fresh code; ends every session."""
        with tenant.as_service():
            await self._throttle(request, f"login|{person.member_id}")
            async with self._database.read() as connection:
                own = await members.get(connection, person.organisation_id, person.member_id)
            row = await self._checked(own.login, asked.current)
            async with self._hashing:
                hashed = await asyncio.to_thread(self._hasher.hash, asked.password)
            now = self._clock.now()
            async with self._database.write() as connection:
                await self._use_code(connection, row, asked.code)
                await connection.execute(
                    t.members.update().where(t.members.c.id == row.id).values(password_hash=hashed)
                )
                await sessions.end_all(connection, row.id, now)
                await append(
                    connection,
                    Event.PASSWORD_CHANGED,
                    at=now,
                    organisation_id=row.organisation_id,
                    actor=row.id,
                    subject=row.id,
                )

    async def view(self, request: Request, person: Principal) -> identity.SessionView:
        """Return who is logged in and what they may do."""
        async with self._database.read() as connection:
            found = await members.permissions_of(connection, person.member_id)
        assert found is not None
        return identity.SessionView(
            found.member_id,
            found.organisation_id,
            found.role,
            found.role_version,
            tuple(sorted(found.permissions)),
            self._sessions.csrf_for(request),
        )

    async def _checked(self, login: str, password: str) -> members.Row:
        """Return the member whose password this is; takes as long when there is none."""
        query = sa.select(t.members).where(
            t.members.c.login == login, t.members.c.disabled_at.is_(None)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        hashed = row.password_hash if row is not None else self._nobody
        async with self._hashing:
            good = await asyncio.to_thread(self._verify, hashed, password)
        if row is None or not good:
            raise _refused()
        return row

    def _verify(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _use_code(self, connection: AsyncConnection, row: members.Row, code: str) -> None:
        """Accept a code of the present or the last step, and that step never again."""
        secret = self._keys.open(row.totp_sealed, _place(row.id, row.organisation_id))
        now_step = epoch_s(self._clock.now()) // STEP_S
        step = next((s for s in (now_step, now_step - 1) if _is_code(secret, code, s)), None)
        if step is None:
            raise _refused()
        used = (
            await connection.execute(
                t.members.update()
                .where(t.members.c.id == row.id, t.members.c.totp_step < step)
                .values(totp_step=step)
                .returning(t.members.c.id)
            )
        ).first()
        if used is None:
            raise _refused()

    async def _throttle(self, request: Request, what: str) -> None:
        address = limits.address_key(request.client.host if request.client else None)
        now = self._clock.now()
        async with self._database.write() as connection:
            await limits.take(connection, f"people|{address}", 3 * LOGINS_PER_MINUTE, now)
            await limits.take(connection, what[:100], LOGINS_PER_MINUTE, now)


async def invite(
    connection: AsyncConnection,
    organisation_id: str,
    role: str,
    now: datetime,
    *,
    life: timedelta = ENROLMENT_LIFE,
    by: str = "service",
) -> str:
    """Make an enrolment token for a role and return it; it is kept nowhere."""
    token = "pve_" + secrets.token_urlsafe(32)
    await connection.execute(
        t.enrolments.insert().values(
            digest=_digest(token),
            organisation_id=organisation_id,
            role=role,
            created_at=now,
            expires_at=now + life,
        )
    )
    await append(
        connection,
        Event.MEMBER_INVITED,
        at=now,
        organisation_id=organisation_id,
        actor=by,
        detail={"role": role},
    )
    return token


async def invite_first(connection: AsyncConnection, organisation_id: str, now: datetime) -> str:
    """Make the token of an organisation's administrator; for the command on the server."""
    return await invite(connection, organisation_id, ADMINISTRATOR, now, life=FIRST_LIFE)


def is_loopback(request: Request) -> bool:
    """Return whether the peer is this machine."""
    try:
        address = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def totp_code(uri_secret: str, at_s: int) -> str:
    """Return the code of a base32 secret at a time; what a person's app shows."""
    secret = base64.b32decode(uri_secret + "=" * (-len(uri_secret) % 8))
    return _totp(secret).generate(at_s).decode()


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, 6, SHA1(), STEP_S)  # RFC 6238 with what every authenticator app knows


def _is_code(secret: bytes, code: str, step: int) -> bool:
    try:
        _totp(secret).verify(code.encode(), step * STEP_S)
    except InvalidToken:
        return False
    return True


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _place(member_id: str, organisation_id: str) -> str:
    return f"members|totp_sealed|{member_id}|{organisation_id}"


def _refused() -> Problem:
    return Problem("unauthenticated", "login, password or code were not accepted")
