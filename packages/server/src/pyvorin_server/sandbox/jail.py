"""A single-use jail, seen from the supervisor: start it, hand it one input, collect, destroy.

    starting ──▶ ready (command started, waits on stdin) ──run()──▶ ended ──▶ destroyed

The order at the end matters: first everything inside is killed, then the pipes are read to their
end (which a surviving child could otherwise postpone for ever), then the group is removed.
"""

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from pyvorin_server.sandbox import cgroups, mounts, posture
from pyvorin_server.sandbox.conversation import Conversation, Stop, printable
from pyvorin_server.sandbox.endings import Outcome
from pyvorin_server.sandbox.model import Ending, JailRefused, JobResult
from pyvorin_server.sandbox.plan import JailSpec, job_uid, make_plan
from pyvorin_server.sandbox.scratch import Scratch
from pyvorin_server.sandbox.tiers import CGROUP_LAYERS, Layer

SETUP_TIMEOUT_S: Final = 60.0
_KILL_TIMEOUT_S: Final = 10.0
_CHUNK: Final = 1 << 16
_STDERR_TAIL_BYTES: Final = 16 * 1024
_SOURCE_ROOT: Final = str(Path(__file__).parents[2])
_BOOT: Final = (
    "import sys; sys.path.insert(0, sys.argv[3]);"
    "from pyvorin_server.sandbox.launcher import main;"
    "main(int(sys.argv[1]), int(sys.argv[2]))"
)
_KILL_EVERYBODY: Final = "import os, contextlib\nwith contextlib.suppress(OSError): os.kill(-1, 9)"


