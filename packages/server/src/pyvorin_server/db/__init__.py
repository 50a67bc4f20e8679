"""The service's own database: tables, engine, migrations, and the line between organisations."""

from pyvorin_server.db.engine import Database, insert_once, open_database

__all__ = ["Database", "insert_once", "open_database"]
