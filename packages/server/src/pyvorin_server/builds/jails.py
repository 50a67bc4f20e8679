"""Jails for one Python minor, kept ready for each organisation: for naming, compiling, checking.

A pool's jail has its worker started and waiting, so handing a job over takes milliseconds. Every
jail serves one job. What this module adds to `sandbox` is the worker's command, the mapping of
Python tags to interpreters, and how an ending that is not `ok` ends the job.
"""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from pyvorin_wire.diagnostic import Diagnostic, Severity
from pyvorin_wire.jobs import JobState

from pyvorin_server.builds.digest import SCRIPT
from pyvorin_server.errors import ConfigError
from pyvorin_server.sandbox import gvisor, policies
from pyvorin_server.sandbox.endings import ADVICE
from pyvorin_server.sandbox.jail import Jail
from pyvorin_server.sandbox.model import Ending, JailRefused, JobResult, Limits, Listener
from pyvorin_server.sandbox.plan import JailSpec
from pyvorin_server.sandbox.pool import Pool, PoolHealth
from pyvorin_server.sandbox.runner import make_spec
from pyvorin_server.sandbox.shares import Shares
from pyvorin_server.sandbox.tiers import Tier
from pyvorin_server.sandbox.warm import Nursery
from pyvorin_server.settings import DEFAULT, Settings

_WORKER = ("-I", "-m", "pyvorin", "worker")
_PROBE = """
import importlib.metadata, importlib.util, json, sys
assert importlib.util.find_spec("pyvorin.worker")
tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
print(json.dumps([tag, importlib.metadata.version("pyvorin")]))
"""
_WIDTH = {"digest": 1, "compile": 1, "check": 3}  # jails kept ready, for each job at a time
_PROBE_S = 60
PRELOAD = "import pyvorin.worker; pyvorin.worker.warm()"

ENDINGS: Mapping[Ending, tuple[JobState, str]] = {
    Ending.TIMEOUT: (JobState.TIMEOUT, "PYV903"),
    Ending.MEMORY: (JobState.FAILED, "PYV902"),
    Ending.OUTPUT_LIMIT: (JobState.FAILED, "PYV904"),
    Ending.VIOLATION: (JobState.FAILED, "PYV905"),
    Ending.CRASHED: (JobState.FAILED, "PYV901"),
    Ending.CANCELLED: (JobState.CANCELLED, "PYV906"),
}


def ending_report(result: JobResult) -> dict[str, Any]:
    """What the owner of a job is told about a jail that did not end well: what happened, and what
    to change. Nothing that the job wrote is in it.
    """
    code = ENDINGS[result.ending][1]
    finding = Diagnostic(
        code,
        Severity.ERROR,
        f"the build {result.message}",
        result="nothing was compiled",
        notes=(f"its jail was of tier {result.tier}",),
        help=(ADVICE[result.ending],),
        slug=result.ending.value,
    )
    return {"diagnostics": [finding.to_json()], "tier": tier_in_manifest(result.tier)}


@dataclass(frozen=True, slots=True)
class Worker:
    """An interpreter that has the compiler, and what it said of itself."""

    python_tag: str
    interpreter: str
    compiler: str


