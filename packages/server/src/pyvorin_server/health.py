"""`/health`: this process answers. `/ready`: it can do its work; says what is missing in codes."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.auth.routing import public
from pyvorin_server.db import Database
from pyvorin_server.db import tables as t
from pyvorin_server.errors import RemoteError
from pyvorin_server.kit.clock import Clock, epoch_s
from pyvorin_server.kit.http import answer
from pyvorin_server.kit.local import LocalClient
from pyvorin_server.settings import Settings

# Nonces and windows are counted by each node's clock: they must agree.
MAX_SKEW_S = 2.0
_STALE = timedelta(seconds=10)


async def clock_skew_s(connection: AsyncConnection, clock: Clock) -> float:
    """Return how far this node's clock is ahead of the database server's; zero on SQLite, which
    has no clock of its own.
    """
    if connection.dialect.name != "postgresql":
        return 0.0
    asked = sa.text("SELECT extract(epoch FROM clock_timestamp())")
    theirs = float((await connection.execute(asked)).scalar_one())
    return clock.now().timestamp() - theirs


class Health:
    """The two unsigned routes every operator needs."""

    def __init__(
        self, settings: Settings, database: Database, signer: LocalClient, clock: Clock
    ) -> None:
        self._settings = settings
        self._database = database
        self._signer = signer
        self._clock = clock

    async def missing(self) -> list[str]:
        """Return codes of what does not work now: database, supervisor, signer."""
        problems = []
        try:
            async with self._database.read() as connection:
                beat = (
                    await connection.execute(sa.select(sa.func.max(t.supervisors.c.beat_at)))
                ).scalar_one()
                skew_s = await clock_skew_s(connection, self._clock)
            if abs(skew_s) > MAX_SKEW_S:
                problems.append("clock")
            if beat is None or beat < self._clock.now() - _STALE:
                problems.append("supervisor")
        except sa.exc.SQLAlchemyError:
            problems.append("database")
        try:
            await self._signer.call("recall", {"organisation_id": "ready"})
        except RemoteError:
            problems.append("signer")
        return problems

    def router(self) -> APIRouter:
        routes = APIRouter(tags=["health"])

        @routes.get("/health", **public("says that the process answers"))
        async def health() -> Response:
            """The process answers; the time lets a client see its clock's offset."""
            return answer({"status": "ok", "server_time_s": epoch_s(self._clock.now())})

        @routes.get("/ready", **public("says what is missing, in codes"))
        async def ready() -> Response:
            """Whether requests can be served, and what is missing."""
            missing: list[str] = await self.missing()
            body: dict[str, Any] = {
                "status": "ready" if not missing else "not_ready",
                "missing": missing,
                "region": self._settings.region,
            }
            return answer(body, 200 if not missing else 503)

        return routes
