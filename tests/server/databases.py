"""A database of each kind for tests: SQLite in a folder, PostgreSQL started for the run."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pyvorin_server.db import migrate
from pyvorin_server.settings import Settings, load

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


# ---- empty databases of this release, without migrating again: that takes a hundred times as long


def migrated(folder: Path) -> Settings:
    """Settings of a folder, with an empty SQLite database."""
    settings = load(folder, {})
    file = Path(str(sa.make_url(settings.app_database).database))
    file.touch(mode=0o600)
    file.write_bytes(_migrated_file())
    return settings


@functools.cache
def _migrated_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        migrate.upgrade(load(Path(folder), {}))
        (file,) = Path(folder).iterdir()
        return file.read_bytes()


def emptied(server_url: str) -> str:
    """The URL of the one database of a PostgreSQL server, without any rows."""
    url = _migrated_database(server_url)
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text(_EMPTY))
    engine.dispose()
    return url


@functools.cache
def _migrated_database(server_url: str) -> str:
    engine = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE DATABASE emptied"))
    engine.dispose()
    url = server_url.replace("/postgres?", "/emptied?")
    with tempfile.TemporaryDirectory() as folder:
        migrate.upgrade(replace(load(Path(folder), {}), database_url=url))
    return url


# As the superuser, past triggers and row-level security. A migration leaves no row but its own.
_EMPTY = """
DO $$ DECLARE name text; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'
    LOOP EXECUTE format('ALTER SEQUENCE %I RESTART', name); END LOOP;
END $$
"""
