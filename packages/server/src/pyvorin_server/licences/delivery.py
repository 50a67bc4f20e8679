"""What an activated device is given: its licence file, and its keys, each sealed to it."""

from pyvorin_wire import api, envelope
from pyvorin_wire.delivered import DeliveredKey
from pyvorin_wire.envelope import Envelope
from pyvorin_wire.licence import Delivered

from pyvorin_server.auth.guard import KEY_EPOCH, request_key, request_key_id
from pyvorin_server.db import Database
from pyvorin_server.db import tables as t
from pyvorin_server.kit.local import LocalClient
from pyvorin_server.signer.delivery import seal_to_device


class Delivery:
    """Asks the signer for what it alone holds; seals the request key itself."""

    def __init__(self, database: Database, signer: LocalClient, request_master: bytes) -> None:
        self._database = database
        self._signer = signer
        self._request_master = request_master

    async def activation(
        self, device_id: str, organisation_id: str, licence_id: str
    ) -> api.ActivateResponse:
        """Return everything that an activation answers with."""
        recall = await self._signer.call("recall", {"organisation_id": organisation_id})
        return api.ActivateResponse(
            device_id=device_id,
            organisation_id=organisation_id,
            licence_id=licence_id,
            licence=await self.file(licence_id),
            sealed=await self.sealed(device_id),
            recall=Envelope.from_bytes(recall.blobs[0]),
        )

    async def file(self, licence_id: str) -> Envelope:
        """Return the signed licence file as the row stands."""
        answer = await self._signer.call("licence", {"licence_id": licence_id})
        return Envelope.from_bytes(answer.blobs[0])

    async def sealed(self, device_id: str) -> api.Sealed:
        """Return the device's secrets: two sealed by the signer, the request key sealed here."""
        delivered = (await self._signer.call("deliver", {"device_id": device_id})).blobs
        async with self._database.read() as connection:
            device = (
                await connection.execute(t.devices.select().where(t.devices.c.id == device_id))
            ).one()
        own = DeliveredKey(
            request_key_id(device_id, KEY_EPOCH),
            request_key(self._request_master, device_id, KEY_EPOCH).hex(),
        )
        request = seal_to_device(Delivered.REQUEST_KEY, own, device)
        return api.Sealed(
            artifact=envelope.base64_text(delivered[0]),
            request=envelope.base64_text(request),
            fingerprint=tuple(envelope.base64_text(sealed) for sealed in delivered[1:]),
        )
