"""Attempts to read, signal, reconfigure or reach the host from inside a jail."""

import os
from pathlib import Path

from pyvorin_server.sandbox.model import Ending
from pyvorin_server.sandbox.plan import JailSpec

from tests.attacks.ground import Breach, Ground
from tests.attacks.probe import (
    OWN_KERNEL,
    REFUSED,
    SHARED_KERNEL,
    SMALL,
    Place,
    everywhere,
    probe,
)
from tests.attacks.table import attack

SELF_HARM = REFUSED | {Ending.CRASHED}

# ---- S01, S02: reading what is not the job's

for path in ("/etc/shadow", "/etc/passwd", "/etc/hostname", "/sys/kernel/notes", "/boot"):
    probe(
        "S01",
        f"read {path}",
        f"print(os.listdir({path!r}) if os.path.isdir({path!r}) else open({path!r},'rb').read())",
    )
probe("S01", "list root's home", "print(hidden('/root'))")
probe("S01", "read a private file of the service", "print(open(FACTS['private']).read())")
probe("S01", "read a world-readable file of the service", "print(open(FACTS['public']).read())")
probe("S01", "list the service's folder", "print(os.listdir(FACTS['folder']))")
probe("S01", "overwrite a file of the service", "open(FACTS['public'], 'w').write('x')")
probe("S01", "truncate a file of the service", "os.truncate(FACTS['public'], 0)")
probe("S01", "write into the interpreter's library", "open(os.__file__, 'r+b').write(b'x')")
probe(
    "S01",
    "add a module to the interpreter",
    "open(os.path.dirname(os.__file__) + '/planted.py', 'w')",
)
probe("S01", "climb out by ..", "print(open('../' * 40 + FACTS['public'].lstrip('/')).read())")
probe(
    "S01",
    "climb out by an open directory",
    """
    directory = os.open('.', os.O_RDONLY | os.O_DIRECTORY)
    up = os.open('../' * 40, os.O_RDONLY | os.O_DIRECTORY, dir_fd=directory)
    os.fchdir(up)
    print(hidden(os.getcwd()))
    """,
)
probe("S02", "list /proc", "print(os.listdir('/proc'))", only=SHARED_KERNEL)
for name in ("kcore", "kallsyms", "sysrq-trigger"):
    probe("S02", f"open /proc/{name}", f"print(open('/proc/{name}', 'rb').read(64))")
for name in ("1/environ", "self/status", "self/mem"):
    body = f"print(open('/proc/{name}', 'rb').read(64))"
    probe("S02", f"open /proc/{name}", body, only=SHARED_KERNEL)
probe(
    "S02",
    "find a process of the host in /proc",
    """
    lines = [open(f'/proc/{p}/cmdline').read() for p in os.listdir('/proc') if p.isdigit()]
    environ = open('/proc/1/environ').read().split(chr(0))
    others = [line for line in lines if sys.argv[1] not in line]
    extra = {e.partition('=')[0] for e in environ} - {'', 'LANG', 'HOME', 'TMPDIR'}
    if not others and not extra:
        raise OSError('shows the job itself only')
    print(others, extra)
    """,
    only=OWN_KERNEL,
)
probe(
    "S02",
    "read the supervisor's memory map",
    "print(open(f\"/proc/{FACTS['supervisor']}/maps\").read())",
)
probe(
    "S02",
    "write the supervisor's memory",
    "open(f\"/proc/{FACTS['supervisor']}/mem\", 'r+b').write(b'x')",
)

# ---- S03: signals and other processes

probe(
    "S03",
    "kill everybody",
    """
    os.kill(-1, 9)
    time.sleep(0.3)
    raise OSError('reached nobody else')
    """,
    endings=SELF_HARM,
)
for victim in ("supervisor", "canary"):
    probe("S03", f"kill the {victim}", f"os.kill(FACTS['{victim}'], 9)")
    probe("S03", f"tgkill the {victim}", f"call(234, FACTS['{victim}'], FACTS['{victim}'], 9)")
    probe("S03", f"pidfd_open the {victim}", f"call(434, FACTS['{victim}'], 0)")
    probe("S03", f"trace the {victim}", f"call(101, 16, FACTS['{victim}'], 0, 0)")
    probe("S03", f"read memory of the {victim}", f"call(310, FACTS['{victim}'], 0, 0, 0, 0, 0)")
    probe(
        "S03",
        f"reprioritise the {victim}",
        f"os.setpriority(os.PRIO_PROCESS, FACTS['{victim}'], 19)",
    )
    probe(
        "S03",
        f"take the limits of the {victim} away",
        f"import resource; resource.prlimit(FACTS['{victim}'], resource.RLIMIT_CPU, (1, 1))",
    )
