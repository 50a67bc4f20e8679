"""Two API processes on one database, with a signer: for what has to hold on every node.

No supervisor and no jails: nothing is built here, so it starts quickly. The second node has a
folder of its own with the same keys and trust, its own broker socket, and the first one's signer.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pyvorin_server.admin import licence as admin_licence
from pyvorin_server.admin import people as admin_people
from pyvorin_server.settings import Settings, load

from tests.server.databases import postgres, postgres_programs
from tests.server.service import PATIENCE_S, SERVER, Answer, Device, Installation, free_port

DATABASES = ("sqlite", "postgresql")


@dataclass
class Node(Installation):
    """One API process, started alone."""

    public_url: str = ""

    def start_one(self, name: str) -> subprocess.Popen[bytes]:
        (self.folder / "log").mkdir(exist_ok=True)
        with (self.folder / "log" / f"{name}.log").open("ab") as log:
            return subprocess.Popen([*SERVER, name], env=self.environment, stdout=log, stderr=log)


@dataclass
class Nodes:
    """A signer and any number of API nodes."""

    first: Node
    owner_url: str
    others: list[Node] = field(default_factory=list)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def second(self) -> Node:
        return self.others[0]

    @property
    def all(self) -> list[Node]:
        return [self.first, *self.others]

    def start_signer(self) -> None:
        self.processes["signer"] = self.first.start_one("signer")
        wait_for(lambda: (self.first.folder / "run" / "signer.sock").exists(), "signer")

    def start_api(self, number: int) -> None:
        node = self.all[number]
        self.processes[f"api{number}"] = node.start_one("api")
        wait_for(lambda: answers(node), f"api {number}: {self.first.folder}")

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        process = self.processes.pop(name)
        process.send_signal(number)
        process.wait(PATIENCE_S)

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(PATIENCE_S)

    def add_node(self) -> Node:
        """Make another node of the same installation."""
        folder = self.first.folder.parent / f"node{len(self.all)}"
        (folder / "run").mkdir(parents=True, mode=0o700)
        for name in ("keys", "trust.json", "trust.signed.json", "store"):
            (folder / name).symlink_to(self.first.folder / name)
        (folder / "run" / "signer.sock").symlink_to(self.first.folder / "run" / "signer.sock")
        node = Node(folder, free_port(), dict(self.first.settings))
        node.settings.setdefault("database_url", f"sqlite:///{self.first.folder / 'app.db'}")
        node.settings.setdefault("engine_url", f"sqlite:///{self.first.folder / 'engine.db'}")
        self.others.append(node)
        return node

    # ---- the database, as one who stole or administers it

    def sql(self, statement: str, **values: Any) -> list[Any]:
        """Run a statement as the database's owner; return its rows."""
        engine = sa.create_engine(self.owner_url)
        try:
            with engine.begin() as connection:
                if engine.dialect.name == "postgresql":
                    # Row-level security holds the owner too, until it says for whom it asks.
                    connection.exec_driver_sql(
                        "SELECT set_config('pyvorin.organisation', '*', true)"
                    )
                done = connection.execute(sa.text(statement), values)
                return [tuple(row) for row in done] if done.returns_rows else []
        finally:
            engine.dispose()

    def events(self, event: str) -> list[dict[str, Any]]:
        """Audit entries of one kind."""
        rows = self.sql(
            "SELECT actor, subject, organisation_id, detail FROM audit WHERE event = :event"
            " ORDER BY sequence",
            event=event,
        )
        return [
            {"actor": a, "subject": s, "organisation": o, "detail": json.loads(d)}
            for a, s, o, d in rows
        ]

    # ---- callers

    def issue(self, devices: int = 3, organisation: str = "") -> tuple[str, str]:
        """Issue a licence as the command does, without its start-up; return its id and key."""
        settings = settings_of(self.first)
        owner = organisation or self.first.trust().organisation_id
        return asyncio.run(admin_licence.issue(settings, owner, devices, 30))

    def device(self, node: Node | None = None, licence_key: str = "") -> Device:
        """An activated device with tokens."""
        key = licence_key or self.issue()[1]
        made = Device(node or self.first, key)
        answer = made.activate()
        assert answer.status == 200, answer
        return made

    def organisation(self, name: str, plan: str = "unlimited") -> str:
        return asyncio.run(admin_people.new_organisation(settings_of(self.first), name, plan))

    def change(self, licence_id: str, verb: str) -> None:
        """Suspend, resume or revoke a licence as the command does."""
        asyncio.run(admin_licence.change(settings_of(self.first), licence_id, verb))

    def invite(self, organisation: str = "") -> str:
        """A one-time token for an administrator, as the command makes it."""
        owner = organisation or self.first.trust().organisation_id
        return asyncio.run(admin_people.invite(settings_of(self.first), owner))


def wait_for(condition: Any, what: str, wait_s: float = PATIENCE_S) -> None:
    give_up = time.monotonic() + wait_s
    while not condition():
        assert time.monotonic() < give_up, what
        time.sleep(0.05)


def answers(node: Node) -> bool:
    try:
        return node.raw("GET", "/health", {}).status == 200
    except OSError:
        return False


def other_node(device: Device, node: Node) -> Device:
    """The same device, talking to another node."""
    made = object.__new__(Device)
    made.__dict__.update(device.__dict__)
    made.installation = node
    return made


def send_to(
    node: Node, method: str, target: str, headers: dict[str, str], body: bytes = b""
) -> Answer:
    return node.raw(method, target, headers, body)


@contextmanager
def running(
    folder: Path, database: str, count: int = 2, *, fsync: bool = False, **settings: str
) -> Iterator[Nodes]:
    """Make an installation on a kind of database, start signer and nodes, stop them at the end."""
    if database == "sqlite":
        with _running(folder, count, {}, settings) as nodes:
            yield nodes
        return
    programs = postgres_programs()
    assert programs is not None
    with postgres(programs, fsync=fsync) as url:
        owner, service = _logins(url)
        urls = {"database_url": service, "engine_url": owner, "owner_database_url": owner}
        with _running(folder, count, urls, settings) as nodes:
            yield nodes


def _logins(url: str) -> tuple[str, str]:
    """Make two logins that are not superusers, and a database that the first one owns."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in (
            "CREATE ROLE pyvorin_owner LOGIN",
            "CREATE ROLE pyvorin_service LOGIN",
            "CREATE DATABASE pyvorin OWNER pyvorin_owner",
        ):
            connection.exec_driver_sql(statement)
    engine.dispose()
    base = url.replace("/postgres?", "/pyvorin?")
    return (
        base.replace("tests@", "pyvorin_owner@"),
        base.replace("tests@", "pyvorin_service@"),
    )


@contextmanager
def _running(
    folder: Path, count: int, urls: dict[str, str], settings: dict[str, str]
) -> Iterator[Nodes]:
    port = free_port()
    chosen = {
        "public_url": f"https://127.0.0.1:{port}",
        "activations_per_minute": "100000",
        **urls,
        **settings,
    }
    first = Node(folder / "data", port, chosen)
    first.run("init", "--organisation", "Acme")
    owner = urls.get("owner_database_url", f"sqlite:///{first.folder / 'app.db'}")
    nodes = Nodes(first, owner)
    for _ in range(count - 1):
        nodes.add_node()
    try:
        nodes.start_signer()
        for number in range(count):
            nodes.start_api(number)
        yield nodes
    finally:
        nodes.stop()


def settings_of(node: Node) -> Settings:
    return load(node.folder, node.environment)
