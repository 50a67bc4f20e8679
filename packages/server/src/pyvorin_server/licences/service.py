"""What a device may ask of its licence: activate, read its state, fetch its file and keys again."""

from fastapi import Request
from pyvorin_wire import api, envelope
from pyvorin_wire.envelope import Envelope
from pyvorin_wire.licence import Delivered, DeliveredKey
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.audit import Event, append
from pyvorin_server.auth.guard import KEY_EPOCH, Guard, Principal, request_key, request_key_id
from pyvorin_server.auth.limits import take
from pyvorin_server.auth.secrets import ApiSecrets
from pyvorin_server.db import Database
from pyvorin_server.db import tables as t
from pyvorin_server.errors import Problem
from pyvorin_server.kit.clock import Clock
from pyvorin_server.kit.local import LocalClient
from pyvorin_server.kit.sealing import KeyProvider
from pyvorin_server.licences import store
from pyvorin_server.settings import Settings
from pyvorin_server.signer.delivery import seal_to_device
from pyvorin_server.signer.keys import verify_ed25519


class Licences:
    """The licence routes' work. Holds pepper and request-key master; never a licence key."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        guard: Guard,
        signer: LocalClient,
        keys: KeyProvider,
        secrets: ApiSecrets,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._database = database
        self._guard = guard
        self._signer = signer
        self._keys = keys
        self._secrets = secrets
        self._clock = clock

    async def activate(self, request: Request, asked: api.ActivateRequest) -> api.ActivateResponse:
        """Enter the device and deliver its keys, each sealed to it.

        Unknown keys, wrong proofs and malformed proofs give the same answer; attempts are counted
        by address and by look-up hash before anything else is done.
        """
        await self._throttle(request, asked.lookup_hash)
        async with self._database.read() as connection:
            licence = await store.find(connection, self._secrets.pepper, asked.lookup_hash)
        public = licence.public_key if licence else bytes(32)

        def check(signature: bytes, message: bytes) -> bool:
            return verify_ed25519(public, signature, message) and licence is not None

        try:
            await self._guard.by_licence_key(request, asked.lookup_hash, check)
        except Problem as error:
            await self._record_refusal(error.code)
            raise
        assert licence is not None
        async with self._database.write() as connection:
            device_id = await self._enter(connection, licence.id, asked)
        return await self._activation(device_id, licence.organisation_id, licence.id)

    async def state(self, principal: Principal) -> api.LicenceResponse:
        """Return the licence's file and how many devices use it."""
        async with self._database.read() as connection:
            devices = await store.count_devices(connection, principal.licence_id)
        return api.LicenceResponse("active", await self._file(principal.licence_id), devices)

    async def refresh(self, principal: Principal) -> api.LicenceResponse:
        """Return the licence's file, and the device's keys once more."""
        answer = await self.state(principal)
        sealed = await self._sealed(principal.device_id)
        return api.LicenceResponse(answer.state, answer.licence, answer.devices, sealed)

    async def _enter(
        self, connection: AsyncConnection, licence_id: str, asked: api.ActivateRequest
    ) -> str:
        now = self._clock.now()
        licence = await store.get(connection, licence_id)
        if licence.revoked_at is not None:
            raise Problem("licence_revoked", "the licence is revoked")
        if not licence.not_before <= now < licence.expires_at:
            raise Problem("licence_expired", "the licence is not valid at this time")
        label = asked.device_name.encode()
        place = f"devices|label_sealed|{asked.ed25519}|{licence.organisation_id}"
        device = {
            "signing_key": bytes.fromhex(asked.ed25519),
            "sealing_key": bytes.fromhex(asked.x25519),
            "label_sealed": self._keys.seal(label, place) if label else None,
            "key_epoch": KEY_EPOCH,
        }
        return await store.enter_device(connection, licence, device, now)

    async def _activation(
        self, device_id: str, organisation_id: str, licence_id: str
    ) -> api.ActivateResponse:
        recall = await self._signer.call("recall", {"organisation_id": organisation_id})
        return api.ActivateResponse(
            device_id=device_id,
            organisation_id=organisation_id,
            licence_id=licence_id,
            licence=await self._file(licence_id),
            sealed=await self._sealed(device_id),
            recall=Envelope.from_bytes(recall.blobs[0]),
        )

    async def _file(self, licence_id: str) -> Envelope:
        answer = await self._signer.call("licence", {"licence_id": licence_id})
        return Envelope.from_bytes(answer.blobs[0])

    async def _sealed(self, device_id: str) -> api.Sealed:
        """Return the device's secrets: two sealed by the signer, the request key sealed here."""
        delivered = (await self._signer.call("deliver", {"device_id": device_id})).blobs
        async with self._database.read() as connection:
            device = (
                await connection.execute(t.devices.select().where(t.devices.c.id == device_id))
            ).one()
        own = DeliveredKey(
            request_key_id(device_id, KEY_EPOCH),
            request_key(self._secrets.request_master, device_id, KEY_EPOCH).hex(),
        )
        request = seal_to_device(Delivered.REQUEST_KEY, own, device)
        return api.Sealed(
            artifact=envelope.base64_text(delivered[0]),
            request=envelope.base64_text(request),
            fingerprint=tuple(envelope.base64_text(sealed) for sealed in delivered[1:]),
        )

    async def _throttle(self, request: Request, lookup_hash: str) -> None:
        address = request.client.host if request.client else "local"
        limit = self._settings.activations_per_minute
        async with self._database.write() as connection:
            now = self._clock.now()
            await take(connection, f"activate|{address}", limit, now)
            await take(connection, f"activate|{lookup_hash}", limit, now)

    async def _record_refusal(self, code: str) -> None:
        async with self._database.write() as connection:
            await append(
                connection,
                Event.ACTIVATION_REFUSED,
                at=self._clock.now(),
                detail={"code": code},
            )
