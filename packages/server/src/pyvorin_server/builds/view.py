"""A job as its owner sees it. Diagnostics and report are opened with the organisation's key for
this one answer.
"""

import contextlib
import json
from typing import Any

import sqlalchemy as sa
from pyvorin_wire import api
from pyvorin_wire.diagnostic import Diagnostic
from pyvorin_wire.errors import WireError
from pyvorin_wire.jobs import JobState

from pyvorin_server.builds.codes import CODES
from pyvorin_server.kit.clock import epoch_s
from pyvorin_server.kit.sealing import KeyProvider

Row = sa.Row[tuple[Any, ...]]


def seal_report(data_key: KeyProvider, job: Row, report: dict[str, Any]) -> bytes:
    """Return diagnostics, report and tier sealed for the job's row."""
    plain = json.dumps(report, separators=(",", ":")).encode()
    return data_key.seal(plain, _place(job))


def job_view(
    job: Row, data_key: KeyProvider, *, position: int | None = None, credits: int = 0
) -> api.JobView:
    """Return the job's state with what is known of how it ended."""
    report: dict[str, Any] = {}
    if job.report_sealed is not None:
        report = json.loads(data_key.open(job.report_sealed, _place(job)))
    return api.JobView(
        job_id=job.id,
        state=JobState(job.state),
        created_at=epoch_s(job.created_at),
        updated_at=epoch_s(job.updated_at),
        module=job.module,
        stage=job.stage,
        code=job.code,
        detail=CODES.get(job.code or "", ""),
        diagnostics=tuple(_diagnostics(report.get("diagnostics", []))),
        artifact_id=job.artifact_id,
        queue_position=position,
        sandbox_tier=report.get("tier"),
        report=report.get("report"),
        credits=credits,
    )


def _diagnostics(items: list[Any]) -> list[Diagnostic]:
    """Return the well-formed ones; a worker's malformed finding is dropped, not passed on."""
    found = []
    for item in items:
        with contextlib.suppress(WireError):
            found.append(Diagnostic.from_json(item))
    return found


def _place(job: Row) -> str:
    return f"jobs|report_sealed|{job.id}|{job.organisation_id}"
