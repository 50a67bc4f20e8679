"""Telemetry, through one choke point: `emit`.

On by default, but only towards the configured service (none configured: nothing exists to send to),
announced once before the first event, silent in CI. Any of these turns it off, and whichever is
checked last before sending still counts:

    pyvorin-thin telemetry off · PYVORIN_THIN_TELEMETRY_ENABLED=false · DO_NOT_TRACK=1 ·
    telemetry.enabled = false

A value that cannot be parsed means off. Off purges the queue: no connection, no queued byte. Events
are `api.TelemetryEvent`: codes, timings, and names only as HMAC under a local key; no free text, no
paths. The server counts what is billed itself.
"""

import hashlib
import hmac
import os
import secrets
import sys
import time
from typing import Any, Final

from pyvorin_wire import api, canonical
from pyvorin_wire.errors import WireError
from pyvorin_wire.platform import running

import pyvorin_thin
from pyvorin_thin import config, paths, switches
from pyvorin_thin.errors import ThinError
from pyvorin_thin.service import Service

MAX_QUEUE: Final = 1000
_DAY_S: Final = 86_400


def emit(settings: config.Settings, event: str, *, subject: str = "", **numbers: Any) -> None:
    """Queue one event if telemetry is on; purge the queue if it is off. Never fails, never
    waits."""
    try:
        if switches.telemetry_off_reason(settings) is not None:
            purge()
            return
        _announce()
        made = api.TelemetryEvent(event, int(time.time()), subject=_hashed(subject), **numbers)
        checked = api.TelemetryEvent.from_json(made.to_json())
        queue = [*_fresh(settings, load_queue()), checked][-MAX_QUEUE:]
        paths.write(queue_path(), canonical.dumps([item.to_json() for item in queue]))
    except (ThinError, WireError, OSError):
        return


def flush(settings: config.Settings, service: Service) -> int:
    """Send the queue with a connection that is open anyway; the number sent."""
    if switches.telemetry_off_reason(settings) is not None:
        purge()
        return 0
    events = _fresh(settings, load_queue())
    if not events:
        return 0
    batch = api.TelemetryBatch(pyvorin_thin.__version__, running().python_tag, tuple(events))
    if (
        switches.telemetry_off_reason(settings) is not None
    ):  # looked at once more, right before the connection
        purge()
        return 0
    service.call("POST", "/v1/usage/event", batch, api.Accepted)
    purge()
    return len(events)


def turn_off() -> None:
    paths.write(switches.telemetry_switch(), b"off\n")
    purge()


def turn_on() -> None:
    paths.remove(switches.telemetry_switch())


def purge() -> None:
    paths.remove(queue_path())


def queue_path() -> str:
    return os.path.join(paths.state(), "telemetry-queue.json")


def load_queue() -> list[api.TelemetryEvent]:
    """Queued events; a damaged queue is as good as none."""
    data = paths.read(queue_path())
    try:
        items = canonical.loads(data) if data else []
        return [api.TelemetryEvent.from_json(item) for item in items]
    except (WireError, TypeError):
        return []


def _fresh(settings: config.Settings, events: list[api.TelemetryEvent]) -> list[api.TelemetryEvent]:
    oldest = time.time() - settings["telemetry.queue_retention_days"] * _DAY_S
    return [event for event in events if event.at >= oldest]


def _announce() -> None:
    """Say once, before the first event, what is queued and how to turn it off."""
    marker = os.path.join(paths.state(), "telemetry-announced")
    if os.path.exists(marker):
        return
    paths.write(marker, b"")
    print(
        "pyvorin: usage events (codes and timings; no source, names or paths) go to your own"
        " service."
        " See them: `pyvorin-thin telemetry show`. Turn them off: `pyvorin-thin telemetry off`.",
        file=sys.stderr,
    )


def _hashed(subject: str) -> str:
    """16 hex digits under a key that stays here, renewed every 30 days, so nobody else can tell
    what was named."""
    if not subject:
        return ""
    path = os.path.join(paths.state(), "telemetry.key")
    key = paths.read(path)
    if key is None or time.time() - os.lstat(path).st_mtime > 30 * _DAY_S:
        key = secrets.token_bytes(32)
        paths.write(path, key)
    return hmac.new(key, subject.encode(), hashlib.sha256).hexdigest()[:16]
