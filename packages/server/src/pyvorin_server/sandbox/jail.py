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

from pyvorin_server.sandbox import cgroups, guest, microvm, mounts, posture, status
from pyvorin_server.sandbox.conversation import Conversation, Stop, printable
from pyvorin_server.sandbox.endings import Outcome, seen_through_runtime
from pyvorin_server.sandbox.model import Ending, JailRefused, JobResult, Listener
from pyvorin_server.sandbox.plan import JailSpec, guest_plan, job_uid, make_plan, outer_limits
from pyvorin_server.sandbox.scratch import Scratch
from pyvorin_server.sandbox.tiers import CGROUP_LAYERS, RUNTIME_LAYERS, Layer, Tier
from pyvorin_server.sandbox.warm import Cold, Launched, Starter

SETUP_TIMEOUT_S: Final = 60.0
_MACHINE_TIMEOUT_S: Final = 300.0  # an emulated one needs ten seconds of CPU, on a busy host more
_KILL_TIMEOUT_S: Final = 10.0
_CHUNK: Final = 1 << 16
_STDERR_TAIL_BYTES: Final = 16 * 1024
_MOST_NOISE: Final = 256 * 1024
_WORD: Final = b'{"sealed": '
_KILL_EVERYBODY: Final = "import os, contextlib\nwith contextlib.suppress(OSError): os.kill(-1, 9)"


