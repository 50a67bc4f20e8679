"""`pyvorin-thin telemetry on|off|status|show`."""

import argparse

from pyvorin_thin import config, switches, telemetry
from pyvorin_thin.cli import output


def run(options: argparse.Namespace) -> int:
    if options.action == "off":
        telemetry.turn_off()
    elif options.action == "on":
        telemetry.turn_on()
    settings = config.load()
    reason = switches.telemetry_off_reason(settings)
    if reason is not None:
        telemetry.purge()
    queue = [event.to_json() for event in telemetry.load_queue()]
    document = {"on": reason is None, "reason": reason or "", "queued": len(queue)}
    state = "on" if reason is None else f"off: {reason}"
    text = f"telemetry is {state}; {len(queue)} event(s) queued\n"
    if options.action == "show":
        document["events"] = queue
        text += "".join(f"{event}\n" for event in queue)
    output.data(document, text, options.format)
    return 0
