"""Assembles the seccomp filters from the table in `syscalls`. No libseccomp.

A filter is a classic BPF program over `struct seccomp_data` (include/uapi/linux/seccomp.h):

    offset 0   int   nr                     offset 16+8i  u64 args[i], low word first
    offset 4   u32   arch

A rule for one call becomes, with the call's number n and verdicts v:

    jeq n, 0, len(body)     not this call: on to the next rule
    body                    ends in `ret v` on every path

Jumps are relative and at most 255 long; bodies are short, so the program needs no layout pass.
int arguments are compared by their low word, as the kernel does; pointers by both words.
"""

import functools
import struct
from collections.abc import Iterable
from typing import Final

from pyvorin_server.sandbox import syscalls
from pyvorin_server.sandbox.policies import Policy

AUDIT_ARCH_X86_64: Final = 0xC000003E
_X32_BIT: Final = 0x40000000

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_GREATER_EQUAL: Final = 0x35
_JUMP_ANY_BIT: Final = 0x45
_AND: Final = 0x54  # BPF_ALU | BPF_AND | BPF_K
_RETURN: Final = 0x06

ALLOW: Final = 0x7FFF0000
KILL: Final = 0x80000000  # SECCOMP_RET_KILL_PROCESS
_PRETEND: Final = 0x00050000  # errno 0: the call is left out and reports success

_EPERM, _ENOMEM, _EINVAL, _ENOTTY, _ENOSYS, _EAFNOSUPPORT = 1, 12, 22, 25, 38, 97

_AF_UNIX, _SOCK_STREAM, _SOCK_TYPE_MASK = 1, 1, 0xF
_NAMESPACE_FLAGS: Final = 0x7E020080  # every CLONE_NEW* a clone can carry
_CLONE_THREAD: Final = 0x00010000
_HARMLESS_IOCTLS: Final = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
# TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX
_HARMLESS_PRCTLS: Final = (1, 3, 15, 16, 21, 22, 23, 38, 39, 0x53564D41)
# pdeathsig, get dumpable, set and get name, get and set seccomp, read bounding set,
# set and get no_new_privs, name an anonymous mapping
_PR_SET_DUMPABLE: Final = 4
_RLIMIT_CORE: Final = 4
_FIRST_OTHERS_CLOCK: Final = 16  # below are those of the system, from the next on the caller's own
_FIRST_OWN_CLOCK: Final = 0xFFFFFFF8
_MAP_SHARED_ANONYMOUS: Final = 0x21

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand


def errno_verdict(error: int) -> int:
    return 0x00050000 | error


@functools.cache
def job_filter(
    *, may_signal: bool, may_leave_group: bool, may_share_memory: bool, sees_others: bool = False
) -> bytes:
    """The filter of keeper and job.

    `may_signal` where signals cannot reach others; `may_leave_group` where ending the job does not
    depend on its process group: elsewhere setsid and setpgid answer 0 and do nothing.
    `may_share_memory` where a cgroup counts it; no rlimit does. `sees_others` without a pid
    namespace: others' CPU time, which anybody may ask for there, is kept from the job.
    """
    program = [*_check_architecture()]
    for number in syscalls.ALLOWED.values():
        program += _rule(number, [_return(ALLOW)])
    bodies = _conditional_bodies(may_signal, may_leave_group)
    clock = _no_clock_of_others() if sees_others else [_return(ALLOW)]
    bodies |= dict.fromkeys(("clock_gettime", "clock_getres", "clock_nanosleep"), clock)
    bodies["mmap"] = [_return(ALLOW)] if may_share_memory else _no_shared_anonymous_memory()
    for name, body in bodies.items():
        program += _rule(syscalls.CONDITIONAL[name], body)
    for number in syscalls.ABSENT.values():
        program += _rule(number, [_return(errno_verdict(_ENOSYS))])
    for number in syscalls.HOSTILE.values():
        program += _rule(number, [_return(KILL)])
    program.append((_JUMP_GREATER_EQUAL, 0, 1, syscalls.FIRST_UNKNOWN))
    program.append(_return(errno_verdict(_ENOSYS)))
    program.append(_return(errno_verdict(_EPERM)))
    return _encode(program)


@functools.cache
def seal_filter(policy: Policy) -> bytes:
    """The second filter, which the job installs on itself once it is started."""
    refuse = errno_verdict(_EPERM)
    program = [*_check_architecture()]
    if not policy.may_start_processes:
        for number in syscalls.SEALED.values():
            program += _rule(number, [_return(refuse)])
        thread = [_load_low(0), (_JUMP_ANY_BIT, 0, 1, _CLONE_THREAD), _return(ALLOW)]
        program += _rule(syscalls.CONDITIONAL["clone"], [*thread, _return(refuse)])
    program.append(_return(ALLOW))
    return _encode(program)


def _check_architecture() -> list[Instruction]:
    """Refuse the 32-bit and x32 tables, where the same numbers mean other calls; load nr."""
    return [
        (_LOAD, 0, 0, 4),
        (_JUMP_EQUAL, 1, 0, AUDIT_ARCH_X86_64),
        _return(KILL),
        (_LOAD, 0, 0, 0),
        (_JUMP_GREATER_EQUAL, 0, 1, _X32_BIT),
        _return(KILL),
    ]


