"""One secret that activation delivers, as it is sealed to a device and as the device keeps it."""

from pyvorin_wire import canonical
from pyvorin_wire.record import Annotated, Check, Hex32, Identifier, Record


class DeliveredKey(Record):
    """One secret: 32 bytes in hex. `epoch` is used by the fingerprint key only (0 otherwise)."""

    key_id: Identifier
    key: Hex32
    epoch: Annotated[int, Check(low=0, high=999_999_999)] = 0

    def to_bytes(self) -> bytes:
        return canonical.dumps(self.to_json())

    @classmethod
    def from_bytes(cls, data: bytes) -> "DeliveredKey":
        return cls.from_json(canonical.loads(data, max_bytes=4096))

    def __repr__(self) -> str:
        return f"DeliveredKey(key_id={self.key_id!r}, key=<hidden>, epoch={self.epoch})"
