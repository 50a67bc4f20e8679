"""What the supervisor tells the launcher: one JSON object, computed here, executed there."""

import base64
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from pyvorin_server.sandbox import gvisor, landlock, microvm, mounts, seccomp
from pyvorin_server.sandbox.interpreter import SYSTEM_LIBRARIES, python_binds
from pyvorin_server.sandbox.model import Bind, JailRefused, Limits
from pyvorin_server.sandbox.policies import Policy
from pyvorin_server.sandbox.tiers import TIER_LAYERS, Layer, Tier

INSIDE: Final = Path(__file__).with_name("inside.py")
_UID_BASE: Final = 0x7000_0000
_PID_LIMIT: Final = 1 << 22  # the kernel's highest pid
_CPU_GRACE_S: Final = 2
_OPEN_FILES: Final = 256
_ROOM_FOR_NEIGHBOURS: Final = 64  # processes that the same user starts meanwhile


@dataclass(frozen=True, slots=True)
class JailSpec:
    """One jail. `argv` is `[python, "-I", ("-m" module | "-c" code | file), …]`.

    `best_effort` lets every layer fail and only reports it: for `detect`, never for a job.
    `faults` names layers that shall fail: for tests.
    """

    argv: tuple[str, ...]
    limits: Limits
    policy: Policy
    tier: Tier
    binds: tuple[Bind, ...] = ()
    best_effort: bool = False
    faults: frozenset[str] = frozenset()

    @property
    def required(self) -> frozenset[Layer]:
        return frozenset() if self.best_effort else TIER_LAYERS[self.tier]


