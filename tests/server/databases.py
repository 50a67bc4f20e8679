"""A database of each kind for tests: SQLite in a folder, PostgreSQL started for the run."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_NOBODY = 65534


def postgres_programs() -> tuple[str, str] | None:
    """Paths of `initdb` and `pg_ctl`, or None when PostgreSQL is not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    path = os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")])
    found = [shutil.which(name, path=path) for name in ("initdb", "pg_ctl")]
    return (found[0], found[1]) if found[0] and found[1] else None


@contextmanager
def postgres(programs: tuple[str, str], *, fsync: bool = False) -> Iterator[str]:
    """Run a server on a Unix socket in a folder of its own; yield its SQLAlchemy URL. Only who
    measures what durability costs needs `fsync`.

    PostgreSQL refuses to run as root, so root runs it as nobody.
    """
    initdb, pg_ctl = programs
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    user: dict[str, Any] = {}
    if os.geteuid() == 0:
        os.chown(folder, _NOBODY, _NOBODY)
        user = {"user": _NOBODY, "group": _NOBODY}
    data = str(folder / "data")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder}"
    if not fsync:
        options += " -c fsync=off"

    def run(*command: str) -> None:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=600,
            cwd=folder,
            env={"LC_ALL": "C"},
            **user,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    run(initdb, "-D", data, "-U", "tests", "--auth=trust", "-E", "UTF8", "--no-sync")
    run(pg_ctl, "-D", data, "-l", str(folder / "log"), "-w", "-o", options, "start")
    try:
        yield f"postgresql+psycopg://tests@/postgres?host={folder}"
    finally:
        run(pg_ctl, "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)
