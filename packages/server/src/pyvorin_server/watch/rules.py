"""Rules over the audit log and usage, each a query that names subjects; what they find is an alert.

A rule looks at a window of time and is quiet or names subjects. An alert is one row a rule,
subject and window (UNIQUE), so nodes may all look at once and nothing is told twice. Rows of
`RULES` are all there is; each has a test where it speaks and one where it must not.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pyvorin_wire import canonical
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.audit import Event, append
from pyvorin_server.db import insert_once
from pyvorin_server.db.tables import audit
from pyvorin_server.db.watch_tables import alerts, deliveries, webhooks
from pyvorin_server.kit.clock import epoch_s
from pyvorin_server.kit.ids import new_id

REFUSALS_AT = 20
SPIKE_FACTOR, SPIKE_AT_LEAST = 10, 50
MAIL = "mail"
_REFUSED = (Event.REQUEST_REFUSED, Event.SESSION_REFUSED, Event.ACTIVATION_REFUSED)


@dataclass(frozen=True, slots=True)
class Found:
    """A subject a rule names, and whose organisation it concerns (none: the operator's)."""

    subject: str
    detail: str
    organisation_id: str = ""


Look = Callable[[AsyncConnection, datetime], Awaitable[list[Found]]]


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    window: timedelta
    look: Look


async def _many_refusals(connection: AsyncConnection, now: datetime) -> list[Found]:
    """One address refused at least 20 times in five minutes: guessing."""
    count = sa.func.count()
    query = (
        sa.select(audit.c.subject, count)
        .where(_of(*_REFUSED), audit.c.at > now - timedelta(minutes=5))
        .group_by(audit.c.subject)
        .having(count >= REFUSALS_AT)
    )
    rows = (await connection.execute(query)).all()
    return [Found(row[0], f"{row[1]} refused requests in 5 minutes") for row in rows]


async def _copied_token(connection: AsyncConnection, now: datetime) -> list[Found]:
    """A refresh token came back after it was spent, or from another device: it was copied."""
    return await _each(connection, now, Event.TOKEN_REUSED, "a refresh token was used again")


async def _refused_signature(connection: AsyncConnection, now: datetime) -> list[Found]:
    """The signer refused to sign: a worker or the database says what is not so."""
    return await _each(connection, now, Event.SIGNING_REFUSED, "the signer refused a build")


async def _new_place(connection: AsyncConnection, now: datetime) -> list[Found]:
    """A device of a licence was activated from a network that none of its devices came from."""
    query = (
        sa.select(audit.c.subject, audit.c.organisation_id, audit.c.actor, audit.c.at)
        .add_columns(audit.c.detail)
        .where(_of(Event.DEVICE_ACTIVATED), audit.c.at > now - timedelta(hours=1))
        .order_by(audit.c.sequence)
    )
    found = []
    for row in (await connection.execute(query)).all():
        network = canonical.loads(row.detail.encode()).get("network")
        earlier = sa.select(audit.c.detail).where(
            _of(Event.DEVICE_ACTIVATED), audit.c.subject == row.subject, audit.c.at < row.at
        )
        details = (await connection.execute(earlier)).scalars().all()
        known = {canonical.loads(text.encode()).get("network") for text in details}
        if network and known and network not in known:
            text = f"device {row.actor} was activated from a network new to its licence"
            found.append(Found(row.subject, text, row.organisation_id))
    return found


async def _usage_spike(connection: AsyncConnection, now: datetime) -> list[Found]:
    """Ten times the builds of an average day of the week before, and at least fifty."""
    day_ago, week_ago = now - timedelta(days=1), now - timedelta(days=8)
    today = sa.func.count().filter(audit.c.at > day_ago)
    before = sa.func.count().filter(audit.c.at <= day_ago)
    query = (
        sa.select(audit.c.organisation_id, today, before)
        .where(_of(Event.JOB_ACCEPTED), audit.c.at > week_ago)
        .group_by(audit.c.organisation_id)
        .having(today >= SPIKE_AT_LEAST)
        .having(today * 7 >= before * SPIKE_FACTOR)
    )
    rows = (await connection.execute(query)).all()
    return [
        Found(row[0], f"{row[1]} builds in a day, {row[2]} in the week before", row[0])
        for row in rows
    ]


RULES = (
    Rule("many_refusals", timedelta(minutes=5), _many_refusals),
    Rule("copied_token", timedelta(minutes=5), _copied_token),
    Rule("refused_signature", timedelta(minutes=5), _refused_signature),
    Rule("new_place", timedelta(hours=1), _new_place),
    Rule("usage_spike", timedelta(days=1), _usage_spike),
)


async def look(connection: AsyncConnection, now: datetime, *, mail: bool) -> int:
    """Apply every rule; enter new alerts with their deliveries; return how many are new."""
    new = 0
    for rule in RULES:
        for found in await rule.look(connection, now):
            new += await _raise(connection, rule, found, now, mail=mail)
    return new


async def _raise(
    connection: AsyncConnection, rule: Rule, found: Found, now: datetime, *, mail: bool
) -> bool:
    row: dict[str, Any] = {
        "id": new_id("alt"),
        "organisation_id": found.organisation_id,
        "rule": rule.name,
        "subject": found.subject,
        "window": epoch_s(now) // int(rule.window.total_seconds()),
        "detail": found.detail,
        "created_at": now,
    }
    if not await insert_once(connection, alerts, row):
        return False
    targets = [MAIL] if mail else []
    hooks = sa.select(webhooks.c.id).where(
        webhooks.c.organisation_id == found.organisation_id, webhooks.c.disabled_at.is_(None)
    )
    targets += (await connection.execute(hooks)).scalars().all()
    for target in targets:
        await connection.execute(
            deliveries.insert().values(
                alert_id=row["id"], target=target, attempts=0, outcome="", next_at=now
            )
        )
    await append(
        connection,
        Event.ALERT_RAISED,
        at=now,
        organisation_id=found.organisation_id,
        subject=row["id"],
        detail={"rule": rule.name},
    )
    return True


async def _each(connection: AsyncConnection, now: datetime, event: Event, text: str) -> list[Found]:
    query = (
        sa.select(audit.c.subject, audit.c.organisation_id)
        .where(_of(event), audit.c.at > now - timedelta(minutes=5))
        .distinct()
    )
    rows = (await connection.execute(query)).all()
    return [Found(row.subject, text, row.organisation_id) for row in rows]


def _of(*events: Event) -> sa.ColumnElement[bool]:
    return audit.c.event.in_([event.value for event in events])
