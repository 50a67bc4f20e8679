"""Tokens for devices: /v1/auth/token, /refresh, /revoke and the public key set.

The token routes are admitted by request signature alone, so a token is only ever handed to the
holder of the device's key.
"""

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from pyvorin_wire import api

from pyvorin_server.audit import Event, append
from pyvorin_server.auth import refresh
from pyvorin_server.auth.guard import Guard, Principal
from pyvorin_server.auth.tokens import SCOPES, Claims, KeyRing
from pyvorin_server.db import Database
from pyvorin_server.db.tables import recalls
from pyvorin_server.errors import Problem
from pyvorin_server.kit.clock import Clock
from pyvorin_server.kit.http import answer, read_record
from pyvorin_server.settings import Settings

MAX_BODY_BYTES = 4096
TRUST_VERSION = 1


class Tokens:
    """Issues, refreshes and revokes tokens."""

    def __init__(self, settings: Settings, database: Database, ring: KeyRing, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._ring = ring
        self._clock = clock

    async def issue(self, principal: Principal, scopes: tuple[str, ...]) -> api.TokenResponse:
        """Return an access token for the asked scopes and the first refresh token of a family."""
        if not scopes or not set(scopes) <= set(SCOPES):
            raise Problem("forbidden", f"scopes are {', '.join(SCOPES)}")
        now = self._clock.now()
        async with self._database.write() as connection:
            token = await refresh.issue(
                connection,
                principal.device_id,
                " ".join(sorted(scopes)),
                now,
                self._settings.refresh_token_s,
            )
            await append(
                connection,
                Event.TOKEN_ISSUED,
                at=now,
                organisation_id=principal.organisation_id,
                actor=principal.device_id,
                subject=principal.licence_id,
            )
        return await self._response(principal, frozenset(scopes), token)

    async def refresh(self, principal: Principal, token: str) -> api.TokenResponse:
        """Spend a refresh token; a reused one revokes its family and is refused."""
        now = self._clock.now()
        async with self._database.write() as connection:
            spent = await refresh.spend(
                connection, token, principal.device_id, principal.organisation_id, now
            )
            if spent is not None:
                family, scopes = spent
                life = self._settings.refresh_token_s
                successor = await refresh.issue(
                    connection, principal.device_id, scopes, now, life, family
                )
        if spent is None:
            raise Problem("unauthenticated", "the refresh token was not accepted")
        return await self._response(principal, frozenset(scopes.split()), successor)

    async def revoke(self, principal: Principal, token: str) -> None:
        """Spend a token and revoke its family; silent when it was not good."""
        now = self._clock.now()
        async with self._database.write() as connection:
            spent = await refresh.spend(
                connection, token, principal.device_id, principal.organisation_id, now
            )
            if spent is not None:
                family, _ = spent
                await refresh.revoke_family(connection, family, now)
                await append(
                    connection,
                    Event.TOKEN_REVOKED,
                    at=now,
                    organisation_id=principal.organisation_id,
                    actor=principal.device_id,
                    subject=family,
                )

    async def _response(
        self, principal: Principal, scopes: frozenset[str], refresh_token: str
    ) -> api.TokenResponse:
        async with self._database.read() as connection:
            newest = sa.select(sa.func.coalesce(sa.func.max(recalls.c.number), 0))
            recall_version = int((await connection.execute(newest)).scalar_one())
        claims = Claims(
            principal.device_id, principal.licence_id, principal.organisation_id, scopes
        )
        life = self._settings.access_token_s
        access = self._ring.issue(claims, self._settings.url, self._clock.now(), life)
        return api.TokenResponse(
            access, refresh_token, life, recall_version=recall_version, trust_version=TRUST_VERSION
        )

    def public_jwks(self) -> dict[str, object]:
        return self._ring.public_jwks()


def router(tokens: Tokens, guard: Guard) -> APIRouter:
    """Return the token routes."""
    routes = APIRouter(tags=["auth"])

    @routes.post("/v1/auth/token")
    async def token(request: Request) -> Response:
        """An access token and a refresh token for the signing device."""
        principal = await guard.by_signature(request)
        asked = await read_record(request, api.TokenRequest, MAX_BODY_BYTES)
        if asked.device_id != principal.device_id:
            raise Problem("unauthenticated", "the request signature was not accepted")
        return answer(await tokens.issue(principal, asked.scopes))

    @routes.post("/v1/auth/refresh")
    async def use_refresh_token(request: Request) -> Response:
        """Exchange a refresh token, once."""
        principal = await guard.by_signature(request)
        asked = await read_record(request, api.RefreshRequest, MAX_BODY_BYTES)
        return answer(await tokens.refresh(principal, asked.refresh_token))

    @routes.post("/v1/auth/revoke")
    async def revoke(request: Request) -> Response:
        """Revoke a refresh token with its whole family."""
        principal = await guard.by_signature(request)
        asked = await read_record(request, api.RefreshRequest, MAX_BODY_BYTES)
        await tokens.revoke(principal, asked.refresh_token)
        return answer(api.Empty())

    @routes.get("/.well-known/jwks.json")
    async def jwks() -> Response:
        """Public halves of the access-token keys (RFC 7517)."""
        return answer(tokens.public_jwks())

    return routes
