"""The service with the real compiler: a program goes in, a signed native module comes out."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyvorin_wire import artifact
from pyvorin_wire.licence import Delivered

from tests.server.conftest import make_installation
from tests.server.service import Device

PROGRAM = '''
def squares(n):
    """Sum of squares below n.

    >>> squares(10)
    285
    """
    total = 0
    for number in range(n):
        total += number * number
    return total
'''


SLOW = '''
def same(x):
    """
    >>> same(1)
    1
    """
    return x
'''


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    """A device of an installation that builds with this interpreter's own compiler."""
    installation = make_installation(
        tmp_path_factory.mktemp("service"), Path(sys.executable), check_wall_s="120"
    )
    installation.start()
    _, key = installation.issue()
    made = Device(installation, key)
    assert made.activate().status == 200
    yield made
    assert installation.stop() == 0


@pytest.mark.slow
def test_a_program_is_built_checked_signed_and_native(device: Device, tmp_path: Path) -> None:
    start = time.perf_counter()
    view = device.build(device.request(PROGRAM))
    print(f"cold build {time.perf_counter() - start:.2f} s")
    assert view["state"] == "complete", (view, device.installation.logs()[-3000:])
    assert view["sandbox_tier"] in ("native", "restricted")

    got = device.send("GET", f"/v1/artifacts/{view['artifact_id']}/download")
    container = artifact.unpack(got.body)
    assert container.mac_is_good(bytes.fromhex(device.keys[Delivered.ARTIFACT_KEY].key))
    assert container.payload_is_bound()
    assert [each.qualname for each in container.manifest.functions] == ["squares"]
    assert container.manifest.toolchain["pyvorin"] == device.compiler()

    native = load(container.payload, tmp_path)
    assert native.META
    assert len(native.native) == 1


@pytest.mark.slow
def test_gains_are_measured_and_local_modules_are_there(device: Device) -> None:
    source = "from rates import RATE\n" + PROGRAM.replace("number * number", "number * RATE")
    source = source.replace("285", "135") + SLOW
    view = device.build(device.request(source, bundle={"rates.py": "RATE = 3\n"}))
    assert view["state"] == "complete", (view, device.installation.logs()[-3000:])
    rows = {row["name"]: row for row in view["report"]["functions"]}
    assert float(rows["squares"]["gain"]["ratio"]) > 1.2
    assert rows["squares"]["checks"]["agreed"] > 3
    assert "call" not in rows["squares"]["gain"]
    assert (rows["same"]["verdict"], rows["same"]["code"]) == ("python", "PYV510")
    manifest = device.send("GET", f"/v1/artifacts/{view['artifact_id']}").json()
    assert [each["qualname"] for each in manifest["functions"]] == ["squares"]


@pytest.mark.slow
def test_a_module_that_is_not_there_is_named(device: Device) -> None:
    view = device.build(device.request("import numpy_is_not_here\n" + PROGRAM))
    assert (view["state"], view["code"]) == ("rejected", "PYV701")
    assert "numpy_is_not_here" in view["diagnostics"][0]["message"]


@pytest.mark.slow
def test_code_that_cannot_be_compiled_comes_back_with_its_diagnostics(device: Device) -> None:
    view = device.build(
        device.request("def broken(:\n    return 1\n", claimed="def other():\n    return 1\n")
    )
    assert view["state"] in ("rejected", "failed")
    assert view["artifact_id"] is None
    assert view["credits"] == 0


def load(payload: bytes, folder: Path) -> Any:
    """Import an attach-only module from its verified bytes."""
    path = folder / "work.so"
    path.write_bytes(payload)
    spec = importlib.util.spec_from_file_location("work", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
