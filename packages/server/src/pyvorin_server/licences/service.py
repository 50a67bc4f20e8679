"""What a device may ask of its licence: activate, read its state, fetch its file and keys again."""

from datetime import datetime
from typing import Any

from fastapi import Request
from pyvorin_wire import api, identity
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.audit import Event, append
from pyvorin_server.auth.guard import KEY_EPOCH, Guard, Principal
from pyvorin_server.auth.limits import address_key, take
from pyvorin_server.auth.oidc import DEVICE_LIFE, IdentityTokens
from pyvorin_server.auth.refusals import Refusals
from pyvorin_server.auth.secrets import ApiSecrets
from pyvorin_server.db import Database, tenant
from pyvorin_server.errors import Problem
from pyvorin_server.kit.clock import Clock
from pyvorin_server.kit.sealing import KeyProvider
from pyvorin_server.licences import store
from pyvorin_server.licences.delivery import Delivery
from pyvorin_server.settings import Settings
from pyvorin_server.signer.keys import verify_ed25519


class Licences:
    """The licence routes' work. Holds pepper and request-key master; never a licence key."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        guard: Guard,
        delivery: Delivery,
        keys: KeyProvider,
        secrets: ApiSecrets,
        identities: IdentityTokens,
        refusals: Refusals,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._database = database
        self._guard = guard
        self._delivery = delivery
        self._keys = keys
        self._secrets = secrets
        self._identities = identities
        self._refusals = refusals
        self._clock = clock

    async def activate(self, request: Request, asked: api.ActivateRequest) -> api.ActivateResponse:
        """Enter the device and deliver its keys, each sealed to it.

        Unknown keys, wrong proofs and malformed proofs give the same answer; attempts are counted
        by address and by look-up hash before anything else is done.
        """
        with tenant.as_service():
            await self._throttle(request, asked.lookup_hash)
            async with self._refusals.recorded(request, Event.ACTIVATION_REFUSED):
                licence = await self._proven(request, asked)
                async with self._database.write() as connection:
                    device_id = await self._enter(connection, request, licence.id, asked)
            return await self._delivery.activation(device_id, licence.organisation_id, licence.id)

    async def activate_ci(
        self, request: Request, asked: identity.CiActivate
    ) -> api.ActivateResponse:
        """Enter a CI run as a device for an hour, on the word of its CI's identity token."""
        with tenant.as_service():
            await self._throttle(request, "ci")
            async with self._refusals.recorded(request, Event.ACTIVATION_REFUSED):
                public = bytes.fromhex(asked.ed25519)
                await self._guard.by_own_key(
                    request,
                    asked.ed25519,
                    lambda signature, message: verify_ed25519(public, signature, message),
                )
                licence_id = await self._identities.licence_for(asked.id_token)
                until = self._clock.now() + DEVICE_LIFE
                async with self._database.write() as connection:
                    device_id = await self._enter(connection, request, licence_id, asked, until)
                    licence = await store.get(connection, licence_id)
            return await self._delivery.activation(device_id, licence.organisation_id, licence_id)

    async def _proven(self, request: Request, asked: api.ActivateRequest) -> store.Row:
        """Return the licence whose key signed the request."""
        async with self._database.read() as connection:
            licence = await store.find(connection, self._secrets.pepper, asked.lookup_hash)
        public = licence.public_key if licence else bytes(32)

        def check(signature: bytes, message: bytes) -> bool:
            return verify_ed25519(public, signature, message) and licence is not None

        await self._guard.by_own_key(request, asked.lookup_hash, check)
        assert licence is not None
        return licence

    async def state(self, principal: Principal) -> api.LicenceResponse:
        """Return the licence's file and how many devices use it."""
        async with self._database.read() as connection:
            devices = await store.count_devices(connection, principal.licence_id)
        return api.LicenceResponse(
            "active", await self._delivery.file(principal.licence_id), devices
        )

    async def refresh(self, principal: Principal) -> api.LicenceResponse:
        """Return the licence's file, and the device's keys once more."""
        answer = await self.state(principal)
        sealed = await self._delivery.sealed(principal.device_id)
        async with self._database.write() as connection:
            await append(
                connection,
                Event.LICENCE_REFRESHED,
                at=self._clock.now(),
                organisation_id=principal.organisation_id,
                actor=principal.device_id,
                subject=principal.licence_id,
            )
        return api.LicenceResponse(answer.state, answer.licence, answer.devices, sealed)

    async def _enter(
        self,
        connection: AsyncConnection,
        request: Request,
        licence_id: str,
        asked: api.ActivateRequest | identity.CiActivate,
        until: datetime | None = None,
    ) -> str:
        label = getattr(asked, "device_name", "")
        return await enter(
            connection,
            self._keys,
            await store.get(connection, licence_id),
            (asked.ed25519, asked.x25519, label),
            self._clock.now(),
            until,
            self._refusals.network(request),
        )

    async def _throttle(self, request: Request, lookup_hash: str) -> None:
        address = address_key(request.client.host if request.client else None)
        limit = self._settings.activations_per_minute
        async with self._database.write() as connection:
            now = self._clock.now()
            await take(connection, f"activate|{address}", limit, now)
            await take(connection, f"activate|{lookup_hash}", limit, now)


async def enter(
    connection: AsyncConnection,
    keys: KeyProvider,
    licence: store.Row,
    device: tuple[str, str, str],
    now: datetime,
    until: datetime | None = None,
    network: str = "",
) -> str:
    """Enter a device (signing key, sealing key, label) of a licence that may be used now."""
    if licence.revoked_at is not None:
        raise Problem("licence_revoked", "the licence is revoked")
    if licence.suspended_at is not None:
        raise Problem("licence_suspended", "the licence is suspended")
    if not licence.not_before <= now < licence.expires_at:
        raise Problem("licence_expired", "the licence is not valid at this time")
    signing, sealing, label = device
    place = f"devices|label_sealed|{signing}|{licence.organisation_id}"
    values: dict[str, Any] = {
        "signing_key": bytes.fromhex(signing),
        "sealing_key": bytes.fromhex(sealing),
        "label_sealed": keys.seal(label.encode(), place) if label else None,
        "key_epoch": KEY_EPOCH,
        "expires_at": until,
    }
    return await store.enter_device(connection, licence, values, now, network)
