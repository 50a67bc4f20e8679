"""Sessions of people in a browser: a row on the server, a signed opaque cookie, a CSRF token.

    cookie   __Host-pyvorin=<token>.<epoch>.<signature>   HttpOnly Secure SameSite=Strict Path=/
    row      SHA-256(token), member, created, last seen, ended

30 minutes idle and 8 hours in all, by the row and never by the cookie. The signing key is derived
anew every week and the week before's is still accepted, which is longer than any session lives. An
unsafe method also needs the page's own Origin and the token that `csrf_of` derives for the
session. Logging out, a new password, another role and disabling a member end every session they
concern.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from fastapi import Request
from pyvorin_wire.licence import hkdf
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.auth import members
from pyvorin_server.db import Database, tenant
from pyvorin_server.db.people_tables import sessions
from pyvorin_server.errors import Problem
from pyvorin_server.kit.clock import Clock, epoch_s

COOKIE = "__Host-pyvorin"
CSRF_HEADER = "x-pyvorin-csrf"
IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=8)
_EPOCH_S = 7 * 86_400
_SAFE = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Session:
    """A new session, for the answer that starts it."""

    cookie: str
    csrf: str


class Sessions:
    """Starts, admits and ends sessions."""

    def __init__(self, database: Database, master: bytes, clock: Clock) -> None:
        self._database = database
        self._master = master
        self._clock = clock

    async def start(
        self, connection: AsyncConnection, member_id: str, organisation_id: str
    ) -> Session:
        """Begin a session with a token that never existed before, in the caller's transaction."""
        now = self._clock.now()
        token = secrets.token_urlsafe(32)
        await connection.execute(
            sessions.insert().values(
                digest=_digest(token),
                organisation_id=organisation_id,
                member_id=member_id,
                created_at=now,
                seen_at=now,
            )
        )
        epoch = epoch_s(now) // _EPOCH_S
        return Session(f"{token}.{epoch}.{self._sign(token, epoch)}", self.csrf_of(token))

    async def admit(self, request: Request) -> members.Person:
        """Return the person of a request's session, with what their role allows at this moment.
        Raises `unauthenticated`, and `forbidden` for a request that the page did not make.
        """
        token = self._token(request.cookies.get(COOKIE, ""))
        if request.method not in _SAFE:
            self._check_same_page(request, token)
        now = self._clock.now()
        with tenant.as_service():
            async with self._database.write() as connection:
                row = (await connection.execute(_seen(token, now))).first()
                person = row and await members.permissions_of(connection, row.member_id)
        if not person:
            raise _refused()
        return person

    async def end(self, connection: AsyncConnection, request: Request) -> None:
        """End the request's own session."""
        digest = _digest(self._token(request.cookies.get(COOKIE, "")))
        await connection.execute(
            sessions.update().where(sessions.c.digest == digest).values(ended_at=self._clock.now())
        )

    def csrf_of(self, token: str) -> str:
        """Return the CSRF token of a session's token."""
        key = hkdf(self._master, info=b"pyvorin session csrf v1")
        return hmac.new(key, token.encode(), hashlib.sha256).hexdigest()

    def csrf_for(self, request: Request) -> str:
        return self.csrf_of(self._token(request.cookies.get(COOKIE, "")))

    def _token(self, cookie: str) -> str:
        """Return the token of a cookie whose signature is of this week or the last."""
        token, _, rest = cookie.partition(".")
        epoch_text, _, signature = rest.partition(".")
        now_epoch = epoch_s(self._clock.now()) // _EPOCH_S
        for epoch in (now_epoch, now_epoch - 1):
            good = hmac.compare_digest(
                self._sign(token, epoch).encode(), signature.encode("utf-8", "replace")
            )
            if good and epoch_text == str(epoch):
                return token
        raise _refused()

    def _sign(self, token: str, epoch: int) -> str:
        key = hkdf(self._master, info=b"pyvorin session cookie v1", salt=b"%d" % epoch)
        return hmac.new(key, token.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def _check_same_page(self, request: Request, token: str) -> None:
        check_same_origin(request)
        given = request.headers.get(CSRF_HEADER, "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, self.csrf_of(token).encode()):
            raise Problem("forbidden", "the CSRF token is missing or wrong")


def check_same_origin(request: Request) -> None:
    """Refuse a request that another page made the browser send."""
    own = f"https://{request.headers.get('host', '').lower()}"
    if request.headers.get("origin") != own:
        raise Problem("forbidden", "the request does not come from this service's own page")
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise Problem("forbidden", "the request does not come from this service's own page")


async def end_all(connection: AsyncConnection, member_id: str, now: datetime) -> None:
    """End every session of a member."""
    await connection.execute(
        sessions.update()
        .where(sessions.c.member_id == member_id, sessions.c.ended_at.is_(None))
        .values(ended_at=now)
    )


def set_cookie(cookie: str) -> str:
    """Return the Set-Cookie header; an empty cookie removes it."""
    life = "" if cookie else "; Max-Age=0"
    return f"{COOKIE}={cookie}; Path=/; Secure; HttpOnly; SameSite=Strict{life}"


async def drop_old(connection: AsyncConnection, now: datetime) -> None:
    """Forget sessions that are over in any case."""
    await connection.execute(sessions.delete().where(sessions.c.created_at < now - ABSOLUTE))


def _seen(token: str, now: datetime) -> sa.Update:
    """Mark a live session as seen now; touches nothing when it is over."""
    return (
        sessions.update()
        .where(
            sessions.c.digest == _digest(token),
            sessions.c.ended_at.is_(None),
            sessions.c.seen_at > now - IDLE,
            sessions.c.created_at > now - ABSOLUTE,
        )
        .values(seen_at=now)
        .returning(sessions.c.member_id)
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _refused() -> Problem:
    return Problem("unauthenticated", "there is no session; log in")
