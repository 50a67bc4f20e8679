"""The `pyvorin-server` command.

    init                      make an installation; prints trust.json's path and digest
    up                        every process of it, on loopback over TLS; runs `init` if need be
    api | worker | signer | verifier    one process of it
    licence issue|revoke|list, device revoke|list
    recall                    name what loaders must refuse
    audit verify              walk the audit log's hash chain
    doctor                    what works, what is missing, how to get it
    migrate                   bring the database to this release

stdout is data, stderr is for people. Exit codes are `pyvorin_wire.jobs.ExitCode`.
"""

import argparse
import asyncio
import importlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from pyvorin_wire.jobs import ExitCode

from pyvorin_server.errors import ConfigError, KeyFileError, Problem, ServerError
from pyvorin_server.settings import Settings, current

Command = Callable[[Settings, argparse.Namespace], int]
_PROCESSES = {
    "api": "pyvorin_server.app",
    "worker": "pyvorin_server.worker",
    "signer": "pyvorin_server.signer.process",
    "verifier": "pyvorin_server.verifier.process",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    arguments = _parser().parse_args(argv)
    try:
        settings = current(arguments.data_dir, arguments.config)
        command: Command = arguments.run
        return command(settings, arguments)
    except (ConfigError, KeyFileError, Problem) as error:
        print(f"pyvorin-server: {error}", file=sys.stderr)
        return ExitCode.USAGE
    except ServerError as error:
        print(f"pyvorin-server: {error}", file=sys.stderr)
        return ExitCode.SERVICE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pyvorin-server", description="Pyvorin's service.")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--data-dir", help="the installation's folder")
    shared.add_argument("--config", help="configuration file (default: in the data folder)")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: Command, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, parents=[shared])
        made.set_defaults(run=run)
        return made

    init = add("init", _init, "make an installation")
    init.add_argument("--organisation", default="local", help="name of the organisation")
    init.add_argument("--format", choices=("text", "json"), default="text")
    up = add("up", _up, "start everything")
    up.add_argument("--organisation", default="local", help="name, if there is no installation yet")
    for name in _PROCESSES:
        made = add(name, _process, f"start the {name} process alone")
        made.set_defaults(process=name)
        made.add_argument("--parent", type=int, default=0, help=argparse.SUPPRESS)
    add("migrate", _migrate, "bring the database to this release")
    doctor = add("doctor", _doctor, "what works, what is missing, how to get it")
    doctor.add_argument("--format", choices=("text", "json"), default="text")
    _add_licence(commands, shared)
    _add_device(commands, shared)
    _add_audit(commands, shared)
    recall = add("recall", _recall, "name what loaders must refuse from now on")
    kinds = ("artifact_id", "sha256", "mac_key_id", "toolchain", "fingerprint")
    recall.add_argument("kind", choices=kinds)
    recall.add_argument("value")
    recall.add_argument("--reason", required=True, help="one sentence that users will read")
    return parser


def _add_licence(commands: Any, shared: argparse.ArgumentParser) -> None:
    group = commands.add_parser("licence", help="issue, revoke, list licences")
    verbs = group.add_subparsers(required=True, metavar="VERB")
    issue = verbs.add_parser("issue", parents=[shared], help="make a licence; prints its key once")
    issue.add_argument("--organisation", help="id of the organisation (default: the only one)")
    issue.add_argument("--devices", type=int, default=3, help="devices it may be active on")
    issue.add_argument("--days", type=int, default=365, help="days it is valid")
    issue.add_argument("--format", choices=("text", "json"), default="text")
    issue.set_defaults(run=_licence_issue)
    revoke = verbs.add_parser("revoke", parents=[shared], help="revoke a licence at once")
    revoke.add_argument("licence", help="its id")
    revoke.set_defaults(run=_licence_revoke)
    listing = verbs.add_parser("list", parents=[shared], help="all licences, as JSON lines")
    listing.set_defaults(run=_licence_list)


def _add_device(commands: Any, shared: argparse.ArgumentParser) -> None:
    group = commands.add_parser("device", help="revoke, list devices")
    verbs = group.add_subparsers(required=True, metavar="VERB")
    revoke = verbs.add_parser("revoke", parents=[shared], help="revoke a device at once")
    revoke.add_argument("device", help="its id")
    revoke.set_defaults(run=_device_revoke)
    listing = verbs.add_parser("list", parents=[shared], help="all devices, as JSON lines")
    listing.set_defaults(run=_device_list)


def _add_audit(commands: Any, shared: argparse.ArgumentParser) -> None:
    group = commands.add_parser("audit", help="check the audit log")
    verbs = group.add_subparsers(required=True, metavar="VERB")
    verify = verbs.add_parser("verify", parents=[shared], help="walk the hash chain")
    verify.set_defaults(run=_audit_verify)


