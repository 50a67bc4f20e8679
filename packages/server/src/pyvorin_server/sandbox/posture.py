"""Looks at a jail from outside before it is given any input.

The launcher says which layers hold; this module does not believe it. It reads what the kernel
says about the keeper, from which the job is forked after everything was applied.
"""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

_NAMESPACES: Final = ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup")
_CAPABILITY_SETS: Final = ("CapInh", "CapPrm", "CapEff", "CapAmb")


def faults_of(
    keeper: int, *, job_uid: int | None, namespaces: bool, confined: bool, group: str | None
) -> list[str]:
    """What is wrong with the posture of process `keeper`; empty when nothing is.

    `confined`: it must have no capability and a seccomp filter, as it will be the job's kernel
    side; a keeper of a runtime has capabilities over its own user namespace instead.
    """
    try:
        status = _read_status(keeper)
    except OSError as error:
        return [f"cannot be read: {error}"]
    found = _identity_faults(status, job_uid)
    if status["NoNewPrivs"] != "1":
        found.append("new privileges allowed")
    if confined:
        found += _confinement_faults(status, namespaces)
    if namespaces:
        found += _namespace_faults(keeper, status)
    if group is not None:
        found += _group_faults(keeper, group)
    return found


def runtime_faults(processes: Iterable[int], job_uid: int | None) -> list[str]:
    """What is wrong with a runtime's processes: each is the job's user, and one is a kernel behind
    a system call filter of its own.
    """
    found, filtered = [], 0
    for process in processes:
        try:
            status = _read_status(process)
        except OSError:
            continue  # ended meanwhile
        found += [f"process {process}: {fault}" for fault in _identity_faults(status, job_uid)]
        filtered += status["Seccomp"] == "2"
    return found if filtered else [*found, "no process of the runtime has a system call filter"]


def _read_status(process: int) -> dict[str, str]:
    text = Path(f"/proc/{process}/status").read_text()
    return {key: value.strip() for key, _, value in (x.partition(":") for x in text.splitlines())}


def _identity_faults(status: Mapping[str, str], job_uid: int | None) -> list[str]:
    """Kernel uids as this namespace sees them: never 0, and the job's own where one was given."""
    found = []
    for field in ("Uid", "Gid"):
        ids = set(map(int, status[field].split()))
        if field == "Uid" and 0 in ids:
            found.append("kernel uid 0")
        if job_uid is not None and ids != {job_uid}:
            found.append(f"{field} {sorted(ids)} is not {job_uid}")
    if job_uid is not None and status["Groups"]:
        found.append(f"supplementary groups {status['Groups']}")
    return found


def _confinement_faults(status: Mapping[str, str], namespaces: bool) -> list[str]:
    sets = (*_CAPABILITY_SETS, "CapBnd") if namespaces else _CAPABILITY_SETS
    found = [f"{name} is {status[name]}" for name in sets if int(status[name], 16)]
    if status["Seccomp"] != "2":
        found.append("no seccomp filter")
    return found


def _namespace_faults(keeper: int, status: Mapping[str, str]) -> list[str]:
    found = []
    if status["NSpid"].split()[-1] != "1" or len(status["NSpid"].split()) < 2:
        found.append(f"not the first process of a pid namespace: {status['NSpid']}")
    for name in _NAMESPACES:
        with suppress(PermissionError):
            if os.readlink(f"/proc/{keeper}/ns/{name}") == os.readlink(f"/proc/self/ns/{name}"):
                found.append(f"shares the host's {name} namespace")
    return found


def _group_faults(keeper: int, group: str) -> list[str]:
    lines = Path(f"/proc/{keeper}/cgroup").read_text().splitlines()
    inside = [line for line in lines if line.endswith("/" + group)]
    return [] if inside else [f"not in control group {group}"]
