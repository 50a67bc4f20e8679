"""The service's fixtures: one installation for a run's tests, with a stand-in compiler."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyvorin_server.settings import Settings

from tests.server.databases import emptied, migrated, postgres, postgres_programs
from tests.server.nodes import DATABASES, Nodes, running
from tests.server.service import Device, Installation, free_port

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@pytest.fixture(scope="session")
def fake_worker() -> Iterator[Path]:
    """An interpreter with the stand-in compiler, where a job's own user may read it."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp")) / "venv"
    folder.parent.chmod(0o755)
    yield _make_worker(folder)
    shutil.rmtree(folder.parent)


def _make_worker(folder: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=600
    )
    site = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    wire = ROOT / "packages" / "wire" / "src"
    (site / "worker.pth").write_text(f"{HERE / 'fake_compiler'}\n{wire}\n")
    metadata = site / "pyvorin-0.0.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: pyvorin\nVersion: 0.0.0\n")
    return folder / "bin" / "python"


def make_installation(folder: Path, worker: Path, **settings: str) -> Installation:
    tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    chosen = {"workers": f"{tag}={worker}", "required_tier": "restricted", **settings}
    made = Installation(folder / "data", free_port(), chosen)
    made.run("init", "--organisation", "Acme")
    return made


@pytest.fixture(scope="session")
def installation(
    fake_worker: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """A running installation, shared by tests that do not hurt it."""
    made = make_installation(
        tmp_path_factory.mktemp("installation"), fake_worker, activations_per_minute="1000"
    )
    made.start()
    yield made
    assert made.stop() == 0


@pytest.fixture(scope="session")
def device(installation: Installation) -> Device:
    """An activated device with tokens."""
    _, key = installation.issue(devices=3)
    made = Device(installation, key)
    assert made.activate().status == 200
    return made


@pytest.fixture(scope="session", params=DATABASES)
def nodes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Nodes]:
    """Two API processes on one database of each kind, shared by tests that do not hurt them."""
    if request.param == "postgresql" and postgres_programs() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with running(tmp_path_factory.mktemp("nodes"), request.param) as made:
        yield made


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    programs = postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with postgres(programs) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """Settings of a migrated, empty database."""
    made = migrated(tmp_path)
    if request.param == "postgresql":
        url = emptied(request.getfixturevalue("postgres_url"))
        made = dataclasses.replace(made, database_url=url)
    return made
