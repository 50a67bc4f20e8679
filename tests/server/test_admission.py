"""Tokens and request admission, with a clock that stands still: boundaries to the second."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from pyvorin_server.auth.guard import Guard, request_key, request_key_id
from pyvorin_server.auth.refusals import Refusals
from pyvorin_server.auth.sessions import Sessions
from pyvorin_server.auth.tokens import Claims, KeyRing, RingKeeper, add_key, load_ring
from pyvorin_server.db import open_database
from pyvorin_server.errors import Problem, SealError
from pyvorin_server.kit.clock import FixedClock
from pyvorin_server.kit.sealing import AesKey
from pyvorin_server.licences import store as licences
from pyvorin_wire import httpsig
from starlette.requests import Request

from tests.server.databases import migrated
from tests.server.test_database import device_values, licensed

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
CLAIMS = Claims("dev_a", "lic_a", "org_a", frozenset({"compile"}))
MASTER = bytes(range(32))
ISSUER = "https://127.0.0.1:8443"


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    settings = migrated(tmp_path_factory.mktemp("ring"))

    async def make() -> KeyRing:
        database = open_database(settings.app_database)
        keys = AesKey(bytes(32))
        async with database.write() as connection:
            await add_key(connection, keys, NOW)
            await add_key(connection, keys, NOW + timedelta(seconds=1))
            made = await load_ring(connection, keys, NOW + timedelta(seconds=2))
        await database.close()
        return made

    return asyncio.run(make())


def test_a_token_says_who_it_is_for(ring: KeyRing) -> None:
    assert ring.check(ring.issue(CLAIMS, ISSUER, NOW, 480), ISSUER, NOW) == CLAIMS
    assert len(ring.public_jwks()["keys"]) == 2  # type: ignore[arg-type]  # a list by RFC 7517


@pytest.mark.parametrize(
    ("seconds", "good"), [(-31, False), (-30, True), (0, True), (509, True), (510, False)]
)
def test_a_token_lives_from_its_issue_to_its_end(ring: KeyRing, seconds: int, good: bool) -> None:
    token = ring.issue(CLAIMS, ISSUER, NOW, 480)
    at = NOW + timedelta(seconds=seconds)
    if good:
        assert ring.check(token, ISSUER, at) == CLAIMS
    else:
        with pytest.raises(Problem, match="unauthenticated"):
            ring.check(token, ISSUER, at)


@pytest.mark.attack
def test_a_token_of_another_issuer_or_with_a_changed_bit_is_refused(ring: KeyRing) -> None:
    token = ring.issue(CLAIMS, ISSUER, NOW, 480)
    for changed, issuer in (
        (token, "https://elsewhere"),
        (token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1], ISSUER),
        (token.rsplit(".", 1)[0] + ".", ISSUER),
        ("", ISSUER),
        ("." * 5000, ISSUER),
    ):
        with pytest.raises(Problem, match="unauthenticated"):
            ring.check(changed, issuer, NOW)


@pytest.mark.attack
def test_a_public_key_used_as_a_mac_secret_is_refused(ring: KeyRing) -> None:
    key: Any = ring.public_jwks()["keys"][0]  # type: ignore[index]  # a list by RFC 7517
    secret = OctKey.import_key(str(key["n"]).encode())
    claims = {"iss": ISSUER, "aud": "pyvorin-api", "sub": "dev_a", "exp": 2**40, "iat": 0}
    forged = jwt.encode({"alg": "HS256", "typ": "at+jwt", "kid": key["kid"]}, claims, secret)
    with pytest.raises(Problem, match="unauthenticated"):
        ring.check(forged, ISSUER, NOW)


def signed_request(device_id: str, created: int, nonce: str) -> Request:
    """A GET request signed as a device signs it."""
    key = request_key(MASTER, device_id, 1)
    plain = httpsig.Request("GET", "host", "/v1/usage", "", {"host": "host"}, b"")
    parameters = httpsig.Parameters(created, nonce, request_key_id(device_id, 1))
    headers = {"host": "host"} | httpsig.sign(plain, parameters, httpsig.hmac_signer(key))

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    return Request(
        {
            "type": "http",
            "method": "GET",
            "path": "/v1/usage",
            "raw_path": b"/v1/usage",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        },
        receive,
    )


def admission(
    tmp_path: Path, ring: KeyRing, seconds: list[int], *, revoke: bool = False
) -> list[str]:
    """Return what becomes of requests signed that many seconds off the server's clock."""
    settings = migrated(tmp_path)

    async def run() -> list[str]:
        database = open_database(settings.app_database)
        licence = await licensed(database)
        async with database.write() as connection:
            values = device_values(1)
            device_id = await licences.enter_device(connection, licence, values, NOW)
            if revoke:
                await licences.revoke(connection, licence.id, NOW)
        clock = FixedClock(NOW)
        guard = Guard(
            database,
            MASTER,
            RingKeeper(database, AesKey(bytes(32)), ring, clock),
            ISSUER,
            clock,
            sessions=Sessions(database, MASTER, clock),
            refusals=Refusals(database, MASTER, clock),
            requests_per_minute=1000,
        )
        found = []
        for offset in seconds:
            created = int(NOW.timestamp()) + offset
            request = signed_request(device_id, created, secrets.token_urlsafe(18))
            try:
                found.append((await guard.by_signature(request)).device_id[:4])
            except Problem as problem:
                found.append(problem.code)
        await database.close()
        return found

    return asyncio.run(run())


def test_the_window_is_sixty_seconds_each_way(tmp_path: Path, ring: KeyRing) -> None:
    found = admission(tmp_path, ring, [-61, -59, 0, 60, 61])
    assert found == ["clock_skew", "dev_", "dev_", "dev_", "clock_skew"]


@pytest.mark.attack
def test_a_revoked_licence_admits_nothing(tmp_path: Path, ring: KeyRing) -> None:
    assert admission(tmp_path, ring, [0, 0], revoke=True) == ["licence_revoked"] * 2


@pytest.mark.attack
def test_a_sealed_record_opens_only_where_it_belongs() -> None:
    key = AesKey(bytes(32))
    record = key.seal(b"secret", "devices|label_sealed|dev_a|org_a")
    assert key.open(record, "devices|label_sealed|dev_a|org_a") == b"secret"
    changed = record[:-1] + bytes([record[-1] ^ 1])
    for other, place in (
        (record, "devices|label_sealed|dev_b|org_a"),
        (record, "devices|label_sealed|dev_a|org_b"),
        (changed, "devices|label_sealed|dev_a|org_a"),
        (b"", "devices|label_sealed|dev_a|org_a"),
    ):
        with pytest.raises(SealError):
            key.open(other, place)
    with pytest.raises(SealError, match="key that is not held"):
        AesKey(b"1" * 32).open(record, "devices|label_sealed|dev_a|org_a")
