"""The process that becomes a jail: a program of its own (`python -I -S`) or a zygote's fork.

It reads a plan (JSON, length first) from the control pipe, applies one layer after the other,
reports each on the status pipe (JSON lines), and refuses at the first required layer that fails.

    supervisor    launcher                     keeper                       job
      plan ──────▶ unshare namespaces
                   fork ─────────────────────▶ minimal root, rlimits
                   ◀── "in my user namespace"
                   writes uid map ───────────▶ job uid, no capabilities,
                                               no_new_privs, Landlock, seccomp
      ◀─────────────────────── layers ────────
      checks its posture ───── go ───────────▶ fork ─────────────────────▶ exec python -I inside,
                                                                           or `inside` in the fork
      ◀────────────────────────────────────────────────────────── sealed ─┘
                   waits for keeper or         waits for the job and
                   supervisor to end           reaps its orphans
      ◀─────────────────────── exit ────────── ends, and with it all of the pid namespace

The control pipe doubles as a lifeline: at its end of file (the supervisor is gone) the launcher
ends, and the keeper dies of its parent-death signal. Nothing of a user is read in this file.
"""

import base64
import json
import os
import resource
import select
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, NoReturn

from pyvorin_server.sandbox import landlock, linux, mounts
from pyvorin_server.sandbox.tiers import Layer

_NICENESS: Final = 5  # a job that hogs the CPU must not keep the launcher from ending it
INNER_ID: Final = 65534  # what the job's uid and gid are called inside its user namespace
_NAMESPACES: Final = (
    (Layer.MOUNT_NS, linux.CLONE_NEWNS),
    (Layer.PID_NS, linux.CLONE_NEWPID),
    (Layer.NET_NS, linux.CLONE_NEWNET),
    (Layer.IPC_NS, linux.CLONE_NEWIPC),
    (Layer.UTS_NS, linux.CLONE_NEWUTS),
    (Layer.CGROUP_NS, linux.CLONE_NEWCGROUP),
)


Command = Callable[[list[str]], NoReturn]


class _Refused(Exception):
    """A required layer failed; it has been reported."""


class _Setup:
    """The plan, the status pipe, and what has been reached so far."""

    def __init__(self, plan: dict[str, Any], status: int, command: Command | None) -> None:
        self.plan = plan
        self.status = status
        self.command = command
        self.reasons: dict[str, str] = {}  # layer → why it does not hold, "" when it does
        self.privileged = linux.has_capability(linux.CAP_SYS_ADMIN)

    @property
    def mounts(self) -> bool:
        """Whether what runs is a runtime that mounts, in namespaces of its own."""
        return bool(self.plan["runtime"] and self.plan["runtime"]["mounts"])

    @property
    def inner_id(self) -> int:
        """What the job's uid and gid are called inside the user namespace."""
        return 0 if self.mounts else INNER_ID

    def report(self, **message: object) -> None:
        os.write(self.status, json.dumps(message).encode() + b"\n")

    def attempt(self, layer: Layer, step: Callable[[], None], *needs: Layer) -> None:
        """Run `step` for `layer`. Raises _Refused if it fails and the tier needs the layer."""
        try:
            self._check_needs(layer, needs)
            step()
            self.reasons[layer] = ""
        except OSError as error:
            self.reasons[layer] = str(error)
            if layer in self.plan["required"]:
                self.report(refused=layer, reason=str(error))
                raise _Refused from error

    def _check_needs(self, layer: Layer, needs: tuple[Layer, ...]) -> None:
        if layer in self.plan["faults"]:
            raise OSError("fault injected")
        missing = [need for need in needs if not self.holds(need)]
        if missing:
            raise OSError(f"needs {', '.join(missing)}")

    def holds(self, layer: Layer) -> bool:
        return self.reasons.get(layer) == ""


