"""Routes under /v1/orgs/{organisation_id}: people administer, devices do not."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pyvorin_wire import api, identity

from pyvorin_server.audit import Event
from pyvorin_server.auth.guard import Guard, Principal
from pyvorin_server.auth.permissions import Permission as P
from pyvorin_server.auth.routing import needs
from pyvorin_server.kit.http import answer, read_record
from pyvorin_server.kit.paging import DEFAULT_LIMIT, MAX_LIMIT
from pyvorin_server.manage.alerting import Alerting
from pyvorin_server.manage.auditing import Auditing
from pyvorin_server.manage.organisation import Organisation

MAX_BODY_BYTES = 8192
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Text = Annotated[str, Query(max_length=120)]
Listing = Callable[[Principal], Coroutine[Any, Any, list[dict[str, Any]]]]
_ORG = "/v1/orgs/{organisation_id}"


def router(
    organisation: Organisation, auditing: Auditing, alerting: Alerting, guard: Guard
) -> APIRouter:
    """Return every management route."""
    routes = APIRouter(prefix=_ORG, tags=["organisation"])
    _lists(routes, guard, organisation, alerting)
    _people(routes, guard, organisation)
    _licences(routes, guard, organisation)
    _settings(routes, guard, organisation, alerting)
    _audit(routes, guard, auditing)
    return routes


def _lists(routes: APIRouter, guard: Guard, organisation: Organisation, alerting: Alerting) -> None:
    """Routes that list what there is."""
    table: tuple[tuple[str, P, Listing], ...] = (
        ("/members", P.MEMBERS_READ, organisation.members),
        ("/roles", P.ROLES_READ, organisation.roles),
        ("/licences", P.LICENCES_READ, organisation.licences),
        ("/devices", P.LICENCES_READ, organisation.devices),
        ("/ci", P.SETTINGS_READ, organisation.trusts),
        ("/webhooks", P.SETTINGS_READ, alerting.webhooks),
        ("/alerts", P.ALERTS_READ, alerting.alerts),
    )
    for path, permission, listing in table:
        routes.get(path, name=path[1:], **needs(permission))(_list_route(guard, listing))


def _list_route(guard: Guard, listing: Listing) -> Callable[..., Coroutine[Any, Any, Response]]:
    async def show(request: Request, organisation_id: str) -> Response:
        """All of the organisation's, oldest first."""
        return answer({"items": await listing(await guard.admit(request))})

    return show


def _people(routes: APIRouter, guard: Guard, organisation: Organisation) -> None:
    @routes.post("/members", **needs(P.MEMBERS_WRITE, Event.MEMBER_INVITED))
    async def invite(request: Request, organisation_id: str) -> Response:
        """A one-time enrolment token for a new member."""
        by = await guard.admit(request)
        asked = await read_record(request, identity.Invite, MAX_BODY_BYTES)
        return answer(await organisation.invite(by, asked.role), 201)

    @routes.post("/members/{member_id}/role", **needs(P.MEMBERS_WRITE, Event.MEMBER_ROLE_CHANGED))
    async def assign(request: Request, organisation_id: str, member_id: str) -> Response:
        """Give a member another role; ends their sessions."""
        by = await guard.admit(request)
        asked = await read_record(request, identity.RoleName, MAX_BODY_BYTES)
        await organisation.assign(by, member_id, asked.role)
        return answer(api.Empty())

    @routes.post("/members/{member_id}/disable", **needs(P.MEMBERS_WRITE, Event.MEMBER_DISABLED))
    async def disable(request: Request, organisation_id: str, member_id: str) -> Response:
        """Take a member's access away."""
        by = await guard.admit(request)
        await read_record(request, api.Empty, MAX_BODY_BYTES)
        await organisation.disable(by, member_id)
        return answer(api.Empty())

    @routes.post("/roles", **needs(P.ROLES_WRITE, Event.ROLE_CHANGED))
    async def write_role(request: Request, organisation_id: str) -> Response:
        """A new version of a role, or a new role."""
        by = await guard.admit(request)
        asked = await read_record(request, identity.RoleVersion, MAX_BODY_BYTES)
        return answer({"version": await organisation.write_role(by, asked)}, 201)


