"""The `pyvorin-server` command.

    init                      make an installation; prints trust.json's path and digest
    up                        every process of it, on loopback over TLS; runs `init` if need be
    api | worker | signer | verifier    one process of it
    licence issue|suspend|resume|revoke|answer|list, device revoke|list
    admin invite              a one-time token for an administrator
    organisation create|plan, billing reconcile, keys rotate
    recall                    name what loaders must refuse
    audit verify|export|retain   check, hand out, shorten the audit log
    routes                    every route, who may use it, what it records
    doctor                    what works, what is missing, how to get it
    migrate                   bring the database to this release

stdout is data, stderr is for people. Exit codes are `pyvorin_wire.jobs.ExitCode`.
"""

import argparse
import asyncio
import gc
import importlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
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
    except Exception as error:
        reason = _from_outside(error)
        if reason is None or hasattr(arguments, "process") or os.environ.get("PYVORIN_DEBUG"):
            raise
        print(f"pyvorin-server: {reason}", file=sys.stderr)
        return ExitCode.USAGE


def _from_outside(error: Exception) -> str | None:
    """What the machine or the database refuses, as one sentence; None for a fault of ours."""
    if isinstance(error, OSError) and error.errno is not None:
        where = f" ({error.filename})" if error.filename else ""
        return f"cannot go on: {(error.strerror or str(error)).lower()}{where}"
    if type(error).__module__.startswith("sqlalchemy."):
        cause = str(getattr(error, "orig", None) or error).splitlines()[0]
        return (
            f"the database cannot be used: {cause}; is there an installation? pyvorin-server doctor"
        )
    return None


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
    _add_people(commands, shared)
    recall = add("recall", _recall, "name what loaders must refuse from now on")
    kinds = ("artifact_id", "sha256", "mac_key_id", "toolchain", "fingerprint")
    recall.add_argument("kind", choices=kinds)
    recall.add_argument("value")
    recall.add_argument("--reason", required=True, help="one sentence that users will read")
    return parser


def _add_licence(commands: Any, shared: argparse.ArgumentParser) -> None:
    group = commands.add_parser("licence", help="issue, suspend, resume, revoke, list licences")
    verbs = group.add_subparsers(required=True, metavar="VERB")
    issue = verbs.add_parser("issue", parents=[shared], help="make a licence; prints its key once")
    issue.add_argument("--organisation", help="id of the organisation (default: the only one)")
    issue.add_argument("--devices", type=int, default=3, help="devices it may be active on")
    issue.add_argument("--days", type=int, default=365, help="days it is valid")
    issue.add_argument("--format", choices=("text", "json"), default="text")
    issue.set_defaults(run=_licence_issue)
    for verb, text in (
        ("suspend", "stop a licence at once, until it is resumed"),
        ("resume", "let a suspended licence be used again"),
        ("revoke", "revoke a licence at once, for good"),
    ):
        change = verbs.add_parser(verb, parents=[shared], help=text)
        change.add_argument("licence", help="its id")
        change.set_defaults(run=_licence_change, verb=verb)
    answer = verbs.add_parser(
        "answer", parents=[shared], help="activate a machine without a network, by two files"
    )
    answer.add_argument("request", help="the request file that the machine made")
    answer.set_defaults(run=_licence_answer)
    listing = verbs.add_parser("list", parents=[shared], help="all licences, as JSON lines")
    listing.set_defaults(run=_licence_list)


