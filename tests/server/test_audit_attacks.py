"""Attacks on the audit log (group L), on both databases, against a real signer and real nodes."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pyvorin_server.admin import audit as admin_audit
from pyvorin_server.audit import Event, append, checkpoints, segments, tree
from pyvorin_server.audit import log as audit_log
from pyvorin_server.db import open_database
from pyvorin_server.kit.clock import SystemClock
from pyvorin_server.kit.local import LocalClient
from pyvorin_server.kit.tokens import read_token
from pyvorin_wire import canonical

from tests.server.databases import postgres_programs
from tests.server.nodes import DATABASES, Nodes, running, settings_of

pytestmark = pytest.mark.attack


@pytest.fixture(scope="module", params=DATABASES)
def log(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nodes]:
    """An installation whose log may be damaged; every test puts back what it broke."""
    if request.param == "postgresql" and postgres_programs() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    folder = tmp_path_factory.mktemp("log")
    second = str(folder / "second-place.jsonl")
    with running(folder, request.param, 1, audit_second_place=second) as nodes:
        fill(nodes, 20)
        sign_head(nodes)
        fill(nodes, 5)
        sign_head(nodes)
        yield nodes


def fill(nodes: Nodes, count: int) -> None:
    """Write entries as the service does."""

    async def work() -> None:
        database = open_database(settings_of(nodes.first).app_database)
        for number in range(count):
            async with database.write() as connection:
                now = SystemClock().now()
                await append(connection, Event.TOKEN_ISSUED, at=now, subject=str(number))
        await database.close()

    asyncio.run(work())


def sign_head(nodes: Nodes) -> None:
    """Have the signer sign the newest entry, as the supervisor does every minute."""
    settings = settings_of(nodes.first)

    async def work() -> None:
        database = open_database(settings.app_database)
        async with database.read() as connection:
            sequence, head = await audit_log.head(connection)
        await database.close()
        client = LocalClient(
            settings.run_dir / "signer.sock", read_token(settings.key_dir, "signer")
        )
        signed = await client.call("head", {"sequence": sequence, "hash": head.hex()})
        checkpoints.write(settings, signed.blobs[0])

    asyncio.run(work())


def found(nodes: Nodes) -> checkpoints.Finding | None:
    return asyncio.run(admin_audit.verify(settings_of(nodes.first)))


def without_triggers(nodes: Nodes, *statements: str | tuple[str, dict[str, Any]]) -> None:
    """Do as an administrator of the database does: take the triggers away first."""
    if nodes.owner_url.startswith("sqlite"):
        off = ["DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"]
        made = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'"
        on = [row[0] for row in nodes.sql(made)]
    else:
        off = ["ALTER TABLE audit DISABLE TRIGGER USER"]
        on = ["ALTER TABLE audit ENABLE TRIGGER USER"]
    for statement in [*off, *statements, *on]:
        text, values = (statement, {}) if isinstance(statement, str) else statement
        nodes.sql(text, **values)


@pytest.fixture
def kept(log: Nodes) -> Iterator[Nodes]:
    """The log with its rows and heads put back afterwards."""
    sequence = log.sql("SELECT max(sequence) FROM audit")[0][0]
    rows = log.sql("SELECT * FROM audit ORDER BY sequence")
    heads = {path: path.read_bytes() for path in checkpoints.places(settings_of(log.first))}
    columns = (
        "sequence, at, event, organisation_id, actor, subject, detail, previous_hash, entry_hash"
    )
    yield log
    assert columns.count(",") + 1 == len(rows[0])
    without_triggers(log, "DELETE FROM audit")
    marks = ", ".join(f":c{number}" for number in range(len(rows[0])))
    engine = sa.create_engine(log.owner_url)
    with engine.begin() as connection:
        insert = sa.text(f"INSERT INTO audit ({columns}) VALUES ({marks})")
        values = [{f"c{n}": value for n, value in enumerate(row)} for row in rows]
        connection.execute(insert, values)
    engine.dispose()
    for path, content in heads.items():
        path.write_bytes(content)
    assert found(log) is None
    assert sequence == rows[-1][0]


def test_the_log_is_whole(log: Nodes) -> None:
    assert found(log) is None


def test_l01_an_edited_row_is_named(kept: Nodes) -> None:
    without_triggers(kept, "UPDATE audit SET actor = 'other' WHERE sequence = 7")
    assert found(kept) == checkpoints.Finding(7, "the chain breaks")


def test_l02_a_removed_or_reordered_row_is_named(kept: Nodes) -> None:
    without_triggers(kept, "DELETE FROM audit WHERE sequence = 9")
    damaged = found(kept)
    assert damaged is not None
    assert damaged.entry == 9


def test_l03_a_cut_tail_is_found_by_the_signed_head(kept: Nodes) -> None:
    last = kept.sql("SELECT max(sequence) FROM audit")[0][0]
    without_triggers(kept, f"DELETE FROM audit WHERE sequence > {last - 2}")
    damaged = found(kept)
    assert damaged is not None
    assert "signed for" in damaged.what


def test_l06_a_chain_rewritten_with_right_hashes_is_found(kept: Nodes) -> None:
    rows = kept.sql(
        "SELECT sequence, at, event, organisation_id, actor, subject, detail FROM audit"
    )
    previous, updates = bytes(32), []
    for sequence, at, event, organisation, actor, subject, detail in sorted(rows):
        entry = {
            "sequence": sequence,
            "at_us": at,
            "event": event,
            "organisation_id": organisation,
            "actor": "innocent" if sequence == 5 else actor,
            "subject": subject,
            "detail": detail,
        }
        new = hashlib.sha256(b"\x00" + previous + canonical.dumps(entry)).digest()
        updates.append({"n": sequence, "a": entry["actor"], "p": previous, "e": new})
        previous = new
    change = "UPDATE audit SET actor = :a, previous_hash = :p, entry_hash = :e WHERE sequence = :n"
    without_triggers(kept, *[(change, each) for each in updates])
    damaged = found(kept)
    assert damaged is not None
    assert "signed for" in damaged.what


def test_l08_heads_that_are_forged_or_cut_are_found(kept: Nodes) -> None:
    first, second = checkpoints.places(settings_of(kept.first))
    content = first.read_bytes()
    head = json.loads(content.splitlines()[-1])
    head["signatures"][0]["sig"] = "A" * 86 + "=="
    first.write_bytes(content + json.dumps(head).encode() + b"\n")
    damaged = found(kept)
    assert damaged is not None
    assert "did not sign" in damaged.what
    lines = content.splitlines(keepends=True)
    first.write_bytes(b"".join(lines[:-1]))
    damaged = found(kept)
    assert damaged is not None
    assert "missing" in damaged.what
    first.write_bytes(b"".join(reversed(lines)))
    damaged = found(kept)
    assert damaged is not None
    assert "go back" in damaged.what
    assert second.exists()


def test_l09_with_the_log_away_nothing_is_granted(log: Nodes) -> None:
    device = log.device()
    tokens = log.sql("SELECT count(*) FROM refresh_tokens")
    log.sql("ALTER TABLE audit RENAME TO away")
    try:
        device.tokens = {}
        refused = device.fetch_tokens()
        assert refused.status >= 500
        assert log.sql("SELECT count(*) FROM refresh_tokens") == tokens
        assert "audit" not in refused.body.decode()
    finally:
        log.sql("ALTER TABLE away RENAME TO audit")
    assert device.fetch_tokens().status == 200


def test_l10_the_services_login_may_not_change_the_log(log: Nodes) -> None:
    url = settings_of(log.first).app_database
    if not url.startswith("postgresql"):
        pytest.skip("NOT TRIED: SQLite has no logins; triggers are all there is")
    engine = sa.create_engine(url)
    statements = [
        "UPDATE audit SET actor = 'x'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "DROP TRIGGER audit_no_update ON audit",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "INSERT INTO audit_segments SELECT 1, 9, entry_hash, entry_hash, entry_hash, entry_hash,"
        " 1, 1 FROM audit LIMIT 1",
        "DELETE FROM audit_segments",
        "UPDATE roles SET permissions = 'audit.read'",
        "DELETE FROM roles",
        "ALTER TABLE jobs DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON jobs",
    ]
    for statement in statements:
        with engine.connect() as connection, pytest.raises(sa.exc.ProgrammingError) as refused:
            connection.exec_driver_sql(statement)
        assert "permission denied" in str(refused.value) or "must be owner" in str(refused.value)
    engine.dispose()


def test_l11_concurrent_appends_leave_no_gap(log: Nodes) -> None:
    before = log.sql("SELECT max(sequence) FROM audit")[0][0]

    async def work() -> None:
        databases = [open_database(settings_of(log.first).app_database) for _ in range(2)]

        async def write(number: int) -> None:
            for _ in range(100):
                async with databases[number % 2].write() as connection:
                    await append(connection, Event.TOKEN_ISSUED, at=SystemClock().now())

        await asyncio.gather(*(write(number) for number in range(8)))
        for database in databases:
            await database.close()

    asyncio.run(work())
    assert log.sql("SELECT max(sequence) FROM audit")[0][0] >= before + 800
    assert found(log) is None


def test_l13_a_sealed_segment_may_go_and_the_rest_still_verifies(
    log: Nodes, tmp_path: Path
) -> None:
    settings = settings_of(log.first)
    log_before = log.sql("SELECT sequence, entry_hash FROM audit ORDER BY sequence")
    sealed = asyncio.run(seal(log, tmp_path, timedelta(0)))
    assert [segment.first for segment in sealed] == [1]
    last = sealed[0].last
    assert log.sql("SELECT min(sequence) FROM audit")[0][0] == last + 1
    assert found(log) is None
    archived = (tmp_path / f"audit-1-{last}.jsonl").read_bytes().splitlines()
    assert len(archived) == last
    hashes = [bytes(each[1]) for each in log_before[:last]]
    path = tree.proof(hashes, 3)
    assert (
        tree.leads_to(bytes.fromhex(json.loads(archived[3])["entry_hash"]), path) == sealed[0].root
    )
    with pytest.raises(Exception, match="append-only"):
        log.sql("DELETE FROM audit")
    with pytest.raises(Exception, match="append-only"):
        log.sql("UPDATE audit_segments SET last = 99999999")
    fill(log, 3)
    sign_head(log)
    assert found(log) is None
    forged = f"INSERT INTO audit_segments SELECT {last + 1}, max(sequence), hash_at_last,"
    forged += " hash_at_last, root, statement, 1, 1 FROM audit, audit_segments"
    forged += " GROUP BY hash_at_last, root, statement"
    log.sql(forged)
    damaged = asyncio.run(admin_audit.verify(settings))
    assert damaged is not None
    assert "without the signer" in damaged.what


async def seal(nodes: Nodes, archive: Path, keep: timedelta) -> list[segments.Segment]:
    """What `audit retain` does, with another keeping time."""
    settings = settings_of(nodes.first)
    client = LocalClient(settings.run_dir / "signer.sock", read_token(settings.key_dir, "signer"))
    return await admin_audit.retain_before(settings, archive, client, SystemClock().now() - keep)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 11])
def test_every_entry_of_a_tree_has_a_proof_and_no_other_one(count: int) -> None:
    leaves = [bytes([number]) * 32 for number in range(count)]
    root = tree.root(leaves)
    for number, leaf in enumerate(leaves):
        path = tree.proof(leaves, number)
        assert tree.leads_to(leaf, path) == root
        assert tree.leads_to(b"x" * 32, path) != root
