"""Secrets of the API process, each in a 0600 file sealed under the service's key."""

import os
from dataclasses import dataclass
from pathlib import Path

from pyvorin_server.kit.sealing import KeyProvider, read_secret, write_secret

_FILE = "api-secrets.sealed"
_PLACE = "file|api-secrets||"


@dataclass(frozen=True, slots=True, repr=False)
class ApiSecrets:
    """`pepper` hides licence look-ups from a database dump; `request_master` derives request keys.
    32 bytes each.
    """

    pepper: bytes
    request_master: bytes


def create_secrets(folder: Path, keys: KeyProvider) -> ApiSecrets:
    """Make the secrets. Raises `KeyFileError` if they exist."""
    content = os.urandom(64)
    write_secret(folder / _FILE, keys.seal(content, _PLACE))
    return ApiSecrets(content[:32], content[32:])


def load_secrets(folder: Path, keys: KeyProvider) -> ApiSecrets:
    content = keys.open(read_secret(folder / _FILE), _PLACE)
    return ApiSecrets(content[:32], content[32:])
