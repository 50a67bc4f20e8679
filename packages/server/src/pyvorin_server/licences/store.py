"""Licences and devices in the database. Every function runs in the caller's transaction."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pyvorin_wire import licence as wire
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.audit import Event, append
from pyvorin_server.auth import refresh
from pyvorin_server.db import insert_once
from pyvorin_server.db.tables import devices, jobs, licences
from pyvorin_server.errors import Problem
from pyvorin_server.kit.clock import epoch_s
from pyvorin_server.kit.ids import new_id

Row = sa.Row[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a new licence allows."""

    plan: str
    max_devices: int
    not_before: datetime
    expires_at: datetime


def lookup_of(pepper: bytes, lookup_hash: str) -> bytes:
    """Return what the licence is found by: HMAC(pepper, the hash the client sends)."""
    return hmac.new(pepper, bytes.fromhex(lookup_hash), hashlib.sha256).digest()


async def issue(
    connection: AsyncConnection,
    organisation_id: str,
    terms: Terms,
    pepper: bytes,
    now: datetime,
    by: str = "service",
) -> tuple[str, str]:
    """Make a licence; return its id and its key, which exists nowhere else from now on."""
    secret = secrets.token_bytes(wire.KEY_BYTES)
    activation = Ed25519PrivateKey.from_private_bytes(wire.activation_seed(secret))
    licence_id = new_id("lic")
    await connection.execute(
        licences.insert().values(
            id=licence_id,
            organisation_id=organisation_id,
            lookup=lookup_of(pepper, wire.lookup_hash(secret)),
            public_key=activation.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
            plan=terms.plan,
            max_devices=terms.max_devices,
            sequence=1,
            not_before=terms.not_before,
            expires_at=terms.expires_at,
            created_at=now,
        )
    )
    await append(
        connection,
        Event.LICENCE_ISSUED,
        at=now,
        organisation_id=organisation_id,
        actor=by,
        subject=licence_id,
        detail={"plan": terms.plan, "max_devices": terms.max_devices},
    )
    return licence_id, wire.format_key(secret)


def describe(row: Row, devices: int, now: datetime) -> dict[str, Any]:
    """Return what is shown of a licence."""
    states = (
        (row.revoked_at is not None, "revoked"),
        (row.suspended_at is not None, "suspended"),
        (row.expires_at <= now, "expired"),
        (True, "active"),
    )
    return {
        "licence_id": row.id,
        "state": next(state for holds, state in states if holds),
        "plan": row.plan,
        "devices": devices,
        "max_devices": row.max_devices,
        "expires_at": epoch_s(row.expires_at),
    }


async def find(connection: AsyncConnection, pepper: bytes, lookup_hash: str) -> Row | None:
    """Return the licence whose key has this look-up hash."""
    query = sa.select(licences).where(licences.c.lookup == lookup_of(pepper, lookup_hash))
    return (await connection.execute(query)).first()


async def get(connection: AsyncConnection, licence_id: str) -> Row:
    row = (await connection.execute(sa.select(licences).where(licences.c.id == licence_id))).first()
    if row is None:
        raise Problem("not_found")
    return row


async def enter_device(
    connection: AsyncConnection,
    licence: Row,
    device: Mapping[str, Any],
    now: datetime,
    network: str = "",
) -> str:
    """Give the device a slot of the licence and return its id; the same device keeps its id.

    `device` holds signing_key, sealing_key, label_sealed, key_epoch and, for a CI run, expires_at.
    Raises the `device_limit` problem when all slots are taken: UNIQUE(licence, slot) decides, so
    the limit holds under any race.
    """
    known = await _device_by_key(connection, licence.id, device["signing_key"])
    if known is not None:
        return await _enter_again(connection, known, device)
    for slot in await _free_slots(connection, licence, now):
        device_id = new_id("dev")
        entered = await insert_once(
            connection,
            devices,
            {
                "id": device_id,
                "organisation_id": licence.organisation_id,
                "licence_id": licence.id,
                "slot": slot,
                "created_at": now,
                **device,
            },
        )
        if entered:
            await append(
                connection,
                Event.DEVICE_ACTIVATED,
                at=now,
                organisation_id=licence.organisation_id,
                actor=device_id,
                subject=licence.id,
                detail={"slot": slot, "network": network},
            )
            return device_id
    raise Problem("device_limit", f"the licence allows {licence.max_devices} devices")


async def _enter_again(connection: AsyncConnection, known: Row, device: Mapping[str, Any]) -> str:
    if known.revoked_at is not None:
        raise Problem("device_revoked", "this device is revoked")
    await connection.execute(
        devices.update()
        .where(devices.c.id == known.id)
        .values(sealing_key=device["sealing_key"], key_epoch=device["key_epoch"])
    )
    return str(known.id)


