"""`pyvorin-thin status`: what this machine is, has and does. Contacts nobody."""

import argparse
import os
import time
from typing import Any

from pyvorin_wire.platform import running, unsupported

from pyvorin_thin import (
    config,
    events,
    hook,
    keys,
    licences,
    local,
    paths,
    store,
    switches,
    trust,
)
from pyvorin_thin.cli import output
from pyvorin_thin.errors import ThinError


def run(options: argparse.Namespace) -> int:
    settings = config.load()
    document = describe(settings)
    rows = [
        (name, _text(value))
        for name, value in document.items()
        if name not in ("fallbacks", "refused")
    ]
    text = output.table(rows)
    for item in document["fallbacks"]:
        name, times = f"{item['module']}.{item['function']}", item.get("resumes", 0)
        text += f"fallback: {name} left native code {times} times\n"
    for item in document["refused"]:
        text += f"refused: {item.get('module')} {item.get('code')}\n"
    output.data(document, text, options.format)
    return 0


def describe(settings: config.Settings) -> dict[str, Any]:
    tag = running()
    recent = events.recent(200)
    modules = store.modules()
    return {
        "interpreter": str(tag),
        "native code": unsupported(tag)
        or f"PYVORIN={hook.mode()}" + (", switched off by `off`" if hook.is_off() else ""),
        "activation": _activation(),
        "licence": _licence(),
        "modules": modules,
        "local compiler": "installed" if local.is_installed() else "not installed",
        "source upload": "environment opt-in is set" if switches.source_opted_in() else "off",
        "telemetry": switches.telemetry_off_reason(settings) or "on",
        "folders": [paths.config(), paths.state(), paths.cache()],
        "fallbacks": [item for item in recent if item["event"] == "fallback"],
        "refused": [item for item in recent if item["event"] == "refused"],
    }


def _activation() -> str:
    device = keys.load_device()
    if device is None:
        return "none"
    believed = trust.load()
    name = believed.organisation if believed else device.organisation_id
    return f"{name} at {device.url} as {device.device_id}"


def _licence() -> str:
    believed = trust.load()
    if believed is None or not os.path.exists(licences.licence_path()):
        return "none"
    try:
        found = licences.stored_licence(believed)
    except ThinError as error:
        return error.message
    if found is None:
        return "none"
    day = time.strftime("%Y-%m-%d", time.gmtime(found.expires_at))
    due = ", refresh due: pyvorin-thin sync" if time.time() > found.refresh_after else ""
    return f"{found.plan}, valid to {day}{due}"


def _text(value: Any) -> str:
    return (", ".join(map(str, value)) or "none") if isinstance(value, list) else str(value)