def _licences(routes: APIRouter, guard: Guard, organisation: Organisation) -> None:
    @routes.post("/licences", **needs(P.LICENCES_WRITE, Event.LICENCE_ISSUED))
    async def issue(request: Request, organisation_id: str) -> Response:
        """A new licence; its key is in this answer only."""
        by = await guard.admit(request)
        asked = await read_record(request, identity.LicenceTerms, MAX_BODY_BYTES)
        return answer(await organisation.issue(by, asked), 201)

    changes = (
        ("suspend", Event.LICENCE_SUSPENDED),
        ("resume", Event.LICENCE_RESUMED),
        ("revoke", Event.LICENCE_REVOKED),
    )
    for verb, event in changes:
        path = "/licences/{licence_id}/" + verb
        routes.post(path, name=verb, **needs(P.LICENCES_WRITE, event))(
            _licence_route(guard, organisation, verb)
        )

    @routes.post("/devices/{device_id}/revoke", **needs(P.LICENCES_WRITE, Event.DEVICE_REVOKED))
    async def revoke_device(request: Request, organisation_id: str, device_id: str) -> Response:
        """Revoke a device at once."""
        by = await guard.admit(request)
        await read_record(request, api.Empty, MAX_BODY_BYTES)
        await organisation.revoke_device(by, device_id)
        return answer(api.Empty())


def _licence_route(
    guard: Guard, organisation: Organisation, verb: str
) -> Callable[..., Coroutine[Any, Any, Response]]:
    async def change(request: Request, organisation_id: str, licence_id: str) -> Response:
        """Change a licence at once; open jobs end with one that may be used no more."""
        by = await guard.admit(request)
        await read_record(request, api.Empty, MAX_BODY_BYTES)
        return answer({"cancelled": await organisation.change_licence(by, licence_id, verb)})

    return change


def _settings(
    routes: APIRouter, guard: Guard, organisation: Organisation, alerting: Alerting
) -> None:
    @routes.post("/ci", **needs(P.SETTINGS_WRITE, Event.IDENTITY_TRUST_CHANGED))
    async def trust(request: Request, organisation_id: str) -> Response:
        """Let runs of a CI use a licence."""
        by = await guard.admit(request)
        asked = await read_record(request, identity.CiTrust, MAX_BODY_BYTES)
        return answer({"trust_id": await organisation.trust(by, asked)}, 201)

    @routes.post("/ci/{trust_id}/revoke", **needs(P.SETTINGS_WRITE, Event.IDENTITY_TRUST_CHANGED))
    async def distrust(request: Request, organisation_id: str, trust_id: str) -> Response:
        """Trust a CI no more."""
        by = await guard.admit(request)
        await read_record(request, api.Empty, MAX_BODY_BYTES)
        await organisation.distrust(by, trust_id)
        return answer(api.Empty())

    @routes.post("/webhooks", **needs(P.SETTINGS_WRITE, Event.WEBHOOK_CHANGED))
    async def add_webhook(request: Request, organisation_id: str) -> Response:
        """Send alerts to a URL of the egress allow-list; shows the signing secret once."""
        by = await guard.admit(request)
        asked = await read_record(request, identity.NewWebhook, MAX_BODY_BYTES)
        return answer(await alerting.add_webhook(by, asked.url), 201)

    @routes.post("/webhooks/{webhook_id}/disable", **needs(P.SETTINGS_WRITE, Event.WEBHOOK_CHANGED))
    async def disable_webhook(request: Request, organisation_id: str, webhook_id: str) -> Response:
        """Send nothing there any more."""
        by = await guard.admit(request)
        await read_record(request, api.Empty, MAX_BODY_BYTES)
        await alerting.disable_webhook(by, webhook_id)
        return answer(api.Empty())


def _audit(routes: APIRouter, guard: Guard, auditing: Auditing) -> None:
    @routes.get("/audit", **needs(P.AUDIT_READ, Event.AUDIT_READ))
    async def search(
        request: Request,
        organisation_id: str,
        event: Text = "",
        actor: Text = "",
        subject: Text = "",
        cursor: Annotated[int | None, Query(ge=0, le=2**62)] = None,
        limit: Limit = DEFAULT_LIMIT,
    ) -> Response:
        """The organisation's entries, newest first, by event, actor and subject."""
        by = await guard.admit(request)
        return answer(await auditing.search(by, event, actor, subject, cursor, limit))

    @routes.get("/audit/export", **needs(P.AUDIT_READ, Event.AUDIT_EXPORTED))
    async def export(request: Request, organisation_id: str) -> Response:
        """Every entry of the organisation as JSON lines, oldest first."""
        by = await guard.admit(request)
        await auditing.record_export(by)
        return StreamingResponse(auditing.export(by), media_type="application/x-ndjson")

    @routes.get("/audit/verify", **needs(P.AUDIT_READ))
    async def verify(request: Request, organisation_id: str) -> Response:
        """Whether the chain is whole; names the first bad entry."""
        await guard.admit(request)
        return answer(await auditing.verify())
