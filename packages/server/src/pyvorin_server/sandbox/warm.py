"""Starting launchers: cold, by exec, or warm, by a fork of a zygote that imported the modules.

`Launched` is what a jail needs of the process either way. A cold launcher costs the start of two
interpreters and all imports; a warm one costs three forks.
"""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, Protocol

from pyvorin_server.sandbox.model import JailRefused

SOURCE_ROOT: Final = str(Path(__file__).parents[2])
_COLD: Final = (
    "import sys; sys.path.insert(0, sys.argv[3]);"
    "from pyvorin_server.sandbox.launcher import main;"
    "main(int(sys.argv[1]), int(sys.argv[2]))"
)
# The path of this package goes last and away again: the worker must find its own modules only.
_ZYGOTE: Final = (
    "import sys; sys.path.append(sys.argv[3]);"
    "from pyvorin_server.sandbox.zygote import main;"
    "sys.path.remove(sys.argv[3]); main(int(sys.argv[1]), sys.argv[2])"
)
_ENVIRONMENT: Final = {"LANG": "C.UTF-8"}
_START_TIMEOUT_S: Final = 120.0
_ANSWER_TIMEOUT_S: Final = 20.0
_CHUNK: Final = 4096


class Launched(Protocol):
    """A launcher's process and the supervisor's ends of the job's three pipes."""

    pid: int
    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None
    returncode: int | None

    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def kill(self) -> None: ...


class Starter(Protocol):
    """Starts a launcher that holds `control` and `status`. Raises JailRefused."""

    def start(self, control: int, status: int) -> Launched: ...


class Cold:
    """Starts each launcher as a program of its own, in the supervisor's interpreter."""

    def start(self, control: int, status: int) -> Launched:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _COLD, str(control), str(status), SOURCE_ROOT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            pass_fds=(control, status),
            start_new_session=True,
            env={},
            cwd="/",
        )


class Zygote:
    """One zygote process, started at once. Thread-safe."""

    def __init__(self, interpreter: str, preload: str) -> None:
        """Raises JailRefused when it does not come up."""
        self.forks = 0
        self.started_at = time.monotonic()
        self._lock = threading.Lock()
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [interpreter, "-I", "-B", "-c", _ZYGOTE]
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [*command, str(theirs.fileno()), preload, SOURCE_ROOT],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                    env=_ENVIRONMENT,
                    cwd="/",
                )
            except OSError as error:
                self._socket.close()
                raise JailRefused("zygote", str(error)) from None
        self._expect_ready()

    def _expect_ready(self) -> None:
        self._socket.settimeout(_START_TIMEOUT_S)
        try:
            said = self._socket.recv(_CHUNK)
        except OSError as error:
            said = str(error).encode()
        if said != b"ready":
            self._process.kill()
            _, complaint = self._process.communicate()
            self._socket.close()
            reason = (said or complaint[-500:]).decode("utf-8", "replace").strip()
            raise JailRefused("zygote", reason or "it ended without a word")
        self._socket.settimeout(_ANSWER_TIMEOUT_S)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def fork(self, descriptors: list[int]) -> tuple[int, int]:
        """A new launcher's pid and pidfd. Raises OSError when the zygote is gone."""
        with self._lock:
            socket.send_fds(self._socket, [b"F"], descriptors)
            answer, received, _, _ = socket.recv_fds(self._socket, _CHUNK, 1)
            if not received:
                raise OSError("the zygote is gone")
            self.forks += 1
            return int(answer), received[0]

    def reap(self, pid: int) -> None:
        """Let go of the pid of a launcher that has ended."""
        with self._lock, suppress(OSError):
            self._socket.sendall(b"R%d" % pid)
            self._socket.recv(_CHUNK)

    def close(self) -> None:
        """End the zygote; jails it made go on and can still be destroyed."""
        with self._lock:
            self._socket.close()
            self._process.kill()
            self._process.communicate()


class _Forked:
    """A launcher forked by a zygote; its exit code is not known, only that it has ended."""

    def __init__(self, zygote: Zygote, control: int, status: int) -> None:
        ours, theirs = _pipes()
        try:
            self.pid, self._ended = zygote.fork([*theirs, control, status])
        except OSError as error:
            for descriptor in ours:
                os.close(descriptor)
            raise JailRefused("zygote", str(error)) from None
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        self._zygote = zygote
        self.stdin: IO[bytes] | None = os.fdopen(ours[0], "wb", buffering=0)
        self.stdout: IO[bytes] | None = os.fdopen(ours[1], "rb", buffering=0)
        self.stderr: IO[bytes] | None = os.fdopen(ours[2], "rb", buffering=0)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None and self._has_ended(0):
            self.returncode = 0
            os.close(self._ended)
            self._zygote.reap(self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None and not self._has_ended(timeout):
            raise subprocess.TimeoutExpired("launcher", timeout or 0.0)
        return self.poll() or 0

    def kill(self) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._ended, signal.SIGKILL)

    def _has_ended(self, timeout: float | None) -> bool:
        poll = select.poll()
        poll.register(self._ended, select.POLLIN)
        return bool(poll.poll(None if timeout is None else timeout * 1000))


def _pipes() -> tuple[list[int], list[int]]:
    """Our ends and the job's of stdin, stdout and stderr."""
    (job_in, our_in), (our_out, job_out), (our_error, job_error) = (os.pipe() for _ in range(3))
    return [our_in, our_out, our_error], [job_in, job_out, job_error]


class Nursery:
    """The current zygote of one interpreter, replaced when it is used up, old or dead."""

    def __init__(
        self,
        interpreter: str,
        preload: str,
        *,
        max_forks: int = 500,
        max_age_s: float = 3600.0,
    ) -> None:
        """`max_forks` bounds how many jails share one layout of the address space."""
        self._interpreter = interpreter
        self._preload = preload
        self._max_forks = max_forks
        self._max_age_s = max_age_s
        self._lock = threading.Lock()
        self._zygote: Zygote | None = None
        self._closed = False
        self.zygotes = 0  # started so far

    @property
    def pid(self) -> int | None:
        """The current zygote's, if there is one."""
        zygote = self._zygote
        return zygote.pid if zygote is not None else None

    def start(self, control: int, status: int) -> Launched:
        return _Forked(self._current(), control, status)

    def _current(self) -> Zygote:
        with self._lock:
            if self._closed:
                raise JailRefused("zygote", "the nursery is closed")
            if self._zygote is not None and self._is_worn(self._zygote):
                self._zygote.close()
                self._zygote = None
            if self._zygote is None:
                self._zygote = Zygote(self._interpreter, self._preload)
                self.zygotes += 1
            return self._zygote

    def _is_worn(self, zygote: Zygote) -> bool:
        age_s = time.monotonic() - zygote.started_at
        return not zygote.lives or zygote.forks >= self._max_forks or age_s > self._max_age_s

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._zygote is not None:
                self._zygote.close()
                self._zygote = None
