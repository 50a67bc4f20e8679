"""RS256 access tokens (RFC 9068 `at+jwt`), from a key ring in the database.

A token names device (`sub`), licence, organisation and scope, lives minutes, and is worth nothing
without the device's request signature. The algorithm is fixed by the key, keys are found by `kid`
in our own table only, and every claim is required: no header field can choose how a token is
checked (RFC 8725).
"""

import base64
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.audit import Event, append
from pyvorin_server.auth.permissions import SCOPES as SCOPES  # what a token may be asked for
from pyvorin_server.db import Database, tenant
from pyvorin_server.db.tables import token_keys
from pyvorin_server.errors import Problem
from pyvorin_server.kit.clock import Clock, epoch_s
from pyvorin_server.kit.ids import new_id
from pyvorin_server.kit.sealing import KeyProvider

ALGORITHM = "RS256"
TYPE = "at+jwt"
AUDIENCE = "pyvorin-api"
MAX_TOKEN_BYTES = 4096
LEEWAY_S = 30
# A node reads the ring this often, and a new key signs only after every node has.
REREAD = timedelta(seconds=10)
ACTIVATION_DELAY = timedelta(seconds=30)
_REREAD_UNKNOWN = timedelta(seconds=1)
_KEY_BITS = 2048
_REMEMBERED_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Claims:
    """Who a valid access token speaks for."""

    device_id: str
    licence_id: str
    organisation_id: str
    scopes: frozenset[str]
    member_id: str = ""


class KeyRing:
    """The token keys in memory: the newest unretired one signs, all listed ones verify."""

    def __init__(self, keys: dict[str, RSAKey], signing: str) -> None:
        self.keys = keys
        self._signing = signing
        self._registry = JWSRegistry(algorithms=[ALGORITHM])
        self._registry.max_payload_length = MAX_TOKEN_BYTES
        self._signed: dict[str, dict[str, Any]] = {}

    def issue(self, claims: Claims, issuer: str, now: datetime, life_s: int) -> str:
        """Return a signed token for `claims`."""
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": self._signing}
        body = {
            "iss": issuer,
            "aud": AUDIENCE,
            "sub": claims.device_id,
            "client_id": claims.device_id,
            "licence": claims.licence_id,
            "org": claims.organisation_id,
            "scope": " ".join(sorted(claims.scopes)),
            "iat": epoch_s(now),
            "exp": epoch_s(now) + life_s,
            "jti": new_id("tok"),
            "member": claims.member_id,
        }
        return jwt.encode(header, body, self.keys[self._signing], algorithms=[ALGORITHM])

    def check(self, text: str, issuer: str, now: datetime) -> Claims:
        """Return the claims of a valid token. Raises the `unauthenticated` problem, always the
        same.
        """
        try:
            return self._check(text, issuer, epoch_s(now))
        except (JoseError, ValueError, KeyError, TypeError, RecursionError):
            raise Problem("unauthenticated", "the access token was not accepted") from None

    def _check(self, text: str, issuer: str, now_s: int) -> Claims:
        claims = self._signed.get(text) or self._signed_claims(text)
        if claims["iss"] != issuer or claims["aud"] != AUDIENCE:
            raise ValueError("issuer or audience")
        issued, expires = claims["iat"], claims["exp"]
        if type(issued) is not int or type(expires) is not int:
            raise ValueError("times")
        if not issued - LEEWAY_S <= now_s < expires + LEEWAY_S:
            raise ValueError("expired")
        names = [claims[name] for name in ("sub", "licence", "org", "scope", "jti", "member")]
        if not all(type(name) is str for name in names):
            raise ValueError("claims")
        return Claims(names[0], names[1], names[2], frozenset(names[3].split()), names[5])

    def _signed_claims(self, text: str) -> dict[str, Any]:
        """Return what a key of this ring signed. A device sends its token with every request, so
        tokens that were found to be signed are remembered, and nothing else about them is.
        """
        if len(text) > MAX_TOKEN_BYTES:
            raise ValueError("too long")
        token = jwt.decode(text, self._key_of, algorithms=[ALGORITHM], registry=self._registry)
        if token.header.get("typ") != TYPE or set(token.header) != {"alg", "typ", "kid"}:
            raise ValueError("header")
        if len(self._signed) >= _REMEMBERED_TOKENS:
            self._signed.clear()
        self._signed[text] = token.claims
        return token.claims

    def _key_of(self, token: object) -> RSAKey:
        kid = token.headers().get("kid")  # type: ignore[attr-defined]  # joserfc's key callback
        return self.keys[kid]

    def knows(self, text: str) -> bool:
        """Return whether a token's header names a key of this ring; says nothing of its worth."""
        try:
            padded = text.partition(".")[0][:1024] + "==="
            kid = json.loads(base64.urlsafe_b64decode(padded)).get("kid")
        except (ValueError, AttributeError, RecursionError):
            return True
        return not isinstance(kid, str) or kid in self.keys

    def public_jwks(self) -> dict[str, object]:
        """Return the RFC 7517 key set: public halves only."""
        return {"keys": [key.as_dict(private=False) for key in self.keys.values()]}


