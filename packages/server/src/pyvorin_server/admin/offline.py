"""`pyvorin-server licence answer`: activate a machine that reaches no network, by two files.

    machine    request   an activation request, signed by the key derived from the licence key
    here       answer    what `POST /v1/license/activate` would have answered

The request is good for 30 days and once; the answer's keys open on that machine only, so both may
travel on any medium. The licence file in it is what the machine works by until it expires.
"""

import hashlib
from datetime import timedelta
from pathlib import Path

from pyvorin_wire import canonical, envelope, identity
from pyvorin_wire.envelope import Envelope
from pyvorin_wire.errors import WireError

from pyvorin_server.auth.secrets import load_secrets
from pyvorin_server.db import insert_once, open_database
from pyvorin_server.db.tables import nonces
from pyvorin_server.errors import Problem
from pyvorin_server.kit.clock import SystemClock, epoch_s
from pyvorin_server.kit.local import LocalClient
from pyvorin_server.kit.sealing import FileKeyProvider
from pyvorin_server.kit.tokens import read_token
from pyvorin_server.licences import store
from pyvorin_server.licences.delivery import Delivery
from pyvorin_server.licences.service import enter
from pyvorin_server.settings import SERVICE_KEK_FILE, Settings
from pyvorin_server.signer.keys import verify_ed25519
from pyvorin_server.signer.service import SOCKET

GOOD_FOR = timedelta(days=30)
MAX_BYTES = 16_384


async def answer(settings: Settings, request: Path) -> bytes:
    """Enter the device of a request file and return the answer file. Raises `Problem`."""
    keys = FileKeyProvider(settings.key_dir / SERVICE_KEK_FILE)
    secrets = load_secrets(settings.key_dir, keys)
    signer = LocalClient(settings.run_dir / SOCKET, read_token(settings.key_dir, "signer"))
    database = open_database(settings.app_database)
    content = request.read_bytes()[: MAX_BYTES + 1]
    now = SystemClock().now()
    try:
        asked = _read(content)
        if abs(epoch_s(now) - asked.made_at) > GOOD_FOR.total_seconds():
            raise Problem("unauthenticated", "the request is older than 30 days")
        device = asked.request
        async with database.write() as connection:
            licence = await store.find(connection, secrets.pepper, device.lookup_hash)
            if licence is None or not _is_signed(content, licence.public_key):
                raise Problem("unauthenticated", "the request was not signed with a licence key")
            row = {
                "key_id": "offline",
                "nonce": hashlib.sha256(content).hexdigest(),
                "expires_at": now + 2 * GOOD_FOR,
            }
            if not await insert_once(connection, nonces, row):
                raise Problem("unauthenticated", "this request was answered before")
            parts = (device.ed25519, device.x25519, device.device_name)
            device_id = await enter(connection, keys, licence, parts, now)
        delivery = Delivery(database, signer, secrets.request_master)
        made = await delivery.activation(device_id, licence.organisation_id, licence.id)
        return canonical.dumps(made.to_json())
    finally:
        await database.close()


def _read(content: bytes) -> identity.OfflineRequest:
    """Read the request's content, not yet verified: to find the licence."""
    try:
        payload = envelope.unbase64(Envelope.from_bytes(content).payload)
        return identity.OfflineRequest.from_json(canonical.loads(payload, max_bytes=MAX_BYTES))
    except WireError:
        raise Problem("malformed", "this is not an activation request") from None


def _is_signed(content: bytes, public: bytes) -> bool:
    keys = {"licence": lambda signature, message: verify_ed25519(public, signature, message)}
    try:
        envelope.verify(Envelope.from_bytes(content), identity.OFFLINE_TYPE, keys)
    except WireError:
        return False
    return True