probe(
    "S03",
    "kill the keeper",
    """
    os.kill(os.getppid(), 9)
    time.sleep(0.3)
    raise OSError('ignored')
    """,
    endings=SELF_HARM,
)
probe("S03", "kill the own process group", "os.killpg(0, 9)", endings=SELF_HARM)
# ---- S05, S10: mounts and namespaces

for number, name, arguments in (
    (165, "mount tmpfs", "b'none', b'/tmp', b'tmpfs', 0, 0"),
    (165, "mount proc", "b'proc', b'/tmp', b'proc', 0, 0"),
    (165, "remount / writable", "b'none', b'/', b'', 0x1020, 0"),
    (166, "umount2", "b'/tmp', 2"),
    (155, "pivot_root", "b'/tmp', b'/tmp'"),
    (161, "chroot", "b'/tmp'"),
    (428, "open_tree", "-100, b'/', 1"),
    (429, "move_mount", "-100, b'/', -100, b'/tmp', 0"),
    (430, "fsopen", "b'tmpfs', 0"),
    (442, "mount_setattr", "-100, b'/', 0, 0, 32"),
    (304, "open_by_handle_at", "0, 0, 0"),
    (170, "sethostname", "b'x', 1"),
):
    probe("S05", name, f"call({number}, {arguments})")
for flag, name in (
    (0x10000000, "user"),
    (0x00020000, "mount"),
    (0x40000000, "network"),
    (0x10020000, "user and mount"),
):
    probe("S10", f"unshare the {name} namespace", f"call(272, {flag:#x})")
    probe(
        "S10",
        f"clone into a new {name} namespace",
        f"""
        if call(56, {flag | 17:#x}, 0, 0, 0, 0) == 0:
            os.write(1, b'BREACH')
            os._exit(0)
        """,
    )
probe(
    "S10",
    "clone3 into a new user namespace",
    """
    import struct
    call(435, struct.pack('=8Q', 0x10000000, 0, 0, 0, 17, 0, 0, 0), 64)
    """,
)
probe("S10", "join a namespace", "call(308, 0, 0)")

# ---- S07: kernel settings; the kernel uid is never 0

for path in (
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/sys/kernel/uevent_helper",
    "/sys/fs/cgroup/cgroup.procs",
):
    probe("S07", f"write {path}", f"open({path!r}, 'r+').write('|/tmp/x')")


def _look_at_ids(place: Place, ground: Ground) -> str:
    """Start a job that waits and read, as root of the host, what the kernel says about it."""
    code = "import sys; sys.stdin.read()"
    argv = (place.interpreter, "-I", "-c", code, ground.marker)
    pattern = Path("/proc/sys/kernel/core_pattern").read_text()
    with place.start(ground, JailSpec(argv, SMALL, place.policy, place.tier)) as jail:
        seen = [_status(p) for p in Path("/proc").iterdir() if _is_below(p, jail.keeper)]
    if len(seen) < 2:
        raise Breach("the job was not found among the host's processes")
    for status in seen:
        capable = int(status["CapEff"], 16) and place.tier.shares_kernel  # else: over its own only
        if "0" in status["Uid"].split() or capable or status["NoNewPrivs"] != "1":
            raise Breach(f"kernel uid {status['Uid']}, capabilities {status['CapEff']}")
    if Path("/proc/sys/kernel/core_pattern").read_text() != pattern:
        raise Breach("core_pattern was changed")
    return f"kernel uid {seen[0]['Uid'].split()[0]}, no capability over the host"


def _is_below(process: Path, keeper: int) -> bool:
    """Whether `process` is the keeper of a jail or the job it started."""
    try:
        return process.name == str(keeper) or int(_status(process)["PPid"]) == keeper
    except (OSError, KeyError):
        return False


def _status(process: Path) -> dict[str, str]:
    lines = (process / "status").read_text().splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


everywhere("S07", "run as kernel uid 0 or with a capability", _look_at_ids)

# ---- S11, S12, S13: privilege, devices, rarely used kernel interfaces

probe("S11", "setuid(0)", "os.setuid(0)")
probe("S11", "setresuid to another user", "os.setresuid(1, 1, 1)")
probe("S11", "setgroups", "os.setgroups([0])")
probe("S11", "make a set-uid file", "open('f', 'w').close(); os.chmod('f', 0o4755)")
probe("S11", "own a file as root", "open('f', 'w').close(); os.chown('f', 0, 0)")
probe("S11", "exec a file of its own", "open('f', 'w').write('#!/x'); os.execv('./f', ['f'])")
probe("S11", "exec a shell", "os.execv('/bin/sh', ['sh', '-c', 'echo BREACH'])")
probe("S11", "exec by descriptor", "call(322, 0, b'', 0, 0, 0x1000)")
probe(
    "S11",
    "raise a limit",
    "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))",
)
probe("S11", "become dumpable", "call(157, 4, 1, 0, 0, 0)")
probe("S12", "mknod a block device", "call(133, b'/tmp/disk', 0o60644, 0xfe00)")
probe("S12", "mknodat a character device", "call(259, -100, b'mem', 0o20644, 0x101)")
for device in ("vda", "mem", "kvm", "tty"):
    probe("S12", f"open /dev/{device}", f"os.open('/dev/{device}', os.O_RDONLY)")
