"""The temporary directory of a job without a mount namespace: a real one on the host.

Only the `restricted` tier needs it. Landlock keeps it flat (regular files only), so the host never
meets a link or a directory made by a job; it still works through one descriptor and never by path.
Its size is watched rather than enforced: files already unlinked count only towards the limits on
open files and file size.
"""

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

_PREFIX: Final = "pyvorin-scratch-"
_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
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
        total = 0
        with os.scandir(self.descriptor) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    used = entry.stat(follow_symlinks=False).st_blocks * 512
                    total += max(used, _LEAST_BYTES)
        return total

    def remove(self) -> None:
        """Remove the directory and the files in it. Raises OSError if something else is there."""
        try:
            for name in os.listdir(self.descriptor):
                os.unlink(name, dir_fd=self.descriptor)
        finally:
            os.close(self.descriptor)
        os.rmdir(self.path)


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