def _conditional_bodies(may_signal: bool, may_leave_group: bool) -> dict[str, list[Instruction]]:
    refuse = errno_verdict(_EPERM)
    signal = ALLOW if may_signal else refuse
    group = ALLOW if may_leave_group else _PRETEND
    return {
        "ioctl": _one_of(1, _HARMLESS_IOCTLS, errno_verdict(_ENOTTY)),
        "socket": [_return(errno_verdict(_EAFNOSUPPORT))],
        "socketpair": _stream_pair_only(),
        "sendto": _null_pointer_only(4),
        "clone": [
            _load_low(0),
            (_JUMP_ANY_BIT, 0, 1, _NAMESPACE_FLAGS),
            _return(KILL),
            _return(ALLOW),
        ],
        "kill": [_return(signal)],
        "tkill": [_return(signal)],
        "tgkill": [_return(signal)],
        "setpgid": [_return(group)],
        "setsid": [_return(group)],
        "prctl": _prctl_body(refuse),
        "setrlimit": [_load_low(0), *_all_but_core_size()],
        "prlimit64": _own_limits_only(),
    }


def _own_limits_only() -> list[Instruction]:
    """prlimit64(pid, resource, new, old): read any, set own ones, but never the core size."""
    return [
        _load_low(2),
        (_JUMP_EQUAL, 0, 3, 0),
        _load_high(2),
        (_JUMP_EQUAL, 0, 1, 0),
        _return(ALLOW),
        _load_low(0),
        (_JUMP_EQUAL, 1, 0, 0),
        _return(errno_verdict(_EPERM)),
        _load_low(1),
        *_all_but_core_size(),
    ]


def _all_but_core_size() -> list[Instruction]:
    """A core size of 0 would bring core_pattern pipes back (see `plan`): setting it is a feint."""
    return [(_JUMP_EQUAL, 0, 1, _RLIMIT_CORE), _return(_PRETEND), _return(ALLOW)]


def _no_clock_of_others() -> list[Instruction]:
    """A clock of another process's CPU time has that one's number in it, inverted."""
    return [
        _load_low(0),
        (_JUMP_GREATER_EQUAL, 2, 0, _FIRST_OWN_CLOCK),
        (_JUMP_GREATER_EQUAL, 0, 1, _FIRST_OTHERS_CLOCK),
        _return(errno_verdict(_EINVAL)),
        _return(ALLOW),
    ]


def _no_shared_anonymous_memory() -> list[Instruction]:
    return [
        _load_low(3),
        (_AND, 0, 0, _MAP_SHARED_ANONYMOUS),
        (_JUMP_EQUAL, 0, 1, _MAP_SHARED_ANONYMOUS),
        _return(errno_verdict(_ENOMEM)),
        _return(ALLOW),
    ]


def _one_of(argument: int, values: Iterable[int], otherwise: int) -> list[Instruction]:
    body = [_load_low(argument)]
    for value in values:
        body += [(_JUMP_EQUAL, 0, 1, value), _return(ALLOW)]
    return [*body, _return(otherwise)]


def _stream_pair_only() -> list[Instruction]:
    """AF_UNIX stream pairs: a datagram end could send to any abstract name."""
    refused = _return(errno_verdict(_EAFNOSUPPORT))
    return [
        _load_low(0),
        (_JUMP_EQUAL, 1, 0, _AF_UNIX),
        refused,
        _load_low(1),
        (_AND, 0, 0, _SOCK_TYPE_MASK),
        (_JUMP_EQUAL, 1, 0, _SOCK_STREAM),
        refused,
        _return(ALLOW),
    ]


def _null_pointer_only(argument: int) -> list[Instruction]:
    refused = _return(errno_verdict(_EPERM))
    return [
        _load_low(argument),
        (_JUMP_EQUAL, 1, 0, 0),
        refused,
        _load_high(argument),
        (_JUMP_EQUAL, 1, 0, 0),
        refused,
        _return(ALLOW),
    ]


def _prctl_body(refuse: int) -> list[Instruction]:
    return [
        _load_low(0),
        (_JUMP_EQUAL, 0, 4, _PR_SET_DUMPABLE),
        _load_low(1),
        (_JUMP_EQUAL, 0, 1, 0),  # never dumpable again
        _return(ALLOW),
        _return(refuse),
        *_one_of(0, _HARMLESS_PRCTLS, refuse),
    ]


def _rule(number: int, body: list[Instruction]) -> list[Instruction]:
    assert len(body) <= 255, len(body)
    return [(_JUMP_EQUAL, 0, len(body), number), *body]


def _return(verdict: int) -> Instruction:
    return (_RETURN, 0, 0, verdict)


def _load_low(argument: int) -> Instruction:
    return (_LOAD, 0, 0, 16 + 8 * argument)


def _load_high(argument: int) -> Instruction:
    return (_LOAD, 0, 0, 20 + 8 * argument)


def _encode(program: list[Instruction]) -> bytes:
    assert len(program) <= 4096, len(program)
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
