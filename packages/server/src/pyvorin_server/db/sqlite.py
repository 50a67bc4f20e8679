"""SQLite in the event loop's own thread, where only what waits for the disk leaves it.

A statement on an indexed table takes some ten microseconds; handing it to a thread and back takes
ten times that, and a request makes a dozen. So statements run where they are asked for, and only

    BEGIN IMMEDIATE     when it has to wait for another process's transaction
    COMMIT, ROLLBACK    of a transaction that wrote: COMMIT waits for the disk
    a streamed result   may be long; whoever reads a whole table uses `connection.stream`

go to a thread. `GroupCommit` lets the write blocks that are waiting share one transaction, and so
one disk write.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.base import SQLiteExecutionContext
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.url import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, Pool
from sqlalchemy.util import await_only

DRIVER = "sqlite+pyvorin"
# A group ends when nobody waits, and at the latest here: who came first must not wait for ever.
MOST_BLOCKS = 32
MOST_S = 0.01
_BUSY_MS = 15_000
_threads = ThreadPoolExecutor(8, "sqlite")


async def _in_thread(function: Callable[..., Any], *arguments: Any) -> Any:
    return await asyncio.get_running_loop().run_in_executor(_threads, function, *arguments)


async def _at_once() -> None:
    """SQLAlchemy insists that a statement is waited for."""


class _Here(sqlite3.Cursor):
    """A cursor whose statements run in the event loop's thread. It reads all rows at once: an
    INSERT with RETURNING that was not read to its end would keep its transaction from committing.
    """

    _rows: Any = ()

    def execute(self, *arguments: Any) -> Any:
        await_only(_at_once())
        super().execute(*arguments)
        self._rows = deque(super().fetchall() if self.description else ())
        return self

    def executemany(self, *arguments: Any) -> Any:
        await_only(_at_once())
        return super().executemany(*arguments)

    def fetchone(self) -> Any:
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        count = min(self.arraysize if size is None else size, len(self._rows))
        return [self._rows.popleft() for _ in range(count)]

    def fetchall(self) -> list[Any]:
        rows, self._rows = list(self._rows), deque()
        return rows

    async def _async_soft_close(self) -> None:  # SQLAlchemy's name for: the rows are here
        super().close()


class _Connection(sqlite3.Connection):
    def cursor(self, factory: Any = _Here) -> Any:
        return super().cursor(factory)


class _Streamed(sqlite3.Cursor):
    """A cursor of a result that may be long."""

    def execute(self, *arguments: Any) -> Any:
        return await_only(_in_thread(super().execute, *arguments))

    async def _async_soft_close(self) -> None:
        super().close()

    def fetchone(self) -> Any:
        return await_only(_in_thread(super().fetchone))

    def fetchmany(self, *arguments: Any) -> Any:
        return await_only(_in_thread(super().fetchmany, *arguments))

    def fetchall(self) -> Any:
        return await_only(_in_thread(super().fetchall))


class _Context(SQLiteExecutionContext):
    def create_server_side_cursor(self) -> Any:
        return self._dbapi_connection.cursor(_Streamed)


class Dialect(SQLiteDialect_pysqlite):
    """The standard library's driver behind SQLAlchemy's asynchronous connections."""

    driver = "pyvorin"
    is_async = True
    supports_statement_cache = True
    supports_server_side_cursors = True
    execution_ctx_cls = _Context

    @classmethod
    def get_pool_class(cls, url: URL) -> type[Pool]:
        return AsyncAdaptedQueuePool

    def create_connect_args(self, url: URL) -> Any:
        words, options = super().create_connect_args(url)
        own = {"factory": _Connection, "check_same_thread": False, "isolation_level": None}
        return words, {**options, **own}


registry.register("sqlite.pyvorin", __name__, "Dialect")


def open_engine(url: str) -> AsyncEngine:
    """Return an engine for the file that a SQLite URL of any driver names."""
    engine = create_async_engine(sa.make_url(url).set(drivername=DRIVER), pool_size=32)

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: sa.Connection) -> None:
        raw: Any = connection.connection.dbapi_connection
        if not raw.in_transaction:
            raw.execute("BEGIN")

    return engine


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction that only reads."""
    connection = engine.connect()
    await connection.start()
    try:
        async with connection.begin():
            yield connection
    finally:
        await connection.close()


