"""The artifact: a shared object that proves what it is, for whom, from what, and who checked it.

Container, all integers big endian:

    offset  size  field
    0       8     magic  b"PYVORIN" 0x01
    8       4     length of manifest        (at most 1 MiB)
    12      4     length of statement       (at most 1 MiB)
    16      8     length of payload         (at most 256 MiB)
    24      32    MAC
    56      …     manifest, canonical JSON · statement, DSSE envelope in canonical JSON · payload,
    the .so bytes; nothing after it

The MAC is HMAC-SHA256(device artifact key, PAE(CONTAINER_TYPE, header[0:24] ‖ manifest ‖
statement)); the manifest holds the payload's size and SHA-256, so every byte is bound. The
algorithm is fixed by the format: there is no field to downgrade. A device's key can forge only for
that device; beside it stands the *statement*: an in-toto statement with SLSA provenance,
Ed25519-signed by the service, that anyone can check.

What may never change: the layout above and the names and meaning of manifest fields
(tests/wire/golden). A new field is a new FORMAT, which older readers refuse by name.
"""

import struct
from _collections_abc import Mapping

from pyvorin_wire import canonical, digest, envelope
from pyvorin_wire.envelope import Envelope, Sign
from pyvorin_wire.errors import ArtifactError
from pyvorin_wire.platform import PlatformTag
from pyvorin_wire.record import (
    Annotated,
    Check,
    Count,
    FingerprintText,
    Identifier,
    Record,
    Seconds,
    Sha256,
    one_of,
)
from pyvorin_wire.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

FORMAT: "Final" = 1
MAGIC: "Final" = b"PYVORIN\x01"
CONTAINER_TYPE: "Final" = "application/vnd.pyvorin.artifact.v1"
STATEMENT_TYPE: "Final" = "application/vnd.in-toto+json"
BUILD_TYPE: "Final" = "https://pyvorin.dev/build/v1"
MAX_TEXT_BYTES: "Final" = 1 << 20
MAX_PAYLOAD_BYTES: "Final" = 256 << 20
_HEADER: "Final" = struct.Struct(">8sIIQ")
_PREFIX: "Final" = _HEADER.size + envelope.MAC_BYTES


class FunctionEntry(Record):
    """One native function: `code_sha256` is the digest of its `co_code` and exception table, to be
    equal in the live function."""

    qualname: str
    code_sha256: Sha256


class Manifest(Record):
    """What the artifact is. Times are Unix seconds; `seq` grows with every build of the same
    (fingerprint, target) in an organisation."""

    format: Annotated[int, Check(low=FORMAT, high=FORMAT)]
    artifact_id: Identifier
    module: str
    sha256: Sha256
    size: Annotated[int, Check(low=1, high=MAX_PAYLOAD_BYTES)]
    seq: Count
    issued_at: Seconds
    expires_at: Seconds
    fingerprint: FingerprintText
    options_sha256: Sha256
    organisation_id: Identifier
    licence_id: Identifier
    device_id: Identifier
    mac_key_id: Identifier
    target: PlatformTag
    toolchain: Mapping[str, str]
    verdict_id: Identifier
    sandbox_tier: Annotated[str, one_of("microvm", "gvisor", "native", "restricted", "local")]
    quorum: Annotated[int, Check(low=1, high=16)]
    functions: tuple[FunctionEntry, ...]

    def to_bytes(self) -> bytes:
        return canonical.dumps(self.to_json())

    @classmethod
    def from_bytes(cls, data: bytes) -> "Manifest":
        return cls.from_json(canonical.loads(data, max_bytes=MAX_TEXT_BYTES))


class Container(Value):
    """A container taken apart, *not verified*: lengths agree and the parts parse, nothing more."""

    signed: bytes
    mac: bytes
    manifest: Manifest
    statement: Envelope
    payload: bytes

    def mac_is_good(self, key: bytes) -> bool:
        return envelope.check_mac(key, CONTAINER_TYPE, self.signed, self.mac)

    def payload_is_bound(self) -> bool:
        """Whether the payload is the one the manifest names."""
        return (
            len(self.payload) == self.manifest.size
            and digest.sha256_text(self.payload) == self.manifest.sha256
        )


