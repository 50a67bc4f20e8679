"""Artifact routes: manifest, download, provenance; the recall list."""

from fastapi import APIRouter, Request, Response

from pyvorin_server.artifacts.service import Artifacts
from pyvorin_server.audit import Event
from pyvorin_server.auth.guard import Guard
from pyvorin_server.auth.permissions import Permission
from pyvorin_server.auth.routing import needs
from pyvorin_server.kit.http import answer

MEDIA_TYPE = "application/vnd.pyvorin.artifact.v1"


def router(artifacts: Artifacts, guard: Guard) -> APIRouter:
    """Return the routes under /v1/artifacts, and /v1/recall."""
    routes = APIRouter(prefix="/v1", tags=["artifacts"])
    read = needs(Permission.ARTIFACTS_READ)

    @routes.get("/artifacts/{artifact_id}", **read)
    async def manifest(request: Request, artifact_id: str) -> Response:
        """The manifest, as bound to the asking device."""
        principal = await guard.admit(request)
        return answer((await artifacts.serve(principal, artifact_id)).manifest)

    @routes.get(
        "/artifacts/{artifact_id}/download", **needs(Permission.ARTIFACTS_READ, Event.ARTIFACT_READ)
    )
    async def download(request: Request, artifact_id: str) -> Response:
        """The whole container, made for the asking device."""
        principal = await guard.admit(request)
        served = await artifacts.serve(principal, artifact_id)
        await artifacts.record_read(principal, artifact_id)
        return Response(served.content, media_type=MEDIA_TYPE)

    @routes.get("/artifacts/{artifact_id}/provenance", **read)
    async def provenance(request: Request, artifact_id: str) -> Response:
        """The signed in-toto statement."""
        principal = await guard.admit(request)
        return answer(await artifacts.provenance(principal, artifact_id))

    @routes.get("/recall", **read)
    async def recall(request: Request) -> Response:
        """The signed list of what must not be loaded any more."""
        principal = await guard.admit(request)
        return answer(await artifacts.recall_list(principal.organisation_id))

    return routes
