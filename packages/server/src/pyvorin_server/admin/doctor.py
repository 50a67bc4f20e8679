"""`pyvorin-server doctor`: what works here, what is missing, and how to get it. Every line is
tried, not assumed.
"""

import asyncio
import os
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import MemoryStore
from pyvorin_wire.platform import SUPPORTED_TAGS

from pyvorin_server import worker
from pyvorin_server.admin.init import is_initialised
from pyvorin_server.artifacts.storage import open_store
from pyvorin_server.audit import first_bad_entry
from pyvorin_server.builds.jails import find_workers, probe
from pyvorin_server.db import migrate, open_database
from pyvorin_server.engine.serializer import pickle_is_refused, refuse_pickle
from pyvorin_server.errors import ConfigError, ServerError
from pyvorin_server.kit.sealing import FileKeyProvider
from pyvorin_server.sandbox.detect import detect
from pyvorin_server.sandbox.tiers import Tier
from pyvorin_server.settings import Settings

PINNED_DBOS = "3.4.0"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `status` is ok, warn or fail; `remedy` is what to do about it."""

    check: str
    status: str
    detail: str
    remedy: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Run every check that makes sense in the installation's state."""
    found = [_python(), _engine(), *_workers(settings), _jails(settings), _signer_user()]
    if not is_initialised(settings):
        missing = Finding(
            "installation", "fail", f"{settings.data_dir} holds none", "run `pyvorin-server init`"
        )
        return [missing, *found]
    checks: tuple[Callable[[Settings], Finding], ...] = (_key_files, _database, _audit, _store)
    return [Finding("installation", "ok", str(settings.data_dir)), *found] + [
        check(settings) for check in checks
    ]


def as_json(findings: list[Finding]) -> list[dict[str, str]]:
    return [asdict(finding) for finding in findings]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.implementation.name != "cpython":
        return Finding("python", "fail", version, "install CPython 3.11 or later")
    return Finding("python", "ok", version)


def _engine() -> Finding:
    refuse_pickle()
    if not pickle_is_refused():
        return Finding("engine", "fail", "reads pickled rows", f"install dbos=={PINNED_DBOS}")
    installed = version("dbos")
    if installed != PINNED_DBOS:
        remedy = f"install dbos=={PINNED_DBOS}"
        return Finding("engine", "fail", f"dbos {installed}", remedy)
    return Finding("engine", "ok", f"dbos {installed}, pickle refused")


def _workers(settings: Settings) -> Iterator[Finding]:
    """One line a Python minor: whether something here builds for it."""
    try:
        found = find_workers(settings)
    except ConfigError as error:
        yield Finding("workers", "fail", str(error), "correct [workers] in the configuration")
        found = {
            tag: each
            for tag, path in settings.workers.items()
            if (each := probe(path)) is not None and each.python_tag == tag
        }
    for tag in SUPPORTED_TAGS:
        if tag in found:
            detail = f"{found[tag].interpreter}, compiler {found[tag].compiler}"
            yield Finding(f"worker {tag}", "ok", detail)
            continue
        minor = f"{tag[2]}.{tag[3:]}"
        remedy = (
            f"make a virtual environment of Python {minor} with pyvorin in it and set"
            f' [workers] {tag} = "…/bin/python"'
        )
        yield Finding(f"worker {tag}", "warn", "nothing here builds for it", remedy)
    if not found:
        yield Finding("workers", "fail", "no job can be built", "install pyvorin, see above")


def _jails(settings: Settings) -> Finding:
    report = detect()
    if report.reached is None:
        reasons = "; ".join(f"{layer}: {why}" for layer, why in report.reasons.items() if why)
        return Finding("jails", "fail", reasons[:300], "see docs of the sandbox tiers")
    required = Tier(settings.required_tier)
    if report.reached.rank < required.rank:
        missing = report.explain(required)
        detail = f"{report.reached} reached, {required} required: {missing}"
        return Finding("jails", "fail", detail, "grant the missing layer, or lower required_tier")
    if report.reached != Tier.NATIVE:
        detail = f"{report.reached}: weaker than native"
        return Finding("jails", "warn", detail, f"missing: {report.explain(Tier.NATIVE)}")
    return Finding("jails", "ok", str(report.reached))


def _signer_user() -> Finding:
    detail = f"all processes run as user {os.geteuid()}"
    remedy = "run `pyvorin-server signer` as a user of its own where others share the machine"
    return Finding("signer user", "warn", detail, remedy)


def _key_files(settings: Settings) -> Finding:
    open_to_others = [
        path.name
        for path in sorted(settings.key_dir.iterdir())
        if stat.S_IMODE(path.lstat().st_mode) & 0o077
    ]
    if open_to_others:
        remedy = "chmod 600 them, and replace what others may have read"
        return Finding("key files", "fail", ", ".join(open_to_others), remedy)
    FileKeyProvider(settings.key_dir / worker.SERVICE_KEK_FILE)
    return Finding("key files", "ok", "0600")


def _database(settings: Settings) -> Finding:
    at, needed = migrate.current(settings), migrate.newest()
    if at != needed:
        detail = f"at revision {at}, needs {needed}"
        return Finding("database", "fail", detail, "run `pyvorin-server migrate`")
    return Finding("database", "ok", f"revision {at}")


def _audit(settings: Settings) -> Finding:
    async def walk() -> int | None:
        database = open_database(settings.app_database)
        try:
            async with database.read() as connection:
                return await first_bad_entry(connection)
        finally:
            await database.close()

    bad = asyncio.run(walk())
    if bad is not None:
        remedy = "keep the database as evidence; compare with audit-heads.jsonl"
        return Finding("audit log", "fail", f"the chain breaks at entry {bad}", remedy)
    return Finding("audit log", "ok", "the chain is whole")


def _store(settings: Settings) -> Finding:
    try:
        open_store(settings)
        memory = MemoryStore()
        obstore.put(memory, "probe", b"1", mode="create")
        obstore.put(memory, "probe", b"2", mode="create")
    except AlreadyExistsError:
        return Finding("artifact store", "ok", settings.store_url or "local folder")
    except (OSError, ServerError, obstore.exceptions.BaseError) as error:
        return Finding("artifact store", "fail", str(error)[:200], "check store_url")
    return Finding("artifact store", "fail", "a second write replaced the first", "update obstore")
