"""Rate limits in the shared database: fixed windows of one minute, counted by upsert."""

from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.db.tables import rate_windows
from pyvorin_server.errors import retry_later
from pyvorin_server.kit.clock import epoch_s

WINDOW_S = 60


async def take(connection: AsyncConnection, key: str, limit: int, now: datetime) -> None:
    """Count one use of `key`; raise `rate_limited` with Retry-After when it is over `limit` a
    minute.
    """
    window = epoch_s(now) // WINDOW_S
    insert: Any = sqlite_insert if connection.dialect.name == "sqlite" else postgresql_insert
    statement = (
        insert(rate_windows)
        .values(key=key, window=window, count=1)
        .on_conflict_do_update(
            index_elements=["key", "window"], set_={"count": rate_windows.c.count + 1}
        )
        .returning(rate_windows.c.count)
    )
    count = (await connection.execute(statement)).scalar_one()
    if count > limit:
        raise retry_later("rate_limited", (window + 1) * WINDOW_S - now.timestamp())


async def drop_old_windows(connection: AsyncConnection, now: datetime) -> None:
    """Forget windows that are over."""
    oldest = epoch_s(now) // WINDOW_S - 1
    await connection.execute(rate_windows.delete().where(rate_windows.c.window < oldest))
