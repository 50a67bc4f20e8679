"""Verification, in numbered steps, of an artifact's bytes. Whoever wants its code passes here
first.

    1  the container comes apart: magic, caps, lengths, canonical manifest          PYV810 PYV802
    2  it is ours: organisation, licence and device                                 PYV807
    3  the MAC over header, manifest and statement, with this device's key          PYV801
    4  the payload is the one the manifest names                                    PYV803
    5  it is the code that was asked for: fingerprint, options, module              PYV803
    6  it fits this interpreter                                                     PYV804
    7  it is not recalled                                                           PYV808
    8  it is not older than what was accepted before                                PYV805
    9  the shared object asks the dynamic linker for nothing unusual                PYV815
    accepting a download also:
    10 its time for acceptance is not over                                          PYV806
    11 the Ed25519 statement is signed by an artifact key and about this build      PYV809

`accept` runs all of them once, `check_load` 1–9 before every load. Each failure is a
ProvenanceError (exit 5), never a cache miss. The bytes passed in are the bytes that will run:
nothing is read again from disk afterwards.
"""

from _collections_abc import Callable

from pyvorin_wire import artifact
from pyvorin_wire import envelope as envelopes
from pyvorin_wire.artifact import Container, Manifest
from pyvorin_wire.errors import WireError
from pyvorin_wire.platform import PlatformTag, misfit
from pyvorin_wire.recall import Recall
from pyvorin_wire.value import Value

from pyvorin_thin import elf
from pyvorin_thin.errors import ProvenanceError
from pyvorin_thin.keys import LOCAL, Device

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pyvorin_wire.trust import Ed25519Verify, Trust


class Expected(Value):
    """What was asked for. A field that is None is not compared."""

    module: str | None = None
    fingerprint: str | None = None
    options_sha256: str | None = None


class Circumstances(Value):
    """Everything that verification depends on besides the bytes.

    `local_key` admits artifacts of this machine's own compiler; `highest_sequence` answers for a
    manifest (-1: none).
    """

    device: Device | None
    local_key: bytes | None
    running: PlatformTag
    recall: Recall | None
    highest_sequence: Callable[[Manifest], int]


def check_load(data: bytes, expected: Expected, around: Circumstances) -> Container:
    """Steps 1–9. Raises ProvenanceError."""
    container = _take_apart(data)
    _check_owner(container.manifest, around)
    _check_mac(container, around)
    if not container.payload_is_bound():
        raise ProvenanceError("PYV803", "the native code is not the one its manifest names")
    _check_asked(container.manifest, expected)
    if (reason := misfit(container.manifest.target, around.running)) is not None:
        raise ProvenanceError("PYV804", f"the artifact does not fit this interpreter: {reason}")
    if around.recall and (reason := around.recall.reason(container.manifest)) is not None:
        raise ProvenanceError("PYV808", f"the artifact has been recalled: {reason}")
    highest = around.highest_sequence(container.manifest)
    if container.manifest.seq < highest:
        found = container.manifest.seq
        raise ProvenanceError(
            "PYV805", f"the artifact is number {found}, and {highest} was accepted before"
        )
    if (reason := elf.objection(container.payload)) is not None:
        raise ProvenanceError("PYV815", f"the shared object {reason}")
    return container


def accept(
    data: bytes,
    expected: Expected,
    around: Circumstances,
    trust: "Trust",
    verify_ed25519: "Ed25519Verify",
    now_s: int,
) -> Container:
    """All steps, for a download. Raises ProvenanceError."""
    container = check_load(data, expected, around)
    if now_s >= container.manifest.expires_at:
        raise ProvenanceError("PYV806", "the artifact's time for acceptance is over")
    check_statement(container, trust, verify_ed25519)
    return container


def _take_apart(data: bytes) -> Container:
    try:
        return artifact.unpack(data)
    except WireError as error:
        truncated = error.code in ("artifact_truncated", "artifact_trailing")
        raise ProvenanceError("PYV802" if truncated else "PYV810", str(error)) from error


def _is_local(manifest: Manifest) -> bool:
    return manifest.sandbox_tier == LOCAL


def _check_owner(manifest: Manifest, around: Circumstances) -> None:
    named = (manifest.organisation_id, manifest.licence_id, manifest.device_id)
    device = around.device
    if _is_local(manifest):
        ours = (LOCAL, LOCAL, LOCAL)
    elif device is None:
        raise ProvenanceError(
            "PYV807", "the artifact is from a service, and this machine is not activated"
        )
    else:
        ours = (device.organisation_id, device.licence_id, device.device_id)
    for what, found, own in zip(("organisation", "licence", "device"), named, ours, strict=True):
        if found != own:
            raise ProvenanceError("PYV807", f"the artifact belongs to another {what}")


def _check_mac(container: Container, around: Circumstances) -> None:
    manifest = container.manifest
    if _is_local(manifest):
        key = around.local_key
    else:
        key = around.device.artifact_key(manifest.mac_key_id) if around.device else None
    if key is None:
        raise ProvenanceError("PYV801", f"this machine has no key {manifest.mac_key_id}")
    if not container.mac_is_good(key):
        raise ProvenanceError("PYV801", "the artifact's authentication code does not match")


def _check_asked(manifest: Manifest, expected: Expected) -> None:
    for field in ("module", "fingerprint", "options_sha256"):
        wanted = getattr(expected, field)
        if wanted is not None and getattr(manifest, field) != wanted:
            raise ProvenanceError(
                "PYV803", f"the artifact is for another {field.replace('_sha256', '')}"
            )


def check_statement(
    container: Container, trust: "Trust", verify_ed25519: "Ed25519Verify"
) -> frozenset[str]:
    """Step 11; the ids of the trusted keys that signed. Raises ProvenanceError."""
    from pyvorin_wire.trust import Role  # a download's, not the loader's

    try:
        keys = trust.verifiers(Role.ARTIFACT, verify_ed25519)
        found = envelopes.signers(container.statement, artifact.STATEMENT_TYPE, keys)
        body = container.statement.body()
    except WireError as error:
        raise ProvenanceError("PYV809", str(error)) from error
    if not artifact.statement_agrees(body, container.manifest):
        raise ProvenanceError("PYV809", "the signed provenance is about another build")
    return found
