"""The root of a micro-VM: an initramfs with the interpreter, its modules and their libraries.

A cpio archive ("newc", Documentation/driver-api/early-userspace/buffer-format.rst), made once per
interpreter and read by every machine. Unlike a bind it is a copy, so it holds what is needed and
not all of /usr/lib: shared libraries are those the dynamic linker names.
"""

import os
import re
import stat
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from pyvorin_server.sandbox import guest
from pyvorin_server.sandbox.interpreter import SYSTEM_LIBRARIES, python_binds

_SKIPPED: Final = frozenset(
    {"test", "tests", "idlelib", "tkinter", "lib2to3", "ensurepip", "__pycache__"}
)
_FOLDERS: Final = ("/dev", "/jail-tmp", "/tmp")
_LDD_TIMEOUT_S: Final = 60


class Archive:
    """Writes a cpio archive; parents come before what is in them, nothing comes twice."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._known: set[str] = set()

    def add_folder(self, path: str) -> None:
        if path not in self._known and path != "/":
            self.add_folder(os.path.dirname(path))
            self._entry(path, stat.S_IFDIR | 0o755, b"")

    def add(self, path: str, mode: int, data: bytes) -> None:
        if path not in self._known:
            self.add_folder(os.path.dirname(path))
            self._entry(path, mode, data)

    def add_device(self, path: str, major: int, minor: int) -> None:
        self.add_folder(os.path.dirname(path))
        self._entry(path, stat.S_IFCHR | 0o600, b"", (major, minor))

    def end(self) -> None:
        self._entry("/TRAILER!!!", 0, b"")

    def _entry(self, path: str, mode: int, data: bytes, device: tuple[int, int] = (0, 0)) -> None:
        self._known.add(path)
        name = path.lstrip("/").encode() + b"\0"
        numbers = (len(self._known), mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name), 0)
        header = b"070701" + b"".join(b"%08X" % number for number in numbers)
        for part in (header + name, data):
            self._file.write(part + b"\0" * (-len(part) % 4))


def build(interpreter: str, extra: Iterable[Path], to: BinaryIO) -> None:
    """Write the archive: the interpreter's tree, and `extra` files of the host."""
    archive = Archive(to)
    for folder in _FOLDERS:
        archive.add_folder(folder)
    archive.add_device("/dev/console", 5, 1)
    libraries: set[str] = set()
    paths = [
        bind.path for bind in python_binds(interpreter) if str(bind.path) not in SYSTEM_LIBRARIES
    ]
    for path in [*paths, *_own_standard_library(interpreter), *extra]:
        for found in _walk(path):
            _add_from_host(archive, found)
            if found.suffix == ".so" or os.access(found, os.X_OK):
                libraries.add(str(found))
    for library in sorted(_needed(libraries)):
        archive.add(library, stat.S_IFREG | 0o755, Path(library).read_bytes())
    archive.add("/init", stat.S_IFREG | 0o755, _init(interpreter))
    archive.end()


def _init(interpreter: str) -> bytes:
    return f"#!{interpreter} -IBS\n".encode() + Path(guest.__file__).read_bytes()


def _own_standard_library(interpreter: str) -> list[Path]:
    """Where the prefix is /usr, the binds name all of /usr/lib and not the library itself."""
    command = [interpreter, "-I", "-c", "import os; print(os.path.dirname(os.__file__))"]
    asked = subprocess.run(command, capture_output=True, text=True, check=True, env={})
    return [Path(asked.stdout.strip())]


def _walk(path: Path) -> Iterator[Path]:
    if path.is_symlink() or not path.is_dir():
        yield path
        return
    for folder, names, files in os.walk(path):
        names[:] = [name for name in names if name not in _SKIPPED]
        for name in [*files, *(n for n in names if os.path.islink(os.path.join(folder, n)))]:
            yield Path(folder, name)


def _add_from_host(archive: Archive, path: Path) -> None:
    if path.is_symlink():
        archive.add(str(path), stat.S_IFLNK | 0o777, os.readlink(path).encode())
    elif path.is_file() and path.suffix not in (".a", ".o"):
        mode = 0o755 if os.access(path, os.X_OK) else 0o644
        archive.add(str(path), stat.S_IFREG | mode, path.read_bytes())


def _needed(binaries: set[str]) -> set[str]:
    """Absolute paths of the shared libraries that the dynamic linker loads for `binaries`."""
    found: set[str] = set()
    elf = [path for path in sorted(binaries) if _is_elf(path)]
    for start in range(0, len(elf), 50):
        answer = subprocess.run(
            ["ldd", *elf[start : start + 50]],
            capture_output=True,
            text=True,
            timeout=_LDD_TIMEOUT_S,
        )
        found.update(re.findall(r"(?:=> |^\s+)(/\S+) \(0x", answer.stdout, re.M))
    return found


def _is_elf(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(4) == b"\x7fELF"
    except OSError:
        return False