def pack(manifest: Manifest, statement: Envelope, payload: bytes, key: bytes) -> bytes:
    """The container's bytes, MACed with the device's artifact key. Raises ArtifactError if the
    manifest names another payload."""
    if len(payload) != manifest.size or digest.sha256_text(payload) != manifest.sha256:
        raise ArtifactError("the manifest names another payload", code="artifact_payload")
    texts = manifest.to_bytes(), statement.to_bytes()
    if max(map(len, texts)) > MAX_TEXT_BYTES or len(payload) > MAX_PAYLOAD_BYTES:
        raise ArtifactError("a part is over its cap", code="artifact_size")
    signed = _HEADER.pack(MAGIC, len(texts[0]), len(texts[1]), len(payload)) + texts[0] + texts[1]
    tag = envelope.mac(key, CONTAINER_TYPE, signed)
    return signed[: _HEADER.size] + tag + signed[_HEADER.size :] + payload


def unpack(data: bytes) -> Container:
    """Take apart. Raises ArtifactError (codes artifact_magic, artifact_truncated, artifact_size,
    artifact_trailing) or another WireError."""
    manifest_size, statement_size, payload_size = _lengths(data)
    start = _PREFIX + manifest_size
    end = start + statement_size
    if len(data) < end + payload_size:
        raise ArtifactError("the artifact is truncated", code="artifact_truncated")
    if len(data) > end + payload_size:
        raise ArtifactError("the artifact has bytes after its end", code="artifact_trailing")
    return Container(
        signed=data[: _HEADER.size] + data[_PREFIX:end],
        mac=data[_HEADER.size : _PREFIX],
        manifest=Manifest.from_bytes(data[_PREFIX:start]),
        statement=Envelope.from_bytes(data[start:end]),
        payload=data[end:],
    )


def _lengths(data: bytes) -> tuple[int, int, int]:
    if data[: len(MAGIC)] != MAGIC[: len(data)]:
        raise ArtifactError("this is not a Pyvorin artifact", code="artifact_magic")
    if len(data) < _PREFIX:
        raise ArtifactError("the artifact is truncated", code="artifact_truncated")
    _, manifest_size, statement_size, payload_size = _HEADER.unpack_from(data)
    if max(manifest_size, statement_size) > MAX_TEXT_BYTES or payload_size > MAX_PAYLOAD_BYTES:
        raise ArtifactError("a part is over its cap", code="artifact_size")
    return manifest_size, statement_size, payload_size


def statement(manifest: Manifest) -> "dict[str, Any]":
    """The in-toto statement of a build. It names no device or licence, so every device of an
    organisation gets the same one."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": manifest.artifact_id, "digest": {"sha256": manifest.sha256}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "module": manifest.module,
                    "fingerprint": manifest.fingerprint,
                    "options_sha256": manifest.options_sha256,
                    "target": manifest.target.to_json(),
                    "functions": [entry.to_json() for entry in manifest.functions],
                },
                "internalParameters": {
                    "organisation_id": manifest.organisation_id,
                    "seq": manifest.seq,
                    "size": manifest.size,
                    "sandbox_tier": manifest.sandbox_tier,
                    "quorum": manifest.quorum,
                    "verdict_id": manifest.verdict_id,
                },
                "resolvedDependencies": [
                    {"name": name, "annotations": {"version": version}}
                    for name, version in sorted(manifest.toolchain.items())
                ],
            },
            "runDetails": {
                "builder": {"id": f"{BUILD_TYPE}/{manifest.sandbox_tier}"},
                "metadata": {"invocationId": manifest.verdict_id},
            },
        },
    }


def sign_statement(manifest: Manifest, signers: Mapping[str, Sign]) -> Envelope:
    """The signed provenance of a build (key id → Ed25519 sign)."""
    return envelope.sign(STATEMENT_TYPE, canonical.dumps(statement(manifest)), signers)


def statement_agrees(body: bytes, manifest: Manifest) -> bool:
    """Whether a verified statement's bytes are exactly those of this manifest's build."""
    return body == canonical.dumps(statement(manifest))
