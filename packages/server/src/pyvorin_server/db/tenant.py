"""Whose rows a piece of work may see, enforced below every query.

    SERVICE   the service's own work: all rows (the default of workers, signer and commands)
    NOBODY    a request that was not admitted yet: a query of a tenant's table is an error
    org_…     an admitted request: that organisation's rows only

The scope is a context variable, so it holds for everything a request goes on to do. On both
databases each SELECT, UPDATE and DELETE gets `organisation_id = …` added for every table that has
an owner, and an INSERT for another is refused; on PostgreSQL row-level security says the same once
more, from below (`migrations/versions/0002…`). Queries name the organisation themselves as well:
this is the net under them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.sql.selectable import SelectState

from pyvorin_server.errors import ServerError

SERVICE = "*"
NOBODY = ""
OWNER = "organisation_id"
SETTING = "pyvorin.organisation"
# Written by the service about everyone; an organisation reads its own rows through a query that
# names it, and the chain of the log needs the rows of all.
SHARED = frozenset({"audit", "alerts"})

_scope: ContextVar[str] = ContextVar("pyvorin_tenant", default=SERVICE)


class TenantError(ServerError):
    """A query that would have crossed the line between organisations; a fault of ours."""


def enter(organisation_id: str) -> None:
    """Confine the rest of this request to one organisation, or to NOBODY."""
    _scope.set(organisation_id)


@contextmanager
def as_service() -> Iterator[None]:
    """See all rows inside the block: for looking up who is asking."""
    before = _scope.set(SERVICE)
    try:
        yield
    finally:
        _scope.reset(before)


def current() -> str:
    return _scope.get()


def confine(engine: Engine) -> None:
    """Hold every statement of an engine to the scope it is executed in."""

    @event.listens_for(engine, "before_execute", retval=True)
    def _before(
        _connection: Connection, statement: Any, multiparams: Any, params: Any, _options: Any
    ) -> tuple[Any, Any, Any]:
        scope = _scope.get()
        if scope == SERVICE:
            return statement, multiparams, params
        return _confined(statement, scope, multiparams, params), multiparams, params

    if engine.dialect.name != "postgresql":
        return

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        scope = _scope.get()
        if scope != SERVICE:  # the session's default: see `db.engine`
            connection.exec_driver_sql(f"SELECT set_config('{SETTING}', %s, true)", (scope,))


def _confined(statement: Any, scope: str, multiparams: Any, params: Any) -> Any:
    if isinstance(statement, sa.Insert):
        _check_insert(statement, scope, multiparams, params)
        return statement
    if isinstance(statement, sa.Select):
        owned = [each for each in _sources(froms_of(statement)) if OWNER in each.c]
    elif isinstance(statement, sa.Update | sa.Delete):
        owned = [statement.table] if _has_owner(statement.table) else []
    else:
        return statement
    for table in owned:
        if scope == NOBODY:
            raise TenantError(f"{table.name} was asked for before the request was admitted")
        statement = statement.where(table.c[OWNER] == scope)
    return statement


def _check_insert(statement: sa.Insert, scope: str, multiparams: Any, params: Any) -> None:
    if not _has_owner(statement.table):
        return
    given = dict(statement.compile().params) if not multiparams else {}
    rows = [*multiparams, params] if multiparams else [given | dict(params or {})]
    if any(row.get(OWNER) != scope for row in rows if row):
        raise TenantError(f"{statement.table.name}: a row of another organisation")


def froms_of(statement: sa.Select[Any]) -> list[Any]:
    """What a SELECT is from. `get_final_froms` says the same and compiles the statement for it,
    which takes longer than executing it (`tests/server/test_database.py` compares the two).
    """
    return list(SelectState(statement, None).froms)  # type: ignore[arg-type]  # no compiler needed


def _sources(froms: Any) -> Iterator[Any]:
    for each in froms:
        if isinstance(each, sa.Join):
            yield from _sources((each.left, each.right))
        elif _has_owner(each):
            yield each


def _has_owner(table: Any) -> bool:
    return isinstance(table, sa.Table | sa.Alias) and (
        OWNER in table.c and table.name not in SHARED
    )
