import re
from pathlib import Path

import pytest
from pyvorin_server.sandbox import policies, seccomp, syscalls

from tests.server.sandbox.bpf import verdict

HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
ALLOW, KILL = seccomp.ALLOW, seccomp.KILL
EPERM, ENOSYS = seccomp.errno_verdict(1), seccomp.errno_verdict(38)
EAFNOSUPPORT, ENOTTY = seccomp.errno_verdict(97), seccomp.errno_verdict(25)
TABLES = (syscalls.ALLOWED, syscalls.CONDITIONAL, syscalls.ABSENT, syscalls.HOSTILE)

JOB = seccomp.job_filter(may_signal=True, may_leave_group=True, may_share_memory=True)
CONFINED = seccomp.job_filter(
    may_signal=False, may_leave_group=False, may_share_memory=False, sees_others=True
)
PRETEND = seccomp.errno_verdict(0)
CLONE, SOCKET, SOCKETPAIR, SENDTO = 56, 41, 53, 44
PRCTL, PRLIMIT, SETRLIMIT, IOCTL = 157, 302, 160, 16
NEW_NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 1 << 30)


def test_no_call_is_in_two_tables() -> None:
    numbers = [number for table in TABLES for number in table.values()]
    assert len(numbers) == len(set(numbers))


@pytest.mark.skipif(not HEADER.exists(), reason="the kernel's headers are not installed")
def test_numbers_are_those_of_the_kernel() -> None:
    pairs = re.findall(r"#define __NR_(\w+) (\d+)", HEADER.read_text())
    known = {name: int(number) for name, number in pairs}
    for table in (*TABLES, syscalls.SEALED):
        for name, number in table.items():
            assert known.get(name, number) == number, name


def test_every_number_has_the_verdict_of_its_table() -> None:
    for number in range(1000):
        _check_verdict(number, verdict(JOB, number))


def _check_verdict(number: int, found: int) -> None:
    if number in syscalls.HOSTILE.values():
        assert found == KILL
    elif number in syscalls.ALLOWED.values():
        assert found == ALLOW
    elif number in syscalls.ABSENT.values() or number >= syscalls.FIRST_UNKNOWN:
        assert found == ENOSYS
    elif number not in syscalls.CONDITIONAL.values():
        assert found == EPERM


def test_other_architectures_and_x32_are_killed() -> None:
    assert verdict(JOB, 0, architecture=0x40000003) == KILL
    assert verdict(JOB, 0x40000000 | 39) == KILL
    assert verdict(seccomp.seal_filter(policies.CHECK), 0, architecture=0x40000003) == KILL


def test_no_family_of_sockets_can_be_made() -> None:
    for family in range(50):
        assert verdict(JOB, SOCKET, family, 1, 0) == EAFNOSUPPORT
        assert verdict(JOB, SOCKET, family | 1 << 32, 1, 0) == EAFNOSUPPORT


def test_only_unix_stream_pairs() -> None:
    assert verdict(JOB, SOCKETPAIR, 1, 1 | 0o2000000 | 0o4000) == ALLOW
    assert verdict(JOB, SOCKETPAIR, 1, 2) == EAFNOSUPPORT
    assert verdict(JOB, SOCKETPAIR, 1, 5) == EAFNOSUPPORT
    assert verdict(JOB, SOCKETPAIR, 40, 1) == EAFNOSUPPORT


def test_pointers_are_compared_by_both_words() -> None:
    for value, expected in ((0, ALLOW), (1, EPERM), (1 << 32, EPERM), (1 << 63, EPERM)):
        assert verdict(JOB, SENDTO, 0, 0, 0, 0, value) == expected
        assert verdict(JOB, PRLIMIT, 77, 0, value) == expected


def test_own_limits_may_be_set_but_the_core_size() -> None:
    core, files, pointer = 4, 7, 1 << 33
    assert verdict(JOB, PRLIMIT, 0, files, pointer) == ALLOW
    assert verdict(JOB, PRLIMIT, 0, core, pointer) == PRETEND
    assert verdict(JOB, PRLIMIT, 0, core, 0) == ALLOW
    assert verdict(JOB, PRLIMIT, 77, core, pointer) == EPERM
    assert verdict(JOB, SETRLIMIT, core) == PRETEND
    assert verdict(JOB, SETRLIMIT, files) == ALLOW


def test_the_group_is_kept_where_ending_depends_on_it() -> None:
    for number in (109, 112):
        assert verdict(JOB, number) == ALLOW
        assert verdict(CONFINED, number) == PRETEND


@pytest.mark.parametrize("flag", NEW_NAMESPACES)
def test_clone_into_a_namespace_is_hostile(flag: int) -> None:
    assert verdict(JOB, CLONE, flag | 17) == KILL
    assert verdict(JOB, CLONE, 17) == ALLOW


def test_dumpable_can_only_be_taken_away() -> None:
    assert verdict(JOB, PRCTL, 4, 0) == ALLOW
    assert verdict(JOB, PRCTL, 4, 1) == EPERM
    assert verdict(JOB, PRCTL, 36, 1) == EPERM


def test_shared_anonymous_memory_is_refused_where_nothing_counts_it() -> None:
    shared, private, anonymous = 1, 2, 0x20
    enomem = seccomp.errno_verdict(12)
    assert verdict(JOB, 9, 0, 4096, 3, shared | anonymous) == ALLOW
    assert verdict(CONFINED, 9, 0, 4096, 3, shared | anonymous) == enomem
    assert verdict(CONFINED, 9, 0, 4096, 3, private | anonymous) == ALLOW
    assert verdict(CONFINED, 9, 0, 4096, 3, shared) == ALLOW


def test_terminal_input_cannot_be_pushed() -> None:
    assert verdict(JOB, IOCTL, 1, 0x5401) == ALLOW
    assert verdict(JOB, IOCTL, 1, 0x5412) == ENOTTY


@pytest.mark.parametrize("number", [62, 200, 234])
def test_signals_are_refused_where_they_could_leave(number: int) -> None:
    assert verdict(JOB, number, 1, 9) == ALLOW
    assert verdict(CONFINED, number, 1, 9) == EPERM


@pytest.mark.parametrize("number", [228, 229, 230])
def test_clocks_of_others_are_refused_where_others_can_be_named(number: int) -> None:
    others, einval = ~4711 << 3 & 0xFFFFFFFF, seccomp.errno_verdict(22)
    for own in (0, 1, 2, 3, 4, 7, 11, *(~0 << 3 & 0xFFFFFFFF | kind for kind in range(8))):
        assert verdict(CONFINED, number, own) == verdict(JOB, number, own) == ALLOW
    for kind in range(8):
        assert verdict(CONFINED, number, others | kind) == einval
        assert verdict(JOB, number, others | kind) == ALLOW


def test_sealed_compile_jobs_start_threads_but_no_processes() -> None:
    compile_seal = seccomp.seal_filter(policies.COMPILE)
    check_seal = seccomp.seal_filter(policies.CHECK)
    for number in syscalls.SEALED.values():
        assert verdict(compile_seal, number) == EPERM
        assert verdict(check_seal, number) == ALLOW
    assert verdict(compile_seal, CLONE, 17) == EPERM
    assert verdict(compile_seal, CLONE, 0x10000) == ALLOW