def _add_people(commands: Any, shared: argparse.ArgumentParser) -> None:
    verbs = commands.add_parser("admin", help="people").add_subparsers(required=True)
    invite = verbs.add_parser("invite", parents=[shared], help="a token for an administrator")
    invite.add_argument("--organisation", help="id of the organisation (default: the only one)")
    invite.set_defaults(run=_admin_invite)
    verbs = commands.add_parser("keys", help="keys").add_subparsers(required=True)
    rotate = verbs.add_parser("rotate", parents=[shared], help="a new key for access tokens")
    rotate.set_defaults(run=_keys_rotate)
    verbs = commands.add_parser("organisation", help="tenants").add_subparsers(required=True)
    create = verbs.add_parser("create", parents=[shared], help="make an organisation")
    create.add_argument("name")
    create.add_argument("--plan", default="unlimited")
    create.set_defaults(run=_organisation_create)
    plan = verbs.add_parser("plan", parents=[shared], help="put it on another plan")
    plan.add_argument("organisation")
    plan.add_argument("plan")
    plan.set_defaults(run=_organisation_plan)
    verbs = commands.add_parser("billing", help="credits").add_subparsers(required=True)
    reconcile = verbs.add_parser(
        "reconcile", parents=[shared], help="counters that differ from what was billed"
    )
    reconcile.add_argument("--correct", action="store_true", help="set them right")
    reconcile.set_defaults(run=_billing_reconcile)
    routes = commands.add_parser("routes", parents=[shared], help="who may use which route")
    routes.set_defaults(run=_routes)


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
    verify = verbs.add_parser("verify", parents=[shared], help="check chain, segments and heads")
    verify.set_defaults(run=_audit_verify)
    export = verbs.add_parser("export", parents=[shared], help="every entry, as JSON lines")
    export.set_defaults(run=_audit_export)
    retain = verbs.add_parser(
        "retain", parents=[shared], help="seal, archive and delete what is past its time"
    )
    retain.add_argument("--archive", required=True, help="folder the deleted entries are kept in")
    retain.set_defaults(run=_audit_retain)


def _module(name: str) -> Any:
    """Import what a command needs. It lives as long as the process, so the collector need not look
    through it while it grows, which is a fifth of a start, nor ever again.
    """
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.freeze()
        gc.enable()


def _init(settings: Settings, arguments: argparse.Namespace) -> int:
    initialising = _module("pyvorin_server.admin.init")
    made = initialising.initialise(settings, arguments.organisation)
    if arguments.format == "json":
        fields = {"organisation_id": made.organisation_id, "digest": made.digest}
        print(json.dumps({**fields, "trust": str(made.trust_path)}))
    else:
        print(f"trust file   {made.trust_path}")
        print(f"trust digest {made.digest}")
    return ExitCode.OK


def _up(settings: Settings, arguments: argparse.Namespace) -> int:
    initialising = _module("pyvorin_server.admin.init")
    if not initialising.is_initialised(settings):
        arguments.format = "text"
        _init(settings, arguments)
    _require_migrated(settings)
    starting = _module("pyvorin_server.admin.up")
    return int(starting.Up(settings, arguments.config).run())


def _process(settings: Settings, arguments: argparse.Namespace) -> int:
    if arguments.parent:
        kit = _module("pyvorin_server.kit.process")
        kit.die_with_parent()
        if os.getppid() != arguments.parent:
            return ExitCode.SERVICE
    _module(_PROCESSES[arguments.process]).main(settings)
    return ExitCode.OK


def _migrate(settings: Settings, _arguments: argparse.Namespace) -> int:
    migrate = _module("pyvorin_server.db.migrate")
    migrate.upgrade(settings)
    _module("pyvorin_server.db.grants").apply(settings)
    print(migrate.current(settings))
    return ExitCode.OK


def _require_migrated(settings: Settings) -> None:
    migrate = _module("pyvorin_server.db.migrate")
    if migrate.current(settings) != migrate.newest():
        raise ConfigError("the database is of another release; run `pyvorin-server migrate`")


def _doctor(settings: Settings, arguments: argparse.Namespace) -> int:
    doctor = _module("pyvorin_server.admin.doctor")
    findings = doctor.examine(settings)
    if arguments.format == "json":
        print(json.dumps(doctor.as_json(findings), indent=2))
    else:
        print(doctor.as_text(findings, coloured=doctor.wants_colour(sys.stdout)))
    failed = any(each.status == "fail" for each in findings)
    return ExitCode.FINDINGS if failed else ExitCode.OK


def _licence_issue(settings: Settings, arguments: argparse.Namespace) -> int:
    licence = _module("pyvorin_server.admin.licence")
    licence_id, key = asyncio.run(
        licence.issue(settings, arguments.organisation, arguments.devices, arguments.days)
    )
    if arguments.format == "json":
        print(json.dumps({"licence": licence_id, "key": key}))
    else:
        print(key)
        print(f"licence {licence_id}; its key is shown this once", file=sys.stderr)
    return ExitCode.OK