def main(control: int, status: int, command: Command | None = None) -> NoReturn:
    """Run as launcher, keeper or job, depending on the side of the forks. Never returns.

    `command` runs the job's arguments in this very interpreter; without one the job is an exec.
    """
    try:
        setup = _Setup(_read_plan(control), status, command)
        _launch(setup, control)
    except _Refused:
        pass
    except Exception as error:
        line = {"refused": "launcher", "reason": f"{type(error).__name__}: {error}"}
        os.write(status, json.dumps(line).encode() + b"\n")
    os._exit(1)


def _read_plan(control: int) -> dict[str, Any]:
    length = int.from_bytes(os.read(control, 4), "big")
    received = b""
    while len(received) < length:
        chunk = os.read(control, length - len(received))
        if not chunk:
            raise EOFError("the supervisor is gone")
        received += chunk
    plan: dict[str, Any] = json.loads(received)
    return plan


def _launch(setup: _Setup, control: int) -> None:
    if setup.plan["namespaces"]:
        _unshare_all(setup)
    from_keeper, to_launcher = os.pipe()
    from_launcher, to_keeper = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        os.close(from_keeper)
        os.close(to_keeper)
        _keep(setup, control, to_launcher, from_launcher)
    os.close(to_launcher)
    os.close(from_launcher)
    setup.report(keeper=keeper)
    keeper_exit = os.pidfd_open(keeper)
    _serve_uid_map(setup, keeper, from_keeper, to_keeper)
    _outlive(setup, control, keeper, keeper_exit)


# ---- launcher: namespaces, the uid map, waiting


def _unshare_all(setup: _Setup) -> None:
    if not setup.privileged:
        own = partial(_enter_own_user_namespace, setup.plan["uid"], setup.inner_id)
        setup.attempt(Layer.USER_NS, own)
    for layer, flag in _NAMESPACES:
        setup.attempt(layer, lambda flag=flag: linux.unshare(flag))  # type: ignore[misc]


def _enter_own_user_namespace(job_id: int | None, inner: int) -> None:
    """Without privilege the job keeps the caller's uid, or first takes the job's where it may."""
    if job_id is not None:
        _take_ids(job_id)
        linux.prctl(linux.PR_SET_DUMPABLE, 1)  # else /proc/self belongs to root
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        raise OSError("the job would run as kernel uid 0: CAP_SETUID is missing")
    linux.unshare(linux.CLONE_NEWUSER)
    _write_maps("/proc/self", uid, gid, None, inner)


def _write_maps(process: str, uid: int, gid: int, directory: int | None, inner: int) -> None:
    lines = (("setgroups", "deny"), ("gid_map", gid), ("uid_map", uid))
    for name, value in lines:
        text = value if isinstance(value, str) else f"{inner} {value} 1"
        descriptor = os.open(f"{process}/{name}", os.O_WRONLY, dir_fd=directory)
        try:
            os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)


def _serve_uid_map(setup: _Setup, keeper: int, from_keeper: int, to_keeper: int) -> None:
    """Map the job's uid for the keeper, which must not be able to do it itself."""
    keeper_proc = os.open(f"/proc/{keeper}", os.O_RDONLY | os.O_DIRECTORY)
    os.write(to_keeper, b"g")  # only now may the keeper leave this root, and /proc with it
    if os.read(from_keeper, 1) == b"u":
        job_id = setup.plan["uid"]
        inner = setup.inner_id
        _write_maps(".", job_id, job_id, keeper_proc, inner)
        os.write(to_keeper, b"m")


def _outlive(setup: _Setup, control: int, keeper: int, keeper_exit: int) -> NoReturn:
    """Wait until the keeper has ended or the supervisor is gone; hold nothing open meanwhile."""
    for descriptor in (0, 1, 2, setup.status):
        os.close(descriptor)
    if setup.plan["namespaces"]:
        linux.drop_capabilities()
    else:
        _set(linux.PR_SET_CHILD_SUBREAPER, 1)  # orphans of the job become ours
    waiting = select.poll()
    waiting.register(control, 0)  # only its hang-up; the keeper reads the supervisor's word
    waiting.register(keeper_exit, select.POLLIN)
    ended = {descriptor for descriptor, _ in waiting.poll()}
    if keeper_exit in ended and setup.plan["namespaces"]:
        os.waitpid(keeper, 0)  # or it would stay a zombie where no init reaps orphans
    if not setup.plan["namespaces"]:
        _end_stragglers(setup.plan["uid"], keeper)
    os._exit(0)


