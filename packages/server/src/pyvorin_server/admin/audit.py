"""`pyvorin-server audit verify|export|retain`: check, hand out and shorten the audit log."""

import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

from pyvorin_wire import trust as wire
from pyvorin_wire.trust import Role

from pyvorin_server import app
from pyvorin_server.audit import checkpoints, segments
from pyvorin_server.db import open_database
from pyvorin_server.errors import ConfigError
from pyvorin_server.kit.clock import SystemClock
from pyvorin_server.kit.local import LocalClient
from pyvorin_server.kit.tokens import read_token
from pyvorin_server.settings import Settings
from pyvorin_server.signer.keys import verify_ed25519
from pyvorin_server.signer.service import SOCKET


async def verify(settings: Settings) -> checkpoints.Finding | None:
    """Return the first thing that is wrong with chain, segments or heads, or None."""
    database = open_database(settings.app_database)
    try:
        async with database.read() as connection:
            keys = audit_keys(settings)
            return await checkpoints.verify(connection, settings, keys, SystemClock().now())
    finally:
        await database.close()


async def export(settings: Settings) -> None:
    """Write every entry to standard output as JSON lines."""
    database = open_database(settings.app_database)
    async with database.read() as connection:
        async for line in segments.lines(connection):
            sys.stdout.buffer.write(line)
    await database.close()


async def retain(settings: Settings, archive: Path) -> list[segments.Segment]:
    """Seal, archive and then delete entries older than `audit_keep_days`; return the segments.

    Needs the login that owns the tables (`owner_database_url`): the service's own may not delete.
    """
    client = LocalClient(settings.run_dir / SOCKET, read_token(settings.key_dir, "signer"))
    before = SystemClock().now() - timedelta(days=settings.audit_keep_days)
    return await retain_before(settings, archive, client, before)


async def retain_before(
    settings: Settings, archive: Path, client: LocalClient, before: datetime
) -> list[segments.Segment]:
    """The same for entries from before a moment."""

    async def sign(document: dict[str, str | int]) -> bytes:
        return bytes((await client.call("segment", document)).blobs[0])

    database = open_database(settings.owner_database)
    sealed: list[segments.Segment] = []
    try:
        while True:
            now = SystemClock().now()
            async with database.write() as connection:
                found = await segments.next_segment(connection, before)
                if found is None:
                    return sealed
                segment, rows = found
                _archive(archive, segment, rows)
                await segments.seal(connection, segment, rows[-1].at, sign, now)
                await segments.prune(connection, segment.last, now)
            sealed.append(segment)
    finally:
        await database.close()


def audit_keys(settings: Settings) -> checkpoints.Keys:
    """Return the audit keys that trust.json names."""
    trust = wire.parse((settings.data_dir / app.TRUST_FILE).read_bytes())
    return dict(trust.verifiers(Role.AUDIT, verify_ed25519))


def _archive(folder: Path, segment: segments.Segment, rows: list[segments.Row]) -> None:
    """Write a segment's entries through to disk before any of them is deleted."""
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder")
    path = folder / f"audit-{segment.first}-{segment.last}.jsonl"
    with path.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        for row in rows:
            file.write(segments.line(row))
        file.flush()
        os.fsync(file.fileno())
