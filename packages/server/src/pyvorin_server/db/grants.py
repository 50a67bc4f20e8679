"""What the service's login may do on PostgreSQL, when the tables belong to another one.

    owner     runs migrations, seals and prunes the audit log; used by commands only
    service   reads and writes rows; of the audit log it may read and add, never change or delete;
              of roles and segments neither

`owner_database_url` names the owner. Without it both are one login, and only triggers protect the
log: `doctor` says so.
"""

import sqlalchemy as sa

from pyvorin_server.db.migrate import sync_url
from pyvorin_server.db.tables import metadata
from pyvorin_server.settings import Settings

_APPEND_ONLY = {"audit": "SELECT, INSERT", "roles": "SELECT, INSERT", "audit_segments": "SELECT"}
_ALL = "SELECT, INSERT, UPDATE, DELETE"


def separate_logins(settings: Settings) -> bool:
    """Return whether the service's login and the owner are two."""
    service, owner = sa.make_url(settings.app_database), sa.make_url(settings.owner_database)
    return service.get_backend_name() == "postgresql" and service.username != owner.username


def apply(settings: Settings) -> None:
    """Give the service's login exactly these rights; run by the owner after every migration."""
    if not separate_logins(settings):
        return
    engine = sa.create_engine(sync_url(settings.owner_database))
    quote = engine.dialect.identifier_preparer.quote
    login = quote(str(sa.make_url(settings.app_database).username))
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            name = quote(table.name)
            rights = _APPEND_ONLY.get(table.name, _ALL)
            connection.exec_driver_sql(f"REVOKE ALL ON {name} FROM {login}")
            connection.exec_driver_sql(f"GRANT {rights} ON {name} TO {login}")
        connection.exec_driver_sql(f"GRANT SELECT ON alembic_version TO {login}")
        connection.exec_driver_sql(
            f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {login}"
        )
    engine.dispose()