async def _begin(raw: sqlite3.Connection) -> None:
    """Take the write lock: at once where it is free, waiting for it elsewhere."""
    raw.execute("PRAGMA busy_timeout=0")
    try:
        raw.execute("BEGIN IMMEDIATE")
        return
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise sa.exc.OperationalError("BEGIN IMMEDIATE", None, error) from error
    finally:
        raw.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    await _in_thread(_run, raw, "BEGIN IMMEDIATE")


def _run(raw: sqlite3.Connection, statement: str) -> None:
    try:
        raw.execute(statement)
    except sqlite3.Error as error:
        raise sa.exc.OperationalError(statement, None, error) from error


@dataclass(slots=True)
class _Group:
    """Write blocks that become durable together, or not at all."""

    connection: AsyncConnection
    raw: sqlite3.Connection
    began: float
    blocks: int = 0
    durable: "asyncio.Future[None]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class GroupCommit:
    """Write transactions of one process, one after the other, several to a commit.

    SQLite has one writer; those of this process wait in line here, since its own way of waiting is
    to try again after growing pauses, which starves whoever is unlucky. Each block has a savepoint:
    one that fails takes back its own changes only. No block returns before the commit it is part
    of, and when that fails, all of them raise.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._group: _Group | None = None
        self._left: asyncio.Future[None] | None = None

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One block of a write transaction."""
        self._waiting += 1
        try:
            await self._turn.acquire()
        except BaseException:  # cancelled: whoever left the group open relied on this one
            self._waiting -= 1
            self._left = asyncio.ensure_future(self._end_what_is_left())
            raise
        self._waiting -= 1
        try:
            group = self._group or await self._open()
            try:
                _run(group.raw, "SAVEPOINT block")
                try:
                    yield group.connection
                except BaseException:
                    if group.raw.in_transaction:
                        _run(group.raw, "ROLLBACK TO block")
                        _run(group.raw, "RELEASE block")
                    raise
                _run(group.raw, "RELEASE block")
            finally:
                await self._after_block(group)
        finally:
            self._turn.release()
        await asyncio.shield(group.durable)

    async def _open(self) -> _Group:
        connection = self._engine.connect()
        await connection.start()
        try:
            raw = (await connection.get_raw_connection()).driver_connection
            assert raw is not None
            await _begin(raw)
            await connection.begin()
        except BaseException:
            await connection.invalidate()
            await connection.close()
            raise
        self._group = _Group(connection, raw, asyncio.get_running_loop().time())
        return self._group

    async def _after_block(self, group: _Group) -> None:
        """End the group, unless another block waits and there is still room for it.

        SQLite takes back a whole transaction by itself when the disk is full or fails; then
        nothing of the group is left to commit.
        """
        group.blocks += 1
        age = asyncio.get_running_loop().time() - group.began
        room = group.blocks < MOST_BLOCKS and age < MOST_S
        if self._waiting and room and group.raw.in_transaction:
            return
        self._group = None
        await asyncio.shield(asyncio.ensure_future(self._end(group)))

    async def _end_what_is_left(self) -> None:
        async with self._turn:
            if self._group is not None and not self._waiting:
                group, self._group = self._group, None
                await self._end(group)

    async def _end(self, group: _Group) -> None:
        group.durable.add_done_callback(lambda done: done.exception())  # heard by who waits for it
        try:
            try:
                await _in_thread(_run, group.raw, "COMMIT")
            except BaseException:
                await group.connection.invalidate()
                raise
            finally:
                await group.connection.close()
        except BaseException as error:
            group.durable.set_exception(error)
        else:
            group.durable.set_result(None)
