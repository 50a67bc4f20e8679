"""Tokens of the local sockets: one random secret a service, in a 0600 file."""

import secrets
from pathlib import Path

from pyvorin_server.kit.sealing import read_secret, write_secret

SERVICES = ("broker", "signer", "verifier")


def create_tokens(folder: Path) -> None:
    """Make the token of every service. Raises `KeyFileError` if one exists."""
    for service in SERVICES:
        write_secret(folder / f"{service}.token", secrets.token_hex(32).encode())


def read_token(folder: Path, service: str) -> str:
    return read_secret(folder / f"{service}.token").decode()
