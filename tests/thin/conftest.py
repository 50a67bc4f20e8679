"""Every test of the client has a home of its own, and no environment of the developer's."""

import os

import pytest
from pyvorin_thin import activation, hook, keys, trust

from tests.thin import artifacts, simulator


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A fresh PYVORIN_THIN_HOME, and no import hook left that looks into it; returns its path."""
    for name in list(os.environ):
        if name.startswith("PYVORIN") or name in ("DO_NOT_TRACK", "CI", "NO_COLOR", "FORCE_COLOR"):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("PYVORIN_THIN_HOME", str(folder))
    yield folder
    hook.uninstall()


@pytest.fixture
def activated(home):
    """A machine that is activated, without a service behind it."""
    trust.save(artifacts.trust())
    keys.save_device(artifacts.device())
    return home


@pytest.fixture(scope="session")
def authority():
    return simulator.Authority()


@pytest.fixture
def service(tmp_path, authority):
    """A running service; nothing is activated."""
    running = simulator.Simulator(tmp_path, authority=authority)
    yield running
    running.close()


@pytest.fixture
def joined(service):
    """A running service with which this machine is activated through the real protocol."""
    activation.activate(service.trust(), service.url, simulator.LICENCE_KEY)
    return service
