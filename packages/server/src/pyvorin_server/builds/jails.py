"""Jails for one Python minor, kept ready: a pool each for naming, compiling and checking.

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
from typing import Any

from pyvorin_wire.jobs import JobState

from pyvorin_server.builds.digest import SCRIPT
from pyvorin_server.errors import ConfigError
from pyvorin_server.sandbox import policies
from pyvorin_server.sandbox.jail import Jail
from pyvorin_server.sandbox.model import Ending, JailRefused, JobResult, Limits
from pyvorin_server.sandbox.pool import Pool
from pyvorin_server.sandbox.runner import make_spec
from pyvorin_server.sandbox.tiers import Tier
from pyvorin_server.settings import Settings

_WORKER = ("-I", "-m", "pyvorin", "worker")
_PROBE = """
import importlib.metadata, importlib.util, json, sys
assert importlib.util.find_spec("pyvorin.worker")
tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
print(json.dumps([tag, importlib.metadata.version("pyvorin")]))
"""
_PROBE_S = 60

ENDINGS: Mapping[Ending, tuple[JobState, str]] = {
    Ending.TIMEOUT: (JobState.TIMEOUT, "PYV903"),
    Ending.MEMORY: (JobState.FAILED, "PYV902"),
    Ending.OUTPUT_LIMIT: (JobState.FAILED, "PYV904"),
    Ending.VIOLATION: (JobState.FAILED, "PYV905"),
    Ending.CRASHED: (JobState.FAILED, "PYV901"),
    Ending.CANCELLED: (JobState.CANCELLED, "PYV906"),
}


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


class Jails:
    """The three pools of one worker."""

    def __init__(self, settings: Settings, worker: Worker) -> None:
        """Raises `ConfigError` when this host does not reach the required tier."""
        self.worker = worker
        try:
            self._start(settings, worker)
        except JailRefused as refused:
            raise ConfigError(f"worker {worker.python_tag}: {refused}") from None

    def _start(self, settings: Settings, worker: Worker) -> None:
        command = (worker.interpreter, *_WORKER)
        required = Tier(settings.required_tier)
        shared = {
            "memory_bytes": settings.jail_memory_bytes,
            "output_bytes": settings.jail_output_bytes,
        }
        compile_limits = Limits(
            wall_s=settings.compile_wall_s, cpu_s=settings.compile_wall_s, **shared
        )
        check_limits = Limits(wall_s=settings.check_wall_s, cpu_s=settings.check_wall_s, **shared)
        digest_command = (worker.interpreter, "-I", "-c", SCRIPT)
        digest_spec = make_spec(digest_command, compile_limits, policies.COMPILE, (), required)
        compile_spec = make_spec(command, compile_limits, policies.COMPILE, (), required)
        check_spec = make_spec(command, check_limits, policies.CHECK, (), required)
        self.tier = compile_spec.tier
        self._digest = Pool(lambda: Jail(digest_spec), settings.concurrency)
        self._compile = Pool(lambda: Jail(compile_spec), settings.concurrency)
        self._check = Pool(lambda: Jail(check_spec), 2 * settings.concurrency)

    async def digest(self, stdin: bytes, cancel: threading.Event) -> JobResult:
        return await asyncio.to_thread(self._digest.run, stdin, cancel)

    async def compile(self, stdin: bytes, cancel: threading.Event) -> JobResult:
        return await asyncio.to_thread(self._compile.run, stdin, cancel)

    async def check(self, stdin: bytes, cancel: threading.Event) -> JobResult:
        return await asyncio.to_thread(self._check.run, stdin, cancel)

    def close(self) -> None:
        """Destroy every jail, running ones too."""
        self._digest.close()
        self._compile.close()
        self._check.close()

    def wait_ready(self, wait_s: float) -> bool:
        """Return whether a jail of each kind was ready within `wait_s` seconds."""
        ready = threading.Event()
        steps = int(wait_s / 0.02)
        for _ in range(steps):
            if self._compile.health().ready and self._check.health().ready:
                return True
            ready.wait(0.02)
        return False


def tier_in_manifest(tier: Any) -> str:
    """Return the tier's name in manifests: without cgroups a jail counts as the next lower one."""
    return "native" if tier == Tier.NATIVE else "restricted"
