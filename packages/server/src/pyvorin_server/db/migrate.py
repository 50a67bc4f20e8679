"""Bring the service's tables to this release, or say which release they are at. Alembic does the
work.
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from pyvorin_server.settings import Settings

_SCRIPTS = Path(__file__).with_name("migrations")


def upgrade(settings: Settings) -> None:
    """Run every migration that has not been run. On SQLite the file is made 0600."""
    url = sa.make_url(settings.owner_database)
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).touch(mode=0o600)
    command.upgrade(_config(settings), "head")


def newest() -> str:
    """Return the revision this release needs."""
    return str(ScriptDirectory(str(_SCRIPTS)).get_current_head())


def current(settings: Settings) -> str | None:
    """Return the revision the database is at; None when it has no tables of ours. Raises
    `SQLAlchemyError` for a database that is damaged or cannot be reached.
    """
    engine = sa.create_engine(sync_url(settings.app_database))
    try:
        with engine.connect() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    finally:
        engine.dispose()


def sync_url(url: str) -> sa.URL:
    """Return the URL with the synchronous driver of the same database."""
    parsed = sa.make_url(url)
    drivers = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
    return parsed.set(drivername=drivers[parsed.get_backend_name()])


def _config(settings: Settings) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["url"] = sync_url(settings.owner_database)
    return config
