"""`pyvorin-thin activate URL --trust trust.json < key`: join a service."""

import argparse

from pyvorin_wire.platform import running
from pyvorin_wire.trust import Trust

from pyvorin_thin import activation, build, config, paths, service, trust
from pyvorin_thin.cli import output
from pyvorin_thin.errors import ThinError, UsageError


def run(options: argparse.Namespace) -> int:
    settings = config.load()
    data = paths.read(options.trust)
    if data is None:
        raise UsageError("PYV850", f"{options.trust} does not exist")
    believed = trust.adopt(data, options.trust_digest)
    if options.trust_digest is None:
        output.say(
            f"trusting {believed.organisation}, digest {believed.short_digest()}: compare "
            f"it with your administrator's"
        )
    key = activation.read_key(options.key_file)
    url = (options.url or believed.urls[0]).rstrip("/")
    done = activation.activate(
        believed, url, key, name=options.name, timeout_s=settings["service.timeout-s"]
    )
    _first_contact(done, believed, settings)
    licence = done.licence
    document = {
        "organisation": believed.organisation,
        "device_id": done.device.device_id,
        "plan": licence.plan,
        "terms": list(licence.terms),
    }
    text = (
        f"activated for {believed.organisation} (plan {licence.plan}, device "
        f"{done.device.device_id})\n"
    )
    if licence.terms:
        text += f"terms of your organisation: {', '.join(licence.terms)}\n"
    output.data(document, text, options.format)
    return 0


def _first_contact(done: activation.Activated, believed: Trust, settings: config.Settings) -> None:
    """Fetch what later commands need; activation holds even if this fails."""
    try:
        connected = service.connect(believed, done.device, settings["service.timeout-s"])
        connected.sync(believed)
        build.compiler_version(connected, running())
    except ThinError as error:
        output.say(f"pyvorin-thin: {error.code}: {error.message}; `pyvorin-thin sync` tries again")
