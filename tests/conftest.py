"""Settings every test shares: hypothesis profiles, and marks that follow from a test's folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent

# No deadline: the machine is shared, and a test must not fail because it was slow.
settings.register_profile("default", deadline=None, derandomize=True, max_examples=100)
settings.register_profile(
    "fuzz", deadline=None, max_examples=5000, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything under tests/attacks is an attack, so that `make attacks` cannot miss one."""
    for item in items:
        if item.path.is_relative_to(ROOT / "tests" / "attacks"):
            item.add_marker("attack")


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root folder of the checkout."""
    return ROOT
