"""Alerts and webhooks of an organisation."""

import secrets
from typing import Any

import sqlalchemy as sa
from pyvorin_wire import identity
from sqlalchemy.ext.asyncio import AsyncConnection

from pyvorin_server.audit import Event, append
from pyvorin_server.auth.guard import Principal
from pyvorin_server.db import Database
from pyvorin_server.db.watch_tables import alerts, webhooks
from pyvorin_server.errors import Problem
from pyvorin_server.kit.clock import Clock, epoch_s
from pyvorin_server.kit.egress import Egress, EgressRefused
from pyvorin_server.kit.ids import new_id
from pyvorin_server.kit.sealing import KeyProvider
from pyvorin_server.watch.delivery import place

_MOST_WEBHOOKS = 10
_SHOWN_ALERTS = 200


class Alerting:
    """The alert and webhook routes' work."""

    def __init__(self, database: Database, keys: KeyProvider, egress: Egress, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._egress = egress
        self._clock = clock

    async def alerts(self, by: Principal) -> list[dict[str, Any]]:
        query = (
            sa.select(alerts)
            .where(alerts.c.organisation_id == by.organisation_id)
            .order_by(alerts.c.created_at.desc(), alerts.c.id)
            .limit(_SHOWN_ALERTS)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [
            identity.AlertView(
                row.id, row.rule, row.subject, row.detail, epoch_s(row.created_at)
            ).to_json()
            for row in rows
        ]

    async def webhooks(self, by: Principal) -> list[dict[str, Any]]:
        async with self._database.read() as connection:
            rows = await self._rows(connection, by)
        return [
            {
                "webhook_id": row.id,
                "url": row.url,
                "state": "disabled" if row.disabled_at else "active",
            }
            for row in rows
        ]

    async def add_webhook(self, by: Principal, url: str) -> identity.Webhook:
        """Add a webhook to an allowed origin; its secret is in this answer only."""
        try:
            self._egress.check(url)
        except EgressRefused as error:
            raise Problem("unprocessable", f"url: {error}") from None
        webhook_id, secret = new_id("whk"), secrets.token_hex(32)
        async with self._database.write() as connection:
            if len(await self._rows(connection, by)) >= _MOST_WEBHOOKS:
                raise Problem("conflict", f"at most {_MOST_WEBHOOKS} webhooks")
            await connection.execute(
                webhooks.insert().values(
                    id=webhook_id,
                    organisation_id=by.organisation_id,
                    url=url,
                    secret_sealed=self._keys.seal(
                        secret.encode(), place(webhook_id, by.organisation_id)
                    ),
                    created_at=self._clock.now(),
                )
            )
            await self._record(connection, by, webhook_id, "added")
        return identity.Webhook(webhook_id, url, secret)

    async def disable_webhook(self, by: Principal, webhook_id: str) -> None:
        async with self._database.write() as connection:
            changed = await connection.execute(
                webhooks.update()
                .where(
                    webhooks.c.id == webhook_id,
                    webhooks.c.organisation_id == by.organisation_id,
                )
                .values(disabled_at=self._clock.now())
                .returning(webhooks.c.id)
            )
            if changed.first() is None:
                raise Problem("not_found")
            await self._record(connection, by, webhook_id, "disabled")

    async def _record(
        self, connection: AsyncConnection, by: Principal, webhook_id: str, what: str
    ) -> None:
        await append(
            connection,
            Event.WEBHOOK_CHANGED,
            at=self._clock.now(),
            organisation_id=by.organisation_id,
            actor=by.actor,
            subject=webhook_id,
            detail={"change": what},
        )

    @staticmethod
    async def _rows(connection: AsyncConnection, by: Principal) -> list[sa.Row[Any]]:
        query = (
            sa.select(webhooks)
            .where(webhooks.c.organisation_id == by.organisation_id)
            .order_by(webhooks.c.created_at, webhooks.c.id)
        )
        return list((await connection.execute(query)).all())
