"""`pyvorin-server licence …`, `device …`, `recall`: what an operator grants and takes away."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.artifacts import store as artifact_store
from pyvorin_server.auth.secrets import load_secrets
from pyvorin_server.builds import store as job_store
from pyvorin_server.db import Database, open_database
from pyvorin_server.db import tables as t
from pyvorin_server.errors import ConfigError
from pyvorin_server.kit.clock import SystemClock, iso
from pyvorin_server.kit.sealing import FileKeyProvider
from pyvorin_server.licences import store
from pyvorin_server.settings import SERVICE_KEK_FILE, Settings


async def issue(
    settings: Settings, organisation_id: str | None, max_devices: int, days: int
) -> tuple[str, str]:
    """Make a licence; return its id and its key. The key exists only in this answer."""
    keys = FileKeyProvider(settings.key_dir / SERVICE_KEK_FILE)
    secrets = load_secrets(settings.key_dir, keys)
    database = open_database(settings.app_database)
    now = SystemClock().now()
    async with database.write() as connection:
        owner = organisation_id or await only_organisation(connection)
        query = sa.select(t.organisations.c.plan).where(t.organisations.c.id == owner)
        plan = (await connection.execute(query)).scalar_one_or_none()
        if plan is None:
            raise ConfigError(f"there is no organisation {owner}")
        terms = store.Terms(plan, max_devices, now, now + timedelta(days=days))
        made = await store.issue(connection, owner, terms, secrets.pepper, now)
    await database.close()
    return made


async def change(settings: Settings, licence_id: str, verb: str) -> int:
    """`suspend`, `resume` or `revoke` a licence; return how many open jobs were cancelled."""
    database = open_database(settings.app_database)
    now = SystemClock().now()
    open_jobs: list[str] = []
    try:
        async with database.write() as connection:
            if verb == "resume":
                await store.resume(connection, licence_id, now)
            else:
                take = store.suspend if verb == "suspend" else store.revoke
                open_jobs = await take(connection, licence_id, now)
            for job_id in open_jobs:
                await job_store.cancel(connection, job_id, now)
    finally:
        await database.close()
    return len(open_jobs)


async def revoke_device(settings: Settings, device_id: str) -> None:
    """Revoke one device."""
    database = open_database(settings.app_database)
    async with database.write() as connection:
        await store.revoke_device(connection, device_id, SystemClock().now())
    await database.close()


async def devices(settings: Settings) -> list[dict[str, Any]]:
    """Return every device with its licence and state."""
    database = open_database(settings.app_database)
    async with database.read() as connection:
        query = sa.select(t.devices).order_by(t.devices.c.created_at)
        rows = (await connection.execute(query)).all()
    await database.close()
    return [
        {
            "device": row.id,
            "licence": row.licence_id,
            "state": "revoked" if row.revoked_at else "active",
            "created_at": iso(row.created_at),
        }
        for row in rows
    ]


async def recall(settings: Settings, kind: str, value: str, reason: str) -> None:
    """Put a line on the recall list."""
    database = open_database(settings.app_database)
    async with database.write() as connection:
        await artifact_store.recall(connection, kind, value, reason, SystemClock().now())
    await database.close()


async def table(settings: Settings) -> list[dict[str, Any]]:
    """Return every licence with its state and the number of its devices."""
    database = open_database(settings.app_database)
    rows = await _rows(database)
    await database.close()
    return rows


async def _rows(database: Database) -> list[dict[str, Any]]:
    now = SystemClock().now()
    found = []
    async with database.read() as connection:
        query = sa.select(t.licences).order_by(t.licences.c.created_at)
        for row in (await connection.execute(query)).all():
            devices = await store.count_devices(connection, row.id)
            shown = store.describe(row, devices, now)
            found.append(
                {
                    "licence": shown.pop("licence_id"),
                    "organisation": row.organisation_id,
                    **shown,
                    "expires_at": iso(row.expires_at),
                }
            )
    return found


async def only_organisation(connection: AsyncConnection) -> str:
    ids = list((await connection.execute(sa.select(t.organisations.c.id))).scalars())
    if len(ids) != 1:
        raise ConfigError(f"there are {len(ids)} organisations; name one with --organisation")
    return str(ids[0])
