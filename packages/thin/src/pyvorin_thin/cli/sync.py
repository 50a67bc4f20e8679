"""`pyvorin-thin sync`: one contact with the service: trust updates, recall list, licence file,
rotated keys, queued events."""

import argparse

from pyvorin_wire import api
from pyvorin_wire.envelope import Envelope
from pyvorin_wire.platform import running
from pyvorin_wire.trust import Trust

from pyvorin_thin import (
    activation,
    build,
    config,
    keys,
    licences,
    recalls,
    service,
    store,
    telemetry,
    trust,
)
from pyvorin_thin.cli import output
from pyvorin_thin.errors import ProvenanceError, ServiceError


def run(options: argparse.Namespace) -> int:
    settings = config.load()
    device = keys.require_device()
    believed = trust.load()
    if believed is None:
        raise ProvenanceError("PYV850", "the trust file is missing; activate again")
    connected = service.connect(believed, device, settings["service.timeout-s"])
    believed = _follow_trust(connected, believed)
    connected.sync(believed)
    build.compiler_version(connected, running())
    state = _refresh(connected, believed, device)
    store.confirm_all()
    sent = telemetry.flush(settings, connected)
    recall = recalls.load_recall()
    document = {
        "trust_version": believed.version,
        "recall_version": recall.version if recall else 0,
        "licence": state,
        "events_sent": sent,
    }
    output.data(document, output.table((k, str(v)) for k, v in document.items()), options.format)
    return 0


def _follow_trust(connected: service.Service, believed: Trust) -> Trust:
    """A service without trust updates answers not_found; that is no failure."""
    try:
        return trust.update(believed, connected.call("GET", "/v1/trust", None, Envelope))
    except ServiceError as error:
        if error.code != "PYV834":
            raise
        return believed


def _refresh(connected: service.Service, believed: Trust, device: keys.Device) -> str:
    answer = connected.call("POST", "/v1/license/refresh", api.Empty(), api.LicenceResponse)
    licences.open_licence(believed, answer.licence)
    licences.save(answer.licence)
    if answer.sealed is not None:
        keys.save_device(activation.with_rotated_keys(device, answer.sealed))
    return answer.state
