"""`pyvorin-server up`: every process of a one-machine installation, started and looked after.

    up ─┬ verifier   no database, no network
        ├ signer     the only one with signing keys
        ├ worker     supervisor: engine, jails
        └ api        HTTPS on loopback, source broker

A process that dies is started again, with growing pauses; one that does not get through its start
at all, a few times in a row, ends `up` with what it said last. SIGTERM drains: the API finishes its
requests, the supervisor its jobs, then signer and verifier go. Each child also asks the kernel to
be ended with its parent, so that even a killed `up` leaves nothing running.
"""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from pyvorin_server.errors import ConfigError
from pyvorin_server.settings import READY_FILE, Settings

START_ORDER = ("verifier", "signer", "worker", "api")
STOP_ORDER = ("api", "worker", "signer", "verifier")
_STOP_S = {"api": 20.0, "worker": 40.0, "signer": 10.0, "verifier": 10.0}
_READY_S = 60.0
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0
_STEADY_S = 30.0
_MOST_STARTS = 3  # before the installation is ready: what is wrong then, time does not mend
_LOG_TAIL_BYTES = 4096


@dataclass(slots=True)
class Child:
    """One process of the installation, and when it may be started again."""

    name: str
    process: subprocess.Popen[bytes] | None = None
    pause_s: float = _FIRST_PAUSE_S
    starts: int = 0
    started_at: float = field(default_factory=time.monotonic)


class Up:
    """Starts, watches and stops the children."""

    def __init__(self, settings: Settings, config: str | None) -> None:
        self._settings = settings
        self._config = config
        self._children = {name: Child(name) for name in START_ORDER}
        self._stop = threading.Event()
        self._logs: list[IO[bytes]] = []

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; return the exit status."""
        with self._alone():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self._on_signal)
            try:
                for name in START_ORDER:
                    self._start(self._children[name])
                if (problem := self._wait_ready()) is not None:
                    print(f"pyvorin-server: {problem}", file=sys.stderr)
                    return 4
                if self._stop.is_set():
                    return 0
                print(f"ready {self._settings.url}", flush=True)
                self._watch()
                return 0
            finally:
                self._drain()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.set()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the installation's lock. Raises `ConfigError` when another `up` has it."""
        self._settings.run_dir.mkdir(mode=0o700, exist_ok=True)
        with (self._settings.run_dir / "up.lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise ConfigError("this installation is running already") from None
            (self._settings.run_dir / READY_FILE).unlink(missing_ok=True)
            yield

    def _start(self, child: Child) -> None:
        command = [sys.executable, "-m", "pyvorin_server", child.name]
        command += ["--data-dir", str(self._settings.data_dir), "--parent", str(os.getpid())]
        if self._config:
            command += ["--config", self._config]
        log = (self._settings.log_dir / f"{child.name}.log").open("ab")
        os.fchmod(log.fileno(), 0o600)
        child.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
        log.close()
        child.starts += 1
        child.started_at = time.monotonic()

    def _wait_ready(self) -> str | None:
        """Wait until the supervisor has its jails and the API accepts connections, or until `up` is
        to stop. Return why that will not be.
        """
        marks = (self._settings.run_dir / READY_FILE, self._settings.run_dir / "broker.sock")
        until = time.monotonic() + _READY_S
        while time.monotonic() < until and not self._stop.is_set():
            if all(map(Path.exists, marks)) and self._api_listens():
                return None
            for child in self._children.values():
                if child.starts == _MOST_STARTS and child.process and child.process.poll():
                    return f"{child.name} does not start: {self._last_words(child)}"
            self._restart_dead()
            self._stop.wait(0.05)
        if self._stop.is_set():
            return None
        return f"not ready within {_READY_S:.0f} s; see {self._settings.log_dir}"

    def _last_words(self, child: Child) -> str:
        """The last line of a child's log, and where the others are."""
        path = self._settings.log_dir / f"{child.name}.log"
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - _LOG_TAIL_BYTES))
            lines = log.read().decode("utf-8", "replace").strip().splitlines()
        said = lines[-1].removeprefix("pyvorin-server: ") if lines else "it said nothing"
        return f"{said} ({path})"

    def _api_listens(self) -> bool:
        """Return whether the API's process holds a listening socket on the configured port."""
        wanted = f":{self._settings.listen_port:04X}"
        for table in ("/proc/net/tcp", "/proc/net/tcp6"):
            try:
                lines = Path(table).read_text("ascii").splitlines()[1:]
            except OSError:
                continue
            if any(line.split()[1].endswith(wanted) and line.split()[3] == "0A" for line in lines):
                return True
        return False

    def _watch(self) -> None:
        while not self._stop.wait(0.2):
            self._restart_dead()

    def _restart_dead(self) -> None:
        for child in self._children.values():
            if child.process is None or child.process.poll() is None:
                continue
            lived_s = time.monotonic() - child.started_at
            if lived_s > _STEADY_S:
                child.pause_s = _FIRST_PAUSE_S
            print(
                f"pyvorin-server: {child.name} ended ({child.process.returncode}); starting again",
                file=sys.stderr,
                flush=True,
            )
            self._stop.wait(child.pause_s)
            child.pause_s = min(child.pause_s * 2, _LONGEST_PAUSE_S)
            if not self._stop.is_set():
                self._start(child)

    def _drain(self) -> None:
        for name in STOP_ORDER:
            process = self._children[name].process
            if process is None or process.poll() is not None:
                continue
            process.terminate()
            try:
                process.wait(_STOP_S[name])
            except subprocess.TimeoutExpired:
                print(f"pyvorin-server: {name} did not drain in time", file=sys.stderr)
                process.kill()
                process.wait()
        for left in ("api.sock", "broker.sock", "signer.sock", "verifier.sock", READY_FILE):
            (self._settings.run_dir / left).unlink(missing_ok=True)