def _end_stragglers(job_id: int | None, keeper: int) -> None:
    """End what the job started, where no pid namespace does it, and wait until it is gone."""
    with suppress(ProcessLookupError):
        if job_id is None:
            os.killpg(keeper, signal.SIGKILL)
        else:
            _take_ids(job_id)
            os.kill(-1, signal.SIGKILL)  # everybody with this uid but the caller, in one sweep
    with suppress(ChildProcessError):
        while True:
            os.wait()


# ---- keeper: everything that confines, from the mount tree to the system call filter


def _keep(setup: _Setup, control: int, to_launcher: int, from_launcher: int) -> NoReturn:
    try:
        if os.read(from_launcher, 1) != b"g":
            os._exit(1)
        os.setpgid(0, 0)
        os.nice(_NICENESS)
        _confine(setup, to_launcher, from_launcher)
        os.close(to_launcher)
        os.close(from_launcher)
        setup.report(layers=setup.reasons)
        if not os.read(control, 1):
            os._exit(1)  # the supervisor saw something it did not like, or is gone
        os.close(control)
        job = os.fork()
        if job == 0:
            _become_job(setup)
        _reap_until(setup, job)
    except _Refused:
        pass
    except Exception as error:
        setup.report(refused="keeper", reason=f"{type(error).__name__}: {error}")
    os._exit(1)


