"""The temporary directory of a job without a mount namespace: a real one on the host.

Only the `restricted` tier needs it. Landlock lets a job make files and folders in it but no links,
pipes, sockets or devices; the host works through descriptors and never by a path from outside.
Its size is watched rather than enforced: files already unlinked count only towards the limits on
open files and file size.
"""

import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

_PREFIX: Final = "pyvorin-scratch-"
_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_FOLDERS: Final = 2000
_LEAST_BYTES: Final = 4096  # an empty file costs an inode and a name


@dataclass(frozen=True, slots=True)
class Scratch:
    path: str
    descriptor: int  # of the directory itself

    @classmethod
    def make(cls, owner: int | None) -> "Scratch":
        """A new directory, 0700, owned by the job's uid if it has one of its own."""
        path = tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-")
        opened = cls(path, os.open(path, _OPEN))
        if owner is not None:
            os.chown(opened.descriptor, owner, owner)
        return opened

    def size_bytes(self) -> int:
        """Space used; as good as infinite when there are too many files to count in passing."""
        total, folders = 0, ["."]
        for seen, folder in enumerate(folders):
            with suppress(OSError):
                for name, status in self._entries(folder):
                    if stat.S_ISDIR(status.st_mode):
                        folders.append(f"{folder}/{name}")
                    total += max(status.st_blocks * 512, _LEAST_BYTES)
            if seen > _MOST_FOLDERS:
                return sys.maxsize
        return total

    def _entries(self, folder: str) -> Iterator[tuple[str, os.stat_result]]:
        opened = os.open(folder, _OPEN, dir_fd=self.descriptor)
        try:
            for name in os.listdir(opened):
                with suppress(FileNotFoundError):
                    yield name, os.lstat(name, dir_fd=opened)
        finally:
            os.close(opened)

    def remove(self) -> None:
        """Remove the directory and all in it. Only once the job is dead.

        Folders are lifted up one level before they are emptied, so that no depth is too deep.
        """
        lifted = 0
        try:
            while names := os.listdir(self.descriptor):
                for name in names:
                    lifted = self._remove_entry(name, lifted)
        finally:
            os.close(self.descriptor)
        os.rmdir(self.path)

    def _remove_entry(self, name: str, lifted: int) -> int:
        if not stat.S_ISDIR(os.lstat(name, dir_fd=self.descriptor).st_mode):
            os.unlink(name, dir_fd=self.descriptor)
            return lifted
        os.chmod(name, 0o700, dir_fd=self.descriptor)  # mkdir(mode=0); links cannot be here
        inner = os.open(name, _OPEN, dir_fd=self.descriptor)
        try:
            for child in os.listdir(inner):
                lifted += 1
                upper = f".lifted-{lifted}"
                os.rename(child, upper, src_dir_fd=inner, dst_dir_fd=self.descriptor)
        finally:
            os.close(inner)
        os.rmdir(name, dir_fd=self.descriptor)
        return lifted


def sweep() -> list[str]:
    """Remove directories that a dead supervisor left. Returns their paths."""
    removed = []
    for name in os.listdir(tempfile.gettempdir()):
        if name.startswith(_PREFIX) and not _lives(name.removeprefix(_PREFIX).split("-")[0]):
            path = os.path.join(tempfile.gettempdir(), name)
            with suppress(OSError):
                Scratch(path, os.open(path, _OPEN)).remove()
                removed.append(path)
    return removed


def _lives(process: str) -> bool:
    return os.path.exists(f"/proc/{process}")