def probe(interpreter: str) -> Worker | None:
    """Ask an interpreter for its tag and compiler version; None if it has no compiler or does not
    start.
    """
    try:
        asked = subprocess.run(
            [interpreter, "-I", "-c", _PROBE],
            capture_output=True,
            env={},
            timeout=_PROBE_S,
            check=True,
        )
        tag, compiler = json.loads(asked.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return Worker(tag, interpreter, compiler)


def find_workers(settings: Settings) -> dict[str, Worker]:
    """Return the configured workers by Python tag; with none configured, this interpreter if it
    has the compiler.

    Raises `ConfigError` for a configured one that does not answer as its tag.
    """
    found: dict[str, Worker] = {}
    for tag, interpreter in settings.workers.items():
        worker = probe(interpreter)
        if worker is None or worker.python_tag != tag:
            raise ConfigError(f"worker {tag}: {interpreter} has no compiler for {tag}")
        found[tag] = worker
    if not settings.workers and (own := probe(sys.executable)) is not None:
        found[own.python_tag] = own
    return found


def required_tier(settings: Settings, organisations: int) -> Tier:
    """The configured tier; where none is, strangers to each other get kernels of their own."""
    configured = settings.origins.get("required_tier", DEFAULT) != DEFAULT
    if configured or organisations < 2:
        return Tier(settings.required_tier)
    return Tier.GVISOR


class Share:
    """One organisation's zygote and pools on one worker."""

    def __init__(self, settings: Settings, worker: Worker, specs: Mapping[str, JailSpec]) -> None:
        self._nursery = Nursery(worker.interpreter, PRELOAD)
        self.pools = {
            kind: Pool(partial(Jail, spec, self._nursery), settings.concurrency * _WIDTH[kind])
            for kind, spec in specs.items()
        }

    @property
    def is_ready(self) -> bool:
        return all(pool.health().ready for pool in self.pools.values())

    def close(self) -> None:
        """Destroy every jail, running ones too."""
        for pool in self.pools.values():
            pool.close()
        self._nursery.close()


class Jails:
    """The jails of one worker, apart for each organisation."""

    def __init__(self, settings: Settings, worker: Worker, organisations: int = 1) -> None:
        """Raises `ConfigError` when this host does not reach the required tier."""
        self.worker = worker
        self._settings = settings
        try:
            specs = _specs(settings, worker, required_tier(settings, organisations))
        except JailRefused as refused:
            raise ConfigError(f"worker {worker.python_tag}: {refused}") from None
        self.tier = specs["compile"].tier
        self._shares = Shares(lambda: Share(settings, worker, specs))

    def of(self, organisation: str, organisations: int) -> "OwnJails":
        """The jails that serve this organisation and no other.

        Raises JailRefused when so many organisations need a stronger tier than these jails have.
        """
        required = required_tier(self._settings, organisations)
        if self.tier.rank < required.rank:
            reason = f"{organisations} organisations need {required}; restart, or set required_tier"
            raise JailRefused("tier", reason)
        return OwnJails(self, organisation)

    def run(
        self,
        kind: str,
        organisation: str,
        stdin: bytes,
        cancel: threading.Event,
        listener: Listener | None = None,
    ) -> JobResult:
        """Run one job in a jail of `kind` (`digest`, `compile`, `check`). Raises SandboxError."""
        with self._shares.lend(organisation) as share:
            return share.pools[kind].run(stdin, cancel, listener)

    def health(self) -> dict[str, list[PoolHealth]]:
        """For metrics: the health of every pool by kind."""
        shares = self._shares.all()
        return {kind: [share.pools[kind].health() for share in shares] for kind in _WIDTH}

    def close(self) -> None:
        """Destroy every jail, running ones too."""
        self._shares.close()

    def wait_ready(self, wait_s: float) -> bool:
        """Return whether a jail of each kind was ready within `wait_s` seconds."""
        ready = threading.Event()
        for _ in range(int(wait_s / 0.02)):
            if all(share.is_ready for share in self._shares.all()):
                return True
            ready.wait(0.02)
        return False


@dataclass(frozen=True, slots=True)
class OwnJails:
    """One organisation's view of `Jails`."""

    jails: Jails
    organisation: str

    @property
    def worker(self) -> Worker:
        return self.jails.worker

    @property
    def tier(self) -> Tier:
        return self.jails.tier

    @property
    def runtime(self) -> str:
        """What made the jails, with its version, for the provenance; "" where the kernel does."""
        return f"runsc {gvisor.find().version}" if self.tier is Tier.GVISOR else ""

    async def digest(self, stdin: bytes, cancel: threading.Event) -> JobResult:
        return await self._run("digest", stdin, cancel)

    async def compile(self, stdin: bytes, cancel: threading.Event, listener: Listener) -> JobResult:
        """`listener` is called in another thread, while the jail runs."""
        return await self._run("compile", stdin, cancel, listener)

    async def check(self, stdin: bytes, cancel: threading.Event) -> JobResult:
        return await self._run("check", stdin, cancel)

    async def _run(
        self,
        kind: str,
        stdin: bytes,
        cancel: threading.Event,
        listener: Listener | None = None,
    ) -> JobResult:
        run = self.jails.run
        return await asyncio.to_thread(run, kind, self.organisation, stdin, cancel, listener)


def _specs(settings: Settings, worker: Worker, required: Tier) -> dict[str, JailSpec]:
    """The jails of each kind. Raises JailRefused when this host does not reach `required`."""
    shared = {
        "memory_bytes": settings.jail_memory_bytes,
        "output_bytes": settings.jail_output_bytes,
    }
    compiling = Limits(wall_s=settings.compile_wall_s, cpu_s=settings.compile_wall_s, **shared)
    checking = Limits(wall_s=settings.check_wall_s, cpu_s=settings.check_wall_s, **shared)
    work = (worker.interpreter, *_WORKER)
    name = (worker.interpreter, "-I", "-c", SCRIPT)
    return {
        "digest": make_spec(name, compiling, policies.COMPILE, (), required),
        "compile": make_spec(work, compiling, policies.COMPILE, (), required),
        "check": make_spec(work, checking, policies.CHECK, (), required),
    }


def tier_in_manifest(tier: Tier) -> str:
    """Return the tier's name in manifests: without cgroups a jail counts as the next lower one."""
    return str(Tier.RESTRICTED if tier.rank < Tier.NATIVE.rank else tier)
