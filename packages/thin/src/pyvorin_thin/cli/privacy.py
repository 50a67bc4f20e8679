"""`pyvorin-thin privacy [FILE]`: what leaves this machine and when, and what is kept on it. With a
file, the very bytes that `compile` would send of it. Sends nothing, contacts nobody."""

import argparse
from typing import Any, Final

from pyvorin_wire import api, canonical

from pyvorin_thin import build, config, holdings, keys, switches, telemetry
from pyvorin_thin.cli import output

EVERY: Final = "with each: this device's key id, a signature, a nonce and the time; your address"
LOOK_UP: Final = ("module", "target", "fingerprint", "opt_level", "strict", "options")
WITH_SOURCE: Final = ("source", "claim", "path", "functions", "bundle", "examples")
SENT: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "activate": ("POST /v1/license/activate", api.ActivateRequest.__match_args__),
    "any command that contacts it": ("POST /v1/auth/token", api.TokenRequest.__match_args__),
    "compile (`module` is empty)": ("POST /v1/compile", LOOK_UP),
    "compile, with both opt-ins": ("POST /v1/compile", WITH_SOURCE),
    "usage events": ("POST /v1/usage/event", api.TelemetryEvent.__match_args__),
}
"""When → the request, and every field of its body."""


def run(options: argparse.Namespace) -> int:
    settings = config.load()
    if options.file is not None:
        return _bytes_of(options, settings)
    document = {
        "sent": {when: {"request": one, "fields": list(f)} for when, (one, f) in SENT.items()},
        "with_each": EVERY,
        "source": "environment opt-in is set" if switches.source_opted_in() else "off",
        "telemetry": switches.telemetry_off_reason(settings) or "on",
        "queued": [event.to_json() for event in telemetry.load_queue()],
        "kept": [_described(each) for each in holdings.kept()],
    }
    output.data(document, _text(document), options.format)
    return 0


def _described(each: holdings.Holding) -> dict[str, Any]:
    known = each.kind
    return {
        "path": each.path,
        "bytes": each.size,
        "what": known.what if known else "not a file of pyvorin-thin",
        "until": known.until if known else "",
        "secret": known.secret if known else False,
    }


def _text(document: dict[str, Any]) -> str:
    rows = [
        (when, one["request"], " ".join(one["fields"])) for when, one in document["sent"].items()
    ]
    text = "sent to your service, and to nobody else:\n" + output.table(rows)
    text += f"{document['with_each']}\n\n"
    text += f"source upload: {document['source']}\nusage events: {document['telemetry']}\n"
    text += "".join(f"queued: {event}\n" for event in document["queued"])
    held = [
        (
            *(item["path"], f"{item['bytes']} bytes", "secret" if item["secret"] else ""),
            f"{item['what']}; {item['until']}".rstrip("; "),
        )
        for item in document["kept"]
    ]
    return text + "\nkept on this machine:\n" + (output.table(held) or "nothing\n")


def _bytes_of(options: argparse.Namespace, settings: config.Settings) -> int:
    plan = build.plan(options.file, None, settings)
    consent = build.Consent.read(True)
    bodies = build.dry_run(plan, keys.require_device(), consent)
    needed = "--include-source" + ("" if consent.environment else f" and {switches.SEND_SOURCE}=1")
    names = ("always", f"after a miss, with {needed}")
    document = [
        {"when": when, "bytes": len(body), "body": canonical.loads(body)}
        for when, body in zip(names, bodies, strict=True)
    ]
    text = "".join(
        f"{when}, {len(body)} bytes:\n{body.decode()}\n"
        for when, body in zip(names, bodies, strict=True)
    )
    output.data({"requests": document}, text, options.format)
    return 0
