"""`pyvorin-server doctor`: what works here, what is missing, and how to get it. Every line is
tried, not assumed.
"""

import asyncio
import os
import socket
import stat
import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TextIO

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import MemoryStore
from pyvorin_wire.platform import SUPPORTED_TAGS
from sqlalchemy.exc import SQLAlchemyError

from pyvorin_server.admin.init import is_initialised
from pyvorin_server.artifacts.storage import open_store
from pyvorin_server.audit import first_bad_entry
from pyvorin_server.builds.jails import find_workers, probe
from pyvorin_server.db import migrate, open_database
from pyvorin_server.engine.serializer import pickle_is_refused, refuse_pickle
from pyvorin_server.errors import ConfigError, ServerError
from pyvorin_server.kit.sealing import FileKeyProvider
from pyvorin_server.sandbox import gvisor
from pyvorin_server.sandbox.detect import boot, detect
from pyvorin_server.sandbox.model import JailRefused
from pyvorin_server.sandbox.tiers import Tier
from pyvorin_server.settings import SERVICE_KEK_FILE, Settings
from pyvorin_server.signer.service import SOCKET as SIGNER_SOCKET

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
    found = [_python(), _engine(), *_workers(settings), _jails(settings), _signer_user(settings)]
    if not is_initialised(settings):
        missing = Finding(
            "installation", "fail", f"{settings.data_dir} holds none", "run `pyvorin-server init`"
        )
        return [missing, *found]
    checks: dict[str, Callable[[Settings], Finding]] = {
        "key files": _key_files,
        "database": _database,
        "audit log": _audit,
        "artifact store": _store,
    }
    return [Finding("installation", "ok", str(settings.data_dir)), *found] + [
        _tried(name, check, settings) for name, check in checks.items()
    ]


def _tried(name: str, check: Callable[[Settings], Finding], settings: Settings) -> Finding:
    """A check's finding; a database that refuses is one too."""
    try:
        return check(settings)
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).splitlines()[0]
        remedy = "is its server reachable? A damaged file must be restored from a copy"
        return Finding(name, "fail", cause, remedy)


def as_text(findings: Iterable[Finding], *, coloured: bool) -> str:
    """One line a finding and one for its remedy; in red what is not as it should be, weak jails and
    a signer that is nobody of its own among it.
    """
    lines: list[str] = []
    for each in findings:
        status = f"{each.status:4}"
        if coloured and each.status != "ok":
            status = f"\x1b[31m{status}\x1b[0m"
        lines.append(f"{status}  {each.check:15} {each.detail}")
        if each.remedy:
            lines.append(f"      → {each.remedy}")
    return "\n".join(lines)


def wants_colour(stream: TextIO) -> bool:
    """Only on a terminal, and never where NO_COLOR is set (https://no-color.org)."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return stream.isatty() and not plain


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
    if not required.shares_kernel:
        return _own_kernel(required)
    if report.reached.rank < required.rank:
        missing = report.explain(required)
        detail = f"{report.reached} reached, {required} required: {missing}"
        return Finding("jails", "fail", detail, "grant the missing layer, or lower required_tier")
    if report.reached != Tier.NATIVE:
        detail = f"{report.reached}: weaker than native"
        return Finding("jails", "warn", detail, f"missing: {report.explain(Tier.NATIVE)}")
    return Finding("jails", "ok", str(report.reached))


def _own_kernel(tier: Tier) -> Finding:
    """A tier with a kernel of the job's own, tried by booting one."""
    try:
        boot(tier)
    except JailRefused as refused:
        return Finding("jails", "fail", f"{tier} required: {refused}", "see the reason")
    detail = f"{tier}, runsc {gvisor.find().version}" if tier is Tier.GVISOR else str(tier)
    return Finding("jails", "ok", detail)


def _signer_user(settings: Settings) -> Finding:
    """Ask the kernel who answers on the signer's socket."""
    try:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(settings.run_dir / SIGNER_SOCKET))
            size = struct.calcsize("3i")
            raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    except OSError:
        return Finding("signer user", "warn", "the signer does not run, so nobody was asked")
    _pid, uid, _gid = struct.unpack("3i", raw)
    if uid != os.geteuid():
        return Finding("signer user", "ok", f"the signer runs as user {uid}, apart from the others")
    detail = (
        f"signer and supervisor both run as user {uid}: who takes over one has the other's keys"
    )
    remedy = "let nothing else run on this machine; users of their own are not supported yet"
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
    FileKeyProvider(settings.key_dir / SERVICE_KEK_FILE)
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
