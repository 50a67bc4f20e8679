"""Where the client keeps things, and how it writes them.

| folder | holds | override |
|---|---|---|
| `config()` | config.toml, licence.key | XDG_CONFIG_HOME |
| `state()` | device keys, trust.json, recall list, sequence numbers, logs | XDG_STATE_HOME |
| `cache()` | artifacts, module index, quarantine | XDG_CACHE_HOME |

`PYVORIN_THIN_HOME` puts all three under one folder. Folders are made 0700 and files 0600; a file is
written beside its place and renamed, so a reader sees the old bytes or the new, never a part. A
link in place of a file is never followed.
"""

import fcntl
import os
import stat

from pyvorin_thin.errors import LicenceProblem, ProvenanceError


def config() -> str:
    return _folder("XDG_CONFIG_HOME", ".config", "config")


def state() -> str:
    return _folder("XDG_STATE_HOME", ".local/state", "state")


def cache() -> str:
    return _folder("XDG_CACHE_HOME", ".cache", "cache")


def _folder(variable: str, default: str, name: str) -> str:
    home = os.environ.get("PYVORIN_THIN_HOME")
    if home:
        return os.path.join(home, name)
    base = os.environ.get(variable) or os.path.join(os.path.expanduser("~"), default)
    return os.path.join(base, "pyvorin")


def private_folder(path: str) -> str:
    """Make the folder (0700) if need be. Raises ProvenanceError if it is a link, or someone
    else's."""
    _make(path)
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise ProvenanceError("PYV823", f"{path} is not a folder of this user")
    if found.st_mode & 0o077:
        os.chmod(path, 0o700)
    return path


def _make(path: str) -> None:
    """Every missing folder on the way is made private, not only the last."""
    if not os.path.lexists(path):
        _make(os.path.dirname(path))
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            return  # another process was first


def write(path: str, data: bytes) -> None:
    """Write atomically, 0600."""
    private_folder(os.path.dirname(path))
    temporary = f"{path}.{os.urandom(8).hex()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with open(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        remove(temporary)


def read(path: str, *, limit: int = 1 << 20) -> bytes | None:
    """The file's bytes, or None if there is none. Raises ProvenanceError for a link, a device, or a
    file over `limit` bytes."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ProvenanceError("PYV823", f"{path} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ProvenanceError("PYV823", f"{path} is not a regular file")
    with open(descriptor, "rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ProvenanceError("PYV823", f"{path} is larger than {limit} bytes")
    return data


def read_secret(path: str) -> bytes | None:
    """Like `read`, for keys. Raises LicenceProblem if others may read the file; the owner then
    decides whether the key is burnt."""
    data = read(path, limit=1 << 16)
    if data is None:
        return None
    found = os.lstat(path)
    if found.st_mode & 0o077 or found.st_uid != os.geteuid():
        raise LicenceProblem(
            "PYV823",
            f"{path} can be read by others",
            (
                f"if nobody else has read it: chmod 600 {path}",
                "otherwise ask for a new licence key",
            ),
        )
    return data


def remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


class locked:
    """Hold an exclusive lock named `path` + `.lock` between processes."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        private_folder(os.path.dirname(self._path))
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = open(os.open(f"{self._path}.lock", flags, 0o600), "rb")
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._file.close()
