"""Crashes and shutdown: every accepted job ends once, source is never written, nothing is left
running.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import signal
import sqlite3
import subprocess
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.conftest import make_installation
from tests.server.service import PATIENCE_S, Device, Installation

SLOW = 'MISBEHAVE = "slow"\ndef slow():\n    return {}\n'


@pytest.fixture(scope="module")
def hurt(fake_worker: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation that these tests hurt, one after the other; nothing else uses it."""
    made = make_installation(tmp_path_factory.mktemp("hurt"), fake_worker)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.stop()


@pytest.fixture
def own(hurt: Installation) -> Installation:
    """It running, if need be again: what a killed one leaves behind must not keep it from that."""
    if hurt.process is None or hurt.process.poll() is not None:
        hurt.start()
    return hurt


def activated(installation: Installation) -> Device:
    _, key = installation.issue()
    device = Device(installation, key)
    assert device.activate().status == 200
    return device


def submit(device: Device, source: str) -> str:
    answer = device.send("POST", "/v1/compile", device.request(source))
    assert answer.status == 202, answer
    return str(answer.json()["job_id"])


def kill(installation: Installation, name: str) -> None:
    (pid,) = installation.pids(name)
    os.kill(pid, signal.SIGKILL)


def wait_until(installation: Installation, name: str, old: list[int]) -> None:
    """Wait until a killed process has a successor that is at work."""
    give_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < give_up:
        found = installation.pids(name)
        if found and found != old:
            try:
                if installation.raw("GET", "/ready", {}).status == 200:
                    return
            except OSError:
                pass
        time.sleep(0.1)
    raise AssertionError(installation.logs()[-4000:])


@pytest.mark.slow
def test_a_killed_supervisor_builds_the_job_again_and_bills_once(own: Installation) -> None:
    device = activated(own)
    warm = device.build(device.request("def warm():\n    return 1\n"))
    assert warm["state"] == "complete"
    job_id = submit(device, "import time\ntime.sleep(2)\ndef once():\n    return 5\n")
    device.wait(job_id, until={"compiling", "verifying"})
    before = own.pids("worker")
    kill(own, "worker")
    wait_until(own, "worker", before)
    view = device.wait(job_id)
    assert view["state"] == "complete", own.logs()[-4000:]
    rows = rows_of(own, "SELECT count(*) FROM usage WHERE job_id = ?", job_id)
    assert rows == [(1,)]
    assert rows_of(own, "SELECT count(*) FROM artifacts WHERE job_id = ?", job_id) == [(1,)]
    assert own.run("audit", "verify").returncode == 0


@pytest.mark.slow
def test_a_killed_api_asks_for_the_source_again(own: Installation) -> None:
    device = activated(own)
    blockers = [submit(device, SLOW.format(number)) for number in range(2)]
    source = "def resent():\n    return 3\n"
    body = device.request(source)
    job_id = device.send("POST", "/v1/compile", body).json()["job_id"]
    before = own.pids("api")
    kill(own, "api")
    wait_until(own, "api", before)
    for blocker in blockers:
        device.send("POST", f"/v1/compile/jobs/{blocker}/cancel", {})
    view = device.wait(job_id, until={"needs_source"})
    assert view["credits"] == 0
    wrong = device.send("PUT", f"/v1/compile/jobs/{job_id}/source", {"source": "other"})
    assert wrong.code == "conflict"
    again = device.send("PUT", f"/v1/compile/jobs/{job_id}/source", {"source": source})
    assert again.status == 202, again
    assert device.wait(job_id)["state"] == "complete"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["signer", "verifier"])
def test_a_killed_signer_or_verifier_comes_back(own: Installation, name: str) -> None:
    device = activated(own)
    before = own.pids(name)
    kill(own, name)
    view = device.build(device.request(f"def after_{name}():\n    return 1\n"))
    assert view["state"] == "complete", own.logs()[-4000:]
    assert own.pids(name) != before


@pytest.mark.slow
def test_sigterm_drains_and_leaves_nothing_running(own: Installation) -> None:
    device = activated(own)
    job_id = submit(device, "import time\ntime.sleep(1)\ndef drained():\n    return 1\n")
    device.wait(job_id, until={"compiling", "verifying"})
    assert own.process is not None
    family = descendants(own.process.pid)
    assert len(family) > 4, "the jails that wait are processes too"
    assert own.stop() == 0
    assert alive(family) == []
    assert not list((own.folder / "run").glob("*.sock"))
    assert rows_of(own, "SELECT state FROM jobs WHERE id = ?", job_id) == [("complete",)]


