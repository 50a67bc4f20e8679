"""One control group per job, on cgroup v1, v2 and hosts with both.

The supervisor makes a group below its own, so that its own limits go on to hold, puts the
launcher in before the launcher knows anything, and reads, kills and removes it from outside.

    what                v1 (one tree per controller)         v2 (one tree)
    memory limit        memory.limit_in_bytes, memsw         memory.max, memory.swap.max
    killed for memory?  memory.oom_control: oom_kill n       memory.events: oom_kill n
    processes           pids.max                             pids.max
    share of a CPU      cpu.cfs_quota_us / cfs_period_us     cpu.max
    CPU time used       cpuacct.usage (ns)                   cpu.stat: usage_usec
    kill all            pids.max = 0, then SIGKILL to each   cgroup.kill

v2 forbids processes beside controlled children, so there the supervisor first moves itself into
a leaf (`pyvorin-supervisor`) of the group it was given (systemd: Delegate=yes).
Ref: Documentation/admin-guide/cgroup-v1/*.rst, cgroup-v2.rst.
"""

import itertools
import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pyvorin_server.sandbox.model import Limits
from pyvorin_server.sandbox.tiers import Layer

PREFIX: Final = "pyvorin-jail-"
_SUPERVISOR_LEAF: Final = "pyvorin-supervisor"
_CPU_PERIOD_US: Final = 100_000
_V1_CONTROLLERS: Final = ("memory", "pids", "cpu", "cpuacct")
_V2_CONTROLLERS: Final = ("memory", "pids", "cpu")
_REMOVE_TIMEOUT_S: Final = 10.0
_sequence: Final = itertools.count()


@dataclass(frozen=True, slots=True)
class Trees:
    """Where this process's own group is: one directory per v1 controller, and the v2 one."""

    v1: dict[str, Path]
    v2: Path | None
    v2_controllers: frozenset[str] = frozenset()


