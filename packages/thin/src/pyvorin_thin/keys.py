"""The secrets of this device: what activation made and delivered, in one 0600 file that never
leaves the machine.

The loader needs only the artifact keys; everything that talks to the service needs the request key;
`compile` needs the fingerprint key. A *local* identity, made on first use without any service, does
the same for artifacts of the compiler on this machine.
"""

import os

from pyvorin_wire import canonical
from pyvorin_wire.delivered import DeliveredKey
from pyvorin_wire.errors import WireError
from pyvorin_wire.record import Annotated, Check, Hex32, Identifier, Record

from pyvorin_thin import paths
from pyvorin_thin.errors import LicenceProblem, ProvenanceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

LOCAL: "Final" = "local"


class Device(Record):
    """One activation. `sign_seed` and `seal_seed` are the private Ed25519 and X25519 keys;
    `fingerprint_keys` has the current epoch first."""

    device_id: Identifier
    organisation_id: Identifier
    licence_id: Identifier
    url: Annotated[str, Check(high=256)]
    sign_seed: Hex32
    seal_seed: Hex32
    artifact_keys: tuple[DeliveredKey, ...]
    request_key: DeliveredKey
    fingerprint_keys: tuple[DeliveredKey, ...]

    __repr__ = object.__repr__  # no key is shown

    def artifact_key(self, key_id: str) -> bytes | None:
        return next((bytes.fromhex(k.key) for k in self.artifact_keys if k.key_id == key_id), None)


def device_path() -> str:
    return os.path.join(paths.state(), "device.json")


def load_device() -> Device | None:
    """This machine's activation, or None. Raises LicenceProblem if the file is damaged or readable
    by others."""
    data = paths.read_secret(device_path())
    if data is None:
        return None
    try:
        return Device.from_json(canonical.loads(data))
    except WireError as error:
        raise LicenceProblem(
            "PYV822", "the stored activation is damaged", ("activate again: pyvorin-thin activate",)
        ) from error


def require_device() -> Device:
    device = load_device()
    if device is None:
        raise LicenceProblem(
            "PYV822",
            "this machine is not activated",
            ("pyvorin-thin activate URL --trust trust.json", "or compile here: --local-native"),
        )
    return device


def save_device(device: Device) -> None:
    paths.write(device_path(), canonical.dumps(device.to_json()))


def local_key(*, create: bool = False) -> bytes | None:
    """MAC key of artifacts that this machine's own compiler made; made on first use with
    `create`."""
    path = os.path.join(paths.state(), "local.key")
    found = paths.read_secret(path)
    if found is None and create:
        with paths.locked(path):
            found = paths.read_secret(path)
            if found is None:
                found = os.urandom(32)
                paths.write(path, found)
    if found is not None and len(found) != 32:
        raise ProvenanceError("PYV823", f"{path} is damaged; remove it and compile again")
    return found
