"""Making an installation: files, modes, settings and their origins."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pyvorin_server.admin import doctor
from pyvorin_server.errors import ConfigError, KeyFileError
from pyvorin_server.kit.sealing import FileKeyProvider
from pyvorin_server.sandbox.detect import detect
from pyvorin_server.sandbox.tiers import Layer
from pyvorin_server.settings import load
from pyvorin_wire import trust

from tests.server.service import Installation

pytestmark = pytest.mark.slow  # each command of the service is a process


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    installation = Installation(tmp_path_factory.mktemp("made") / "data", 8443)
    installation.run("init", "--organisation", "Acme", "--format", "json")
    return installation


def test_keys_are_readable_by_their_owner_alone(made: Installation) -> None:
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700
    files = list((made.folder / "keys").iterdir())
    assert len(files) >= 10
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    for name in ("app.db", "engine.db"):
        assert stat.S_IMODE((made.folder / name).stat().st_mode) == 0o600


def test_a_second_init_changes_nothing(made: Installation) -> None:
    before = {path: path.read_bytes() for path in (made.folder / "keys").iterdir()}
    again = made.run("init", check=False)
    assert again.returncode == 2
    assert "nothing was changed" in again.stderr
    assert before == {path: path.read_bytes() for path in (made.folder / "keys").iterdir()}


def test_the_trust_file_holds_no_secret_and_two_pins(made: Installation) -> None:
    found = made.trust()
    assert len(set(found.spki_pins)) == 2
    assert {key.role for key in found.keys} == set(trust.Role)
    text = (made.folder / "trust.json").read_text()
    assert "PRIVATE" not in text


def test_a_licence_key_is_printed_once_and_kept_nowhere(made: Installation) -> None:
    issued = made.run("licence", "issue", "--format", "json")
    key = json.loads(issued.stdout)["key"]
    listed = made.run("licence", "list").stdout
    assert key not in listed
    for path in made.folder.rglob("*"):
        assert not path.is_file() or key.encode() not in path.read_bytes()


def test_doctor_names_what_is_missing_and_the_remedy(tmp_path: Path) -> None:
    empty = Installation(tmp_path / "none", 8443, {"workers": "cp311=/nowhere/python"})
    found = empty.run("doctor", "--format", "json", check=False)
    assert found.returncode == 1
    by_name = {each["check"]: each for each in json.loads(found.stdout)}
    assert by_name["installation"]["remedy"] == "run `pyvorin-server init`"
    assert by_name["workers"]["status"] == "fail"


def test_doctor_prints_jails_below_native_in_red(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "detect", lambda: detect(faults={Layer.MOUNT_NS}))
    found = [doctor._jails(load(tmp_path, {}))]
    text = doctor.as_text(found, coloured=True)
    assert ("\x1b[31mwarn\x1b[0m  jails" in text) or ("\x1b[31mfail\x1b[0m  jails" in text)
    assert "mount_ns" in text
    assert "\x1b" not in doctor.as_text(found, coloured=False)


def test_doctor_asks_the_kernel_who_the_signer_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(tmp_path, {})
    settings.run_dir.mkdir()
    assert "does not run" in doctor._signer_user(settings).detail
    with socket.socket(socket.AF_UNIX) as signer:
        signer.bind(str(settings.run_dir / "signer.sock"))
        signer.listen()
        found = doctor._signer_user(settings)
        assert (found.status, f"user {os.geteuid()}:" in found.detail) == ("warn", True)
        monkeypatch.setattr(doctor.os, "geteuid", lambda: os.getuid() + 1)
        assert doctor._signer_user(settings).status == "ok"


def test_settings_know_their_origin(tmp_path: Path) -> None:
    (tmp_path / "pyvorin-server.toml").write_text("concurrency = 4\nlisten_port = 9000\n")
    found = load(tmp_path, {"PYVORIN_SERVER_LISTEN_PORT": "9001"})
    assert (found.concurrency, found.listen_port, found.region) == (4, 9001, "local")
    assert found.origins["concurrency"] == "pyvorin-server.toml"
    assert found.origins["listen_port"] == "PYVORIN_SERVER_LISTEN_PORT"
    assert found.origins["region"] == "default"


@pytest.mark.parametrize(
    "text",
    [
        "listen_prot = 1",
        'listen_port = "1"',
        "concurrency = 0",
        'required_tier = "none"',
        'listen_host = "0.0.0.0"',
        "workers = 3",
        "= broken",
    ],
)
def test_a_wrong_setting_stops_the_start(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyvorin-server.toml").write_text(text)
    with pytest.raises(ConfigError):
        load(tmp_path, {})


@pytest.mark.attack
def test_a_key_file_open_to_others_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kek"
    FileKeyProvider.create(path)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="0600"):
        FileKeyProvider(path)
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(KeyFileError):
        FileKeyProvider(link)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["licence", "list", "--data-dir", "nowhere"], "the database cannot be used: "),
        (["init", "--data-dir", "/dev/null/x"], "cannot go on: not a directory (/dev/null/x"),
        (["init", "--data-dir", "/proc/x"], "cannot go on: no such file or directory (/proc/x"),
        (["up", "--config", "gone.toml"], "there is no configuration file gone.toml"),
        (["up", "--config", "bad.toml"], "bad.toml: "),
        (["doctor", "--config", "unknown.toml"], "unknown.toml: unknown setting `nosuch`"),
    ],
)
def test_what_cannot_be_is_one_message(words: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("x = [")
    (tmp_path / "unknown.toml").write_text("[nosuch]\na = 1\n")
    before = sorted(tmp_path.iterdir())
    command = [sys.executable, "-m", "pyvorin_server", *words]
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "share")}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert done.stderr.startswith(f"pyvorin-server: {message}")
    assert sorted(tmp_path.iterdir()) == before


def test_up_gives_up_on_what_no_restart_mends(tmp_path: Path) -> None:
    broken = Installation(tmp_path / "data", 8447)
    broken.run("init", "--organisation", "Acme")
    database = broken.folder / "app.db"
    whole = database.read_bytes()
    database.write_bytes(b"no database at all\n" * 100)
    refused = broken.run("up", check=False)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1), refused.stderr
    assert "the database cannot be used: file is not a database" in refused.stderr
    found = json.loads(broken.run("doctor", "--format", "json", check=False).stdout)
    status = {each["check"]: each["status"] for each in found}
    assert (status["database"], status["audit log"]) == ("fail", "fail")

    database.write_bytes(whole)
    (broken.folder / "engine.db").write_bytes(b"no database at all\n" * 100)
    done = broken.run("up", check=False)
    assert done.returncode == 4, done.stderr
    last = done.stderr.splitlines()[-1]
    assert "does not start: " in last, done.stderr
    assert "file is not a database" in last, done.stderr
    left = subprocess.run(["pgrep", "-f", str(broken.folder)], capture_output=True, text=True)
    assert left.stdout == ""


def test_a_command_imports_what_it_needs_and_the_collector_leaves_that_alone() -> None:
    code = (
        "import gc, sys\n"
        "from pyvorin_server import cli\n"
        "before = gc.get_stats()[2]['collections']\n"
        "cli._module('pyvorin_server.admin.licence')\n"
        "assert gc.get_stats()[2]['collections'] == before\n"
        "assert gc.isenabled()\n"
        "assert gc.get_freeze_count() > 10_000\n"
        "assert not {'dbos', 'fastapi', 'pyvorin_server.worker'} & {*sys.modules}\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
