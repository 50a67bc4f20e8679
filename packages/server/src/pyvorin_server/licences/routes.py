"""The licence routes: thin, as `licences.service` does the work."""

from fastapi import APIRouter, Request, Response
from pyvorin_wire import api, identity

from pyvorin_server.audit import Event
from pyvorin_server.auth.guard import Guard
from pyvorin_server.auth.permissions import Permission
from pyvorin_server.auth.routing import needs, public
from pyvorin_server.kit.http import answer, read_record
from pyvorin_server.licences.service import Licences

MAX_BODY_BYTES = 16_384


def router(licences: Licences, guard: Guard) -> APIRouter:
    """Return the routes under /v1/license."""
    routes = APIRouter(prefix="/v1", tags=["licence"])
    own = needs(Permission.LICENCE_SELF)

    @routes.post(
        "/license/activate",
        **public("signed with the key derived from the licence key", Event.DEVICE_ACTIVATED),
    )
    async def activate(request: Request) -> Response:
        """Activate a device; signed with the Ed25519 key derived from the licence key."""
        asked = await read_record(request, api.ActivateRequest, MAX_BODY_BYTES)
        return answer(await licences.activate(request, asked))

    @routes.post("/auth/ci", **public("carries a CI's identity token", Event.DEVICE_ACTIVATED))
    async def activate_ci(request: Request) -> Response:
        """Activate a CI run by its identity token, for an hour."""
        asked = await read_record(request, identity.CiActivate, MAX_BODY_BYTES)
        return answer(await licences.activate_ci(request, asked))

    @routes.post("/license/check", **own)
    @routes.post("/license/summary", **own)
    async def check(request: Request) -> Response:
        """State of the licence, its file, and the number of its devices."""
        principal = await guard.admit(request)
        await read_record(request, api.Empty, MAX_BODY_BYTES)
        return answer(await licences.state(principal))

    @routes.post("/license/refresh", **needs(Permission.LICENCE_SELF, Event.LICENCE_REFRESHED))
    async def refresh(request: Request) -> Response:
        """The same, with the device's keys sealed once more."""
        principal = await guard.admit(request)
        await read_record(request, api.Empty, MAX_BODY_BYTES)
        return answer(await licences.refresh(principal))

    return routes
