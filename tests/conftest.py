"""Settings every test shares: hypothesis profiles, and marks that follow from a test's folder."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tools.fuzz_seed import fuzz_seed
from tools.interpreters import BASELINE

ROOT = Path(__file__).resolve().parent.parent

# A shell starts what it runs in the background with interrupts ignored, and so would every process
# that a test starts: but Ctrl-C is what some of them are about.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline: the machine is shared, and a test must not fail because it was slow. The examples are
# the same each time; further minors try the first of them on the same code.
MOST = 100 if sys.version_info[:2] == tuple(map(int, BASELINE.split("."))) else 30
settings.register_profile("default", deadline=None, derandomize=True, max_examples=MOST)
settings.register_profile(
    "fuzz", deadline=None, max_examples=5000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


# Workers take it from the process that starts them, so that all collect the same tests.
FUZZ_SEED = os.environ.setdefault("PYVORIN_FUZZ_SEED", fuzz_seed())


def pytest_report_header() -> str:
    """Random programs are others for each compiler; with the seed they are the same."""
    return f"PYVORIN_FUZZ_SEED={FUZZ_SEED}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything under tests/attacks is an attack, so that `make attacks` cannot miss one. A name
    that holds an address is another in each worker process, and none would run.
    """
    for item in items:
        if re.search(r"0x[0-9a-f]{8}", item.name):
            raise pytest.UsageError(f"{item.nodeid}: give its parameters ids without addresses")
        if item.path.is_relative_to(ROOT / "tests" / "attacks"):
            item.add_marker("attack")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root folder of the checkout."""
    return ROOT