class Jail:
    """Use as a context manager, or call `destroy` whatever happens. One thread at a time."""

    def __init__(self, spec: JailSpec, starter: Starter | None = None) -> None:
        """Start the jail and wait until its command is sealed. Raises JailRefused.

        `starter` makes the launcher: `warm.Nursery` for one that has its modules imported, which
        only helps a job on this host's kernel.
        """
        self.spec = spec
        self._starter = starter if starter and spec.tier.shares_kernel else Cold()
        self.reasons: dict[Layer, str] = {}
        self.started_at = time.monotonic()
        self._messages: list[status.Message] = []
        self._reader = status.Reader()
        self._keeper_exit: int | None = None
        self._group: cgroups.Group | None = None
        self._launcher: Launched | None = None
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
        self._status, theirs = self._pipe()
        self._launcher = self._starter.start(control, theirs)
        for descriptor in (control, theirs):
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
        self._await_seal()
        self.reasons[Layer.SEALED] = ""

    def _pipe(self) -> tuple[int, int]:
        ends = os.pipe()
        self._descriptors += ends
        return ends

    def _close(self, descriptor: int) -> None:
        self._descriptors.remove(descriptor)
        os.close(descriptor)

    def _job_uid(self) -> int | None:
        if os.geteuid() != 0:
            return None
        return job_uid(self._process.pid, Path("/proc/self/uid_map").read_text())

    def _make_group(self) -> None:
        self._group = cgroups.Group.create(outer_limits(self.spec), self.spec.faults)
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

    def _await_seal(self) -> None:
        """The job's word comes by the status pipe, or as its first line where that is out of reach.

        No code of a user has run by then, so it is the word of `inside`.
        """
        if self.spec.tier.shares_kernel:
            self._await("sealed", Layer.SEALED)
            self._check_word(self._find("sealed") or {})
            return
        layer = RUNTIME_LAYERS[self.spec.tier]
        if self.spec.tier is Tier.MICROVM:
            self._line_with(guest.READY, layer)
            self._write_stdin(microvm.encode_plan(guest_plan(self.spec)))
        word = self._said(self._line_with(_WORD, layer), layer)
        self._check_word(word)
        if layer in self.spec.faults:
            raise JailRefused(layer, "fault injected")
        if word.get("kernel") in (None, os.uname().release):
            raise JailRefused(layer, "the job runs on the kernel of this host")
        found = posture.runtime_faults(self.processes() - {self._process.pid}, self._uid)
        if found:
            raise JailRefused("posture", "; ".join(found))
        self.reasons[layer] = ""
        self._write_stdin(b"g")

    @staticmethod
    def _check_word(word: dict[str, Any]) -> None:
        if word.get("sealed") is not True:
            raise JailRefused(Layer.SEALED, str(word.get("reason", "it said something else")))

    def processes(self) -> set[int]:
        """Pids of all processes of the jail, its launcher included; empty without a group."""
        return self._group.processes() if self._group is not None else set()

    def _write_stdin(self, data: bytes) -> None:
        """Less than a pipe holds, so this does not wait."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            os.write(self._process.stdin.fileno(), data)

    def _line_with(self, wanted: bytes, layer: Layer) -> bytes:
        """The first line that holds `wanted`, from there on; firmware may talk before."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + _MACHINE_TIMEOUT_S
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN)
        line, seen = b"", 0
        while not (line.endswith(b"\n") and wanted in line):
            line = b"" if line.endswith(b"\n") else line
            byte = b""
            if seen < _MOST_NOISE and poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                byte = os.read(self._process.stdout.fileno(), 1)
            if not byte:
                said = printable(line[-500:]) or self._complaint()
                raise JailRefused(layer, f"it did not start: {said}")
            line, seen = line + byte, seen + 1
        return line[line.index(wanted) :]

    @staticmethod
    def _said(line: bytes, layer: Layer) -> dict[str, Any]:
        try:
            return dict(json.loads(line))
        except ValueError:
            raise JailRefused(layer, f"it said {printable(line)}") from None

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
        self._messages += self._reader.feed(chunk)
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
        group = self._group.name if self._group and self._group.directories else None
        found = posture.faults_of(
            self.keeper,
            job_uid=uid,
            namespaces=self.spec.tier.uses_namespaces,
            confined=self.spec.tier.shares_kernel,
            group=group if self.spec.required & CGROUP_LAYERS else None,
        )
        if found:
            raise JailRefused("posture", "; ".join(found))

    # ---- the job

    @property
    def _process(self) -> Launched:
        assert self._launcher is not None, "the launcher was started by _start"
        return self._launcher

    @property
    def keeper(self) -> int:
        """Pid of the first process inside, as this process sees it."""
        return int((self._find("keeper") or {"keeper": 0})["keeper"])

    @property
    def layers(self) -> frozenset[Layer]:
        return frozenset(layer for layer, reason in self.reasons.items() if not reason)

    def is_alive(self) -> bool:
        """Whether the command still waits for its input."""
        poll = select.poll()
        poll.register(self._status, select.POLLIN)
        return not poll.poll(0)

    def run(
        self,
        stdin: bytes,
        cancel: threading.Event | None = None,
        listener: Listener | None = None,
    ) -> JobResult:
        """Hand over the input, wait for the ending, destroy the jail. Call once."""
        try:
            return self._run(stdin, cancel, listener)
        finally:
            self.destroy()

    def _run(
        self, stdin: bytes, cancel: threading.Event | None, listener: Listener | None
    ) -> JobResult:
        begun, cpu_before_s = time.monotonic(), self._cpu_s()
        conversation = Conversation(
            self._process, self._status, self._job_goes_on, self.spec.limits, listener
        )
        is_machine = self.spec.tier is Tier.MICROVM
        stdin = microvm.encode_input(stdin) if is_machine else stdin
        stop = conversation.hold(stdin, lambda: self._look_after(cpu_before_s, cancel))
        wall_s = time.monotonic() - begun
        self.kill()
        conversation.drain()
        exited = self._find("exit") or {}
        cpu_s = max(self._cpu_s() - cpu_before_s, 0.0) or exited.get("cpu_s", 0.0)
        out_of_memory = self._group is not None and self._group.was_out_of_memory()
        stop = stop or conversation.overflow() or self._wrote_too_much()
        wait_status = exited.get("exit")
        stdout, stderr = bytes(conversation.stdout.data), bytes(conversation.stderr.data)
        if is_machine:
            stdout, stderr, wait_status = microvm.decode_output(stdout)
        elif not self.spec.tier.shares_kernel:
            wait_status = seen_through_runtime(wait_status)
        outcome = Outcome(stop, wait_status, out_of_memory, cpu_s)
        ending, message = outcome.classify(self.spec.limits)
        return JobResult(
            ending=ending,
            message=message,
            signal=outcome.signal,
            exit_code=outcome.exit_code,
            stdout=stdout[: self.spec.limits.output_bytes],
            stderr_tail=printable(stderr[-_STDERR_TAIL_BYTES:]),
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
        return self._wrote_too_much()

    def _wrote_too_much(self) -> Stop | None:
        """Asked now and then, and once more at the end: a quick job may write all between."""
        most = self.spec.limits.file_bytes
        if self._scratch is not None and self._scratch.size_bytes() > most:
            return Stop(Ending.OUTPUT_LIMIT, f"wrote files of more than {most} bytes")
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
        with suppress(ProcessLookupError):
            if not self.keeper:
                os.killpg(self._process.pid, signal.SIGKILL)
            elif self.spec.tier.uses_namespaces and self._keeper_exit is not None:
                signal.pidfd_send_signal(self._keeper_exit, signal.SIGKILL)
            else:
                os.killpg(self.keeper, signal.SIGKILL)

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
