"""Tokens for devices: /v1/auth/token, /refresh, /revoke, device codes, and the public key set.

The token routes are admitted by request signature alone, so a token is only ever handed to the
holder of the device's key.
"""

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response
from pyvorin_wire import api, identity

from pyvorin_server.audit import Event, append
from pyvorin_server.auth import refresh
from pyvorin_server.auth.device_codes import DeviceCodes
from pyvorin_server.auth.guard import Guard, Principal
from pyvorin_server.auth.permissions import SCOPES
from pyvorin_server.auth.routing import public, signed
from pyvorin_server.auth.tokens import Claims, RingKeeper
from pyvorin_server.db import Database, tenant
from pyvorin_server.db.tables import recalls
from pyvorin_server.errors import Problem
from pyvorin_server.kit.clock import Clock
from pyvorin_server.kit.http import answer, read_record
from pyvorin_server.settings import Settings

MAX_BODY_BYTES = 4096
TRUST_VERSION = 1


class Tokens:
    """Issues, refreshes and revokes tokens."""

    def __init__(
        self, settings: Settings, database: Database, ring: RingKeeper, clock: Clock
    ) -> None:
        self._settings = settings
        self._database = database
        self._ring = ring
        self._clock = clock

    async def issue(
        self, principal: Principal, scopes: tuple[str, ...], member_id: str = ""
    ) -> api.TokenResponse:
        """Return an access token for the asked scopes and the first refresh token of a family."""
        check_scopes(scopes)
        now = self._clock.now()
        async with self._database.write() as connection:
            token = await refresh.issue(
                connection,
                principal.device_id,
                " ".join(sorted(scopes)),
                now,
                self._settings.refresh_token_s,
                member_id=member_id or None,
            )
            await append(
                connection,
                Event.TOKEN_ISSUED,
                at=now,
                organisation_id=principal.organisation_id,
                actor=member_id or principal.device_id,
                subject=principal.device_id,
            )
        return await self._response(principal, frozenset(scopes), token, member_id)

    async def refresh(self, principal: Principal, token: str) -> api.TokenResponse:
        """Spend a refresh token; a reused one revokes its family and is refused."""
        now = self._clock.now()
        with tenant.as_service():  # a copied token may be another organisation's
            async with self._database.write() as connection:
                spent = await refresh.spend(
                    connection, token, principal.device_id, principal.organisation_id, now
                )
                if spent is not None:
                    successor = await refresh.issue(
                        connection,
                        principal.device_id,
                        spent.scopes,
                        now,
                        self._settings.refresh_token_s,
                        spent.family,
                        spent.member_id or None,
                    )
                    await append(
                        connection,
                        Event.TOKEN_REFRESHED,
                        at=now,
                        organisation_id=principal.organisation_id,
                        actor=principal.device_id,
                        subject=spent.family,
                    )
        if spent is None:
            raise Problem("unauthenticated", "the refresh token was not accepted")
        scopes = frozenset(spent.scopes.split())
        return await self._response(principal, scopes, successor, spent.member_id)

    async def revoke(self, principal: Principal, token: str) -> None:
        """Spend a token and revoke its family; silent when it was not good."""
        now = self._clock.now()
        with tenant.as_service():
            async with self._database.write() as connection:
                spent = await refresh.spend(
                    connection, token, principal.device_id, principal.organisation_id, now
                )
                if spent is not None:
                    await refresh.revoke_family(connection, spent.family, now)
                    await append(
                        connection,
                        Event.TOKEN_REVOKED,
                        at=now,
                        organisation_id=principal.organisation_id,
                        actor=principal.device_id,
                        subject=spent.family,
                    )

    async def _response(
        self,
        principal: Principal,
        scopes: frozenset[str],
        refresh_token: str,
        member_id: str,
    ) -> api.TokenResponse:
        async with self._database.read() as connection:
            newest = sa.select(sa.func.coalesce(sa.func.max(recalls.c.number), 0))
            recall_version = int((await connection.execute(newest)).scalar_one())
        claims = Claims(
            principal.device_id,
            principal.licence_id,
            principal.organisation_id,
            scopes,
            member_id,
        )
        life = self._settings.access_token_s
        ring = await self._ring.current()
        access = ring.issue(claims, self._settings.url, self._clock.now(), life)
        return api.TokenResponse(
            access, refresh_token, life, recall_version=recall_version, trust_version=TRUST_VERSION
        )

    async def public_jwks(self) -> dict[str, object]:
        return (await self._ring.current()).public_jwks()


def check_scopes(scopes: tuple[str, ...]) -> None:
    if not scopes or not set(scopes) <= set(SCOPES):
        raise Problem("forbidden", f"scopes are {', '.join(SCOPES)}")


def router(tokens: Tokens, codes: DeviceCodes, guard: Guard) -> APIRouter:
    """Return the token routes."""
    routes = APIRouter(tags=["auth"])

    @routes.post("/v1/auth/token", **signed(Event.TOKEN_ISSUED))
    async def token(request: Request) -> Response:
        """An access token and a refresh token for the signing device."""
        principal = await guard.by_signature(request)
        asked = await read_record(request, api.TokenRequest, MAX_BODY_BYTES)
        if asked.device_id != principal.device_id:
            raise Problem("unauthenticated", "the request signature was not accepted")
        return answer(await tokens.issue(principal, asked.scopes))

    @routes.post("/v1/auth/refresh", **signed(Event.TOKEN_REFRESHED))
    async def use_refresh_token(request: Request) -> Response:
        """Exchange a refresh token, once."""
        principal = await guard.by_signature(request)
        asked = await read_record(request, api.RefreshRequest, MAX_BODY_BYTES)
        return answer(await tokens.refresh(principal, asked.refresh_token))

    @routes.post("/v1/auth/revoke", **signed(Event.TOKEN_REVOKED))
    async def revoke(request: Request) -> Response:
        """Revoke a refresh token with its whole family."""
        principal = await guard.by_signature(request)
        asked = await read_record(request, api.RefreshRequest, MAX_BODY_BYTES)
        await tokens.revoke(principal, asked.refresh_token)
        return answer(api.Empty())

    @routes.post("/v1/auth/device/code", **signed(Event.DEVICE_CODE_ISSUED))
    async def device_code(request: Request) -> Response:
        """Begin a device-code login: codes for the device and for the person."""
        principal = await guard.by_signature(request)
        asked = await read_record(request, identity.Scopes, MAX_BODY_BYTES)
        check_scopes(asked.scopes)
        return answer(await codes.begin(principal, asked.scopes))

    @routes.post("/v1/auth/device/token", **signed(Event.TOKEN_ISSUED))
    async def device_token(request: Request) -> Response:
        """Poll for a person's decision; tokens once it is there."""
        principal = await guard.by_signature(request)
        asked = await read_record(request, identity.DeviceCodePoll, MAX_BODY_BYTES)
        scopes, member_id = await codes.poll(principal, asked.device_code)
        return answer(await tokens.issue(principal, tuple(scopes.split()), member_id))

    @routes.get("/.well-known/jwks.json", **public("public halves of keys"))
    async def jwks() -> Response:
        """Public halves of the access-token keys (RFC 7517)."""
        return answer(await tokens.public_jwks())

    return routes
