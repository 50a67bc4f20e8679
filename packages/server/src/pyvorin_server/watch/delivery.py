"""Alerts on their way out: e-mail through the operator's server, signed webhooks through `egress`.

A delivery is a row that one node takes at a time (compare-and-set on `next_at`), tried with growing
pauses for about a day. At least once: the receiver sees the alert's id. A webhook is signed as the
Standard Webhooks convention says:

    webhook-id: alt_…   webhook-timestamp: <s>
    webhook-signature: v1,base64(HMAC-SHA256(secret, "id.timestamp.body"))
"""

import asyncio
import base64
import hashlib
import hmac
import smtplib
import ssl
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
import structlog
from pyvorin_wire import canonical

from pyvorin_server.db import Database
from pyvorin_server.db.watch_tables import alerts, deliveries, webhooks
from pyvorin_server.errors import ConfigError, ServerError
from pyvorin_server.kit.clock import Clock, epoch_s
from pyvorin_server.kit.egress import Egress
from pyvorin_server.kit.sealing import KeyProvider
from pyvorin_server.settings import Settings
from pyvorin_server.watch.rules import MAIL

Row = sa.Row[Any]
MOST_ATTEMPTS = 12
LOOK_S = 2.0
_HELD = timedelta(minutes=2)
_FIRST_PAUSE = timedelta(seconds=15)
_LONGEST_PAUSE = timedelta(hours=3)
_SMTP_S = 10
_log = structlog.get_logger("alerts")


class Deliverer:
    """Sends what is due."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        egress: Egress,
        keys: KeyProvider,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._database = database
        self._egress = egress
        self._keys = keys
        self._clock = clock

    @property
    def mails(self) -> bool:
        return bool(self._settings.smtp_url and self._settings.alert_mail_to)

    async def deliver_due(self) -> int:
        """Try every delivery that is due once; return how many went out."""
        sent = 0
        for row in await self._due():
            if not await self._take(row):
                continue
            try:
                await self._send(row)
            except (ServerError, OSError, smtplib.SMTPException) as error:
                _log.warning("not delivered", alert=row.alert_id, error=type(error).__name__)
                await self._put_off(row, type(error).__name__)
            else:
                sent += 1
                await self._done(row)
        return sent

    async def _due(self) -> list[Row]:
        query = (
            sa.select(deliveries, alerts)
            .join(alerts, alerts.c.id == deliveries.c.alert_id)
            .where(
                deliveries.c.delivered_at.is_(None),
                deliveries.c.attempts < MOST_ATTEMPTS,
                deliveries.c.next_at <= self._clock.now(),
            )
            .order_by(deliveries.c.next_at)
            .limit(50)
        )
        async with self._database.read() as connection:
            return list((await connection.execute(query)).all())

    async def _take(self, row: Row) -> bool:
        """Claim one delivery; another node that saw it too gets nothing."""
        async with self._database.write() as connection:
            taken = await connection.execute(
                deliveries.update()
                .where(_is(row), deliveries.c.next_at == row.next_at)
                .values(next_at=self._clock.now() + _HELD, attempts=row.attempts + 1)
                .returning(deliveries.c.alert_id)
            )
            return taken.first() is not None

    async def _send(self, row: Row) -> None:
        if row.target == MAIL:
            await asyncio.to_thread(self._mail, row)
            return
        async with self._database.read() as connection:
            query = sa.select(webhooks).where(webhooks.c.id == row.target)
            hook = (await connection.execute(query)).one()
        if hook.disabled_at is not None:
            return
        secret = self._keys.open(hook.secret_sealed, place(hook.id, hook.organisation_id))
        body, headers = signed_webhook(row, secret, self._clock.now())
        reply = await self._egress.send("POST", hook.url, body, headers)
        if not 200 <= reply.status < 300:
            raise ServerError(f"the receiver answered {reply.status}")

    def _mail(self, row: Row) -> None:
        message = EmailMessage()
        message["Subject"] = f"Pyvorin alert: {row.rule}"
        message["From"] = self._settings.alert_mail_from or "pyvorin@localhost"
        message["To"] = self._settings.alert_mail_to
        message["Message-ID"] = f"<{row.alert_id}@pyvorin>"
        message["Date"] = format_datetime(row.created_at)
        message.set_content(
            f"{row.rule}: {row.detail}\nsubject {row.subject}\nalert {row.alert_id}\n"
        )
        with connect(self._settings.smtp_url) as server:
            server.send_message(message)

    async def _put_off(self, row: Row, outcome: str) -> None:
        pause = min(_FIRST_PAUSE * 2**row.attempts, _LONGEST_PAUSE)
        await self._set(row, outcome=outcome[:40], next_at=self._clock.now() + pause)

    async def _done(self, row: Row) -> None:
        await self._set(row, outcome="delivered", delivered_at=self._clock.now())

    async def _set(self, row: Row, **values: Any) -> None:
        async with self._database.write() as connection:
            await connection.execute(deliveries.update().where(_is(row)).values(**values))


def signed_webhook(row: Row, secret: bytes, now: datetime) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of an alert's webhook."""
    body = canonical.dumps(
        {
            "type": "alert",
            "alert_id": row.alert_id,
            "organisation_id": row.organisation_id,
            "rule": row.rule,
            "subject": row.subject,
            "detail": row.detail,
            "created_at": epoch_s(row.created_at),
        }
    )
    stamp = str(epoch_s(now))
    text = f"{row.alert_id}.{stamp}.".encode() + body
    signature = base64.b64encode(hmac.new(secret, text, hashlib.sha256).digest()).decode()
    return body, {
        "content-type": "application/json",
        "webhook-id": row.alert_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature}",
    }


def connect(url: str) -> smtplib.SMTP:
    """Open the operator's mail server: `smtps://`, `smtp+starttls://`, or plain `smtp://` to this
    machine only.
    """
    parts = urlsplit(url)
    host, context = parts.hostname or "", ssl.create_default_context()
    if parts.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            host, parts.port or 465, timeout=_SMTP_S, context=context
        )
    elif parts.scheme == "smtp+starttls":
        server = smtplib.SMTP(host, parts.port or 587, timeout=_SMTP_S)
        server.starttls(context=context)
    elif parts.scheme == "smtp" and host in ("127.0.0.1", "::1", "localhost"):
        server = smtplib.SMTP(host, parts.port or 25, timeout=_SMTP_S)
    else:
        raise ConfigError("smtp_url is smtps://, smtp+starttls://, or smtp:// to this machine")
    if parts.username:
        server.login(parts.username, parts.password or "")
    return server


def place(webhook_id: str, organisation_id: str) -> str:
    """Return where a webhook's secret is sealed for."""
    return f"webhooks|secret_sealed|{webhook_id}|{organisation_id}"


def _is(row: Row) -> sa.ColumnElement[bool]:
    return sa.and_(deliveries.c.alert_id == row.alert_id, deliveries.c.target == row.target)
