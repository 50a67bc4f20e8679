"""What this machine trusts: trust.json as handed over by the administrator, and the recall list as
last signed.

Both are stored as they were signed and checked again whenever they are read, so a changed file is
noticed. Neither ever goes back: see `pyvorin_wire.trust` and `.recall`. Ed25519 comes from
`cryptography`, imported only when something is verified that way; the loader does not need it.
"""

import os
import time
from typing import Final

from pyvorin_wire import canonical
from pyvorin_wire import recall as recall_formats
from pyvorin_wire import trust as formats
from pyvorin_wire.envelope import Envelope
from pyvorin_wire.errors import TrustError, WireError
from pyvorin_wire.trust import Role, Trust

from pyvorin_thin import paths, recalls
from pyvorin_thin.errors import ProvenanceError

_CODES: Final = {
    "trust_digest": "PYV851",
    "trust_rollback": "PYV852",
    "recall_rollback": "PYV852",
    "trust_expired": "PYV853",
}


def trust_path() -> str:
    return os.path.join(paths.state(), "trust.json")


def load() -> Trust | None:
    """The trust in use, or None before activation. Raises ProvenanceError if it is damaged."""
    data = paths.read(trust_path())
    return None if data is None else _parse(data)


def adopt(data: bytes, digest: str | None) -> Trust:
    """Check a trust file given by a person, and its digest if given. Not stored before activation
    succeeded.

    Replacing a trust already in use by an older or another organisation's file is refused, unless
    that activation was removed first.
    """
    new = _parse(data)
    try:
        formats.check_current(new, int(time.time()))
        if digest is not None:
            formats.check_digest(new, digest)
    except TrustError as error:
        raise _refused(error) from error
    current = load()
    if (
        current is not None
        and current.organisation_id == new.organisation_id
        and new.version < current.version
    ):
        raise ProvenanceError("PYV852", "this trust file is older than the one in use")
    return new


def save(trust: Trust) -> None:
    paths.write(trust_path(), trust.to_bytes())


def update(current: Trust, signed: Envelope) -> Trust:
    """Follow a signed update and store it. Raises ProvenanceError."""
    try:
        new = formats.accept_update(current, signed, verify_ed25519, int(time.time()))
    except WireError as error:
        raise _refused(error) from error
    if new != current:
        save(new)
    return new


def accept_recall(trust: Trust, signed: Envelope) -> recall_formats.Recall:
    """Check and store a recall list. Raises ProvenanceError."""
    try:
        found = recall_formats.open_list(signed, trust.verifiers(Role.RECALL, verify_ed25519))
        with paths.locked(recalls.recall_path()):
            recall_formats.accept(recalls.load_recall(), found, trust.organisation_id)
            paths.write(recalls.recall_path(), canonical.dumps(found.to_json()))
    except WireError as error:
        raise _refused(error) from error
    return found


def verify_ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    """`pyvorin_wire.trust.Ed25519Verify` on the `cryptography` library."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _parse(data: bytes) -> Trust:
    try:
        return formats.parse(data)
    except WireError as error:
        raise ProvenanceError("PYV850", f"the trust file is not usable: {error}") from error


def _refused(error: WireError) -> ProvenanceError:
    return ProvenanceError(_CODES.get(error.code, "PYV850"), str(error))
