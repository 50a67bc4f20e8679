"""Activate this machine: prove the licence key without sending it, receive this device's own keys.

    trust file (checked, digest compared) → device keys made here → POST /v1/license/activate,
    signed with the key derived from the licence key → licence file verified → three secrets opened
    with HPKE → stored 0600 → recall list → done

On the wire: the look-up hash, two public keys, a signature. Neither the licence key nor anything
from which it or a delivered secret could be derived.
"""

import secrets
import sys
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pyvorin_wire import api, httpsig, platform
from pyvorin_wire import licence as formats
from pyvorin_wire.delivered import DeliveredKey
from pyvorin_wire.envelope import unbase64
from pyvorin_wire.errors import LicenceError, WireError
from pyvorin_wire.licence import Delivered, Licence
from pyvorin_wire.trust import Trust
from pyvorin_wire.value import Value

import pyvorin_thin
from pyvorin_thin import keys, licences, paths, trust
from pyvorin_thin.errors import LicenceProblem, ProvenanceError
from pyvorin_thin.keys import Device
from pyvorin_thin.service import Service, Signer
from pyvorin_thin.transport import Connection

SUITE: Final = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


class Activated(Value):
    device: Device
    licence: Licence


def activate(
    believed: Trust, url: str, key_text: str, *, name: str = "", timeout_s: float = 30.0
) -> Activated:
    """Activate and store everything. Raises LicenceProblem, ServiceError or ProvenanceError;
    nothing is stored then."""
    secret = _parse_key(key_text)
    seeds = _device_seeds(believed)
    answer = _request(believed, url, secret, seeds, name, timeout_s)
    licence = licences.open_licence(believed, answer.licence)
    device = _device(url, answer, seeds)
    if (licence.licence_id, licence.organisation_id) != (
        device.licence_id,
        believed.organisation_id,
    ):
        raise ProvenanceError("PYV850", "the service delivered a licence of another organisation")
    trust.save(believed)
    keys.save_device(device)
    licences.save(answer.licence)
    if answer.recall is not None:
        trust.accept_recall(believed, answer.recall)
    return Activated(device, licence)


def read_key(path: str | None) -> str:
    """The licence key from a private file, or from standard input."""
    if path is None:
        if sys.stdin.isatty():
            print("licence key (not shown): ", end="", file=sys.stderr, flush=True)
        return sys.stdin.readline() if not sys.stdin.isatty() else _hidden_line()
    data = paths.read_secret(path)
    if data is None:
        raise LicenceProblem("PYV820", f"{path} does not exist")
    return data.decode("ascii", "replace")


def _hidden_line() -> str:
    import getpass

    return getpass.getpass("")


def sign_claim(device: Device, message: bytes) -> bytes:
    """The device's Ed25519 signature."""
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(device.sign_seed)).sign(message)


def _parse_key(text: str) -> bytes:
    try:
        return formats.parse_key(text)
    except LicenceError as error:
        raise LicenceProblem("PYV820", str(error)) from None


def _device_seeds(believed: Trust) -> tuple[bytes, bytes]:
    """Private seeds for Ed25519 and X25519: this machine's, if it is activated with the same
    organisation already."""
    known = keys.load_device()
    if known is not None and known.organisation_id == believed.organisation_id:
        return bytes.fromhex(known.sign_seed), bytes.fromhex(known.seal_seed)
    return secrets.token_bytes(32), secrets.token_bytes(32)


def _request(
    believed: Trust,
    url: str,
    secret: bytes,
    seeds: tuple[bytes, bytes],
    name: str,
    timeout_s: float,
) -> api.ActivateResponse:
    lookup = formats.lookup_hash(secret)
    prover = Ed25519PrivateKey.from_private_bytes(formats.activation_seed(secret))
    service = Service(
        Connection(believed, url, timeout_s), Signer(lookup, httpsig.ED25519, prover.sign)
    )
    asked = api.ActivateRequest(
        lookup_hash=lookup,
        ed25519=_public(Ed25519PrivateKey.from_private_bytes(seeds[0])),
        x25519=_public(X25519PrivateKey.from_private_bytes(seeds[1])),
        platform=platform.running(),
        client_version=pyvorin_thin.__version__,
        device_name=name,
    )
    return service.call("POST", "/v1/license/activate", asked, api.ActivateResponse)


def _public(key: Ed25519PrivateKey | X25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def _device(url: str, answer: api.ActivateResponse, seeds: tuple[bytes, bytes]) -> Device:
    known = keys.load_device()
    same = known is not None and known.device_id == answer.device_id
    blank = DeliveredKey("none", "0" * 64)
    device = Device(
        device_id=answer.device_id,
        organisation_id=answer.organisation_id,
        licence_id=answer.licence_id,
        url=url,
        sign_seed=seeds[0].hex(),
        seal_seed=seeds[1].hex(),
        artifact_keys=known.artifact_keys if known and same else (),
        request_key=blank,
        fingerprint_keys=(),
    )
    return with_rotated_keys(device, answer.sealed)


def with_rotated_keys(device: Device, sealed: api.Sealed) -> Device:
    """The device with newly delivered keys; older artifact keys stay, so that accepted artifacts
    keep loading."""
    seed = bytes.fromhex(device.seal_seed)
    artifact, request, fingerprints = open_sealed(
        sealed, seed, device.organisation_id, device.device_id
    )
    if not fingerprints:
        raise ProvenanceError("PYV850", "the service delivered no fingerprint key")
    older = tuple(key for key in device.artifact_keys if key.key_id != artifact.key_id)
    return device.replace(
        artifact_keys=(artifact, *older), request_key=request, fingerprint_keys=fingerprints
    )


def open_sealed(
    sealed: api.Sealed, seed: bytes, organisation_id: str, device_id: str
) -> tuple[DeliveredKey, DeliveredKey, tuple[DeliveredKey, ...]]:
    """Open what was sealed to this device. Raises ProvenanceError if it was sealed to another or
    for another purpose."""
    private = X25519PrivateKey.from_private_bytes(seed)

    def opened(text: str, kind: Delivered) -> DeliveredKey:
        info = formats.delivery_info(kind, organisation_id, device_id)
        try:
            return DeliveredKey.from_bytes(SUITE.decrypt(unbase64(text), private, info=info))
        except (InvalidTag, ValueError, WireError) as error:
            raise ProvenanceError(
                "PYV850", f"the delivered {kind.value} key does not open"
            ) from error

    return (
        opened(sealed.artifact, Delivered.ARTIFACT_KEY),
        opened(sealed.request, Delivered.REQUEST_KEY),
        tuple(opened(text, Delivered.FINGERPRINT_KEY) for text in sealed.fingerprint),
    )
