"""Take an artifact of this machine's own compiler into the store, so that `run` and the import hook
attach it like any other.

It gets a manifest of tier "local" and a MAC under this machine's local key; nobody else's machine
accepts it, and no service key can be replaced by it. There is no signed provenance: nobody but this
machine vouches for it.
"""

import hashlib
import json
import time
from typing import Any

from pyvorin_wire import artifact, fingerprint, platform
from pyvorin_wire.artifact import FunctionEntry, Manifest
from pyvorin_wire.envelope import Envelope

from pyvorin_thin import elf, keys, memfd, store
from pyvorin_thin.errors import ProvenanceError

_WEEK_S = 7 * 86_400


def adopt(payload: bytes, module: str, source: str, options: dict[str, Any]) -> Manifest:
    """Store a shared object that `python -m pyvorin compile` wrote for `module`. Raises
    ProvenanceError if it must not be loaded."""
    if (reason := elf.objection(payload)) is not None:
        raise ProvenanceError("PYV815", f"the shared object {reason}")
    described = json.loads(memfd.load_extension(module, payload).META)
    key = keys.local_key(create=True)
    assert key is not None
    about = _manifest(payload, module, source, options, described, key)
    unsigned = Envelope(artifact.STATEMENT_TYPE, "", ())
    store.add(artifact.pack(about, unsigned, payload, key), about)
    return about


def _manifest(
    payload: bytes,
    module: str,
    source: str,
    options: dict[str, Any],
    described: dict[str, Any],
    key: bytes,
) -> Manifest:
    tag = platform.running().replace(cpu_level=1)
    now = int(time.time())
    digest = fingerprint.canonical_digest(
        source, None, options=options, target=tag, compiler=keys.LOCAL
    )
    sha256 = hashlib.sha256(payload).hexdigest()
    return Manifest(
        format=artifact.FORMAT,
        artifact_id=f"local-{sha256[:16]}",
        module=module,
        sha256=sha256,
        size=len(payload),
        seq=now,
        issued_at=now,
        expires_at=now + _WEEK_S,
        fingerprint=fingerprint.keyed(key, 0, digest),
        options_sha256=fingerprint.options_digest(options),
        organisation_id=keys.LOCAL,
        licence_id=keys.LOCAL,
        device_id=keys.LOCAL,
        mac_key_id=keys.LOCAL,
        target=tag,
        toolchain={},
        verdict_id="local",
        sandbox_tier=keys.LOCAL,
        quorum=1,
        functions=tuple(
            FunctionEntry(f["qualname"], f["code_sha256"]) for f in described["functions"]
        ),
    )