@pytest.mark.slow
def test_a_killed_up_leaves_nothing_running(own: Installation) -> None:
    assert own.process is not None
    family = descendants(own.process.pid)
    own.stop(signal.SIGKILL)
    give_up = time.monotonic() + PATIENCE_S
    while alive(family) and time.monotonic() < give_up:
        time.sleep(0.1)
    assert alive(family) == []


@pytest.mark.slow
def test_no_file_holds_source_paths_values_licence_keys_or_tokens(own: Installation) -> None:
    """After builds of every ending, search every file of the installation, in several encodings.

    The search itself is tried first: a canary planted in the database must be found.
    """
    marks = {kind: f"canary{kind}{secrets.token_hex(8)}" for kind in ("source", "value", "path")}
    _, key = own.issue()
    device = Device(own, key)
    device.activate()
    for misbehaviour in ("", "wrong", "crash", "garbage", "network"):
        source = (
            f'MISBEHAVE = "{misbehaviour}"\n# {marks["source"]}\n'
            f'def f():\n    text = "{marks["source"]}"\n    return "{marks["value"]}"\n'
        )
        body = device.request(source, examples=f"# {marks['source']}")
        body["path"] = f"/home/user/{marks['path']}.py"
        device.build(body)
    broken = device.request("x = 1  # " + marks["source"])
    device.build(broken)
    secrets_sent = [device.tokens["access_token"], device.tokens["refresh_token"], key]
    delivered = [each.key for each in device.keys.values()]

    planted = f"planted{secrets.token_hex(8)}"
    plant(own, planted)
    assert found_in(own, planted)
    own.stop()
    for needle in (*marks.values(), *secrets_sent, *delivered):
        assert found_in(own, needle) == [], needle


def forms(needle: str) -> list[bytes]:
    """The text and its common encodings; of base64, all three alignments without their edges."""
    raw = needle.encode()
    found = [raw, raw.hex().encode(), raw.hex().upper().encode(), raw.decode().encode("utf-16-le")]
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw)
        found.append(text[4 if shift else 0 : -4])
    return found


def found_in(installation: Installation, needle: str) -> list[str]:
    """Names of files that hold the needle, plain, encoded, or inside a zlib stream."""
    wanted = forms(needle)
    hits = []
    for path in installation.folder.parent.rglob("*"):
        if not path.is_file() or path.is_symlink():
            continue
        content = path.read_bytes()
        blobs = [content, *inflated(content)]
        if any(form in blob for form in wanted for blob in blobs):
            hits.append(path.name)
    return hits


def inflated(content: bytes) -> list[bytes]:
    found = []
    for magic in (b"\x78\x01", b"\x78\x9c", b"\x78\xda"):
        at = content.find(magic)
        while at >= 0 and len(found) < 2000:
            with contextlib.suppress(zlib.error):
                found.append(zlib.decompressobj().decompress(content[at:], 1_000_000))
            at = content.find(magic, at + 1)
    return found


def plant(installation: Installation, text: str) -> None:
    connection = sqlite3.connect(installation.folder / "app.db", timeout=300)
    with connection:
        packed = base64.b64encode(b"##" + text.encode()).decode()
        connection.execute(
            "INSERT INTO recalls (kind, value, reason, created_at) VALUES ('x', ?, '', 0)",
            (packed[:200],),
        )
    connection.close()


def rows_of(
    installation: Installation, statement: str, *values: object
) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(installation.folder / "app.db", timeout=300)
    try:
        return connection.execute(statement, values).fetchall()
    finally:
        connection.close()


def descendants(pid: int) -> list[int]:
    """Process ids of everything that a process started, and what those started."""
    table = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    pairs = [tuple(map(int, line.split())) for line in table.stdout.splitlines()]
    family = {pid}
    while more := {child for child, parent in pairs if parent in family} - family:
        family |= more
    return sorted(family - {pid})


def alive(pids: list[int]) -> list[int]:
    """Those that still run; a zombie has ended."""
    return [
        pid
        for pid in pids
        if (status := Path(f"/proc/{pid}/stat")).exists()
        and status.read_text().rpartition(")")[2].split()[0] != "Z"
    ]
