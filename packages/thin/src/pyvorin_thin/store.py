"""Accepted artifacts on this machine: content-addressed containers, an index a module, and what was
refused.

    cache/artifacts/<sha256 of container>.pyva        the container, as accepted
    cache/modules/<module>.json                       which containers hold native code for a
    module, newest first cache/quarantine/<time>-<sha256>.pyva             refused containers, kept
    for whoever investigates state/sequence.json                               highest `seq`
    accepted for each (licence, fingerprint, target)

The store only finds candidates. Nothing read from it is believed: the loader verifies the container
on every load.
"""

import os
import time

from pyvorin_wire import canonical
from pyvorin_wire.artifact import MAX_PAYLOAD_BYTES, MAX_TEXT_BYTES, Manifest
from pyvorin_wire.digest import sha256_text
from pyvorin_wire.errors import WireError
from pyvorin_wire.record import FingerprintText, Identifier, Record, Seconds, Sha256

from pyvorin_thin import paths
from pyvorin_thin.errors import ProvenanceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

MAX_CONTAINER_BYTES: "Final" = MAX_PAYLOAD_BYTES + 2 * MAX_TEXT_BYTES + 64
MAX_CANDIDATES: "Final" = 64


class Entry(Record):
    """One container in a module's index. `seen_at`: when the service last confirmed it (for
    `require-fresh`)."""

    container: Sha256
    artifact_id: Identifier
    fingerprint: FingerprintText
    seq: int
    abi: Identifier
    qualnames: tuple[str, ...]
    seen_at: Seconds


def index_path(module: str) -> str:
    return os.path.join(paths.cache(), "modules", f"{module}.json")


def container_path(digest: str) -> str:
    return os.path.join(paths.cache(), "artifacts", f"{digest}.pyva")


def entries(module: str) -> list[Entry]:
    """Candidates for a module, newest first; empty if there are none. Raises ProvenanceError for a
    damaged index."""
    data = paths.read(index_path(module))
    if data is None:
        return []
    try:
        return [Entry.from_json(item) for item in canonical.loads(data)]
    except (WireError, TypeError) as error:
        raise ProvenanceError(
            "PYV854", f"the index of {module} is damaged; compile again"
        ) from error


def read_container(entry: Entry) -> bytes:
    """The container's bytes, read once. Raises ProvenanceError if there is none."""
    data = paths.read(container_path(entry.container), limit=MAX_CONTAINER_BYTES)
    if data is None:
        raise ProvenanceError("PYV802", f"artifact {entry.artifact_id} is missing from the cache")
    return data


def add(data: bytes, manifest: Manifest) -> Entry:
    """Store an accepted container and enter it in its module's index and in the sequence table."""
    digest = sha256_text(data)
    entry = Entry(
        container=digest,
        artifact_id=manifest.artifact_id,
        fingerprint=manifest.fingerprint,
        seq=manifest.seq,
        abi=manifest.target.abi,
        qualnames=tuple(function.qualname for function in manifest.functions),
        seen_at=int(time.time()),
    )
    paths.write(container_path(digest), data)
    path = index_path(manifest.module)
    with paths.locked(path):
        others = [old for old in entries(manifest.module) if not _replaced(old, entry)]
        _write_index(path, [entry, *others][:MAX_CANDIDATES])
    _raise_sequence(manifest)
    return entry


def remove(module: str, container: str) -> None:
    """Take a container out of a module's index and delete it."""
    path = index_path(module)
    with paths.locked(path):
        left = [entry for entry in entries(module) if entry.container != container]
        if left:
            _write_index(path, left)
        else:
            paths.remove(path)
    paths.remove(container_path(container))


def confirm_all() -> None:
    """Note that the service was in contact now: nothing stored is stale (`require-fresh`)."""
    for module in modules():
        path = index_path(module)
        with paths.locked(path):
            now = int(time.time())
            _write_index(path, [entry.replace(seen_at=now) for entry in entries(module)])


def quarantine(data: bytes, reason: str) -> str:
    """Keep a refused container for inspection; the path it was kept at. `reason` becomes a line
    beside it."""
    digest = sha256_text(data)
    base = os.path.join(paths.cache(), "quarantine", f"{int(time.time())}-{digest[:16]}")
    paths.write(f"{base}.pyva", data)
    paths.write(f"{base}.txt", (reason + "\n").encode())
    return f"{base}.pyva"


def modules() -> list[str]:
    """Names of all modules with an index, sorted."""
    try:
        names = os.listdir(os.path.join(paths.cache(), "modules"))
    except FileNotFoundError:
        return []
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))


def highest_sequence(manifest: Manifest) -> int:
    """Highest `seq` accepted for the same licence, fingerprint and target; -1 if none."""
    return _sequences().get(_sequence_name(manifest), -1)


def _raise_sequence(manifest: Manifest) -> None:
    path = _sequence_path()
    with paths.locked(path):
        table = _sequences()
        name = _sequence_name(manifest)
        if manifest.seq > table.get(name, -1):
            table[name] = manifest.seq
            paths.write(path, canonical.dumps(table))


def _sequences() -> dict[str, int]:
    data = paths.read(_sequence_path(), limit=16 << 20)
    if data is None:
        return {}
    try:
        table: Any = canonical.loads(data)
        if type(table) is not dict or any(type(value) is not int for value in table.values()):
            raise ProvenanceError("PYV854", "the table of sequence numbers is damaged")
    except WireError as error:
        raise ProvenanceError("PYV854", "the table of sequence numbers is damaged") from error
    return table


def _sequence_path() -> str:
    return os.path.join(paths.state(), "sequence.json")


def _sequence_name(manifest: Manifest) -> str:
    target = sha256_text(canonical.dumps(manifest.target.to_json()))[:16]
    return f"{manifest.licence_id}/{manifest.fingerprint}/{target}"


def _replaced(old: Entry, new: Entry) -> bool:
    return old.container == new.container or (
        old.fingerprint == new.fingerprint and old.abi == new.abi
    )


def _write_index(path: str, items: list[Entry]) -> None:
    paths.write(path, canonical.dumps([item.to_json() for item in items]))
