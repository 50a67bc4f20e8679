"""Anomaly rules, each where it speaks and where it must not; alerts by mail and signed webhook."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import hashlib
import hmac
import http.server
import json
import smtplib
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pyvorin_server.admin.certificates import make_certificates
from pyvorin_server.audit import Event, append
from pyvorin_server.db import Database
from pyvorin_server.db.watch_tables import alerts, deliveries, webhooks
from pyvorin_server.errors import ConfigError
from pyvorin_server.kit.clock import FixedClock, SystemClock
from pyvorin_server.kit.egress import Egress, EgressFailed, EgressRefused
from pyvorin_server.kit.sealing import AesKey
from pyvorin_server.settings import Settings
from pyvorin_server.watch import rules
from pyvorin_server.watch.delivery import MOST_ATTEMPTS, Deliverer, connect, place
from pyvorin_server.watch.watcher import Watcher

from tests.server.test_database import NOW, licensed, run

KEYS = AesKey(bytes(32))


async def write(
    database: Database, event: Event, count: int = 1, *, age: timedelta = timedelta(0), **entry: Any
) -> None:
    async with database.write() as connection:
        for _ in range(count):
            await append(connection, event, at=NOW - age, **entry)


async def raised(database: Database) -> list[tuple[str, str]]:
    """Look with every rule; return what alerts there are."""
    async with database.write() as connection:
        await rules.look(connection, NOW, mail=False)
        rows = (await connection.execute(sa.select(alerts.c.rule, alerts.c.subject))).all()
    return sorted((row.rule, row.subject) for row in rows)


@pytest.mark.parametrize(("count", "speaks"), [(19, False), (20, True)])
def test_l14_many_refusals(settings: Settings, count: int, speaks: bool) -> None:
    async def work(database: Database) -> None:
        await write(database, Event.REQUEST_REFUSED, count // 2, subject="addr-1")
        await write(database, Event.SESSION_REFUSED, count - count // 2, subject="addr-1")
        await write(database, Event.REQUEST_REFUSED, 19, subject="addr-2")
        old = timedelta(minutes=6)
        await write(database, Event.REQUEST_REFUSED, 19, age=old, subject="addr-2")
        expected = [("many_refusals", "addr-1")] if speaks else []
        assert await raised(database) == expected
        assert await raised(database) == expected

    run(settings, work)


def test_l14_a_copied_token_and_a_refused_signature(settings: Settings) -> None:
    async def work(database: Database) -> None:
        await write(database, Event.TOKEN_REUSED, age=timedelta(minutes=6), subject="fam_old")
        assert await raised(database) == []
        await write(database, Event.TOKEN_REUSED, 2, subject="fam_a")
        await write(database, Event.SIGNING_REFUSED, subject="job_a")
        assert await raised(database) == [
            ("copied_token", "fam_a"),
            ("refused_signature", "job_a"),
        ]

    run(settings, work)


@pytest.mark.parametrize(("networks", "speaks"), [("aa", False), ("ab", True), ("a", False)])
def test_l14_a_device_from_a_new_network(settings: Settings, networks: str, speaks: bool) -> None:
    async def work(database: Database) -> None:
        for number, network in enumerate(networks):
            age = timedelta(minutes=30 - number)
            detail = {"slot": number, "network": network}
            await write(database, Event.DEVICE_ACTIVATED, age=age, subject="lic_a", detail=detail)
        assert await raised(database) == ([("new_place", "lic_a")] if speaks else [])

    run(settings, work)


@pytest.mark.parametrize(
    ("before", "today", "speaks"), [(0, 49, False), (0, 50, True), (35, 50, True), (36, 50, False)]
)
def test_l14_ten_times_the_usage(settings: Settings, before: int, today: int, speaks: bool) -> None:
    async def work(database: Database) -> None:
        owner = {"organisation_id": "org_a"}
        await write(database, Event.JOB_ACCEPTED, before, age=timedelta(days=3), **owner)
        await write(database, Event.JOB_ACCEPTED, today, **owner)
        assert await raised(database) == ([("usage_spike", "org_a")] if speaks else [])

    run(settings, work)


def test_two_nodes_that_look_at_once_raise_one_alert(settings: Settings) -> None:
    async def work(database: Database) -> None:
        await write(database, Event.TOKEN_REUSED, subject="fam_a")
        await asyncio.gather(*(raised(database) for _ in range(4)))
        assert await raised(database) == [("copied_token", "fam_a")]

    run(settings, work)


# ---- delivery


class MailSink(socketserver.ThreadingTCPServer):
    """An SMTP server that keeps what it is given."""

    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), MailSession)
        self.mails: list[str] = []


class MailSession(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.say("220 sink")
        while line := self.rfile.readline().decode().strip():
            if line.upper() == "DATA":
                self.say("354 go on")
                lines = []
                while (each := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                    lines.append(each)
                assert isinstance(self.server, MailSink)
                self.server.mails.append("\n".join(lines))
            self.say("221 bye" if line.upper() == "QUIT" else "250 ok")

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


class HookSink(http.server.ThreadingHTTPServer):
    """An HTTPS server that keeps what it is sent, and answers as it is told."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), HookRequest)
        made = make_certificates("Receiver", ["127.0.0.1", "localhost"], SystemClock().now())
        (folder / "hook.pem").write_bytes(made.server_certificate + made.server_key)
        (folder / "hook-ca.pem").write_bytes(made.ca_certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "hook.pem")
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.ca_file = str(folder / "hook-ca.pem")
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.status = 200

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server_port}"


