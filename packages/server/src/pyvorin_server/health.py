"""`/health`: this process answers. `/ready`: it can do its work; says what is missing in codes."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Response

from pyvorin_server.db import Database
from pyvorin_server.db import tables as t
from pyvorin_server.errors import RemoteError
from pyvorin_server.kit.clock import Clock, epoch_s
from pyvorin_server.kit.http import answer
from pyvorin_server.kit.local import LocalClient
from pyvorin_server.settings import Settings

_STALE = timedelta(seconds=10)


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

        @routes.get("/health")
        async def health() -> Response:
            """The process answers; the time lets a client see its clock's offset."""
            return answer({"status": "ok", "server_time_s": epoch_s(self._clock.now())})

        @routes.get("/ready")
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
