"""Rate limits in the shared database: fixed windows, counted by upsert, exact under any race.

A window's row is named by its start in whole minutes; windows are a minute or an hour long.
"""

import ipaddress
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.db.tables import rate_windows
from pyvorin_server.errors import Problem, retry_later
from pyvorin_server.kit.clock import epoch_s

WINDOW_S = 60
LONGEST_WINDOW_S = 3600


async def take(
    connection: AsyncConnection, key: str, limit: int, now: datetime, window_s: int = WINDOW_S
) -> None:
    """Count one use of `key`; raise `rate_limited` with Retry-After when it is over `limit` a
    window.
    """
    if await count(connection, key, 1, window_s, now) > limit:
        raise limited(window_s, now)


async def count(
    connection: AsyncConnection, key: str, uses: int, window_s: int, now: datetime
) -> int:
    """Add uses to the current window of `key` and return its count."""
    return (await count_each(connection, {key: uses}, window_s, now))[key]


async def count_each(
    connection: AsyncConnection, uses: Mapping[str, int], window_s: int, now: datetime
) -> dict[str, int]:
    """Add uses to the current windows of several keys and return their counts.

    Sorted, so that two nodes with the same keys in hand wait for each other and never in a ring.
    """
    window, suffix = _start_s(now, window_s) // 60, f"|{window_s}"
    rows = [{"key": key + suffix, "window": window, "count": uses[key]} for key in sorted(uses)]
    found = await connection.execute(_COUNT[connection.dialect.name], rows)
    return {row.key.removesuffix(suffix): row.count_now for row in found.all()}


def _counting(insert: Any) -> Any:
    statement = insert(rate_windows)
    return statement.on_conflict_do_update(
        index_elements=["key", "window"],
        set_={"count": rate_windows.c.count + statement.excluded.count},
    ).returning(rate_windows.c.key, rate_windows.c.count.label("count_now"))


_COUNT = {"sqlite": _counting(sqlite_insert), "postgresql": _counting(postgresql_insert)}


def limited(window_s: int, now: datetime) -> Problem:
    """Return the refusal that says when the window ends."""
    return retry_later("rate_limited", _start_s(now, window_s) + window_s - now.timestamp())


def address_key(host: str | None) -> str:
    """Return what an address is counted under: IPv6 by /64, which is one subscriber's.

    The peer's own address: headers such as X-Forwarded-For are the caller's to write.
    """
    try:
        address = ipaddress.ip_address(host or "local")
    except ValueError:
        return "local"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


async def drop_old_windows(connection: AsyncConnection, now: datetime) -> None:
    """Forget windows that are over, whatever their length."""
    oldest = (epoch_s(now) - LONGEST_WINDOW_S) // 60 - 1
    await connection.execute(rate_windows.delete().where(rate_windows.c.window < oldest))


def _start_s(now: datetime, window_s: int) -> int:
    return epoch_s(now) // window_s * window_s