def job_uid(process: int, uid_map: str) -> int:
    """A kernel uid that no account and no other live job has: derived from the launcher's pid.

    Where the uid map of a container leaves no such room, one from the top of its largest range.
    """
    ranges = [tuple(map(int, line.split())) for line in uid_map.splitlines()]
    for start, _, count in ranges:
        if start <= _UID_BASE and start + count >= _UID_BASE + _PID_LIMIT:
            return _UID_BASE + process
    start, _, count = max(ranges, key=lambda each: each[2])
    if count < 2000:
        raise JailRefused(Layer.KUID, f"only {count} uids are mapped into this container")
    return start + count - 16 - process % (count // 2)


def outer_limits(spec: JailSpec) -> Limits:
    """Limits of the control group: the job's, and what its own kernel needs besides."""
    limits = spec.limits
    if spec.tier is Tier.GVISOR:
        memory, pids = gvisor.MEMORY_OVERHEAD_BYTES, gvisor.PID_OVERHEAD
    elif spec.tier is Tier.MICROVM:
        image = microvm.initramfs(spec.argv[0], INSIDE)
        machine = microvm.memory_bytes(limits, image.stat().st_size) - limits.memory_bytes
        memory, pids = machine + microvm.MONITOR_OVERHEAD_BYTES, microvm.PID_OVERHEAD
    else:
        return limits
    return replace(limits, memory_bytes=limits.memory_bytes + memory, pids=limits.pids + pids)


def make_plan(
    spec: JailSpec, uid: int | None, scratch: str, *, memory_held: bool
) -> dict[str, Any]:
    """The launcher's instructions. `memory_held`: a memory cgroup already holds the whole job."""
    binds = [str(bind.path) for bind in (*python_binds(spec.argv[0]), *spec.binds)]
    alone = spec.tier.uses_namespaces or uid is not None
    may_signal = alone or landlock.scopes_signals()
    program = seccomp.job_filter(
        may_signal=may_signal,
        may_leave_group=alone,
        may_share_memory=memory_held,
        sees_others=not spec.tier.uses_namespaces,
    )
    if spec.tier is Tier.GVISOR:
        return _gvisor_plan(spec, uid, binds, program)
    if spec.tier is Tier.MICROVM:
        return _microvm_plan(spec, uid)
    return {
        "namespaces": spec.tier.uses_namespaces,
        "required": sorted(spec.required),
        "faults": sorted(spec.faults),
        "uid": uid,
        "argv": _command(spec, 3),
        "environment": _environment(scratch),
        "binds": [*dict.fromkeys([*binds, str(INSIDE)])],
        "scratch": scratch,
        "scratch_bytes": spec.limits.file_bytes,
        "may_load_code": spec.policy.may_load_code,
        "rlimits": _rlimits(spec, uid, memory_held),
        "filter": base64.b64encode(program).decode(),
        "devices": [],
        "runtime": None,
    }


def _gvisor_plan(
    spec: JailSpec, uid: int | None, binds: list[str], program: bytes
) -> dict[str, Any]:
    """The outer jail's instructions, with runsc as what it runs. Raises JailRefused."""
    runsc = gvisor.find()
    argv = _command(spec, gvisor.ANNOUNCE_ON, program)
    bundle = gvisor.bundle(argv, _environment(mounts.SCRATCH), spec.limits)
    runtime = {"mounts": True, "files": {"config.json": bundle}}
    read = [*binds, str(INSIDE), runsc.path]
    return _runtime_plan(spec, uid, gvisor.command(runsc), read, runtime)


def _microvm_plan(spec: JailSpec, uid: int | None) -> dict[str, Any]:
    """The outer jail's instructions, with a monitor as what it runs. Raises JailRefused."""
    found = microvm.find()
    image = microvm.initramfs(spec.argv[0], INSIDE)
    memory = microvm.memory_bytes(spec.limits, image.stat().st_size)
    machine = microvm.Machine(found.kernel, str(image), memory)
    read = [*SYSTEM_LIBRARIES, *found.paths, str(image)]
    runtime = {"mounts": False, "files": found.driver.files(machine)}
    plan = _runtime_plan(spec, uid, found.driver.command(found.program, machine), read, runtime)
    return {**plan, "devices": found.devices}


def guest_plan(spec: JailSpec) -> dict[str, Any]:
    """What `guest` in a micro-VM is told."""
    program = seccomp.job_filter(may_signal=True, may_leave_group=True, may_share_memory=True)
    return {
        "argv": _command(spec, 1, program),
        "environment": _environment(mounts.SCRATCH),
        "scratch": mounts.SCRATCH,
        "scratch_bytes": spec.limits.file_bytes,
        "may_load_code": spec.policy.may_load_code,
    }


def _runtime_plan(
    spec: JailSpec,
    uid: int | None,
    argv: list[str],
    binds: list[str],
    runtime: dict[str, Any],
) -> dict[str, Any]:
    return {
        "namespaces": True,
        "required": sorted(spec.required),
        "faults": sorted(spec.faults),
        "uid": uid,
        "argv": argv,
        "environment": {"PATH": "/nowhere"},
        "binds": [path for path in dict.fromkeys(binds) if os.path.lexists(path)],
        "devices": [],
        "scratch": mounts.SCRATCH,
        "scratch_bytes": spec.limits.file_bytes,
        "may_load_code": False,
        "rlimits": _outer_rlimits(spec),
        "runtime": runtime,
    }


def _environment(scratch: str) -> dict[str, str]:
    return {"LANG": "C.UTF-8", "HOME": scratch, "TMPDIR": scratch}


def _outer_rlimits(spec: JailSpec) -> dict[str, int]:
    """For a runtime and its helpers; the job's own limits are kept by the kernel it runs on."""
    return {
        "RLIMIT_CORE": 1,
        "RLIMIT_NOFILE": 4096,
        "RLIMIT_NPROC": outer_limits(spec).pids + 2,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
    }


def _command(spec: JailSpec, announce_on: int, *filters: bytes) -> list[str]:
    """The job's command line: what installs `filters` and the policy's own, then the command."""
    interpreter, isolated, *rest = spec.argv
    if isolated != "-I" or not rest:
        raise JailRefused("command", "a job is `python -I` followed by -m, -c or a file")
    seal = b"" if Layer.SEALED in spec.faults else seccomp.seal_filter(spec.policy)
    sealing = f"{announce_on}:" + ",".join(program.hex() for program in (*filters, seal))
    return [interpreter, "-I", "-B", str(INSIDE), sealing, *rest]


def _rlimits(spec: JailSpec, uid: int | None, memory_held: bool) -> dict[str, int]:
    """RLIMIT_CORE 1 and not 0: a core_pattern that is a pipe ignores 0 and honours 1 (core(5))."""
    limits = spec.limits
    alone = uid is not None or spec.tier.uses_namespaces
    others = 0 if alone else _own_threads() + _ROOM_FOR_NEIGHBOURS
    chosen = {
        "RLIMIT_CORE": 1,
        "RLIMIT_CPU": math.ceil(limits.cpu_s) + _CPU_GRACE_S,
        "RLIMIT_FSIZE": limits.file_bytes,
        "RLIMIT_NOFILE": _OPEN_FILES if spec.tier.uses_namespaces else _OPEN_FILES // 4,
        "RLIMIT_NPROC": limits.pids + 2 + others,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
    }
    if not memory_held:
        chosen["RLIMIT_DATA"] = limits.memory_bytes
    return chosen


def _own_threads() -> int:
    """Threads of this user: without a job uid of its own, RLIMIT_NPROC counts them all."""
    return sum(_threads(entry.name) for entry in _own_processes())


def _own_processes() -> Iterable[os.DirEntry[str]]:
    with os.scandir("/proc") as entries:
        for entry in entries:
            if entry.name.isdigit():
                try:
                    mine = entry.stat().st_uid == os.getuid()
                except OSError:
                    continue
                if mine:
                    yield entry


def _threads(process: str) -> int:
    try:
        return len(os.listdir(f"/proc/{process}/task"))
    except OSError:
        return 0