def _confine(setup: _Setup, to_launcher: int, from_launcher: int) -> None:
    """Apply the layers in the only order that works: mounts need root, filters come last."""
    plan = setup.plan
    if plan["namespaces"]:
        setup.attempt(Layer.ROOT, lambda: _build_root(plan), Layer.MOUNT_NS)
        setup.attempt(Layer.TMPFS, lambda: _build_scratch(plan), Layer.ROOT)
    setup.attempt(Layer.RLIMITS, lambda: _set_rlimits(plan["rlimits"]))
    if plan["namespaces"] and setup.privileged:
        setup.attempt(
            Layer.USER_NS, lambda: _enter_mapped_user_namespace(to_launcher, from_launcher)
        )
    if plan["runtime"]:
        _confine_runtime(setup)
        return
    if linux.has_capability(linux.CAP_SETPCAP):  # a new user namespace starts with a full set
        linux.drop_bounding_capabilities()
    setup.attempt(Layer.KUID, lambda: _take_job_uid(setup))
    setup.attempt(Layer.CAPABILITIES, linux.drop_capabilities)
    setup.attempt(Layer.NO_NEW_PRIVS, lambda: _set(linux.PR_SET_NO_NEW_PRIVS, 1))
    _set(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    _set(linux.PR_SET_DUMPABLE, 0)
    setup.attempt(Layer.LANDLOCK, lambda: landlock.restrict(_landlock_rules(plan)))
    setup.attempt(Layer.SECCOMP, lambda: linux.install_filter(_decode(plan["filter"])))


def _confine_runtime(setup: _Setup) -> None:
    """For a runtime: at most powers over namespaces of its own, none over anything else."""
    if setup.mounts:
        setup.attempt(Layer.KUID, _become_inner_root, Layer.USER_NS)
        for _, flag in _NAMESPACES:
            linux.unshare(flag)
    else:
        linux.drop_bounding_capabilities()
        setup.attempt(Layer.KUID, lambda: _take_job_uid(setup))
        linux.drop_capabilities()
    setup.attempt(Layer.NO_NEW_PRIVS, lambda: _set(linux.PR_SET_NO_NEW_PRIVS, 1))
    _set(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    for name, document in setup.plan["runtime"]["files"].items():
        with open(f"{mounts.SCRATCH}/{name}", "x") as file:
            json.dump(document, file)


def _become_inner_root() -> None:
    """Uid 0 of the user namespace, which is the job's uid to the kernel."""
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)


def _build_root(plan: dict[str, Any]) -> None:
    os.umask(0)
    mounts.enter_minimal_root(plan["binds"], plan["devices"], for_runtime=bool(plan["runtime"]))
    if plan["runtime"] and plan["runtime"]["mounts"]:
        mounts.mount_proc()
    os.umask(0o077)


def _build_scratch(plan: dict[str, Any]) -> None:
    mounts.mount_scratch(plan["scratch_bytes"], executable=plan["may_load_code"])
    mounts.make_root_read_only()
    os.chdir(mounts.SCRATCH)


def _set_rlimits(limits: dict[str, int]) -> None:
    for name, value in limits.items():
        resource.setrlimit(getattr(resource, name), (value, value))


def _enter_mapped_user_namespace(to_launcher: int, from_launcher: int) -> None:
    os.setgroups([])  # cannot be given up inside
    linux.unshare(linux.CLONE_NEWUSER)
    os.write(to_launcher, b"u")
    if os.read(from_launcher, 1) != b"m":
        raise OSError("the launcher could not write the uid map")


def _take_job_uid(setup: _Setup) -> None:
    if setup.privileged and setup.holds(Layer.USER_NS):
        os.setresgid(INNER_ID, INNER_ID, INNER_ID)
        os.setresuid(INNER_ID, INNER_ID, INNER_ID)
    elif setup.plan["uid"] is not None and os.geteuid() == 0:
        _take_ids(setup.plan["uid"])
    if 0 in os.getresuid():
        raise OSError("still uid 0")


def _take_ids(job_id: int) -> None:
    os.setgroups([])
    os.setresgid(job_id, job_id, job_id)
    os.setresuid(job_id, job_id, job_id)


def _set(option: int, value: int) -> None:
    linux.prctl(option, value)


def _landlock_rules(plan: dict[str, Any]) -> list[tuple[str, int]]:
    rules = [(path, landlock.READ_CODE) for path in plan["binds"] if os.path.exists(path)]
    rules.append((mounts.DEV_NULL, landlock.DEVICE))
    rules.append((plan["scratch"], landlock.SCRATCH))
    return rules


def _decode(text: str) -> bytes:
    return base64.b64decode(text)


def _become_job(setup: _Setup) -> NoReturn:
    """Exec the job with stdin, stdout, stderr and the status pipe (as 3), and nothing else."""
    try:
        _set(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
        os.chdir(setup.plan["scratch"])
        if setup.status != 3:
            os.dup2(setup.status, 3)
        os.set_inheritable(3, True)
        os.closerange(4, 4096)
        if setup.mounts:
            mounts.mount_proc()
        elif setup.command is not None:
            _run_here(setup.plan, setup.command)
        argv = setup.plan["argv"]
        os.execve(argv[0], argv, setup.plan["environment"])
    except OSError as error:
        os.write(3, json.dumps({"refused": "exec", "reason": str(error)}).encode() + b"\n")
    os._exit(127)


def _run_here(plan: dict[str, Any], command: Command) -> NoReturn:
    """Be to the command what a freshly started interpreter would be."""
    os.environ.clear()
    os.environ.update(plan["environment"])
    if "tempfile" in sys.modules:
        vars(sys.modules["tempfile"])["tempdir"] = (
            None  # looked up before there was this environment
        )
    interpreter_options = 4  # python -I -B inside.py
    command(plan["argv"][interpreter_options:])


def _reap_until(setup: _Setup, job: int) -> NoReturn:
    """Wait for the job. Its descriptors are closed here so that its end is their end of file."""
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    while True:
        process, status, usage = os.wait4(-1, 0)
        if process == job:
            break
    total = resource.getrusage(resource.RUSAGE_CHILDREN)
    setup.report(
        exit=status,
        cpu_s=total.ru_utime + total.ru_stime,
        max_rss_bytes=max(usage.ru_maxrss, total.ru_maxrss) * 1024,
    )
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
