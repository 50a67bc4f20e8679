"""RS256 access tokens (RFC 9068 `at+jwt`), from a key ring in the database.

A token names device (`sub`), licence, organisation and scope, lives minutes, and is worth nothing
without the device's request signature. The algorithm is fixed by the key, keys are found by `kid`
in our own table only, and every claim is required: no header field can choose how a token is
checked (RFC 8725).
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.db.tables import token_keys
from pyvorin_server.errors import Problem
from pyvorin_server.kit.clock import epoch_s
from pyvorin_server.kit.ids import new_id
from pyvorin_server.kit.sealing import KeyProvider

ALGORITHM = "RS256"
TYPE = "at+jwt"
AUDIENCE = "pyvorin-api"
SCOPES = ("compile", "artifacts", "usage")
MAX_TOKEN_BYTES = 4096
LEEWAY_S = 30
_KEY_BITS = 2048


@dataclass(frozen=True, slots=True)
class Claims:
    """Who a valid access token speaks for."""

    device_id: str
    licence_id: str
    organisation_id: str
    scopes: frozenset[str]


class KeyRing:
    """The token keys in memory: the newest unretired one signs, all listed ones verify."""

    def __init__(self, keys: dict[str, RSAKey], signing: str) -> None:
        self._keys = keys
        self._signing = signing
        self._registry = JWSRegistry(algorithms=[ALGORITHM])
        self._registry.max_payload_length = MAX_TOKEN_BYTES

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
        }
        return jwt.encode(header, body, self._keys[self._signing], algorithms=[ALGORITHM])

    def check(self, text: str, issuer: str, now: datetime) -> Claims:
        """Return the claims of a valid token. Raises the `unauthenticated` problem, always the
        same.
        """
        try:
            return self._check(text, issuer, epoch_s(now))
        except (JoseError, ValueError, KeyError, TypeError, RecursionError):
            raise Problem("unauthenticated", "the access token was not accepted") from None

    def _check(self, text: str, issuer: str, now_s: int) -> Claims:
        if len(text) > MAX_TOKEN_BYTES:
            raise ValueError("too long")
        token = jwt.decode(text, self._key_of, algorithms=[ALGORITHM], registry=self._registry)
        header, claims = token.header, token.claims
        if header.get("typ") != TYPE or set(header) != {"alg", "typ", "kid"}:
            raise ValueError("header")
        if claims["iss"] != issuer or claims["aud"] != AUDIENCE:
            raise ValueError("issuer or audience")
        issued, expires = claims["iat"], claims["exp"]
        if type(issued) is not int or type(expires) is not int:
            raise ValueError("times")
        if not issued - LEEWAY_S <= now_s < expires + LEEWAY_S:
            raise ValueError("expired")
        names = [claims[name] for name in ("sub", "licence", "org", "scope", "jti")]
        if not all(type(name) is str for name in names):
            raise ValueError("claims")
        return Claims(names[0], names[1], names[2], frozenset(names[3].split()))

    def _key_of(self, token: object) -> RSAKey:
        kid = token.headers().get("kid")  # type: ignore[attr-defined]  # joserfc's key callback
        return self._keys[kid]

    def public_jwks(self) -> dict[str, object]:
        """Return the RFC 7517 key set: public halves only."""
        return {"keys": [key.as_dict(private=False) for key in self._keys.values()]}


async def add_key(connection: AsyncConnection, keys: KeyProvider, now: datetime) -> str:
    """Make a new signing key; older ones go on verifying for an hour, then are dropped."""
    key = RSAKey.generate_key(_KEY_BITS, parameters={"use": "sig", "alg": ALGORITHM})
    kid = key.thumbprint()
    await connection.execute(
        token_keys.update()
        .where(token_keys.c.retire_at.is_(None))
        .values(retire_at=now + timedelta(hours=1))
    )
    await connection.execute(
        token_keys.insert().values(
            kid=kid,
            public_jwk=json.dumps(key.as_dict(private=False, kid=kid)),
            private_sealed=keys.seal(key.as_pem(private=True), _place(kid)),
            created_at=now,
        )
    )
    return kid


async def load_ring(connection: AsyncConnection, keys: KeyProvider, now: datetime) -> KeyRing:
    """Read the ring. Raises `Problem("unavailable")` when it is empty."""
    rows = (
        await connection.execute(
            sa.select(token_keys)
            .where(token_keys.c.retire_at.is_(None) | (token_keys.c.retire_at > now))
            .order_by(token_keys.c.created_at)
        )
    ).all()
    if not rows:
        raise Problem("unavailable", "no token key; run `pyvorin-server init`")
    ring = {
        row.kid: RSAKey.import_key(
            keys.open(row.private_sealed, _place(row.kid)),
            parameters={"kid": row.kid, "use": "sig", "alg": ALGORITHM},
        )
        for row in rows
    }
    return KeyRing(ring, rows[-1].kid)


def _place(kid: str) -> str:
    return f"token_keys|private_sealed|{kid}|"
