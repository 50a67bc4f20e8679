"""The minimal root of a jail: the interpreter and its libraries, read-only, and one tmpfs.

    /                    tmpfs, read-only once built
    /usr/lib, …          binds of the host's own paths, recursively read-only, nosuid, nodev
    /dev/null
    /jail-tmp            tmpfs of the job: size-limited, nosymfollow, nosuid, nodev
    /tmp                 a link to it, for programs that insist

There is no /proc, no /sys, no /etc, no shell. The host's tree is moved aside while binds are
made and is then unmounted. Runs as root of the mount namespace, which is either real root (so an
interpreter below a 0700 home can be bound) or the creator of a user namespace.
"""

import os
from collections.abc import Iterable
from typing import Final

from pyvorin_server.sandbox import linux

SCRATCH: Final = "/jail-tmp"  # not /tmp, below which a bind may lie
DEV_NULL: Final = "/dev/null"
PROC: Final = "/proc"
_HOST: Final = "/.host"
_MOUNT_POINTS: Final = ("/tmp", "/run", "/var", "/mnt")
_SCRATCH_INODES: Final = 1024


def enter_minimal_root(binds: Iterable[str], devices: Iterable[str], *, for_runtime: bool) -> None:
    """Replace the root of this mount namespace. The caller must have unshared it.

    `devices` are what a runtime needs and a job never gets. A runtime mounts things of its own on
    /tmp, which no link may be for that.
    """
    linux.mount("none", "/", "", linux.MS_REC | linux.MS_PRIVATE)
    base = next(path for path in _MOUNT_POINTS if os.path.isdir(path))
    flags = linux.MS_NOSUID | linux.MS_NODEV
    linux.mount("tmpfs", base, "tmpfs", flags, "mode=0755,size=1m")
    os.mkdir(base + _HOST)
    linux.pivot_root(base, base + _HOST)
    os.chdir("/")
    for path in sorted(binds, key=len):
        _attach(path)
    for device in (DEV_NULL, *devices):
        _attach_file(device, linux.MOUNT_ATTR_RDONLY | linux.MOUNT_ATTR_NOSUID)
    os.mkdir(SCRATCH)
    if for_runtime:
        os.makedirs("/tmp", exist_ok=True)
    elif not os.path.lexists("/tmp"):
        os.symlink(SCRATCH, "/tmp")
    linux.unmount_lazily(_HOST)
    os.rmdir(_HOST)


def mount_proc() -> None:
    """For a runtime that needs it, never for a job. Shows the own pid namespace only."""
    if not os.path.isdir(PROC):
        os.mkdir(PROC, 0o555)
    flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
    linux.mount("proc", PROC, "proc", flags)


def mount_scratch(size_bytes: int, *, executable: bool) -> None:
    """Mount the job's own temporary directory. `executable` allows dlopen of files in it."""
    flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOSYMFOLLOW
    if not executable:
        flags |= linux.MS_NOEXEC
    options = f"mode=1777,size={size_bytes},nr_inodes={_SCRATCH_INODES}"
    linux.mount("tmpfs", SCRATCH, "tmpfs", flags, options)


def make_root_read_only() -> None:
    flags = linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV
    linux.mount("none", "/", "", flags)


def _attach(path: str) -> None:
    if os.path.lexists(path):  # below a bind that is there already
        return
    attributes = linux.MOUNT_ATTR_RDONLY | linux.MOUNT_ATTR_NOSUID | linux.MOUNT_ATTR_NODEV
    source = _HOST + path
    if os.path.islink(source):
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        os.symlink(os.readlink(source), path)
    elif os.path.isdir(source):
        os.makedirs(path, 0o755, exist_ok=True)
        _bind(source, path, attributes)
    else:
        _attach_file(path, attributes)


def _attach_file(path: str, attributes: int) -> None:
    os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    _bind(_HOST + path, path, attributes)


def _bind(source: str, target: str, attributes: int) -> None:
    linux.mount(source, target, "", linux.MS_BIND | linux.MS_REC)
    linux.restrict_mount_tree(target, attributes)
