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
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pyvorin_server.sandbox import gvisor, policies
from pyvorin_server.sandbox.detect import HostReport, boot, detect
from pyvorin_server.sandbox.interpreter import python_binds
from pyvorin_server.sandbox.jail import Jail
from pyvorin_server.sandbox.model import Ending, JailRefused, JobResult, Limits
from pyvorin_server.sandbox.plan import INSIDE, JailSpec
from pyvorin_server.sandbox.policies import Policy
from pyvorin_server.sandbox.tiers import RUNTIME_LAYERS, Layer, Tier
from pyvorin_server.sandbox.warm import Nursery

from tests.attacks.ground import SECRET, Breach, Ground, NotTried
from tests.attacks.table import MICROVM_VARIABLE, Attack, register

SMALL = Limits(
    wall_s=10.0,
    cpu_s=5.0,
    memory_bytes=192 * 1024 * 1024,
    pids=6,
    output_bytes=1024 * 1024,
    file_bytes=4 * 1024 * 1024,
)
SHARED_KERNEL = frozenset(tier for tier in Tier if tier.shares_kernel)
OWN_KERNEL = frozenset(Tier) - SHARED_KERNEL
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
def hidden(folder):
    # names in it that no jail has a reason to show
    names = os.listdir(folder)
    found = [n for n in names if os.path.join(folder, n) not in FACTS['visible']]
    if not found:
        raise OSError(errno.ENOENT, 'nothing but what the interpreter needs')
    return found
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
    cold: bool = False  # started by exec; the service's jails are forked from a zygote

    @property
    def name(self) -> str:
        return f"{self.policy.name}/{self.tier}" + " cold" * (self.cold and self.tier.shares_kernel)

    def start(self, ground: Ground, spec: JailSpec, nursery: Nursery | None = None) -> Jail:
        warm = nursery or ground.nursery(self.interpreter)
        return Jail(spec, None if self.cold else warm)

    def run(self, ground: Ground, code: str, limits: Limits = SMALL) -> JobResult:
        """Run `code` as it stands; `sys.argv[1:]` are the marker and the facts."""
        facts = {**ground.facts(), "visible": visible(self.interpreter)}
        argv = (self.interpreter, "-I", "-c", code, ground.marker, json.dumps(facts))
        spec = JailSpec(
            argv,
            limits,
            self.policy,
            self.tier,
            best_effort=bool(self.without),
            faults=self.without,
        )
        with self.start(ground, spec) as jail:
            return jail.run(b"")

    def check_next_job(self, ground: Ground) -> None:
        """A job after an attack works, and finds nothing of the one before."""
        result = replace(self, without=frozenset()).run(ground, _NEXT_JOB)
        if result.ending is not Ending.OK or result.stdout != b"[]\n":
            raise Breach(f"the next job suffered: {result.message}: {result.stdout!r}")


@functools.cache
def visible(interpreter: str) -> list[str]:
    """Every path that a jail of `interpreter` may show, and the folders that lead to them."""
    paths = [Path(bind.path) for bind in python_binds(interpreter)]
    paths += [INSIDE, Path("/jail-tmp"), Path("/tmp"), Path("/dev/null")]
    paths += [Path("/proc"), Path("/sys")]  # a kernel of the job's own shows its own
    paths += [Path(found.path) for found in _runtimes()]
    return sorted({str(each) for path in paths for each in (path, *path.parents)})


def _runtimes() -> Iterator[gvisor.Runsc]:
    with suppress(JailRefused):
        yield gvisor.find()


@functools.cache
def host() -> HostReport:
    return detect()


@functools.cache
def places() -> tuple[Place, ...]:
    """Both policies on the best tier of this host's kernel, on `restricted` where it can be made,
    and on the tiers with a kernel of their own that start here.
    """
    found: list[Place] = []
    for tier, interpreter in _tiers():
        found += [Place(policy, tier, interpreter) for policy in (policies.COMPILE, policies.CHECK)]
        if tier is host().reached:
            found.append(Place(policies.CHECK, tier, interpreter, cold=True))
    for policy in (policies.COMPILE, policies.CHECK):
        found += [Place(policy, tier, sys.executable, cold=True) for tier in strong_tiers()]
    return tuple(found)


@functools.cache
def strong_tiers() -> tuple[Tier, ...]:
    found = []
    asked = set(RUNTIME_LAYERS)
    if MICROVM_VARIABLE not in os.environ:
        asked.discard(Tier.MICROVM)
    for tier in sorted(asked):
        with suppress(JailRefused):
            boot(tier)
            found.append(tier)
    return tuple(found)


@functools.cache
def compiler_tiers() -> tuple[Tier | None, ...]:
    """Tiers on which this interpreter, which has the compiler, runs as a job; none is one, too."""
    best = host().reached
    found = [best]
    if best not in (None, Tier.RESTRICTED) and _reaches_restricted(sys.executable):
        found.append(Tier.RESTRICTED)
    return (*found, *strong_tiers())


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

    def run(place: Place, ground: Ground) -> str:
        return judge(place.run(ground, wrap(body), limits), endings)

    if not places():
        register(Attack(id, title, "sandbox", _no_tier))
    everywhere(id, title, run, only=only)


def everywhere(
    id: str,
    title: str,
    run: Callable[[Place, Ground], str],
    *,
    only: frozenset[Tier] = frozenset(Tier),
) -> None:
    """Register `run` as one row for each place."""
    for place in places():
        if place.tier in only:
            register_at(place, id, title, run)


def register_at(place: Place, id: str, title: str, run: Callable[[Place, Ground], str]) -> None:
    """Register `run` as a row for that place. The next job there must not notice."""

    def row(ground: Ground) -> str:
        how = run(place, ground)
        place.check_next_job(ground)
        return how

    register(Attack(id, title, place.name, row))


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
