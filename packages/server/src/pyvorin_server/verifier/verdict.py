"""The verdict on one build: what it says, and how it is signed.

A verdict names the job, the fencing token of the attempt, and the SHA-256 of the very artifact
that was judged, so it cannot be used for another build, another attempt or other bytes. It is
signed with the verifier's own Ed25519 key, whose public half the signer holds.
"""

from pyvorin_wire import canonical, envelope
from pyvorin_wire.artifact import FunctionEntry
from pyvorin_wire.envelope import Envelope, Verify
from pyvorin_wire.record import Annotated, Check, Count, Identifier, Record, Sha256

VERDICT_TYPE = "application/vnd.pyvorin.verdict.v1+json"


class Verdict(Record):
    """`cases` outcomes were compared, all equal. There is no failing verdict: the verifier then
    signs nothing.
    """

    verdict_id: Identifier
    job_id: Identifier
    fence: Count
    cases: Annotated[int, Check(low=1)]
    artifact_sha256: Sha256
    artifact_size: Count
    digest: Sha256
    functions: tuple[FunctionEntry, ...]
    toolchain: dict[str, str]
    sandbox_tier: str


def sign_verdict(verdict: Verdict, signers: dict[str, envelope.Sign]) -> Envelope:
    return envelope.sign(VERDICT_TYPE, canonical.dumps(verdict.to_json()), signers)


def open_verdict(signed: bytes, keys: dict[str, Verify]) -> Verdict:
    """Return the verdict if the verifier signed it. Raises `WireError` otherwise."""
    return Verdict.from_json(envelope.document(Envelope.from_bytes(signed), VERDICT_TYPE, keys))
