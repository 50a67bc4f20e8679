"""Landlock: the job may reach the named paths only, whatever the mount tree shows.

The second lock on the file system in the namespaced tiers and the first one in `restricted`.
From ABI 4 it also refuses TCP, from ABI 6 abstract sockets of, and signals to, anybody outside.
The temporary directory takes regular files and directories only: no links, pipes, sockets or
devices, so that nothing can be planted in it.

Ref: Documentation/userspace-api/landlock.rst, include/uapi/linux/landlock.h.
"""

import os
import stat
import struct
from collections.abc import Iterable
from typing import Final

from pyvorin_server.sandbox.linux import call

EXECUTE: Final = 1 << 0
WRITE_FILE: Final = 1 << 1
READ_FILE: Final = 1 << 2
READ_DIR: Final = 1 << 3
REMOVE_DIR: Final = 1 << 4
REMOVE_FILE: Final = 1 << 5
MAKE_DIR: Final = 1 << 7
MAKE_REG: Final = 1 << 8
TRUNCATE: Final = 1 << 14
IOCTL_DEV: Final = 1 << 15

READ_CODE: Final = EXECUTE | READ_FILE | READ_DIR
SCRATCH: Final = (
    READ_FILE | READ_DIR | WRITE_FILE | TRUNCATE | MAKE_REG | MAKE_DIR | REMOVE_FILE | REMOVE_DIR
)
DEVICE: Final = READ_FILE | WRITE_FILE

_FILE_RIGHTS: Final = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
_RIGHTS_COUNT: Final = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # by ABI; 16 from 5 on
_NET_RIGHTS: Final = 0b11  # bind and connect TCP
_SCOPES: Final = 0b11  # abstract unix sockets, signals
_CREATE_VERSION: Final = 1
_RULE_PATH_BENEATH: Final = 1


def abi() -> int:
    """The kernel's Landlock version. Raises OSError when it is absent or off."""
    return call("landlock_create_ruleset", None, 0, _CREATE_VERSION)


def scopes_signals() -> bool:
    """Whether a Landlock domain also keeps the job's signals inside (ABI 6, Linux 6.12)."""
    try:
        return abi() >= 6
    except OSError:
        return False


def restrict(rules: Iterable[tuple[str, int]]) -> None:
    """Confine this process and its children to `rules`: (path, rights). Needs no_new_privs."""
    version = abi()
    handled = (1 << _RIGHTS_COUNT.get(version, 16)) - 1
    ruleset = _create(version, handled)
    try:
        for path, rights in rules:
            _allow(ruleset, path, rights & handled)
        call("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)


def _create(version: int, handled: int) -> int:
    attributes = struct.pack("=Q", handled)
    if version >= 4:
        attributes += struct.pack("=Q", _NET_RIGHTS)
    if version >= 6:
        attributes += struct.pack("=Q", _SCOPES)
    return call("landlock_create_ruleset", attributes, len(attributes), 0)


def _allow(ruleset: int, path: str, rights: int) -> None:
    """A rule for a file must not carry rights that only directories have (EINVAL)."""
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _FILE_RIGHTS
        rule = struct.pack("=Qi", rights, descriptor)
        call("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)