async def _device_by_key(
    connection: AsyncConnection, licence_id: str, signing_key: bytes
) -> Row | None:
    query = sa.select(devices).where(
        devices.c.licence_id == licence_id, devices.c.signing_key == signing_key
    )
    return (await connection.execute(query)).first()


async def _free_slots(connection: AsyncConnection, licence: Row, now: datetime) -> list[int]:
    await connection.execute(
        devices.update()
        .where(devices.c.licence_id == licence.id, devices.c.expires_at <= now)
        .values(slot=None)
    )
    query = sa.select(devices.c.slot).where(
        devices.c.licence_id == licence.id, devices.c.slot.is_not(None)
    )
    taken = set((await connection.execute(query)).scalars())
    return [slot for slot in range(licence.max_devices) if slot not in taken]


async def count_devices(connection: AsyncConnection, licence_id: str) -> int:
    """Return how many devices the licence is active on."""
    query = sa.select(sa.func.count()).where(
        devices.c.licence_id == licence_id, devices.c.revoked_at.is_(None)
    )
    return int((await connection.execute(query)).scalar_one())


async def revoke_device(
    connection: AsyncConnection, device_id: str, now: datetime, by: str = "service"
) -> None:
    """Revoke one device at once and give its place back to the licence."""
    revoked = (
        await connection.execute(
            devices.update()
            .where(devices.c.id == device_id, devices.c.revoked_at.is_(None))
            .values(revoked_at=now, slot=None)
            .returning(devices.c.organisation_id)
        )
    ).first()
    if revoked is None:
        raise Problem("not_found", "no such device, or revoked already")
    await refresh.revoke_device(connection, device_id, now)
    await append(
        connection,
        Event.DEVICE_REVOKED,
        at=now,
        organisation_id=revoked.organisation_id,
        actor=by,
        subject=device_id,
    )


async def revoke(
    connection: AsyncConnection, licence_id: str, now: datetime, by: str = "service"
) -> list[str]:
    """Revoke a licence at once: tokens, and every open job of it. Returns the ids of those jobs.

    Requests are refused from this commit on, since every request reads the row. Open jobs are
    cancelled by the caller (`builds.store.cancel`), running ones by their supervisor within
    seconds.
    """
    changed = {"revoked_at": now, "sequence": licences.c.sequence + 1}
    live = licences.c.revoked_at.is_(None)
    await _change(connection, licence_id, live, changed, Event.LICENCE_REVOKED, now, by)
    return await _cut_off(connection, licence_id, now)


async def suspend(
    connection: AsyncConnection, licence_id: str, now: datetime, by: str = "service"
) -> list[str]:
    """Suspend a licence at once, as `revoke` does, until it is resumed."""
    live = licences.c.revoked_at.is_(None) & licences.c.suspended_at.is_(None)
    changed = {"suspended_at": now, "sequence": licences.c.sequence + 1}
    await _change(connection, licence_id, live, changed, Event.LICENCE_SUSPENDED, now, by)
    return await _cut_off(connection, licence_id, now)


async def resume(
    connection: AsyncConnection, licence_id: str, now: datetime, by: str = "service"
) -> None:
    """Let a suspended licence be used again; its devices fetch new tokens."""
    live = licences.c.revoked_at.is_(None) & licences.c.suspended_at.is_not(None)
    changed = {"suspended_at": None, "sequence": licences.c.sequence + 1}
    await _change(connection, licence_id, live, changed, Event.LICENCE_RESUMED, now, by)


async def _change(
    connection: AsyncConnection,
    licence_id: str,
    condition: sa.ColumnElement[bool],
    values: Mapping[str, Any],
    event: Event,
    now: datetime,
    by: str,
) -> None:
    changed = (
        await connection.execute(
            licences.update()
            .where(licences.c.id == licence_id, condition)
            .values(**values)
            .returning(licences.c.organisation_id)
        )
    ).first()
    if changed is None:
        raise Problem("not_found", "no such licence, or it is in that state already")
    await append(
        connection,
        event,
        at=now,
        organisation_id=changed.organisation_id,
        actor=by,
        subject=licence_id,
    )


async def _cut_off(connection: AsyncConnection, licence_id: str, now: datetime) -> list[str]:
    """Revoke every token of the licence's devices; return its open jobs."""
    of_licence = sa.select(devices.c.id).where(devices.c.licence_id == licence_id)
    for device_id in (await connection.execute(of_licence)).scalars().all():
        await refresh.revoke_device(connection, device_id, now)
    open_jobs = sa.select(jobs.c.id).where(
        jobs.c.licence_id == licence_id, jobs.c.finished_at.is_(None)
    )
    return list((await connection.execute(open_jobs)).scalars())
