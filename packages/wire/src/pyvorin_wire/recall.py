"""The recall list: artifacts that must not be loaded any more (a bad build, a stolen key), signed
with a `recall` key of the trust.

A client fetches it on every contact, keeps it, and its loader refuses what it names. The list is
complete each time; versions only grow, so a replayed older list is refused and cannot un-recall
anything. What may never change: field names and RECALL_TYPE.
"""

from _collections_abc import Mapping

from pyvorin_wire import canonical, envelope
from pyvorin_wire.artifact import Manifest
from pyvorin_wire.envelope import Envelope, Verify
from pyvorin_wire.errors import EnvelopeError, TrustError
from pyvorin_wire.record import Annotated, Check, Identifier, Record, Seconds, one_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

RECALL_TYPE: "Final" = "application/vnd.pyvorin.recall.v1+json"
KINDS: "Final" = ("artifact_id", "sha256", "mac_key_id", "toolchain", "fingerprint")


class RecallEntry(Record):
    """Names artifacts by one property: `kind` is artifact_id, sha256, mac_key_id, toolchain
    (`name=version`) or fingerprint."""

    kind: Annotated[str, one_of(*KINDS)]
    value: str
    reason: str

    def names(self, manifest: Manifest) -> bool:
        if self.kind == "toolchain":
            name, _, version = self.value.partition("=")
            return manifest.toolchain.get(name) == version
        return bool(getattr(manifest, self.kind) == self.value)


class Recall(Record):
    version: Annotated[int, Check(low=0, high=2**53)]
    organisation_id: Identifier
    issued_at: Seconds
    entries: tuple[RecallEntry, ...] = ()

    def reason(self, manifest: Manifest) -> str | None:
        """Why this artifact is recalled, or None."""
        return next((entry.reason for entry in self.entries if entry.names(manifest)), None)


def sign(recall: Recall, signers: Mapping[str, envelope.Sign]) -> Envelope:
    return envelope.sign(RECALL_TYPE, canonical.dumps(recall.to_json()), signers)


def open_list(signed: Envelope, keys: Mapping[str, Verify]) -> Recall:
    """The list, if a recall key signed it. Raises TrustError (recall_signature)."""
    try:
        return Recall.from_json(envelope.document(signed, RECALL_TYPE, keys))
    except EnvelopeError as error:
        raise TrustError(
            "the recall list is not signed by a recall key", code="recall_signature"
        ) from error


def accept(current: Recall | None, new: Recall, organisation_id: str) -> Recall:
    """`new`, if it may replace `current`. Raises TrustError (recall_foreign, recall_rollback)."""
    if new.organisation_id != organisation_id:
        raise TrustError("the recall list is for another organisation", code="recall_foreign")
    if current is not None and (
        new.version < current.version or (new.version == current.version and new != current)
    ):
        raise TrustError("the recall list is older than the one in use", code="recall_rollback")
    return new
