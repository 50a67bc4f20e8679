"""`pyvorin-thin job list|status|cancel`: the organisation's compile jobs."""

import argparse

from pyvorin_wire import api

from pyvorin_thin import config, keys, service, trust
from pyvorin_thin.cli import output
from pyvorin_thin.errors import ProvenanceError, UsageError


def run(options: argparse.Namespace) -> int:
    settings = config.load()
    device = keys.require_device()
    believed = trust.load()
    if believed is None:
        raise ProvenanceError("PYV850", "the trust file is missing; activate again")
    connected = service.connect(believed, device, settings["service.timeout-s"])
    if options.action == "list":
        jobs = connected.call("GET", "/v1/compile/jobs", None, api.JobPage).items
    elif options.job_id is None:
        raise UsageError("PYV870", f"which job? pyvorin-thin job {options.action} JOB")
    elif options.action == "status":
        jobs = (connected.call("GET", f"/v1/compile/jobs/{options.job_id}", None, api.JobView),)
    else:
        target = f"/v1/compile/jobs/{options.job_id}/cancel"
        jobs = (connected.call("POST", target, api.Empty(), api.JobView),)
    rows = [(job.job_id, job.state.value, job.module, job.code or "", job.detail) for job in jobs]
    output.data({"jobs": [job.to_json() for job in jobs]}, output.table(rows), options.format)
    return 0