class RingKeeper:
    """The ring as the database has it now: read again every few seconds, and at once when a token
    names a key that is not known yet.
    """

    def __init__(self, database: Database, keys: KeyProvider, ring: KeyRing, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._ring = ring
        self._clock = clock
        self._read_at = clock.now()

    async def current(self, token: str = "") -> KeyRing:
        """Return the ring to check `token` with, or to sign with."""
        age = self._clock.now() - self._read_at
        unknown = bool(token) and not self._ring.knows(token)
        if age > REREAD or (unknown and age > _REREAD_UNKNOWN):
            self._read_at = self._clock.now()
            with tenant.as_service():
                async with self._database.read() as connection:
                    now = self._clock.now()
                    self._ring = await load_ring(connection, self._keys, now, self._ring)
        return self._ring


async def rotate(
    connection: AsyncConnection, keys: KeyProvider, now: datetime, token_life_s: int
) -> str:
    """Add a signing key and plan the end of the present ones; return the new key's id.

    The new one is published at once and signs only when every node has read it; the old ones
    verify until the last token they signed is over.
    """
    active_at = now + ACTIVATION_DELAY
    retire_at = active_at + timedelta(seconds=token_life_s + LEEWAY_S) + REREAD
    await connection.execute(
        token_keys.update().where(token_keys.c.retire_at.is_(None)).values(retire_at=retire_at)
    )
    return await add_key(connection, keys, now, active_at)


async def add_key(
    connection: AsyncConnection,
    keys: KeyProvider,
    now: datetime,
    active_at: datetime | None = None,
) -> str:
    """Make a signing key that signs from `active_at` on; return its id."""
    key = RSAKey.generate_key(_KEY_BITS, parameters={"use": "sig", "alg": ALGORITHM})
    kid = key.thumbprint()
    await connection.execute(
        token_keys.insert().values(
            kid=kid,
            public_jwk=json.dumps(key.as_dict(private=False, kid=kid)),
            private_sealed=keys.seal(key.as_pem(private=True), _place(kid)),
            created_at=now,
            active_at=active_at or now,
        )
    )
    await append(connection, Event.TOKEN_KEY_ADDED, at=now, subject=kid)
    return kid


async def load_ring(
    connection: AsyncConnection, keys: KeyProvider, now: datetime, known: KeyRing | None = None
) -> KeyRing:
    """Read the ring; the newest active key signs. Raises `Problem("unavailable")` when none is.

    A private key takes a tenth of a second to read and check, so those of `known` are kept.
    """
    rows = (
        await connection.execute(
            sa.select(token_keys)
            .where(token_keys.c.retire_at.is_(None) | (token_keys.c.retire_at > now))
            .order_by(token_keys.c.active_at)
        )
    ).all()
    signing = [row.kid for row in rows if row.active_at <= now]
    if not signing:
        raise Problem("unavailable", "no token key; run `pyvorin-server init`")
    kept = known.keys if known else {}
    ring = {row.kid: kept.get(row.kid) or _open(keys, row) for row in rows}
    return KeyRing(ring, signing[-1])


def _open(keys: KeyProvider, row: sa.Row[Any]) -> RSAKey:
    return RSAKey.import_key(
        keys.open(row.private_sealed, _place(row.kid)),
        parameters={"kid": row.kid, "use": "sig", "alg": ALGORITHM},
    )


def _place(kid: str) -> str:
    return f"token_keys|private_sealed|{kid}|"
