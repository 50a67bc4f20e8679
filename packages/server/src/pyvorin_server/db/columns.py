"""What the table modules share: one metadata, and columns that mean the same on both databases."""

import sqlalchemy as sa

from pyvorin_server.db.engine import UtcTime

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives an automatic row number to INTEGER only, PostgreSQL needs 64 bits.
BigCounter = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def text(name: str, most: int, *, null: bool = False) -> sa.Column[str]:
    """A text column; its length limit is a CHECK since SQLite ignores VARCHAR(n)."""
    return sa.Column(
        name, sa.Text, sa.CheckConstraint(f"length({name}) <= {most}", name=name), nullable=null
    )


def time(name: str, *, null: bool = False) -> sa.Column[object]:
    """A moment; see `UtcTime`."""
    return sa.Column(name, UtcTime, nullable=null)


def owner() -> sa.Column[str]:
    """The organisation a row belongs to."""
    return sa.Column("organisation_id", sa.Text, sa.ForeignKey("organisations.id"), nullable=False)
