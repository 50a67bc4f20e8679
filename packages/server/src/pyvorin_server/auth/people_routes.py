"""Routes of people: enrol, log in and out, approve a device."""

from fastapi import APIRouter, Request, Response
from pyvorin_wire import api, identity

from pyvorin_server.audit import Event
from pyvorin_server.auth.device_codes import DeviceCodes
from pyvorin_server.auth.guard import Guard
from pyvorin_server.auth.people import People
from pyvorin_server.auth.permissions import Permission
from pyvorin_server.auth.routing import needs, public
from pyvorin_server.auth.sessions import check_same_origin, set_cookie
from pyvorin_server.errors import Problem
from pyvorin_server.kit.http import answer, read_record

MAX_BODY_BYTES = 4096
_OWN = Permission.SESSION_SELF


def router(people: People, codes: DeviceCodes, guard: Guard) -> APIRouter:
    """Return the routes under /v1/people."""
    routes = APIRouter(prefix="/v1/people", tags=["people"])

    @routes.post("/enrol", **public("carries a one-time token", Event.MEMBER_ENROLLED))
    async def enrol(request: Request) -> Response:
        """Become a member with an enrolment token; answers with the TOTP secret, once."""
        asked = await read_record(request, identity.Enrol, MAX_BODY_BYTES)
        return answer(await people.enrol(request, asked), 201)

    @routes.post("/session", **public("carries password and code", Event.SESSION_STARTED))
    async def log_in(request: Request) -> Response:
        """Log in; sets the session's cookie. A page of another origin cannot do it."""
        if "origin" in request.headers:
            check_same_origin(request)
        asked = await read_record(request, identity.PasswordLogin, MAX_BODY_BYTES)
        made, member_id = await people.log_in(request, asked)
        response = answer({"member_id": member_id, "csrf": made.csrf})
        response.headers["set-cookie"] = set_cookie(made.cookie)
        return response

    @routes.get("/session", **needs(_OWN))
    async def session(request: Request) -> Response:
        """Who is logged in."""
        person = await guard.admit(request)
        _in_browser(person.device_id)
        return answer(await people.view(request, person))

    @routes.delete("/session", **needs(_OWN, Event.SESSION_ENDED))
    async def log_out(request: Request) -> Response:
        """End this session on the server, and remove the cookie."""
        person = await guard.admit(request)
        _in_browser(person.device_id)
        await people.log_out(request, person)
        response = answer(api.Empty())
        response.headers["set-cookie"] = set_cookie("")
        return response

    @routes.post("/password", **needs(_OWN, Event.PASSWORD_CHANGED))
    async def password(request: Request) -> Response:
        """Set a new password; ends every session of the person."""
        person = await guard.admit(request)
        _in_browser(person.device_id)
        asked = await read_record(request, identity.NewPassword, MAX_BODY_BYTES)
        await people.change_password(request, person, asked)
        return answer(api.Empty())

    @routes.post("/device", **needs(_OWN, Event.DEVICE_CODE_DECIDED))
    async def device(request: Request) -> Response:
        """Approve or deny a device by its user code."""
        person = await guard.admit(request)
        _in_browser(person.device_id)
        asked = await read_record(request, identity.DeviceDecision, MAX_BODY_BYTES)
        await codes.decide(person, asked.user_code, asked.approve)
        return answer(api.Empty())

    return routes


def _in_browser(device_id: str) -> None:
    """A device that a person approved does not manage that person's sessions."""
    if device_id:
        raise Problem("forbidden", "this needs a session")