def discover(proc: Path = Path("/proc/self")) -> Trees:
    """Find the group directories of this process from its mount table and group list."""
    mounted = _mount_points((proc / "mountinfo").read_text())
    v1: dict[str, Path] = {}
    v2: Path | None = None
    for line in (proc / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            v2 = _inside(mounted.get("cgroup2"), path)
        for controller in controllers.split(","):
            directory = _inside(mounted.get(controller), path)
            if controller in _V1_CONTROLLERS and directory is not None:
                v1[controller] = directory
    if v2 is not None and v2.name == _SUPERVISOR_LEAF:
        v2 = v2.parent
    return Trees(v1, v2, _words(v2 / "cgroup.controllers") if v2 else frozenset())


def _mount_points(mountinfo: str) -> dict[str, tuple[str, Path]]:
    """Controller name (or "cgroup2") → (root of the mount within the tree, mount point)."""
    found: dict[str, tuple[str, Path]] = {}
    for line in mountinfo.splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        root, point = fields.split(" ")[3:5]
        if kind == "cgroup2":
            found["cgroup2"] = (root, Path(point))
        elif kind == "cgroup":
            for controller in options.split(","):
                found.setdefault(controller, (root, Path(point)))
    return found


def _inside(mount: tuple[str, Path] | None, path: str) -> Path | None:
    if mount is None:
        return None
    root, point = mount
    relative = path.removeprefix(root) if root != "/" else path
    return point / relative.lstrip("/")


def _words(file: Path) -> frozenset[str]:
    return frozenset(file.read_text().split()) if file.exists() else frozenset()


@dataclass(slots=True)
class Group:
    """The control group of one job. `reasons`: why a layer does not hold, "" where it does."""

    name: str
    directories: dict[str, Path] = field(default_factory=dict)  # by controller; v2: "unified"
    reasons: dict[Layer, str] = field(default_factory=dict)

    @classmethod
    def create(
        cls, limits: Limits, faults: Iterable[str] = (), trees: Trees | None = None
    ) -> "Group":
        """Make a group with `limits`. Never raises for a missing controller: see `reasons`."""
        group = cls(f"{PREFIX}{os.getpid()}-{_start_time(os.getpid())}-{next(_sequence)}")
        trees = trees or discover()
        refused = group._make_directories(trees)
        settings: tuple[tuple[Layer, str, Callable[[], None]], ...] = (
            (Layer.CGROUP_MEMORY, "memory", lambda: group._limit_memory(limits.memory_bytes)),
            (Layer.CGROUP_PIDS, "pids", lambda: group._limit_pids(limits.pids)),
            (Layer.CGROUP_CPU, "cpu", lambda: group._limit_cpu(limits.cpus)),
            (Layer.CGROUP_KILL, "pids", lambda: None),
        )
        for layer, controller, setting in settings:
            try:
                if layer in faults:
                    raise OSError("fault injected")
                if not group._has(controller):
                    raise OSError(refused.get(controller, f"no {controller} controller here"))
                setting()
                group.reasons[layer] = ""
            except OSError as error:
                group.reasons[layer] = str(error)
        return group

    def attach(self, process: int) -> None:
        """Move `process` into the group; what it starts later follows."""
        for directory in set(self.directories.values()):
            (directory / "cgroup.procs").write_text(str(process))

    def processes(self) -> set[int]:
        found: set[int] = set()
        for directory in self.directories.values():
            with suppress(OSError):
                found.update(map(int, (directory / "cgroup.procs").read_text().split()))
        return found

    def kill(self) -> None:
        """Kill every process of the group. Forks under way cannot outrun it."""
        with suppress(OSError):
            self._file("pids", "pids.max").write_text("0")
        kill_file = self.directories.get("unified")
        if kill_file is not None:
            with suppress(OSError):
                (kill_file / "cgroup.kill").write_text("1")
        for process in self.processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def remove(self) -> None:
        """Remove the directories once the last process is gone. Raises OSError if one stays."""
        deadline = time.monotonic() + _REMOVE_TIMEOUT_S
        for directory in set(self.directories.values()):
            _remove_when_empty(directory, deadline)
        self.directories.clear()

    def cpu_s(self) -> float | None:
        """CPU time used by all processes that ever were in the group."""
        if "cpuacct" in self.directories:
            return int((self.directories["cpuacct"] / "cpuacct.usage").read_text()) / 1e9
        if "unified" in self.directories and "cpu" in self._v2_limits():
            return _keyed(self.directories["unified"] / "cpu.stat", "usage_usec") / 1e6
        return None

    def was_out_of_memory(self) -> bool:
        if "memory" in self.directories:
            return _keyed(self.directories["memory"] / "memory.oom_control", "oom_kill") > 0
        if self._has("memory"):
            return _keyed(self.directories["unified"] / "memory.events", "oom_kill") > 0
        return False

    def peak_memory_bytes(self) -> int | None:
        """Highest memory use of the whole job, the launcher's few MiB included."""
        if "memory" in self.directories:
            return int((self.directories["memory"] / "memory.max_usage_in_bytes").read_text())
        peak = self.directories.get("unified", Path("/")) / "memory.peak"
        return int(peak.read_text()) if peak.exists() else None

    # ---- making it

    def _make_directories(self, trees: Trees) -> dict[str, str]:
        """Make a directory in each tree; returns why a controller has none."""
        refused: dict[str, str] = {}
        wanted = {**trees.v1}
        if trees.v2 is not None:
            wanted["unified"] = trees.v2
            missing = [c for c in _V2_CONTROLLERS if c in trees.v2_controllers]
            if missing:
                refused.update(_delegate(trees.v2, missing))
        made: dict[Path, Path] = {}  # cpu and cpuacct may be one tree under two names
        for controller, parent in wanted.items():
            try:
                real = parent.resolve()
                if real not in made:
                    (real / self.name).mkdir()
                    made[real] = real / self.name
                self.directories[controller] = made[real]
            except OSError as error:
                refused[controller] = str(error)
        return refused

    def _v2_limits(self) -> frozenset[str]:
        unified = self.directories.get("unified")
        return _words(unified / "cgroup.controllers") if unified else frozenset()

    def _has(self, controller: str) -> bool:
        return controller in self.directories or controller in self._v2_limits()

    def _file(self, controller: str, name: str) -> Path:
        directory = self.directories.get(controller) or self.directories.get("unified")
        if directory is None:
            raise OSError(f"no group for {controller}")
        return directory / name

    def _limit_memory(self, limit_bytes: int) -> None:
        if "memory" in self.directories:
            directory = self.directories["memory"]
            (directory / "memory.limit_in_bytes").write_text(str(limit_bytes))
            swap = directory / "memory.memsw.limit_in_bytes"
            if swap.exists():
                swap.write_text(str(limit_bytes))
            return
        self._file("memory", "memory.max").write_text(str(limit_bytes))
        self._file("memory", "memory.oom.group").write_text("1")
        swap = self._file("memory", "memory.swap.max")
        if swap.exists():
            swap.write_text("0")

    def _limit_pids(self, pids: int) -> None:
        launcher_and_keeper = 2
        self._file("pids", "pids.max").write_text(str(pids + launcher_and_keeper))

    def _limit_cpu(self, cpus: float) -> None:
        quota_us = int(cpus * _CPU_PERIOD_US)
        if "cpu" in self.directories:
            directory = self.directories["cpu"]
            (directory / "cpu.cfs_period_us").write_text(str(_CPU_PERIOD_US))
            (directory / "cpu.cfs_quota_us").write_text(str(quota_us))
        else:
            self._file("cpu", "cpu.max").write_text(f"{quota_us} {_CPU_PERIOD_US}")


def sweep(trees: Trees | None = None) -> list[str]:
    """Kill and remove groups that a dead supervisor left. Returns their names."""
    trees = trees or discover()
    parents = [*trees.v1.values(), *([trees.v2] if trees.v2 else [])]
    stale: dict[str, Group] = {}
    for parent in parents:
        for directory in parent.glob(f"{PREFIX}*"):
            if not _supervisor_lives(directory.name):
                group = stale.setdefault(directory.name, Group(directory.name))
                group.directories[_label(directory)] = directory
    for group in stale.values():
        group.kill()
        with suppress(OSError):
            group.remove()
    return sorted(stale)


def _label(directory: Path) -> str:
    return "unified" if (directory / "cgroup.controllers").exists() else str(directory)


def _supervisor_lives(name: str) -> bool:
    process, started, _ = name.removeprefix(PREFIX).split("-")
    return _start_time(int(process)) == int(started)


def _start_time(process: int) -> int:
    """Start of `process` in clock ticks since boot, 0 if there is none; tells reused pids apart."""
    try:
        text = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[19])


def _delegate(own: Path, controllers: Sequence[str]) -> dict[str, str]:
    """Enable `controllers` for children of the v2 group `own`. Returns reasons for refusals."""
    refused: dict[str, str] = {}
    for controller in controllers:
        try:
            _enable(own, controller)
        except OSError as error:
            refused[controller] = f"{controller}: {error}"
    return refused


def _enable(own: Path, controller: str) -> None:
    control = own / "cgroup.subtree_control"
    if controller in _words(control):
        return
    try:
        control.write_text(f"+{controller}")
    except OSError:
        leaf = own / _SUPERVISOR_LEAF
        leaf.mkdir(exist_ok=True)
        (leaf / "cgroup.procs").write_text(str(os.getpid()))
        control.write_text(f"+{controller}")


def _remove_when_empty(directory: Path, deadline: float) -> None:
    while True:
        try:
            directory.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.002)


def _keyed(file: Path, key: str) -> int:
    """Value of `key` in a file of `key value` lines, 0 if it is not there."""
    for line in file.read_text().splitlines():
        name, _, value = line.partition(" ")
        if name == key:
            return int(value)
    return 0
