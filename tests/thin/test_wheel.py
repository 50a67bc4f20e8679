"""What users install: no secret in it, nothing missing, the same bytes every time."""

import base64
import hashlib
import re
import zipfile
from pathlib import Path

import pytest
from pyvorin_thin.scan import secrets

from tests.thin import artifacts, simulator

wheels = pytest.importorskip("hatchling.builders.wheel", reason="built under one minor only")
PACKAGE = Path(__file__).resolve().parents[2] / "packages" / "thin"


def build(folder):
    (path,) = wheels.WheelBuilder(str(PACKAGE)).build(directory=str(folder), versions=["standard"])
    return Path(path)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build(tmp_path_factory.mktemp("wheel"))


def contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def findings(files):
    """(file, rule) of everything that looks like a credential."""
    for name, data in files.items():
        for line in data.decode("utf-8", "replace").splitlines():
            yield from ((name, rule.id) for rule, _, _ in secrets.matches(line))


@pytest.mark.slow
def test_no_secret_is_in_the_wheel(wheel):
    files = contents(wheel)
    assert any(name.endswith("loader.py") for name in files)
    assert list(findings(files)) == []


def test_the_search_would_find_one(wheel):
    planted = {**contents(wheel), "planted.py": f'K = "{simulator.LICENCE_KEY}"'.encode()}
    assert list(findings(planted)) == [("planted.py", "pyvorin-licence")]


def test_no_key_certificate_or_artifact_is_in_the_wheel(wheel):
    for name, data in contents(wheel).items():
        assert name.endswith(
            (".py", ".toml", ".typed", "METADATA", "WHEEL", "RECORD", "entry_points.txt")
        ), name
        assert b"-----BEGIN" not in re.sub(rb"-----BEGIN \(\?", b"", data), name
        assert artifacts.MAC_KEY not in data
        assert not re.search(rb"\b[0-9a-f]{64}\b", data), name


def test_record_names_every_file_with_its_digest(wheel):
    files = contents(wheel)
    (record_name,) = [name for name in files if name.endswith("RECORD")]
    listed = {}
    for line in files[record_name].decode().splitlines():
        name, digest, _ = line.rsplit(",", 2)
        listed[name] = digest
    assert set(listed) == set(files)
    for name, data in files.items():
        if name != record_name:
            made = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert listed[name] == f"sha256={made}"


def test_the_same_source_gives_the_same_wheel(wheel, tmp_path):
    assert build(tmp_path).read_bytes() == wheel.read_bytes()


def test_the_wheel_is_pure_and_small(wheel):
    assert wheel.name.endswith("-py3-none-any.whl")
    assert wheel.stat().st_size < 1_000_000


def test_verification_cannot_be_turned_off():
    """No option, variable or argument exists for it."""
    for path in (PACKAGE / "src").rglob("*.py"):
        text = path.read_text("utf-8")
        for word in ("CERT_NONE", "check_hostname = False", "verify=False", "_create_unverified"):
            assert word not in text, path
        assert not re.search(r"(?i)--(no-verify|insecure|skip-verif)", text), path
