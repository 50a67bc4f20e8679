"""One way to talk to SQLite and PostgreSQL alike.

Rules that make one code right on both (each measured to differ between the drivers):

* times are stored in UTC and come back aware (`UtcTime`); SQLite drops the zone by itself;
* text lengths are CHECK constraints; SQLite ignores VARCHAR(n);
* what an INSERT or UPDATE did is asked by RETURNING, never by a row count;
* no row locks: correctness rests on UNIQUE and compare-and-set;
* a transaction that reads and then writes is opened with `write()`, which on SQLite is BEGIN
  IMMEDIATE: a deferred one may fail in its middle when another process wrote in between
  (`db.sqlite`).
"""

import time
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.types import TypeDecorator

from pyvorin_server.db import sqlite, tenant

_TRUSTED_S = 1.0
_CONNECTIONS = 16  # of a process; those beyond are made and closed again


class UtcTime(TypeDecorator[datetime]):
    """Microseconds since 1970 in a 64-bit integer; aware datetimes in Python.

    An integer compares the same way everywhere, and has no zone to lose.
    """

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:
        if value is None:
            return None
        assert value.tzinfo is not None, "naive time"
        return round(value.timestamp() * 1_000_000)

    def process_result_value(self, value: int | None, dialect: Any) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value / 1_000_000, UTC)


class Database:
    """Transactions on the service's tables. One per process."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self._group = sqlite.GroupCommit(engine) if engine.dialect.name == "sqlite" else None

    def write(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that may write: durable when the block has ended, rolled back on an error.

        Write blocks wait for each other, so nothing is waited for in them but the database.
        """
        return self._group.write() if self._group else self.engine.begin()

    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction that only reads one consistent state. Whoever reads a whole table uses
        `stream`, so that nobody else waits for it.
        """
        return sqlite.reading(self.engine) if self._group else self.engine.begin()

    async def close(self) -> None:
        await self.engine.dispose()


def open_database(url: str) -> Database:
    """Return the database at `url` (a SQLAlchemy URL). Connects on first use."""
    if url.startswith("sqlite"):
        engine = sqlite.open_engine(url)
    else:
        # Row-level security shows nothing to a session that does not say for whom it asks.
        options = {"options": f"-c {tenant.SETTING}={tenant.SERVICE}"}
        engine = create_async_engine(url, pool_size=_CONNECTIONS, connect_args=options)
        _ping_after_a_pause(engine.sync_engine)
    tenant.confine(engine.sync_engine)
    return Database(engine)


def _ping_after_a_pause(engine: sa.Engine) -> None:
    """Ask whether a connection still lives when it was not used for a while: before each use it
    costs as much as a query. One that breaks in use makes the pool forget the others.
    """

    @event.listens_for(engine, "checkin")
    def returned(_connection: Any, record: Any) -> None:
        record.info["returned"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def taken(connection: Any, record: Any, _fairy: Any) -> None:
        if time.monotonic() - record.info.get("returned", time.monotonic()) < _TRUSTED_S:
            return
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:  # whatever it is: the pool makes another one
            raise sa.exc.DisconnectionError from error


async def insert_once(connection: AsyncConnection, table: sa.Table, values: dict[str, Any]) -> bool:
    """Insert a row unless a UNIQUE constraint says it is there; return whether it was inserted."""
    insert = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    statement = insert(table).values(**values).on_conflict_do_nothing().returning(sa.literal(1))
    return (await connection.execute(statement)).first() is not None
