"""Admit a request: signature, nonce, revocation and token, in this order, in one place.

    1. the RFC 9421 signature is checked with the device's request key (derived, no look-up)
    2. one transaction inserts the nonce and reads device and licence: a replay, a revoked licence
       or device, or a database that is away, all refuse here; there is no cache
    3. the access token is checked and must be of the same device
    4. its scope must cover the route

Unknown devices, wrong keys and bad signatures give one and the same answer. `clock_skew` is told
apart only after the signature was good, and carries the server's time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from fastapi import Request
from pyvorin_wire import httpsig
from pyvorin_wire.envelope import Verify
from pyvorin_wire.errors import HttpSigError
from pyvorin_wire.licence import hkdf
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.auth.tokens import KeyRing
from pyvorin_server.db import Database, insert_once
from pyvorin_server.db.tables import devices, licences, nonces
from pyvorin_server.errors import Problem
from pyvorin_server.kit.clock import Clock, epoch_s
from pyvorin_server.kit.http import signed_parts
from pyvorin_server.kit.ids import is_id

KEY_EPOCH = 1
_INFO = b"pyvorin device request key v1\0"
Standing = sa.Row[Any, Any, Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request was admitted for."""

    device_id: str
    licence_id: str
    organisation_id: str
    scopes: frozenset[str] = frozenset()


def request_key(master: bytes, device_id: str, epoch: int) -> bytes:
    """Return the device's 32-byte request key, derived from the API's master."""
    return hkdf(master, info=_INFO + device_id.encode(), salt=b"%d" % epoch)


def request_key_id(device_id: str, epoch: int) -> str:
    """Return the `keyid` of a device's request signatures, e.g. `dev_….1`."""
    return f"{device_id}.{epoch}"


class Guard:
    """Admits requests; the only way a route learns who is asking."""

    def __init__(
        self, database: Database, master: bytes, ring: KeyRing, issuer: str, clock: Clock
    ) -> None:
        self._database = database
        self._master = master
        self._ring = ring
        self._issuer = issuer
        self._clock = clock

    async def by_signature(self, request: Request) -> Principal:
        """Admit by signature alone: the token routes."""
        device_id, parameters = await self._check_signature(request)
        return await self._register(device_id, parameters)

    async def by_token(self, request: Request, scope: str) -> Principal:
        """Admit by signature and access token with `scope`: every other route."""
        principal = await self.by_signature(request)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer":
            raise Problem("unauthenticated", "the access token is missing")
        claims = self._ring.check(token, self._issuer, self._clock.now())
        if (claims.device_id, claims.organisation_id) != (
            principal.device_id,
            principal.organisation_id,
        ):
            raise Problem("unauthenticated", "the access token was not accepted")
        if scope not in claims.scopes:
            raise Problem("forbidden", f"the access token lacks the scope `{scope}`")
        return principal

    async def by_licence_key(self, request: Request, keyid: str, public_check: Verify) -> None:
        """Check an activation's Ed25519 signature; the nonce is inserted in a transaction of its
        own.
        """
        parts = await signed_parts(request)
        parameters = self._verified(parts, public_check, httpsig.ED25519)
        if parameters.keyid != keyid:
            raise Problem("unauthenticated", "the request signature was not accepted")
        async with self._database.write() as connection:
            await insert_nonce(connection, parameters, self._clock.now())

    async def _check_signature(self, request: Request) -> tuple[str, httpsig.Parameters]:
        parts = await signed_parts(request)
        keyid = self._key_id(parts.headers)
        device_id, _, epoch = keyid.partition(".")
        if not is_id(device_id, "dev") or epoch != str(KEY_EPOCH):
            raise Problem("unauthenticated", "the request signature was not accepted")
        key = request_key(self._master, device_id, KEY_EPOCH)
        return device_id, self._verified(parts, httpsig.hmac_verifier(key), httpsig.HMAC)

    @staticmethod
    def _key_id(headers: Mapping[str, str]) -> str:
        try:
            return httpsig.read_parameters(headers).keyid
        except HttpSigError as error:
            raise Problem("unauthenticated", str(error)) from None

    def _verified(
        self, parts: httpsig.Request, check: Verify, algorithm: str
    ) -> httpsig.Parameters:
        now = self._clock.now()
        try:
            return httpsig.verify(parts, check, alg=algorithm, now_s=now.timestamp())
        except HttpSigError as error:
            if error.code == "clock_skew":
                raise Problem("clock_skew", str(error), server_time_s=epoch_s(now)) from None
            raise Problem("unauthenticated", "the request signature was not accepted") from None

    async def _register(self, device_id: str, parameters: httpsig.Parameters) -> Principal:
        now = self._clock.now()
        async with self._database.write() as connection:
            await insert_nonce(connection, parameters, now)
            row = _in_good_standing(await _device_with_licence(connection, device_id), now)
            return Principal(device_id, row.licence_id, row.organisation_id)


async def still_admitted(connection: AsyncConnection, device_id: str, now: datetime) -> bool:
    """Return whether a device may go on with a stream that it opened earlier."""
    try:
        _in_good_standing(await _device_with_licence(connection, device_id), now)
    except Problem:
        return False
    return True


async def insert_nonce(
    connection: AsyncConnection, parameters: httpsig.Parameters, now: datetime
) -> None:
    """Remember a request; raise `unauthenticated` when it was received before."""
    fresh = await insert_once(
        connection,
        nonces,
        {
            "key_id": parameters.keyid,
            "nonce": parameters.nonce,
            "expires_at": now + timedelta(seconds=httpsig.NONCE_KEEP_S),
        },
    )
    if not fresh:
        raise Problem("unauthenticated", "this request was received before")


async def drop_old_nonces(connection: AsyncConnection, now: datetime) -> None:
    """Forget nonces whose window is long over."""
    await connection.execute(nonces.delete().where(nonces.c.expires_at < now))


async def _device_with_licence(connection: AsyncConnection, device_id: str) -> Standing | None:
    query = (
        sa.select(
            devices.c.organisation_id,
            devices.c.licence_id,
            devices.c.revoked_at.label("device_revoked_at"),
            licences.c.revoked_at,
            licences.c.not_before,
            licences.c.expires_at,
        )
        .join(licences, licences.c.id == devices.c.licence_id)
        .where(devices.c.id == device_id)
    )
    return (await connection.execute(query)).first()


def _in_good_standing(row: Standing | None, now: datetime) -> Standing:
    if row is None:
        raise Problem("unauthenticated", "the request signature was not accepted")
    if row.revoked_at is not None:
        raise Problem("licence_revoked", "the licence is revoked")
    if row.device_revoked_at is not None:
        raise Problem("device_revoked", "this device is revoked")
    if not row.not_before <= now < row.expires_at:
        raise Problem("licence_expired", "the licence is not valid at this time")
    return row
