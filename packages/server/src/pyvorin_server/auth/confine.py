"""ASGI middleware: until the guard has admitted it, a request sees no organisation's rows."""

from starlette.types import ASGIApp, Receive, Scope, Send

from pyvorin_server.db import tenant


class Confine:
    """Starts every request as NOBODY; see `db.tenant`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            tenant.enter(tenant.NOBODY)
        await self._app(scope, receive, send)
