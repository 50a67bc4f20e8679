"""Usage routes."""

from fastapi import APIRouter, Request, Response
from pyvorin_wire import api

from pyvorin_server.audit import Event
from pyvorin_server.auth.guard import Guard
from pyvorin_server.auth.permissions import Permission
from pyvorin_server.auth.routing import needs
from pyvorin_server.billing.usage import Usage
from pyvorin_server.kit.http import answer, read_record

_MAX_BATCH_BYTES = 262_144


def router(usage: Usage, guard: Guard) -> APIRouter:
    """Return /v1/usage, /v1/usage.csv and /v1/usage/event."""
    routes = APIRouter(prefix="/v1", tags=["usage"])

    @routes.get("/usage", **needs(Permission.USAGE_READ))
    async def view(request: Request) -> Response:
        """This month's credits and jobs."""
        principal = await guard.admit(request)
        return answer(await usage.view(principal))

    @routes.get("/usage.csv", **needs(Permission.USAGE_READ, Event.USAGE_EXPORTED))
    async def table(request: Request) -> Response:
        """This month's rows."""
        principal = await guard.admit(request)
        return Response(await usage.table(principal), media_type="text/csv")

    @routes.post("/usage/event", **needs(Permission.USAGE_WRITE))
    async def event(request: Request) -> Response:
        """A batch of telemetry."""
        principal = await guard.admit(request)
        batch = await read_record(request, api.TelemetryBatch, _MAX_BATCH_BYTES)
        return answer(api.Accepted(await usage.add_telemetry(principal, batch)))

    return routes
