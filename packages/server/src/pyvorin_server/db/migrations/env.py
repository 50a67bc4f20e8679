"""Alembic's entry: one connection; batch mode on SQLite, which cannot alter constraints."""

import sqlalchemy as sa
from alembic import context
from pyvorin_server.db.tables import metadata
from pyvorin_server.db.tenant import SERVICE, SETTING


def run() -> None:
    """Run the migrations on the URL that `db.migrate` passes."""
    engine = sa.create_engine(context.config.attributes["url"])
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT set_config('{SETTING}', '{SERVICE}', false)")
            connection.commit()
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=connection.dialect.name == "sqlite",
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
