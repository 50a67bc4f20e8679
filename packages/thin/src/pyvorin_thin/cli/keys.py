"""`pyvorin-thin keys`: the public keys this machine trusts and for what, and which secrets it
holds. Of a secret only its name is shown. Contacts nobody."""

import argparse
from typing import Any

from pyvorin_wire.trust import Role

from pyvorin_thin import keys, trust
from pyvorin_thin.cli import output

USES = {
    Role.ROOT: "signs changes of this list",
    Role.ARTIFACT: "signs the provenance of artifacts",
    Role.LICENCE: "signs licences",
    Role.RECALL: "signs recall lists",
    Role.AUDIT: "signs checkpoints of the audit log",
}


def run(options: argparse.Namespace) -> int:
    document = {"trusted": trusted(), "held": held()}
    text = "trusted, as trust.json says:\n" + _table(document["trusted"], ("key", "public", "use"))
    text += "\nheld here, and never shown:\n" + _table(document["held"], ("key", "use"))
    output.data(document, text, options.format)
    return 0


def trusted() -> list[dict[str, Any]]:
    """The public keys and certificate pins of the service this machine believes; none before
    activation."""
    believed = trust.load()
    if believed is None:
        return []
    listed = [
        {"key": key.key_id, "role": key.role.value, "public": key.public, "use": USES[key.role]}
        for key in believed.keys
    ]
    use = f"certificate of {', '.join(believed.urls)}"
    return listed + [
        {"key": "certificate pin", "role": "tls", "public": pin, "use": use}
        for pin in believed.spki_pins
    ]


def held() -> list[dict[str, Any]]:
    """The names of this machine's secrets."""
    found = []
    device = keys.load_device()
    if device is not None:
        found.append({"key": device.device_id, "use": "signs source claims, opens delivered keys"})
        found += [
            {"key": key.key_id, "use": "authenticates artifacts"} for key in device.artifact_keys
        ]
        found.append({"key": device.request_key.key_id, "use": "signs requests"})
        found += [
            {"key": key.key_id, "use": f"names code, epoch {key.epoch}"}
            for key in device.fingerprint_keys
        ]
    if keys.local_key() is not None:
        found.append({"key": keys.LOCAL, "use": "authenticates artifacts compiled here"})
    return found


def _table(rows: list[dict[str, Any]], names: tuple[str, ...]) -> str:
    return output.table(tuple(row[name] for name in names) for row in rows) or "none\n"
