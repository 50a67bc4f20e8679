"""The host that is attacked: canaries that must survive, and the look-over after each attack.

canary process   a child that must stay alive
canary files     one private, one world-readable; content, owner and mode must not change
listeners        TCP on loopback and an abstract Unix socket; nobody may connect
traces           no process that carries our marker, no control group of ours, no new mount,
                 no new file in our folder or beside it in the temporary directory
"""

import os
import socket
import subprocess
import sys
import tempfile
import uuid
from contextlib import ExitStack, suppress
from fnmatch import fnmatch
from pathlib import Path
from types import TracebackType
from typing import Self

from pyvorin_server.sandbox.warm import Nursery


class Breach(Exception):
    """An attack got through, or left a trace."""


class NotTried(Exception):
    """This machine cannot carry the attack out."""


SECRET = "canary-secret-7f3a"


class Ground:
    """Canaries for the time of a `with` block. `marker` names processes started by attacks."""

    def __init__(self) -> None:
        self.marker = f"ground-{uuid.uuid4().hex}"
        self._stack = ExitStack()
        self._nurseries: dict[str, Nursery] = {}

    def __enter__(self) -> Self:
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self.folder.chmod(0o755)
        self.private_file = self._plant("private", 0o600)
        self.public_file = self._plant("public", 0o644)
        command = [sys.executable, "-I", "-c", "import time; time.sleep(1e6)"]
        self.process = subprocess.Popen(command)
        self._stack.callback(self._end_process)
        self._listen()
        self._files_before = self._files()
        self._mounts_before = _mounts()
        self._canaries_before = self._canaries()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def nursery(self, interpreter: str) -> Nursery:
        """Zygotes of `interpreter` whose forks carry the marker in their command line."""
        if interpreter not in self._nurseries:
            made = Nursery(interpreter, f"import ctypes, json, socket  # {self.marker}")
            self._stack.callback(made.close)
            self._nurseries[interpreter] = made
        return self._nurseries[interpreter]

    def facts(self) -> dict[str, str | int]:
        """What an attacker is assumed to know about the host: more than it could find out."""
        return {
            "supervisor": os.getpid(),
            "canary": self.process.pid,
            "private": str(self.private_file),
            "public": str(self.public_file),
            "folder": str(self.folder),
            "port": self.tcp.getsockname()[1],
            "abstract": self.marker,
        }

    def check(self) -> None:
        """Raise Breach if anything of the host was touched or anything of an attack is left."""
        if self.process.poll() is not None:
            raise Breach(f"the canary process ended: {self.process.returncode}")
        if self._canaries() != self._canaries_before:
            raise Breach("a canary file was changed")
        for listener in (self.tcp, self.abstract):
            if _has_caller(listener):
                raise Breach(f"somebody connected to {listener.getsockname()!r}")
        for what, found in self._traces().items():
            if found:
                raise Breach(f"{what} left behind: {', '.join(sorted(found))}")

    # ---- making

    def _plant(self, name: str, mode: int) -> Path:
        file = self.folder / name
        file.write_text(SECRET)
        file.chmod(mode)
        return file

    def _listen(self) -> None:
        self.tcp = self._stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.abstract = self._stack.enter_context(socket.socket(socket.AF_UNIX))
        self.abstract.bind("\0" + self.marker)
        self.abstract.listen()
        for listener in (self.tcp, self.abstract):
            listener.setblocking(False)

    def _end_process(self) -> None:
        self.process.kill()
        self.process.wait()

    # ---- looking

    def _canaries(self) -> list[object]:
        files = (self.private_file, self.public_file)
        states = [(file.read_text(), file.stat()) for file in files]
        return [(text, s.st_mode, s.st_uid, s.st_nlink, s.st_mtime_ns) for text, s in states]

    def _traces(self) -> dict[str, set[str]]:
        return {
            "processes": self.marked_processes(),
            "control groups": control_groups(os.getpid()),
            "mounts": _mounts() - self._mounts_before,
            "files": self._files() - self._files_before,
        }

    def _files(self) -> set[str]:
        inside = {str(path) for path in self.folder.rglob("*")}
        pattern = f"pyvorin-scratch-{os.getpid()}-*"
        scratch = {str(path) for path in Path(tempfile.gettempdir()).glob(pattern)}
        cores = {str(path) for path in Path.cwd().glob("core*") if path.is_file()}
        return inside | scratch | cores

    def marked_processes(self) -> set[str]:
        """Ids of live processes whose command line carries the marker, but for zygotes."""
        found = set()
        zygotes = {str(nursery.pid) for nursery in self._nurseries.values()}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and folder.name not in zygotes:
                with suppress(OSError):
                    if self.marker.encode() in (folder / "cmdline").read_bytes():
                        found.add(folder.name)
        return found


def control_groups(supervisor: int) -> set[str]:
    """Control groups of jails that process `supervisor` made."""
    pattern = f"pyvorin-jail-{supervisor}-*"
    folders = (Path(folder) for folder, _, _ in os.walk("/sys/fs/cgroup"))
    return {str(folder) for folder in folders if fnmatch(folder.name, pattern)}


def _mounts() -> set[str]:
    return set(Path("/proc/self/mountinfo").read_text().splitlines())


def _has_caller(listener: socket.socket) -> bool:
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True
