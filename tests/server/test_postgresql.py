"""The whole service on PostgreSQL: nothing changes but two URLs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.conftest import make_installation
from tests.server.databases import postgres, postgres_programs
from tests.server.service import Device, Installation


@pytest.fixture(scope="module")
def on_postgresql(
    fake_worker: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with postgres(programs) as url:
        made = make_installation(
            tmp_path_factory.mktemp("pg"), fake_worker, database_url=url, engine_url=url
        )
        made.start()
        yield made
        assert made.stop() == 0


@pytest.mark.slow
def test_a_build_and_a_look_up_on_postgresql(on_postgresql: Installation) -> None:
    _, key = on_postgresql.issue()
    device = Device(on_postgresql, key)
    assert device.activate().status == 200
    body = device.request("def f():\n    return 1\n")
    view = device.build(body)
    assert view["state"] == "complete", on_postgresql.logs()[-3000:]
    assert device.look_up(body["claim"]["fingerprint"]).status == 200
    got = device.send("GET", f"/v1/artifacts/{view['artifact_id']}/download")
    assert got.status == 200
    assert not (on_postgresql.folder / "app.db").exists()
    assert on_postgresql.run("audit", "verify").returncode == 0
