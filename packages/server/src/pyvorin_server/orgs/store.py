"""Organisations in the database, and their data keys.

Each organisation's sensitive bytes (artifacts, diagnostics) are sealed with a 256-bit key of its
own, which is stored sealed under the service's key-encryption key. Destroying that one row
destroys all of them.
"""

import os
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.audit import Event, append
from pyvorin_server.auth import members
from pyvorin_server.db.tables import organisations
from pyvorin_server.errors import Problem
from pyvorin_server.kit.ids import new_id
from pyvorin_server.kit.sealing import AesKey, KeyProvider

FIRST_EPOCH = 1
UNLIMITED = "unlimited"


async def create(
    connection: AsyncConnection, name: str, keys: KeyProvider, now: datetime, plan: str = UNLIMITED
) -> str:
    """Make an organisation with a data key of its own; return its id."""
    organisation_id = new_id("org")
    await connection.execute(
        organisations.insert().values(
            id=organisation_id,
            name=name,
            plan=plan,
            data_key_sealed=keys.seal(os.urandom(32), _place(organisation_id)),
            fingerprint_epoch=FIRST_EPOCH,
            created_at=now,
        )
    )
    await members.create_roles(connection, organisation_id, now)
    await append(connection, Event.ORGANISATION_CREATED, at=now, organisation_id=organisation_id)
    return organisation_id


async def count(connection: AsyncConnection) -> int:
    """How many organisations this installation serves."""
    query = sa.select(sa.func.count()).select_from(organisations)
    return int((await connection.execute(query)).scalar_one())


class DataKeys:
    """Opens organisations' data keys; keeps opened ones in memory for this process's life."""

    def __init__(self, keys: KeyProvider) -> None:
        self._keys = keys
        self._opened: dict[str, AesKey] = {}

    async def of(self, connection: AsyncConnection, organisation_id: str) -> AesKey:
        """Return the organisation's data key."""
        if organisation_id not in self._opened:
            query = sa.select(organisations.c.data_key_sealed).where(
                organisations.c.id == organisation_id
            )
            sealed = (await connection.execute(query)).scalar_one_or_none()
            if sealed is None:
                raise Problem("not_found")
            self._opened[organisation_id] = AesKey(self._keys.open(sealed, _place(organisation_id)))
        return self._opened[organisation_id]


def _place(organisation_id: str) -> str:
    return f"organisations|data_key_sealed|{organisation_id}|{organisation_id}"
