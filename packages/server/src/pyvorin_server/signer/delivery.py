"""Sealing a secret to one device: HPKE base mode, as `pyvorin_wire.licence` lays it down."""

from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from pyvorin_wire import licence
from pyvorin_wire.delivered import DeliveredKey
from pyvorin_wire.licence import Delivered

_SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def seal_to_device(kind: Delivered, key: DeliveredKey, device: sa.Row[tuple[Any, ...]]) -> bytes:
    """Return a secret that only this device (a row of `devices`) can open, and only for this
    purpose.
    """
    info = licence.delivery_info(kind, device.organisation_id, device.id)
    public = X25519PublicKey.from_public_bytes(device.sealing_key)
    return _SUITE.encrypt(key.to_bytes(), public, info=info)
