"""Every table and column of the service is accounted for in the data map, and nothing else is."""

from __future__ import annotations

import sqlalchemy as sa
from pyvorin_server.db.datamap import DATA_MAP, columns_of
from pyvorin_server.db.tables import metadata

KINDS = {"id", "person", "hash", "sealed", "public", "signature", "random"}
KINDS |= {"counter", "time", "code", "limits", "label", "answer"}


def test_every_column_is_in_the_data_map() -> None:
    declared = {table.name: {column.name for column in table.columns} for table in tables()}
    assert {name: set(columns_of(name)) for name in DATA_MAP} == declared


def test_every_kind_is_known_and_sealed_columns_are_bytes() -> None:
    for table in tables():
        for name, kind in columns_of(table.name).items():
            assert kind in KINDS, (table.name, name)
            assert (kind == "sealed") == name.endswith("_sealed"), (table.name, name)
            if kind in ("sealed",):
                assert isinstance(table.c[name].type, sa.LargeBinary)


def test_every_table_says_why_and_how_long() -> None:
    assert all(kept.why and kept.how_long for kept in DATA_MAP.values())


def tables() -> list[sa.Table]:
    return list(metadata.sorted_tables)