def _init(settings: Settings, arguments: argparse.Namespace) -> int:
    initialising = importlib.import_module("pyvorin_server.admin.init")
    made = initialising.initialise(settings, arguments.organisation)
    if arguments.format == "json":
        fields = {"organisation_id": made.organisation_id, "digest": made.digest}
        print(json.dumps({**fields, "trust": str(made.trust_path)}))
    else:
        print(f"trust file   {made.trust_path}")
        print(f"trust digest {made.digest}")
    return ExitCode.OK


def _up(settings: Settings, arguments: argparse.Namespace) -> int:
    initialising = importlib.import_module("pyvorin_server.admin.init")
    if not initialising.is_initialised(settings):
        arguments.format = "text"
        _init(settings, arguments)
    _require_migrated(settings)
    starting = importlib.import_module("pyvorin_server.admin.up")
    return int(starting.Up(settings, arguments.config).run())


def _process(settings: Settings, arguments: argparse.Namespace) -> int:
    if arguments.parent:
        kit = importlib.import_module("pyvorin_server.kit.process")
        kit.die_with_parent()
        if os.getppid() != arguments.parent:
            return ExitCode.SERVICE
    importlib.import_module(_PROCESSES[arguments.process]).main(settings)
    return ExitCode.OK


def _migrate(settings: Settings, _arguments: argparse.Namespace) -> int:
    migrate = importlib.import_module("pyvorin_server.db.migrate")
    migrate.upgrade(settings)
    print(migrate.current(settings))
    return ExitCode.OK


def _require_migrated(settings: Settings) -> None:
    migrate = importlib.import_module("pyvorin_server.db.migrate")
    if migrate.current(settings) != migrate.newest():
        raise ConfigError("the database is of another release; run `pyvorin-server migrate`")


def _doctor(settings: Settings, arguments: argparse.Namespace) -> int:
    doctor = importlib.import_module("pyvorin_server.admin.doctor")
    findings = doctor.examine(settings)
    if arguments.format == "json":
        print(json.dumps(doctor.as_json(findings), indent=2))
    else:
        for each in findings:
            print(f"{each.status:4}  {each.check:15} {each.detail}")
            if each.remedy:
                print(f"      → {each.remedy}")
    failed = any(each.status == "fail" for each in findings)
    return ExitCode.FINDINGS if failed else ExitCode.OK


def _licence_issue(settings: Settings, arguments: argparse.Namespace) -> int:
    licence = importlib.import_module("pyvorin_server.admin.licence")
    licence_id, key = asyncio.run(
        licence.issue(settings, arguments.organisation, arguments.devices, arguments.days)
    )
    if arguments.format == "json":
        print(json.dumps({"licence": licence_id, "key": key}))
    else:
        print(key)
        print(f"licence {licence_id}; its key is shown this once", file=sys.stderr)
    return ExitCode.OK


def _licence_revoke(settings: Settings, arguments: argparse.Namespace) -> int:
    licence = importlib.import_module("pyvorin_server.admin.licence")
    cancelled = asyncio.run(licence.revoke(settings, arguments.licence))
    print(f"revoked; {cancelled} jobs cancelled", file=sys.stderr)
    return ExitCode.OK


def _licence_list(settings: Settings, _arguments: argparse.Namespace) -> int:
    licence = importlib.import_module("pyvorin_server.admin.licence")
    for row in asyncio.run(licence.table(settings)):
        print(json.dumps(row))
    return ExitCode.OK


def _device_revoke(settings: Settings, arguments: argparse.Namespace) -> int:
    licence = importlib.import_module("pyvorin_server.admin.licence")
    asyncio.run(licence.revoke_device(settings, arguments.device))
    return ExitCode.OK


def _device_list(settings: Settings, _arguments: argparse.Namespace) -> int:
    licence = importlib.import_module("pyvorin_server.admin.licence")
    for row in asyncio.run(licence.devices(settings)):
        print(json.dumps(row))
    return ExitCode.OK


def _recall(settings: Settings, arguments: argparse.Namespace) -> int:
    licence = importlib.import_module("pyvorin_server.admin.licence")
    asked = (arguments.kind, arguments.value, arguments.reason)
    asyncio.run(licence.recall(settings, *asked))
    return ExitCode.OK


def _audit_verify(settings: Settings, _arguments: argparse.Namespace) -> int:
    audit = importlib.import_module("pyvorin_server.admin.audit")
    bad = asyncio.run(audit.verify(settings))
    if bad is None:
        print("the audit log's chain is whole")
        return ExitCode.OK
    print(f"the audit log's chain breaks at entry {bad}")
    return ExitCode.FINDINGS
