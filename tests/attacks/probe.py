"""Runs attack code inside a jail, once per policy and tier, and judges how it ended.

The code is Python run by `python -I -c`. It finds `FACTS` (see `Ground.facts`) and `call(number,
*arguments)` for raw system calls. Reaching its last line means success: an attack that was refused
has raised OSError before. `limits` and `endings` say what else may happen to it.
"""

import functools
import json
import os
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pyvorin_server.sandbox import policies
from pyvorin_server.sandbox.detect import HostReport, detect
from pyvorin_server.sandbox.jail import Jail
from pyvorin_server.sandbox.model import Ending, JobResult, Limits
from pyvorin_server.sandbox.plan import JailSpec
from pyvorin_server.sandbox.policies import Policy
from pyvorin_server.sandbox.tiers import Layer, Tier

from tests.attacks.ground import SECRET, Breach, Ground, NotTried
from tests.attacks.table import Attack, register

SMALL = Limits(
    wall_s=10.0,
    cpu_s=5.0,
    memory_bytes=192 * 1024 * 1024,
    pids=6,
    output_bytes=1024 * 1024,
    file_bytes=4 * 1024 * 1024,
)
REFUSED = frozenset({Ending.OK, Ending.VIOLATION})

_PRELUDE = """
import ctypes, errno, json, os, sys, time
FACTS = json.loads(sys.argv[2])
_libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    plain = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = _libc.syscall(ctypes.c_long(number), *plain)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
def touch(memory):
    for i in range(0, len(memory), 4096):
        memory[i] = 1
try:
{body}
except (OSError, MemoryError, ImportError, ValueError) as error:
    print("HELD", type(error).__name__, error, flush=True)
else:
    print("BREACH", flush=True)
"""
_NEXT_JOB = "import os; print(sorted(os.listdir('.')))"


@dataclass(frozen=True, slots=True)
class Place:
    """One policy on one tier, with an interpreter that the job's uid may read."""

    policy: Policy
    tier: Tier
    interpreter: str
    without: frozenset[Layer] = frozenset()  # layers left out, to see what the others hold

    @property
    def name(self) -> str:
        return f"{self.policy.name}/{self.tier}"

    def run(self, ground: Ground, code: str, limits: Limits = SMALL) -> JobResult:
        """Run `code` as it stands; `sys.argv[1:]` are the marker and the facts."""
        argv = (self.interpreter, "-I", "-c", code, ground.marker, json.dumps(ground.facts()))
        spec = JailSpec(
            argv,
            limits,
            self.policy,
            self.tier,
            best_effort=bool(self.without),
            faults=self.without,
        )
        with Jail(spec) as jail:
            return jail.run(b"")

    def check_next_job(self, ground: Ground) -> None:
        """A job after an attack works, and finds nothing of the one before."""
        result = self.run(ground, _NEXT_JOB)
        if result.ending is not Ending.OK or result.stdout != b"[]\n":
            raise Breach(f"the next job suffered: {result.message}: {result.stdout!r}")


@functools.cache
def host() -> HostReport:
    return detect()


@functools.cache
def places() -> tuple[Place, ...]:
    """The best tier of this host, and `restricted`, which is tried wherever it can be made."""
    found: list[Place] = []
    for tier, interpreter in _tiers():
        kinds = (policies.COMPILE, policies.CHECK) if tier is host().reached else (policies.CHECK,)
        found += [Place(policy, tier, interpreter) for policy in kinds]
    return tuple(found)


def _tiers() -> Iterable[tuple[Tier, str]]:
    best = host().reached
    if best is not None:
        yield best, sys.executable
    if best is not Tier.RESTRICTED:
        for interpreter in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
            if Path(interpreter).exists() and _reaches_restricted(interpreter):
                yield Tier.RESTRICTED, interpreter
                return


def _reaches_restricted(interpreter: str) -> bool:
    """Whether a job can run `interpreter` without a root of its own (it may be in a 0700 home)."""
    report = detect(interpreter, faults={"mount_ns"})
    return report.reached is Tier.RESTRICTED


def wrap(body: str) -> str:
    return _PRELUDE.format(body=textwrap.indent(textwrap.dedent(body).strip(), "    "))


def probe(
    id: str,
    title: str,
    body: str,
    *,
    endings: frozenset[Ending] = REFUSED,
    limits: Limits = SMALL,
    only: frozenset[Tier] = frozenset(Tier),
) -> None:
    """Register `body` as one row for each place. It must not reach its end."""

    def run_at(place: Place, ground: Ground) -> str:
        result = place.run(ground, wrap(body), limits)
        how = judge(result, endings)
        if result.ending is not Ending.OK:
            place.check_next_job(ground)
        return how

    if not places():
        register(Attack(id, title, "sandbox", _no_tier))
    for place in places():
        if place.tier in only:
            register(Attack(id, title, place.name, functools.partial(run_at, place)))


def _no_tier(_: Ground) -> str:
    raise NotTried(f"this host reaches no tier: {host().reasons}")


def judge(result: JobResult, endings: frozenset[Ending]) -> str:
    """How the attack was stopped. Raises Breach if it was not."""
    said = result.stdout.decode("utf-8", "replace").strip()
    if "BREACH" in said or SECRET in said or SECRET in result.stderr_tail:
        raise Breach(f"got through: {said[:200]}")
    if result.ending not in endings:
        raise Breach(f"ended as {result.ending} ({result.message}); {result.stderr_tail[-300:]}")
    refusal = said.removeprefix("HELD ")[:80] if said.startswith("HELD") else ""
    return refusal or f"{result.ending}: {result.message}"


def as_root() -> bool:
    return os.geteuid() == 0
