"""Tiers of isolation and the layers each one needs.

A *layer* is one mechanism that either holds or does not. A *tier* is a named set of layers: a host
reaches a tier when every layer of the set holds. Tiers are ordered; a job names the least tier it
accepts, gets the best one the host reaches, and is refused when that is lower.

    native           everything below
    native-nocgroup  no writable cgroups: memory and processes are limited by rlimits alone, so
                     per process rather than per job
    restricted       no namespaces either (containers that forbid unshare): the job sees the host's
                     kernel objects and is held by its uid, Landlock, seccomp and rlimits.
                     One user's own local work only; shown in red.
"""

from enum import StrEnum
from typing import Final


class Layer(StrEnum):
    USER_NS = "user_ns"
    MOUNT_NS = "mount_ns"
    PID_NS = "pid_ns"
    NET_NS = "net_ns"
    IPC_NS = "ipc_ns"
    UTS_NS = "uts_ns"
    CGROUP_NS = "cgroup_ns"
    ROOT = "root"  # pivot_root into a tree that holds the interpreter and nothing else
    TMPFS = "tmpfs"  # private, size-limited, nosymfollow, nosuid, nodev
    RLIMITS = "rlimits"
    KUID = "kuid"  # the kernel's own uid of the job is not 0, whatever it is called inside
    CAPABILITIES = "capabilities"
    NO_NEW_PRIVS = "no_new_privs"
    LANDLOCK = "landlock"
    SECCOMP = "seccomp"
    SEALED = "sealed"  # undumpable, second filter: by the job itself, before it reads its input
    CGROUP_MEMORY = "cgroup_memory"
    CGROUP_PIDS = "cgroup_pids"
    CGROUP_CPU = "cgroup_cpu"
    CGROUP_KILL = "cgroup_kill"


class Tier(StrEnum):
    RESTRICTED = "restricted"
    NATIVE_NOCGROUP = "native-nocgroup"
    NATIVE = "native"

    @property
    def rank(self) -> int:
        return _ORDER.index(self)

    @property
    def uses_namespaces(self) -> bool:
        return self is not Tier.RESTRICTED


_ORDER: Final = (Tier.RESTRICTED, Tier.NATIVE_NOCGROUP, Tier.NATIVE)

CGROUP_LAYERS: Final = frozenset(
    {Layer.CGROUP_MEMORY, Layer.CGROUP_PIDS, Layer.CGROUP_CPU, Layer.CGROUP_KILL}
)
_PROCESS_LAYERS: Final = frozenset(
    {
        Layer.RLIMITS,
        Layer.KUID,
        Layer.CAPABILITIES,
        Layer.NO_NEW_PRIVS,
        Layer.LANDLOCK,
        Layer.SECCOMP,
        Layer.SEALED,
    }
)
_NAMESPACE_LAYERS: Final = frozenset(
    {
        Layer.USER_NS,
        Layer.MOUNT_NS,
        Layer.PID_NS,
        Layer.NET_NS,
        Layer.IPC_NS,
        Layer.UTS_NS,
        Layer.CGROUP_NS,
        Layer.ROOT,
        Layer.TMPFS,
    }
)

TIER_LAYERS: Final[dict[Tier, frozenset[Layer]]] = {
    Tier.RESTRICTED: _PROCESS_LAYERS,
    Tier.NATIVE_NOCGROUP: _PROCESS_LAYERS | _NAMESPACE_LAYERS,
    Tier.NATIVE: _PROCESS_LAYERS | _NAMESPACE_LAYERS | CGROUP_LAYERS,
}


def best_tier(held: frozenset[Layer]) -> Tier | None:
    """The highest tier whose layers all hold, or None when not even `restricted` does."""
    reached = [tier for tier in _ORDER if TIER_LAYERS[tier] <= held]
    return reached[-1] if reached else None