class HookRequest(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, HookSink)
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.received.append((headers, body))
        self.send_response(self.server.status)
        self.send_header("location", "https://127.0.0.1:1/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        pass


@contextmanager
def serving(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


async def with_webhook(database: Database, url: str) -> str:
    """Give an organisation a webhook; return the organisation."""
    licence = await licensed(database)
    async with database.write() as connection:
        await connection.execute(
            webhooks.insert().values(
                id="whk_a",
                organisation_id=licence.organisation_id,
                url=url,
                secret_sealed=KEYS.seal(b"secret", place("whk_a", licence.organisation_id)),
                created_at=NOW,
            )
        )
    return str(licence.organisation_id)


def test_an_alert_arrives_by_mail_and_by_signed_webhook(settings: Settings, tmp_path: Path) -> None:
    with serving(MailSink()) as mail, serving(HookSink(tmp_path)) as hook:
        chosen = dataclasses.replace(
            settings,
            smtp_url=f"smtp://127.0.0.1:{mail.server_address[1]}",
            alert_mail_to="ops@example.org",
        )
        egress = Egress(f"private:{hook.url}", hook.ca_file)

        async def work(database: Database) -> None:
            owner = await with_webhook(database, f"{hook.url}/hook?a=1")
            await write(database, Event.TOKEN_REUSED, subject="fam_a", organisation_id=owner)
            clock = FixedClock(NOW)
            watcher = Watcher(database, Deliverer(chosen, database, egress, KEYS, clock), clock)
            await asyncio.gather(watcher.look(), watcher.look())
            await watcher.look()

        run(settings, work)
        ((headers, body),) = hook.received
        (text,) = mail.mails
    alert = json.loads(body)
    assert (alert["rule"], alert["subject"]) == ("copied_token", "fam_a")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(b"secret", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert "Subject: Pyvorin alert: copied_token" in text
    assert "fam_a" in text


@pytest.mark.parametrize("status", [500, 302])
def test_a_receiver_that_fails_is_tried_again_and_not_for_ever(
    settings: Settings, tmp_path: Path, status: int
) -> None:
    with serving(HookSink(tmp_path)) as hook:
        hook.status = status
        egress = Egress(f"private:{hook.url}", hook.ca_file)

        async def work(database: Database) -> None:
            owner = await with_webhook(database, hook.url)
            await write(database, Event.TOKEN_REUSED, subject="fam_a", organisation_id=owner)
            clock = FixedClock(NOW)
            deliverer = Deliverer(settings, database, egress, KEYS, clock)
            await raised(database)
            for _ in range(MOST_ATTEMPTS + 5):
                assert await deliverer.deliver_due() == 0
                clock.advance(4 * 3600)
            async with database.read() as connection:
                (row,) = (await connection.execute(sa.select(deliveries))).all()
            assert row.attempts == MOST_ATTEMPTS
            assert row.delivered_at is None

        run(settings, work)
        assert len(hook.received) == MOST_ATTEMPTS


@pytest.mark.parametrize("url", ["smtp://mail.example.org", "http://127.0.0.1", ""])
def test_mail_is_never_sent_in_clear_to_another_machine(url: str) -> None:
    with pytest.raises((ConfigError, smtplib.SMTPException)):
        connect(url)


# ---- egress (P51)


@pytest.mark.attack
@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "https://user@hooks.example.com/",
        "https://hooks.example.com@127.0.0.1/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://2130706433/",
        "https://hooks.example.com.evil.org/",
        "https://evil.org/?https://hooks.example.com/",
        "https://hooks.example.com:8443/",
        "https://hooks.example.com /",
        "https://hooks.example.com\r\nhost: evil/",
        "file:///etc/passwd",
        "gopher://hooks.example.com/",
        "https://",
        "https://hooks.example.com:99999/",
    ],
)
def test_p51_only_listed_origins_are_called(url: str) -> None:
    asked: list[str] = []
    egress = Egress(
        "https://hooks.example.com", resolve=lambda host, _port: asked.append(host) or []
    )
    with pytest.raises(EgressRefused):
        asyncio.run(egress.send("POST", url, b"x"))
    assert asked == []


@pytest.mark.attack
@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "192.168.1.1",
        "0.0.0.0",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::",
        "224.0.0.1",
        "100.64.0.1",
    ],
)
def test_p51_a_listed_name_that_leads_inside_is_refused(address: str) -> None:
    egress = Egress("https://hooks.example.com", resolve=lambda _h, _p: ["93.184.216.34", address])
    with pytest.raises(EgressRefused, match="not public"):
        asyncio.run(egress.send("POST", "https://hooks.example.com/", b"x"))


@pytest.mark.attack
def test_p51_a_name_that_changes_between_check_and_call_is_asked_once(tmp_path: Path) -> None:
    """DNS rebinding: the address that was checked is the address that is called."""
    answers = [["127.0.0.1"], ["10.0.0.1"]]
    asked: list[str] = []

    def rebind(host: str, _port: int) -> list[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    with serving(HookSink(tmp_path)) as hook:
        origin = f"https://localhost:{hook.server_port}"
        egress = Egress(f"private:{origin}", hook.ca_file, rebind)
        assert asyncio.run(egress.send("POST", origin, b"x")).status == 200
        assert len(asked) == 1
        hook.status = 302
        with pytest.raises((EgressRefused, EgressFailed)):
            asyncio.run(egress.send("POST", origin, b"x"))


@pytest.mark.attack
def test_p51_a_certificate_of_another_authority_is_refused(tmp_path: Path) -> None:
    with serving(HookSink(tmp_path)) as hook:
        egress = Egress(f"private:{hook.url}")
        with pytest.raises(EgressFailed):
            asyncio.run(egress.send("POST", hook.url, b"x"))
        assert hook.received == []