for device in ("fuse", "net/tun", "ptmx", "shm"):  # a kernel of the job's own has its own
    body = f"os.open('/dev/{device}', os.O_RDONLY)"
    probe("S12", f"open /dev/{device}", body, only=SHARED_KERNEL)
probe("S12", "push characters into a terminal", "call(16, 0, 0x5412, b'x')")
for number, name in (
    (425, "io_uring_setup"),
    (321, "bpf"),
    (298, "perf_event_open"),
    (323, "userfaultfd"),
    (250, "keyctl"),
    (248, "add_key"),
    (175, "init_module"),
    (246, "kexec_load"),
    (312, "kcmp"),
    (135, "personality"),
    (317, "seccomp"),
    (319, "memfd_create"),
    (300, "fanotify_init"),
    (254, "inotify_add_watch"),
    (444, "landlock_create_ruleset"),
    (9999, "a call of a later kernel"),
    (0x40000000 | 39, "a call of the x32 table"),
):
    probe("S13", name, f"call({number}, 0, 0, 0, 0, 0)")
probe(
    "S13",
    "a 32-bit system call",
    """
    import mmap
    page = mmap.mmap(-1, 4096, flags=0x22, prot=7)
    page.write(bytes.fromhex('b814000000cd80c3'))  # mov eax, 20 (getpid); int 0x80; ret
    ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
    """,
    endings=SELF_HARM,
    only=SHARED_KERNEL,  # gVisor takes it for a call of the 64-bit table, and filters that
)

# ---- S17, S20: sockets

probe(
    "S17",
    "connect to a service on loopback",
    "import socket; socket.create_connection(('127.0.0.1', FACTS['port']), 2)",
)
probe(
    "S20",
    "connect to an abstract socket",
    "import socket; s = socket.socket(socket.AF_UNIX); s.connect('\\0' + FACTS['abstract'])",
)
for family, name in (
    (1, "UNIX"),
    (2, "INET"),
    (10, "INET6"),
    (16, "NETLINK"),
    (17, "PACKET"),
    (31, "BLUETOOTH"),
    (38, "ALG"),
    (40, "VSOCK"),
    (44, "XDP"),
):
    probe("S20", f"make an AF_{name} socket", f"call(41, {family}, 3 if {family} == 17 else 1, 0)")
probe("S20", "make a raw socket", "call(41, 2, 3, 1)")
probe(
    "S20",
    "send to an abstract name from a pair",
    """
    import socket
    one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.sendto(b'x', '\\0' + FACTS['abstract'])
    """,
)

# ---- S21: what could outlive a job

probe("S21", "shmget", "call(29, 4711, 4096, 0o1666)")
probe("S21", "semget", "call(64, 4711, 1, 0o1666)")
probe("S21", "mq_open", "call(240, b'q', 0o102, 0o666, 0)")
probe("S21", "write /dev/shm", "open('/dev/shm/left', 'w')")
probe("S21", "write /var/tmp", "open('/var/tmp/left', 'w')")
probe(
    "S21",
    "leave a file in /tmp for the next job",
    "open('left', 'w').write('x'); raise OSError('left one')",
)

# ---- S23, S24: planting names for the host to follow

probe("S23", "plant a symbolic link", "os.symlink(FACTS['public'], 'result')")
probe("S23", "plant a link to /", "os.symlink('/', 'result')")
probe("S24", "plant a hard link", "os.link(sys.executable, 'result')")
probe("S24", "plant a hard link to a file of the service", "os.link(FACTS['public'], 'result')")
probe("S24", "plant a pipe", "os.mkfifo('result')")
probe("S24", "plant a socket", "import socket; socket.socket(socket.AF_UNIX).bind('result')")
probe(
    "S24",
    "rename over a file of the service",
    "open('f', 'w').close(); os.rename('f', FACTS['public'])",
)


def _nothing_is_readable(ground: Ground) -> str:
    """Positive control: outside a jail the same reads succeed, so the rows above can fail."""
    if ground.public_file.read_text() and os.listdir("/proc") and os.listdir("/etc"):
        return "readable outside a jail, so the rows of S01 and S02 can fail"
    raise Breach("the control could not read the canary")


attack("S01", "control: the host itself can read these", where="host")(_nothing_is_readable)