def _licence_change(settings: Settings, arguments: argparse.Namespace) -> int:
    licence = _module("pyvorin_server.admin.licence")
    cancelled = asyncio.run(licence.change(settings, arguments.licence, arguments.verb))
    print(f"{arguments.verb} done; {cancelled} jobs cancelled", file=sys.stderr)
    return ExitCode.OK


def _licence_answer(settings: Settings, arguments: argparse.Namespace) -> int:
    offline = _module("pyvorin_server.admin.offline")
    made = asyncio.run(offline.answer(settings, Path(arguments.request)))
    sys.stdout.buffer.write(made + b"\n")
    return ExitCode.OK


def _licence_list(settings: Settings, _arguments: argparse.Namespace) -> int:
    licence = _module("pyvorin_server.admin.licence")
    for row in asyncio.run(licence.table(settings)):
        print(json.dumps(row))
    return ExitCode.OK


def _device_revoke(settings: Settings, arguments: argparse.Namespace) -> int:
    licence = _module("pyvorin_server.admin.licence")
    asyncio.run(licence.revoke_device(settings, arguments.device))
    return ExitCode.OK


def _device_list(settings: Settings, _arguments: argparse.Namespace) -> int:
    licence = _module("pyvorin_server.admin.licence")
    for row in asyncio.run(licence.devices(settings)):
        print(json.dumps(row))
    return ExitCode.OK


def _recall(settings: Settings, arguments: argparse.Namespace) -> int:
    licence = _module("pyvorin_server.admin.licence")
    asked = (arguments.kind, arguments.value, arguments.reason)
    asyncio.run(licence.recall(settings, *asked))
    return ExitCode.OK


def _audit_verify(settings: Settings, _arguments: argparse.Namespace) -> int:
    audit = _module("pyvorin_server.admin.audit")
    found = asyncio.run(audit.verify(settings))
    if found is None:
        print("the audit log is whole and agrees with every signed head")
        return ExitCode.OK
    print(f"the audit log cannot be trusted from entry {found.entry} on: {found.what}")
    return ExitCode.FINDINGS


def _audit_export(settings: Settings, _arguments: argparse.Namespace) -> int:
    audit = _module("pyvorin_server.admin.audit")
    asyncio.run(audit.export(settings))
    return ExitCode.OK


def _audit_retain(settings: Settings, arguments: argparse.Namespace) -> int:
    audit = _module("pyvorin_server.admin.audit")
    for segment in asyncio.run(audit.retain(settings, Path(arguments.archive))):
        print(f"sealed, archived and deleted entries {segment.first} to {segment.last}")
    return ExitCode.OK


def _admin_invite(settings: Settings, arguments: argparse.Namespace) -> int:
    people = _module("pyvorin_server.admin.people")
    print(asyncio.run(people.invite(settings, arguments.organisation)))
    print("good for 30 minutes and one person; POST /v1/people/enrol takes it", file=sys.stderr)
    return ExitCode.OK


def _keys_rotate(settings: Settings, _arguments: argparse.Namespace) -> int:
    people = _module("pyvorin_server.admin.people")
    print(asyncio.run(people.rotate_token_key(settings)))
    return ExitCode.OK


def _organisation_create(settings: Settings, arguments: argparse.Namespace) -> int:
    people = _module("pyvorin_server.admin.people")
    print(asyncio.run(people.new_organisation(settings, arguments.name, arguments.plan)))
    return ExitCode.OK


def _organisation_plan(settings: Settings, arguments: argparse.Namespace) -> int:
    people = _module("pyvorin_server.admin.people")
    asyncio.run(people.set_plan(settings, arguments.organisation, arguments.plan))
    return ExitCode.OK


def _billing_reconcile(settings: Settings, arguments: argparse.Namespace) -> int:
    people = _module("pyvorin_server.admin.people")
    differences = asyncio.run(people.reconcile(settings, correct=arguments.correct))
    for each in differences:
        print(json.dumps(each))
    return ExitCode.FINDINGS if differences and not arguments.correct else ExitCode.OK


def _routes(settings: Settings, _arguments: argparse.Namespace) -> int:
    people = _module("pyvorin_server.admin.people")
    for rule in asyncio.run(people.routes(settings)):
        print(f"{rule.method:6} {rule.path:52} {rule.access:16} {rule.event or rule.why}")
    return ExitCode.OK
