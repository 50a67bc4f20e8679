"""What each route requires and records, declared where the route is declared.

    @routes.get("/usage", **needs(Permission.USAGE_READ))
    @routes.post("/auth/token", **signed(Event.TOKEN_ISSUED))
    @routes.get("/health", **public("says that the process answers"))

The declaration is part of the route, so the guard reads it from there, the OpenAPI document shows
it, `pyvorin-server routes` prints it, and an application with a route that declares nothing does
not start: deny by default.
"""

from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.routing import iter_route_contexts

from pyvorin_server.audit.events import Event
from pyvorin_server.auth.permissions import Permission
from pyvorin_server.errors import ConfigError

_KEY = "x-pyvorin"


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the route table. `access` is a permission, `signed` or `public`."""

    method: str
    path: str
    access: str
    event: str
    why: str = ""


def needs(permission: Permission, event: Event | None = None) -> dict[str, Any]:
    """A route for those who have the permission; `event` is what it writes to the audit log."""
    return _declared(permission.value, event)


def signed(event: Event | None = None) -> dict[str, Any]:
    """A route for any activated device, by request signature alone."""
    return _declared("signed", event)


def public(why: str, event: Event | None = None) -> dict[str, Any]:
    """A route that checks its caller in another way or needs to know nobody; say why."""
    return _declared("public", event, why)


def _declared(access: str, event: Event | None, why: str = "") -> dict[str, Any]:
    rule = {"access": access, "event": "" if event is None else event.value, "why": why}
    return {"openapi_extra": {_KEY: rule}}


def permission_of(request: Request) -> Permission:
    """Return what the matched route requires. A route without a permission admits nobody."""
    route = request.scope.get("route")
    rule = (getattr(route, "openapi_extra", None) or {}).get(_KEY)
    if rule is None or rule["access"] in ("public", "signed"):
        raise ConfigError(f"{request.url.path} requires no permission and asks the guard")
    return Permission(rule["access"])


def route_table(app: FastAPI) -> list[Rule]:
    """Return the rule of every route, by path. Raises `ConfigError` when one has none."""
    rules = []
    for route in iter_route_contexts(app.routes):
        if route.path == app.openapi_url:
            continue
        declared = (getattr(route, "openapi_extra", None) or {}).get(_KEY)
        if declared is None:
            raise ConfigError(f"route {route.path} does not declare who may use it")
        for method in sorted(route.methods or ()):
            rules.append(Rule(method, str(route.path), **declared))
    if not rules:
        raise ConfigError("no route was found to check")
    return sorted(rules, key=lambda rule: (rule.path, rule.method))
