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


@dataclass(frozen=True, slots=True)
class Scratch:
    path: str
    descriptor: int  # of the directory itself

    @classmethod
    def make(cls, owner: int | None) -> "Scratch":
        """A new directory, 0700, owned by the job's uid if it has one of its own."""
        path = tempfile.mkdtemp(prefix=f"pyvorin-scratch-{os.getpid()}-")
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        if owner is not None:
            os.chown(descriptor, owner, owner)
        return cls(path, descriptor)

    def size_bytes(self) -> int:
        total = 0
        with os.scandir(self.descriptor) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
        return total

    def remove(self) -> None:
        """Remove the directory and the files in it. Raises OSError if something else is there."""
        for name in os.listdir(self.descriptor):
            os.unlink(name, dir_fd=self.descriptor)
        os.close(self.descriptor)
        os.rmdir(self.path)
