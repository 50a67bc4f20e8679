"""Where artifact bytes are kept: a folder or an S3-compatible bucket, sealed, create-if-absent.

    <organisation>/<sha256 of the artifact>

An object is written at most once: the store refuses a second write of a key, so neither a repeated
step nor a stale supervisor can replace what was signed. Bytes are sealed under the organisation's
data key, and what comes back is hashed again before it is used: the store is not trusted.
"""

import hashlib
from pathlib import Path

import obstore
from obstore.exceptions import AlreadyExistsError, NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

from pyvorin_server.errors import SealError, ServerError
from pyvorin_server.kit.sealing import KeyProvider
from pyvorin_server.settings import Settings


class StoreError(ServerError):
    """The store lacks an object it must have, or holds other bytes than were signed."""


class ArtifactStore:
    """Sealed artifact bytes by organisation and SHA-256."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put(self, organisation_id: str, content: bytes, data_key: KeyProvider) -> str:
        """Store `content` unless it is there already; return its SHA-256 in hex."""
        digest = hashlib.sha256(content).hexdigest()
        sealed = data_key.seal(content, _place(organisation_id, digest))
        try:
            await obstore.put_async(
                self._store, f"{organisation_id}/{digest}", sealed, mode="create"
            )
        except AlreadyExistsError:
            await self.get(organisation_id, digest, data_key)
        return digest

    async def get(self, organisation_id: str, digest: str, data_key: KeyProvider) -> bytes:
        """Return the bytes with this SHA-256. Raises `StoreError` when they are gone or changed."""
        try:
            answer = await obstore.get_async(self._store, f"{organisation_id}/{digest}")
        except (NotFoundError, FileNotFoundError):
            raise StoreError(f"the store lacks {digest[:12]}") from None
        sealed = bytes(await answer.bytes_async())
        try:
            content = data_key.open(sealed, _place(organisation_id, digest))
        except SealError:
            raise StoreError(f"the object {digest[:12]} was changed") from None
        if hashlib.sha256(content).hexdigest() != digest:
            raise StoreError(f"the store holds other bytes under {digest[:12]}")
        return content


def open_store(settings: Settings) -> ArtifactStore:
    """Return the store of `store_url`, by default a folder of the installation."""
    if settings.store_url:
        return ArtifactStore(from_url(settings.store_url))
    folder: Path = settings.data_dir / "store"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return ArtifactStore(LocalStore(str(folder)))


def _place(organisation_id: str, digest: str) -> str:
    return f"store|artifact|{digest}|{organisation_id}"
