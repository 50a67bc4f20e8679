"""The licence routes: thin, as `licences.service` does the work."""

from fastapi import APIRouter, Request, Response
from pyvorin_wire import api

from pyvorin_server.auth.guard import Guard
from pyvorin_server.kit.http import answer, read_record
from pyvorin_server.licences.service import Licences

MAX_BODY_BYTES = 16_384


def router(licences: Licences, guard: Guard) -> APIRouter:
    """Return the routes under /v1/license."""
    routes = APIRouter(prefix="/v1/license", tags=["licence"])

    @routes.post("/activate")
    async def activate(request: Request) -> Response:
        """Activate a device; signed with the Ed25519 key derived from the licence key."""
        asked = await read_record(request, api.ActivateRequest, MAX_BODY_BYTES)
        return answer(await licences.activate(request, asked))

    @routes.post("/check")
    @routes.post("/summary")
    async def check(request: Request) -> Response:
        """State of the licence, its file, and the number of its devices."""
        principal = await guard.by_token(request, "usage")
        await read_record(request, api.Empty, MAX_BODY_BYTES)
        return answer(await licences.state(principal))

    @routes.post("/refresh")
    async def refresh(request: Request) -> Response:
        """The same, with the device's keys sealed once more."""
        principal = await guard.by_token(request, "usage")
        await read_record(request, api.Empty, MAX_BODY_BYTES)
        return answer(await licences.refresh(principal))

    return routes
