"""Identities, containers and shared objects for the tests of the client: real keys, real
formats."""

import hashlib
import struct
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pyvorin_thin.keys import Device
from pyvorin_wire import artifact, fingerprint, platform
from pyvorin_wire.delivered import DeliveredKey
from pyvorin_wire.trust import Role, Trust, TrustedKey

KEYS = {role: Ed25519PrivateKey.from_private_bytes(role.value.encode().ljust(32)) for role in Role}
MAC_KEY = bytes(range(32))
FINGERPRINT_KEY = bytes(range(100, 132))
REQUEST_KEY = bytes(range(50, 82))
PINS = ("1" * 64, "2" * 64)


def raw_public(key):
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


EXPIRES_AT = int(time.time()) + 86_400  # once: files made in two seconds are to be equal


def trust(*, url="https://127.0.0.1:1", ca_pem="", pins=PINS, version=1, **changes):
    made = Trust(
        format=1,
        organisation_id="org-1",
        organisation="Example",
        region="eu-1",
        version=version,
        issued_at=1_700_000_000,
        expires_at=EXPIRES_AT,
        urls=(url,),
        ca_pem=ca_pem,
        spki_pins=pins,
        keys=tuple(TrustedKey(f"{r.value}-1", r, raw_public(k).hex()) for r, k in KEYS.items()),
    )
    return made.replace(**changes)


def device(url="https://127.0.0.1:1", **changes):
    made = Device(
        device_id="dev-1",
        organisation_id="org-1",
        licence_id="lic-1",
        url=url,
        sign_seed="5" * 64,
        seal_seed="6" * 64,
        artifact_keys=(DeliveredKey("mac-1", MAC_KEY.hex()),),
        request_key=DeliveredKey("req-1", REQUEST_KEY.hex()),
        fingerprint_keys=(DeliveredKey("fp-1", FINGERPRINT_KEY.hex(), 3),),
    )
    return made.replace(**changes)


DEFAULT_DYNAMIC = ((1, "libc.so.6"),)


def shared_object(dynamic=DEFAULT_DYNAMIC, *, flags=5, relocation=None):
    """A minimal x86-64 ELF shared object: one loadable segment, a dynamic section, a string table.

    `dynamic`: (tag, number or string); strings go to the string table.
    """
    strings = bytearray(b"\0")
    entries = []
    for tag, value in dynamic:
        if isinstance(value, str):
            entries.append((tag, len(strings)))
            strings += value.encode() + b"\0"
        else:
            entries.append((tag, value))
    start = 64 + 2 * 56
    table = start + 24
    if relocation is not None:
        entries += [(7, start), (8, 24)]
    size = 16 * (len(entries) + 2)
    entries.append((5, table + size))
    rela = struct.pack("<QQq", 0, relocation or 0, 0)
    body = b"".join(struct.pack("<QQ", *entry) for entry in [*entries, (0, 0)])
    total = table + size + len(strings)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        b"\x7fELF\x02\x01\x01" + bytes(9),
        3,
        62,
        1,
        0,
        64,
        0,
        0,
        64,
        56,
        2,
        0,
        0,
        0,
    )
    load = struct.pack("<IIQQQQQQ", 1, flags, 0, 0, 0, total, total, 4096)
    dyn = struct.pack("<IIQQQQQQ", 2, 6, table, table, table, size, size, 8)
    return header + load + dyn + rela + body + bytes(strings)


PAYLOAD = shared_object()


def manifest(payload=PAYLOAD, **changes):
    made = artifact.Manifest(
        format=1,
        artifact_id="art-1",
        module="sample",
        sha256=hashlib.sha256(payload).hexdigest(),
        size=len(payload),
        seq=5,
        issued_at=1_700_000_000,
        expires_at=int(time.time()) + 3600,
        fingerprint=fingerprint.keyed(FINGERPRINT_KEY, 3, "a" * 64),
        options_sha256=fingerprint.options_digest({"opt_level": 2, "strict": True}),
        organisation_id="org-1",
        licence_id="lic-1",
        device_id="dev-1",
        mac_key_id="mac-1",
        target=platform.running().replace(libc="glibc-2.17", cpu_level=1),
        toolchain={"pyvorin": "0.1.0"},
        verdict_id="ver-1",
        sandbox_tier="native",
        quorum=1,
        functions=(),
    )
    return made.replace(**changes)


def container(about=None, payload=PAYLOAD, *, key=MAC_KEY, signer=None, signed_manifest=None):
    """A packed container; `signed_manifest` puts another build's statement in it."""
    about = about or manifest(payload)
    signing = signer or KEYS[Role.ARTIFACT]
    statement = artifact.sign_statement(signed_manifest or about, {"artifact-1": signing.sign})
    return artifact.pack(about, statement, payload, key)
