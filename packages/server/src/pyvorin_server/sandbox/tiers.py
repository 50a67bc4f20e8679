"""Tiers of isolation and the layers each one needs.

A *layer* is one mechanism that either holds or does not. A *tier* is a named set of layers: a host
reaches a tier when every layer of the set holds. Tiers are ordered; a job names the least tier it
accepts, gets the best one the host reaches, and is refused when that is lower.

    microvm          a virtual machine of its own per job, inside the outer jail
    gvisor           a user-space kernel of its own per job (runsc), inside the outer jail
    native           everything below
    native-nocgroup  no writable cgroups: memory and processes are limited by rlimits alone, so
                     per process rather than per job
    restricted       no namespaces either (containers that forbid unshare): the job sees the host's
                     kernel objects and is held by its uid, Landlock, seccomp and rlimits.
                     One user's own local work only; shown in red.

The two strongest cost several times the work, so they are used where they are required, not
merely because a host has them.
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
    GVISOR = "gvisor"  # the kernel the job sees is not the host's
    MICROVM = "microvm"  # the job has a machine of its own
    CGROUP_MEMORY = "cgroup_memory"
    CGROUP_PIDS = "cgroup_pids"
    CGROUP_CPU = "cgroup_cpu"
    CGROUP_KILL = "cgroup_kill"


class Tier(StrEnum):
    RESTRICTED = "restricted"
    NATIVE_NOCGROUP = "native-nocgroup"
    NATIVE = "native"
    GVISOR = "gvisor"
    MICROVM = "microvm"

    @property
    def rank(self) -> int:
        return _ORDER.index(self)

    @property
    def uses_namespaces(self) -> bool:
        return self is not Tier.RESTRICTED

    @property
    def shares_kernel(self) -> bool:
        """Whether the job talks to the host's kernel itself."""
        return self not in (Tier.GVISOR, Tier.MICROVM)


_ORDER: Final = (
    Tier.RESTRICTED,
    Tier.NATIVE_NOCGROUP,
    Tier.NATIVE,
    Tier.GVISOR,
    Tier.MICROVM,
)

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

# Around a kernel of the job's own: runsc and a machine monitor bring their own seccomp filter, need
# capabilities within their own user namespace, and mount, which Landlock forbids.
_OUTER_LAYERS: Final = (
    _NAMESPACE_LAYERS
    | CGROUP_LAYERS
    | {Layer.RLIMITS, Layer.KUID, Layer.NO_NEW_PRIVS, Layer.SEALED}
)

TIER_LAYERS: Final[dict[Tier, frozenset[Layer]]] = {
    Tier.RESTRICTED: _PROCESS_LAYERS,
    Tier.NATIVE_NOCGROUP: _PROCESS_LAYERS | _NAMESPACE_LAYERS,
    Tier.NATIVE: _PROCESS_LAYERS | _NAMESPACE_LAYERS | CGROUP_LAYERS,
    Tier.GVISOR: _OUTER_LAYERS | {Layer.GVISOR},
    Tier.MICROVM: _OUTER_LAYERS | {Layer.MICROVM},
}


RUNTIME_LAYERS: Final = {Tier.GVISOR: Layer.GVISOR, Tier.MICROVM: Layer.MICROVM}


def best_tier(held: frozenset[Layer]) -> Tier | None:
    """The highest tier on the host's kernel whose layers all hold; None when not even `restricted`
    does."""
    reached = [tier for tier in _ORDER if tier.shares_kernel and TIER_LAYERS[tier] <= held]
    return reached[-1] if reached else None
