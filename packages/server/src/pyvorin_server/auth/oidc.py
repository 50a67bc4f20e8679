"""CI runs without a stored secret: an OpenID Connect token activates a device for an hour.

An administrator says which issuer, audience and subject may use which licence
(`identity_trusts`). A run makes keys of its own, signs the request with them, and shows the token
its CI gave it. The token must be of an issuer on the list, signed by a key that the issuer
publishes now, RS256 or ES256, within its time, and not seen before.

Keys are fetched from `<issuer>/.well-known/openid-configuration` through `kit.egress`: an issuer
that is not on the operator's allow-list cannot be asked, whoever trusts it.
"""

import asyncio
import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.db import Database, insert_once
from pyvorin_server.db.people_tables import identity_trusts
from pyvorin_server.db.tables import nonces
from pyvorin_server.errors import Problem, ServerError
from pyvorin_server.kit.clock import Clock, epoch_s
from pyvorin_server.kit.egress import Egress

ALGORITHMS = ["RS256", "ES256"]
DEVICE_LIFE = timedelta(hours=1)
LEEWAY_S = 30
MAX_TOKEN_LIFE_S = 3600
_KEYS_FOR = timedelta(minutes=5)
Row = sa.Row[tuple[Any, ...]]
# What taking a hostile token or key set apart may raise.
_MALFORMED = (ValueError, LookupError, TypeError, AttributeError, RecursionError, StopIteration)


@dataclass(frozen=True, slots=True)
class Published:
    """An issuer's keys and when they were read."""

    keys: KeySet
    read_at: datetime


class IdentityTokens:
    """Checks tokens of trusted issuers."""

    def __init__(self, database: Database, egress: Egress, clock: Clock) -> None:
        self._database = database
        self._egress = egress
        self._clock = clock
        self._published: dict[str, Published] = {}
        self._lock = asyncio.Lock()
        self._registry = JWSRegistry(algorithms=ALGORITHMS)
        self._registry.max_payload_length = 8192

    async def licence_for(self, token: str) -> str:
        """Return the licence that the token's run may use. Raises `unauthenticated`, always the
        same.
        """
        try:
            issuer = _unverified_issuer(token)
            trusts = await self._trusts(issuer)
            if not trusts:
                raise ValueError("issuer")
            claims = self._verified(token, await self._keys_of(issuer), issuer)
            trust = next(row for row in trusts if _fits(row, claims))
        except (JoseError, ServerError, *_MALFORMED):
            raise Problem("unauthenticated", "the identity token was not accepted") from None
        async with self._database.write() as connection:
            await self._use_once(connection, token)
        return str(trust.licence_id)

    def _verified(self, token: str, keys: KeySet, issuer: str) -> dict[str, Any]:
        decoded = jwt.decode(token, keys, algorithms=ALGORITHMS, registry=self._registry)
        claims, now_s = decoded.claims, epoch_s(self._clock.now())
        issued, expires = claims["iat"], claims["exp"]
        if claims["iss"] != issuer or type(issued) is not int or type(expires) is not int:
            raise ValueError("claims")
        starts = claims.get("nbf", issued)
        if type(starts) is not int or not starts - LEEWAY_S <= now_s < expires + LEEWAY_S:
            raise ValueError("time")
        if expires - issued > MAX_TOKEN_LIFE_S or issued - LEEWAY_S > now_s:
            raise ValueError("life")
        return dict(claims)

    async def _keys_of(self, issuer: str) -> KeySet:
        async with self._lock:
            known = self._published.get(issuer)
            if known is None or self._clock.now() - known.read_at > _KEYS_FOR:
                known = Published(await self._fetch(issuer), self._clock.now())
                self._published[issuer] = known
            return known.keys

    async def _fetch(self, issuer: str) -> KeySet:
        base = issuer.rstrip("/")
        found = await self._get(f"{base}/.well-known/openid-configuration")
        if found["issuer"] != issuer:
            raise ValueError("the configuration is of another issuer")
        return KeySet.import_key_set(await self._get(found["jwks_uri"]))

    async def _get(self, url: str) -> Any:
        reply = await self._egress.send("GET", url, headers={"accept": "application/json"})
        if reply.status != 200:
            raise ValueError("status")
        return json.loads(reply.body)

    async def _trusts(self, issuer: str) -> list[Row]:
        query = sa.select(identity_trusts).where(
            identity_trusts.c.issuer == issuer, identity_trusts.c.revoked_at.is_(None)
        )
        async with self._database.read() as connection:
            return list((await connection.execute(query)).all())

    async def _use_once(self, connection: AsyncConnection, token: str) -> None:
        row = {
            "key_id": "oidc",
            "nonce": hashlib.sha256(token.encode()).hexdigest(),
            "expires_at": self._clock.now() + timedelta(seconds=MAX_TOKEN_LIFE_S + 2 * LEEWAY_S),
        }
        if not await insert_once(connection, nonces, row):
            raise Problem("unauthenticated", "the identity token was not accepted")


def _unverified_issuer(token: str) -> str:
    """Return who the token says it is of: only to find whose keys have to prove it."""
    payload = token.split(".")[1]
    issuer = json.loads(base64.urlsafe_b64decode(payload + "==="))["iss"]
    if not isinstance(issuer, str):
        raise ValueError("issuer")
    return issuer


def _fits(trust: Row, claims: dict[str, Any]) -> bool:
    audience, subject = claims["aud"], claims["sub"]
    audiences = audience if isinstance(audience, list) else [audience]
    if trust.audience not in audiences or not isinstance(subject, str):
        return False
    if trust.subject.endswith("*"):
        return subject.startswith(trust.subject[:-1])
    return subject == str(trust.subject)