class Jail:
    """Use as a context manager, or call `destroy` whatever happens. One thread at a time."""

    def __init__(self, spec: JailSpec) -> None:
        """Start the jail and wait until its command is sealed. Raises JailRefused."""
        self.spec = spec
        self.reasons: dict[Layer, str] = {}
        self.started_at = time.monotonic()
        self._messages: list[dict[str, Any]] = []
        self._status_data = b""
        self._keeper_exit: int | None = None
        self._group: cgroups.Group | None = None
        self._launcher: subprocess.Popen[bytes] | None = None
        self._descriptors: list[int] = []
        self._scratch: Scratch | None = None
        self._uid: int | None = None
        try:
            self._start()
        except JailRefused as refused:
            refused.reasons = self.reasons
            self.destroy()
            raise
        except BaseException:
            self.destroy()
            raise

    def __enter__(self) -> "Jail":
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy()

    # ---- starting

    def _start(self) -> None:
        control, self._lifeline = self._pipe()
        self._status, status = self._pipe()
        self._launcher = self._spawn(control, status)
        for descriptor in (control, status):
            self._close(descriptor)
        self._uid = uid = self._job_uid()
        self._make_group()
        scratch = self._scratch_path(uid)
        memory_held = self.reasons.get(Layer.CGROUP_MEMORY) == ""
        plan = make_plan(self.spec, uid, scratch, memory_held=memory_held)
        message = json.dumps(plan).encode()
        self._send(len(message).to_bytes(4, "big") + message)
        self._await("layers", "launcher")
        self._note_layers()
        self._check_posture(uid)
        self._send(b"g")
        self._await("sealed", Layer.SEALED)
        self.reasons[Layer.SEALED] = ""

    def _pipe(self) -> tuple[int, int]:
        ends = os.pipe()
        self._descriptors += ends
        return ends

    def _close(self, descriptor: int) -> None:
        self._descriptors.remove(descriptor)
        os.close(descriptor)

    def _spawn(self, control: int, status: int) -> subprocess.Popen[bytes]:
        arguments = [str(control), str(status), _SOURCE_ROOT]
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _BOOT, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            pass_fds=(control, status),
            start_new_session=True,
            env={},
            cwd="/",
        )

    def _job_uid(self) -> int | None:
        if os.geteuid() != 0:
            return None
        return job_uid(self._process.pid, Path("/proc/self/uid_map").read_text())

    def _make_group(self) -> None:
        self._group = cgroups.Group.create(self.spec.limits, self.spec.faults)
        try:
            self._group.attach(self._process.pid)
            self.reasons.update(self._group.reasons)
        except OSError as error:
            self.reasons.update(dict.fromkeys(CGROUP_LAYERS, f"cannot join the group: {error}"))
        for layer in sorted(CGROUP_LAYERS & self.spec.required):
            if self.reasons[layer]:
                raise JailRefused(layer, self.reasons[layer])

    def _scratch_path(self, uid: int | None) -> str:
        if self.spec.tier.uses_namespaces:
            return mounts.SCRATCH
        self._scratch = Scratch.make(uid)
        return self._scratch.path

    def _send(self, data: bytes) -> None:
        with suppress(BrokenPipeError):  # then the status pipe says why
            while data:
                data = data[os.write(self._lifeline, data) :]

    def _await(self, key: str, layer: str) -> None:
        """Wait for the message `key`. Raises JailRefused if a refusal or the end comes first."""
        deadline = time.monotonic() + SETUP_TIMEOUT_S
        while self._find(key) is None:
            self._raise_refusal()
            if self._find("exit") or not self._wait_status(deadline):
                self._raise_refusal()
                raise JailRefused(layer, f"the command did not start: {self._complaint()}")

    def _note_layers(self) -> None:
        layers = self._find("layers") or {"layers": {}}
        self.reasons |= {Layer(name): reason for name, reason in layers["layers"].items()}

    def _raise_refusal(self) -> None:
        refused = self._find("refused")
        if refused is not None:
            raise JailRefused(refused["refused"], refused["reason"])

    def _complaint(self) -> str:
        """Why setting up ended early: the launcher's and interpreter's own words."""
        assert self._process.stderr is not None
        os.set_blocking(self._process.stderr.fileno(), False)
        with suppress(BlockingIOError):
            said = os.read(self._process.stderr.fileno(), _CHUNK)
            return printable(said[-2000:]) or "it said nothing"
        return "no answer in time"

    def _wait_status(self, deadline: float) -> bool:
        """Read more of the status pipe. False at its end or at the deadline."""
        poll = select.poll()
        poll.register(self._status, select.POLLIN)
        left_ms = max(0.0, deadline - time.monotonic()) * 1000
        return bool(poll.poll(left_ms)) and self._read_status()

    def _read_status(self) -> bool:
        chunk = os.read(self._status, _CHUNK)
        *lines, self._status_data = (self._status_data + chunk).split(b"\n")
        self._messages += [json.loads(line) for line in lines]
        keeper = self._find("keeper")
        if keeper is not None and self._keeper_exit is None:
            with suppress(ProcessLookupError):
                self._keeper_exit = os.pidfd_open(keeper["keeper"])
                self._descriptors.append(self._keeper_exit)
        return bool(chunk)

    def _find(self, key: str) -> dict[str, Any] | None:
        return next((message for message in self._messages if key in message), None)

    def _check_posture(self, uid: int | None) -> None:
        if self.spec.best_effort:
            return
        keeper = self._find("keeper")
        group = self._group.name if self._group and self._group.directories else None
        found = posture.faults_of(
            keeper["keeper"] if keeper else 0,
            job_uid=uid,
            namespaces=self.spec.tier.uses_namespaces,
            group=group if self.spec.required & CGROUP_LAYERS else None,
        )
        if found:
            raise JailRefused("posture", "; ".join(found))

    # ---- the job

    @property
    def _process(self) -> subprocess.Popen[bytes]:
        assert self._launcher is not None, "the launcher was started by _start"
        return self._launcher

    @property
    def layers(self) -> frozenset[Layer]:
        return frozenset(layer for layer, reason in self.reasons.items() if not reason)

    def is_alive(self) -> bool:
        """Whether the command still waits for its input."""
        poll = select.poll()
        poll.register(self._status, select.POLLIN)
        return not poll.poll(0)

    def run(self, stdin: bytes, cancel: threading.Event | None = None) -> JobResult:
        """Hand over the input, wait for the ending, destroy the jail. Call once."""
        try:
            return self._run(stdin, cancel)
        finally:
            self.destroy()

    def _run(self, stdin: bytes, cancel: threading.Event | None) -> JobResult:
        begun, cpu_before_s = time.monotonic(), self._cpu_s()
        conversation = Conversation(
            self._process, self._status, self._job_goes_on, self.spec.limits
        )
        stop = conversation.hold(stdin, lambda: self._look_after(cpu_before_s, cancel))
        wall_s = time.monotonic() - begun
        self.kill()
        conversation.drain()
        exited = self._find("exit") or {}
        cpu_s = max(self._cpu_s() - cpu_before_s, 0.0) or exited.get("cpu_s", 0.0)
        out_of_memory = self._group is not None and self._group.was_out_of_memory()
        stop = stop or conversation.overflow()
        outcome = Outcome(stop, exited.get("exit"), out_of_memory, cpu_s)
        ending, message = outcome.classify(self.spec.limits)
        return JobResult(
            ending=ending,
            message=message,
            signal=outcome.signal,
            exit_code=outcome.exit_code,
            stdout=bytes(conversation.stdout.data[: self.spec.limits.output_bytes]),
            stderr_tail=printable(bytes(conversation.stderr.data[-_STDERR_TAIL_BYTES:])),
            tier=self.spec.tier,
            layers=self.layers,
            wall_s=wall_s,
            cpu_s=cpu_s,
            max_rss_bytes=self._peak_memory_bytes() or exited.get("max_rss_bytes", 0),
        )

    def _look_after(self, cpu_before_s: float, cancel: threading.Event | None) -> Stop | None:
        limits = self.spec.limits
        if cancel is not None and cancel.is_set():
            return Stop(Ending.CANCELLED, "the job was cancelled")
        if self._cpu_s() - cpu_before_s >= limits.cpu_s:
            return Stop(Ending.TIMEOUT, f"used more than {limits.cpu_s:g} s of CPU time")
        if self._scratch is not None and self._scratch.size_bytes() > limits.file_bytes:
            return Stop(Ending.OUTPUT_LIMIT, f"wrote files of more than {limits.file_bytes} bytes")
        return None

    def _job_goes_on(self) -> bool:
        return self._read_status() and self._find("exit") is None

    def _cpu_s(self) -> float:
        """CPU time of the whole jail so far; 0 where no cgroup counts it (an rlimit holds then)."""
        return (self._group.cpu_s() if self._group is not None else None) or 0.0

    def _peak_memory_bytes(self) -> int | None:
        return self._group.peak_memory_bytes() if self._group is not None else None

    # ---- the end

    def kill(self) -> None:
        """End every process of the jail and wait until the kernel says so."""
        if self._launcher is None:
            return
        if self._launcher.poll() is None:
            self._kill_from_outside()
            with suppress(subprocess.TimeoutExpired):  # it ends when its keeper and orphans have
                self._launcher.wait(_KILL_TIMEOUT_S)
        if self._group is not None:
            self._group.kill()
        if self._launcher.returncode is None:
            self._kill_by_uid()
            self._launcher.kill()
        self._launcher.wait(_KILL_TIMEOUT_S)
        self._wait_for_keeper()

    def _kill_from_outside(self) -> None:
        """Kill the keeper, and with it its pid namespace or its process group, in one sweep.

        Not left to the launcher: a fork bomb may keep that from running. The launcher has not
        reaped the keeper yet, so its pid still names the group.
        """
        keeper = self._find("keeper")
        with suppress(ProcessLookupError):
            if keeper is None:
                os.killpg(self._process.pid, signal.SIGKILL)
            elif self.spec.tier.uses_namespaces and self._keeper_exit is not None:
                signal.pidfd_send_signal(self._keeper_exit, signal.SIGKILL)
            else:
                os.killpg(keeper["keeper"], signal.SIGKILL)

    def _kill_by_uid(self) -> None:
        """Where neither a namespace nor a group holds the job together, its own uid does."""
        if self._uid is not None and not self.spec.tier.uses_namespaces:
            command = [sys.executable, "-I", "-S", "-c", _KILL_EVERYBODY]
            subprocess.run(command, env={}, user=self._uid, group=self._uid, extra_groups=[])

    def _wait_for_keeper(self) -> None:
        """The keeper counts as ended only when its whole pid namespace is."""
        if self._keeper_exit is not None:
            poll = select.poll()
            poll.register(self._keeper_exit, select.POLLIN)
            poll.poll(_KILL_TIMEOUT_S * 1000)

    def destroy(self) -> None:
        """Leave nothing behind. May be called twice."""
        self.kill()
        if self._launcher is not None:
            for stream in (self._launcher.stdin, self._launcher.stdout, self._launcher.stderr):
                if stream is not None:
                    stream.close()
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()
        self._keeper_exit = None
        if self._group is not None:
            self._group.remove()
            self._group = None
        if self._scratch is not None:
            self._scratch.remove()
            self._scratch = None
