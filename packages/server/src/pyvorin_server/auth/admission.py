"""Register requests in batches: nonce inserted and standing read in one transaction.

A request is admitted only after its nonce is committed, and a commit costs a disk write. Requests
that arrive while one commit is under way share the next, so the cost of a request falls as load
rises, and nothing is cached: each batch reads devices and licences anew.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pyvorin_wire import httpsig
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.auth import limits
from pyvorin_server.db import Database, tenant
from pyvorin_server.db.tables import devices, licences, nonces
from pyvorin_server.errors import Problem
from pyvorin_server.kit.clock import Clock

MAX_BATCH = 64
Standing = sa.Row[Any, Any, Any, Any, Any, Any, Any, Any, Any]


@dataclass(slots=True)
class Waiting:
    """One signed request on its way into the database."""

    device_id: str
    parameters: httpsig.Parameters
    done: "asyncio.Future[Standing | None]"

    @property
    def key(self) -> tuple[str, str]:
        return self.parameters.keyid, self.parameters.nonce


class Admission:
    """Takes requests whose signature is good; answers with the standing of their device."""

    def __init__(self, database: Database, per_minute: int, clock: Clock) -> None:
        self._database = database
        self._per_minute = per_minute
        self._clock = clock
        self._waiting: list[Waiting] = []
        self._running: asyncio.Task[None] | None = None

    async def register(self, device_id: str, parameters: httpsig.Parameters) -> Standing | None:
        """Remember the request and return its device with its licence. Raises `unauthenticated`
        on a replay and `rate_limited` when the device has used up its minute.
        """
        done: asyncio.Future[Standing | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(device_id, parameters, done))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await done

    async def _run(self) -> None:
        try:
            with tenant.as_service():
                while self._waiting:
                    batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                    await self._settle(batch)
        finally:
            self._running = None

    async def _settle(self, batch: list[Waiting]) -> None:
        """Answer every request of a batch; when the transaction fails, none is admitted."""
        try:
            answers = await self._commit(batch, self._clock.now())
        except Exception as error:  # whatever it was, each waiting request has to hear of it
            for each in batch:
                if not each.done.done():
                    each.done.set_exception(_unavailable(error))
            return
        for each, answer in zip(batch, answers, strict=True):
            if each.done.done():  # the client went away
                continue
            if isinstance(answer, Problem):
                each.done.set_exception(answer)
            else:
                each.done.set_result(answer)

    async def _commit(self, batch: list[Waiting], now: datetime) -> list[Standing | Problem | None]:
        async with self._database.write() as connection:
            fresh = await insert_nonces(connection, [each.parameters for each in batch], now)
            counts = Counter(each.device_id for each in batch)
            uses = {f"device|{device_id}": count for device_id, count in counts.items()}
            counted = await limits.count_each(connection, uses, limits.WINDOW_S, now)
            standing = await standings(connection, counts)
        answers: list[Standing | Problem | None] = []
        for each in batch:
            if each.key not in fresh:
                answers.append(Problem("unauthenticated", "this request was received before"))
                continue
            fresh.discard(each.key)
            if counted[f"device|{each.device_id}"] > self._per_minute:
                answers.append(limits.limited(limits.WINDOW_S, now))
            else:
                answers.append(standing.get(each.device_id))
        return answers


def _unavailable(error: Exception) -> Exception:
    if isinstance(error, sa.exc.SQLAlchemyError | OSError):
        return Problem("unavailable", "the request cannot be registered", retry_after_s=2)
    return error


async def insert_nonces(
    connection: AsyncConnection, received: list[httpsig.Parameters], now: datetime
) -> set[tuple[str, str]]:
    """Remember requests; return the (key, nonce) pairs that were not there before.

    Sorted, so that two nodes with the same nonces in hand wait for each other and never in a ring.
    """
    expires_at = now + timedelta(seconds=httpsig.NONCE_KEEP_S)
    pairs = sorted({(each.keyid, each.nonce) for each in received})
    rows = [{"key_id": key, "nonce": nonce, "expires_at": expires_at} for key, nonce in pairs]
    found = (await connection.execute(_REMEMBER[connection.dialect.name], rows)).all()
    return {(row.key_id, row.nonce) for row in found}


def _remembering(insert: Any) -> Any:
    return insert(nonces).on_conflict_do_nothing().returning(nonces.c.key_id, nonces.c.nonce)


# Made once: putting a statement together costs more than executing it.
_REMEMBER = {"sqlite": _remembering(sqlite_insert), "postgresql": _remembering(postgresql_insert)}
_STANDINGS = (
    sa.select(
        devices.c.id,
        devices.c.organisation_id,
        devices.c.licence_id,
        devices.c.revoked_at.label("device_revoked_at"),
        devices.c.expires_at.label("device_expires_at"),
        licences.c.revoked_at,
        licences.c.suspended_at,
        licences.c.not_before,
        licences.c.expires_at,
    )
    .join(licences, licences.c.id == devices.c.licence_id)
    .where(devices.c.id.in_(sa.bindparam("wanted", expanding=True)))
)


async def standings(connection: AsyncConnection, wanted: Counter[str]) -> dict[str, Standing]:
    """Return devices by id, each with what of its licence decides whether it may act."""
    found = await connection.execute(_STANDINGS, {"wanted": list(wanted)})
    return {row.id: row for row in found.all()}


def in_good_standing(row: Standing | None, now: datetime) -> Standing:
    """Return the row, or raise the problem that says why its device may not act."""
    if row is None:
        raise Problem("unauthenticated", "the request signature was not accepted")
    if row.revoked_at is not None:
        raise Problem("licence_revoked", "the licence is revoked")
    if row.device_revoked_at is not None:
        raise Problem("device_revoked", "this device is revoked")
    if row.suspended_at is not None:
        raise Problem("licence_suspended", "the licence is suspended")
    if not row.not_before <= now < row.expires_at:
        raise Problem("licence_expired", "the licence is not valid at this time")
    if row.device_expires_at is not None and now >= row.device_expires_at:
        raise Problem("device_revoked", "this device's time is over")
    return row


async def still_admitted(connection: AsyncConnection, device_id: str, now: datetime) -> bool:
    """Return whether a device may go on with a stream that it opened earlier."""
    found = await standings(connection, Counter([device_id]))
    try:
        in_good_standing(found.get(device_id), now)
    except Problem:
        return False
    return True


async def drop_old_nonces(connection: AsyncConnection, now: datetime) -> None:
    """Forget nonces whose window is long over."""
    await connection.execute(nonces.delete().where(nonces.c.expires_at < now))
