"""Sessions and tokens with a clock that stands still: ends to the second, rotation of keys."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pyvorin_server.auth import tokens
from pyvorin_server.auth.people import invite
from pyvorin_server.auth.sessions import COOKIE, Sessions
from pyvorin_server.auth.tokens import Claims, RingKeeper
from pyvorin_server.db import Database, open_database
from pyvorin_server.db.people_tables import members
from pyvorin_server.errors import Problem
from pyvorin_server.kit.clock import FixedClock
from pyvorin_server.kit.sealing import AesKey
from pyvorin_server.orgs import create
from starlette.requests import Request

from tests.server.databases import migrated

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEYS = AesKey(bytes(32))
Work = Callable[[Database, FixedClock], Awaitable[None]]


def run(folder: Path, work: Work) -> None:
    settings = migrated(folder)

    async def whole() -> None:
        database = open_database(settings.app_database)
        try:
            await work(database, FixedClock(NOW))
        finally:
            await database.close()

    asyncio.run(whole())


async def logged_in(database: Database, sessions: Sessions) -> str:
    """Make a member with a session; return the cookie."""
    async with database.write() as connection:
        owner = await create(connection, "Acme", KEYS, NOW)
        await invite(connection, owner, "viewer", NOW)
        await connection.execute(
            members.insert().values(
                id="mem_a",
                organisation_id=owner,
                login="a",
                role="viewer",
                password_hash="",
                totp_sealed=b"",
                totp_step=0,
                created_at=NOW,
            )
        )
        return (await sessions.start(connection, "mem_a", owner)).cookie


def request(cookie: str) -> Request:
    headers = [(b"cookie", f"{COOKIE}={cookie}".encode())]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers})


async def admitted(sessions: Sessions, cookie: str) -> bool:
    try:
        await sessions.admit(request(cookie))
    except Problem:
        return False
    return True


@pytest.mark.parametrize(("idle_s", "good"), [(29 * 60 + 59, True), (30 * 60, False)])
def test_a_session_ends_after_thirty_idle_minutes(tmp_path: Path, idle_s: int, good: bool) -> None:
    async def work(database: Database, clock: FixedClock) -> None:
        sessions = Sessions(database, bytes(32), clock)
        cookie = await logged_in(database, sessions)
        clock.advance(idle_s)
        assert await admitted(sessions, cookie) == good

    run(tmp_path, work)


def test_a_session_ends_after_eight_hours_however_busy(tmp_path: Path) -> None:
    async def work(database: Database, clock: FixedClock) -> None:
        sessions = Sessions(database, bytes(32), clock)
        cookie = await logged_in(database, sessions)
        for _ in range(8 * 3 - 1):
            clock.advance(20 * 60)
            assert await admitted(sessions, cookie)
        clock.advance(20 * 60 - 1)
        assert await admitted(sessions, cookie)
        clock.advance(1)
        assert not await admitted(sessions, cookie)

    run(tmp_path, work)


def test_a_cookie_outlives_the_change_of_its_signing_key_once(tmp_path: Path) -> None:
    async def work(database: Database, clock: FixedClock) -> None:
        week_end = 7 * 86_400 - int(NOW.timestamp()) % (7 * 86_400)
        clock.advance(week_end - 60)
        sessions = Sessions(database, bytes(32), clock)
        cookie = await logged_in(database, sessions)
        clock.advance(120)
        assert await admitted(sessions, cookie)
        other = Sessions(database, b"1" * 32, clock)
        assert not await admitted(other, cookie)

    run(tmp_path, work)


def test_a_new_token_key_signs_when_all_know_it_and_the_old_one_ends_with_its_tokens(
    tmp_path: Path,
) -> None:
    claims = Claims("dev_a", "lic_a", "org_a", frozenset({"compile"}))

    async def work(database: Database, clock: FixedClock) -> None:
        async with database.write() as connection:
            old = await tokens.add_key(connection, KEYS, clock.now())
            ring = await tokens.load_ring(connection, KEYS, clock.now())
        keeper = RingKeeper(database, KEYS, ring, clock)

        async def signed() -> tuple[str, set[str]]:
            current = await keeper.current()
            published = current.public_jwks()["keys"]
            assert isinstance(published, list)
            text = current.issue(claims, "https://s", clock.now(), 480)
            return text, {each["kid"] for each in published}

        first, _ = await signed()
        async with database.write() as connection:
            new = await tokens.rotate(connection, KEYS, clock.now(), 480)
        clock.advance(11)
        second, published = await signed()
        assert published == {old, new}
        assert ring.knows(second)
        clock.advance(20)
        third, _ = await signed()
        assert not ring.knows(third)
        for text in (first, second, third):
            assert (await keeper.current(text)).check(text, "https://s", clock.now()) == claims
        clock.advance(480 + 30)
        fourth, _ = await signed()
        clock.advance(11)
        _, published = await signed()
        assert published == {new}
        assert (await keeper.current()).check(fourth, "https://s", clock.now()) == claims
        with pytest.raises(Problem, match="unauthenticated"):
            (await keeper.current()).check(second, "https://s", NOW + timedelta(seconds=20))

    run(tmp_path, work)
