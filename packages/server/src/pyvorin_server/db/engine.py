"""One way to talk to SQLite and PostgreSQL alike.

Rules that make one code right on both (each measured to differ between the drivers):

* times are stored in UTC and come back aware (`UtcTime`); SQLite drops the zone by itself;
* text lengths are CHECK constraints; SQLite ignores VARCHAR(n);
* what an INSERT or UPDATE did is asked by RETURNING, never by a row count;
* no row locks: correctness rests on UNIQUE and compare-and-set;
* a transaction that reads and then writes is opened with `write()`, which on SQLite is BEGIN
  IMMEDIATE: a deferred one may fail in its middle when another process wrote in between.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.types import TypeDecorator

_READ_ONLY = "pyvorin_read_only"


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

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that may write; commits at the end of the block, rolls back on an error."""
        async with self.engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads one consistent state."""
        async with self.engine.connect() as connection:
            await connection.execution_options(**{_READ_ONLY: True})
            async with connection.begin():
                yield connection

    async def close(self) -> None:
        await self.engine.dispose()


def open_database(url: str) -> Database:
    """Return the database at `url` (an async SQLAlchemy URL). Connects on first use."""
    engine = create_async_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    if engine.dialect.name == "sqlite":
        _make_sqlite_strict(engine)
    return Database(engine)


def _make_sqlite_strict(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.execute("PRAGMA busy_timeout=15000")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        deferred = connection.get_execution_options().get(_READ_ONLY)
        connection.exec_driver_sql("BEGIN" if deferred else "BEGIN IMMEDIATE")


async def insert_once(connection: AsyncConnection, table: sa.Table, values: dict[str, Any]) -> bool:
    """Insert a row unless a UNIQUE constraint says it is there; return whether it was inserted."""
    insert = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    statement = insert(table).values(**values).on_conflict_do_nothing().returning(sa.literal(1))
    return (await connection.execute(statement)).first() is not None
