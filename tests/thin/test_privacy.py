"""What `privacy` and `keys` say is all there is, and holds no secret."""

import ast
import json
from pathlib import Path

import pytest
import pyvorin_thin
from pyvorin_thin import (
    build,
    cli,
    config,
    events,
    holdings,
    keys,
    service,
    store,
    telemetry,
    trust,
)
from pyvorin_thin.build import Consent
from pyvorin_thin.cli import privacy
from pyvorin_thin.switches import SEND_SOURCE
from pyvorin_wire import api

from tests.thin import artifacts

SOURCE = "def f(x):\n    '''\n    >>> f(1)\n    2\n    '''\n    return x + 1\n"


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "sample.py"
    path.write_text(SOURCE)
    return str(path)


def told(capsys, *words):
    assert cli.main([*words, "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def compile_it(joined, file):
    plan = build.plan(file, None, config.load())
    believed, device = trust.load(), keys.load_device()
    connected = service.connect(believed, device, 5.0)
    return build.build(plan, believed, device, connected, Consent(True, True), wait_s=20)


def test_the_bytes_of_a_file_are_those_that_go(joined, file, monkeypatch, capsys):
    compile_it(joined, file)
    sent = [json.loads(body) for body in joined.bodies if b"opt_level" in body]
    connections = joined.connections
    monkeypatch.setenv(SEND_SOURCE, "1")
    shown = told(capsys, "privacy", file)["requests"]
    assert [one["body"] for one in shown] == sent
    assert [one["when"] for one in shown] == ["always", "after a miss, with --include-source"]
    assert joined.connections == connections


def test_every_field_of_a_request_is_named():
    named = {*privacy.LOOK_UP, *privacy.WITH_SOURCE}
    assert named == set(api.CompileRequest.__match_args__)
    plan = {"module": "m", "target": artifacts.manifest().target}
    empty = api.CompileRequest(**plan, fingerprint="f").to_json()
    carried = {name for name, value in empty.items() if value not in (None, "")}
    assert carried - {"module"} <= set(privacy.LOOK_UP)


def test_every_file_on_the_machine_is_explained(joined, file, capsys):
    compile_it(joined, file)
    keys.local_key(create=True)
    telemetry.emit(config.load(), "command", subject="f")
    events.record("refused", module="sample", code="PYV801")
    store.quarantine(b"x", "PYV801 sample")
    assert cli.main(["off"]) == 0
    assert cli.main(["telemetry", "off"]) == 0
    capsys.readouterr()
    found = holdings.kept()
    assert len(found) > 15
    assert [each.path for each in found if each.kind is None] == []
    document = told(capsys, "privacy")
    assert {item["path"] for item in document["kept"]} == {each.path for each in found}
    stranger = Path(keys.device_path()).with_name("notes.txt")
    stranger.write_text("mine")
    (other,) = (i for i in told(capsys, "privacy")["kept"] if i["path"] == str(stranger))
    assert other["what"] == "not a file of pyvorin-thin"


def test_every_place_that_names_a_file_is_in_the_table():
    """`os.path.join(paths.state(), "name")`, wherever it stands in the client."""
    named = set()
    for path in Path(pyvorin_thin.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="join"),
                    args=[
                        ast.Call(func=ast.Attribute(value=ast.Name(id="paths"), attr=folder)),
                        ast.Constant(value=name),
                        *_,
                    ],
                ):
                    named.add((folder, name))
    known = {(kind.folder, kind.pattern.partition("/")[0]) for kind in holdings.KEPT}
    assert len(named) > 12
    assert named <= known


@pytest.mark.parametrize("style", ["text", "json"])
def test_no_secret_is_shown(activated, capsys, style):
    local = keys.local_key(create=True)
    device = keys.load_device()
    for command in ("keys", "privacy"):
        assert cli.main([command, "--format", style]) == 0
        shown = capsys.readouterr().out
        held = (device.request_key, *device.artifact_keys, *device.fingerprint_keys)
        secrets = {device.sign_seed, device.seal_seed, local.hex(), *(key.key for key in held)}
        assert not any(secret in shown for secret in secrets)


def test_keys_are_those_of_the_trust_file(activated, capsys):
    document = told(capsys, "keys")
    believed = artifacts.trust()
    listed = {(k["key"], k["public"]) for k in document["trusted"]}
    assert listed == {
        *((key.key_id, key.public) for key in believed.keys),
        *(("certificate pin", pin) for pin in believed.spki_pins),
    }
    assert [key["key"] for key in document["held"]] == ["dev-1", "mac-1", "req-1", "fp-1"]
    assert {key["role"] for key in document["trusted"]} == {*trust.Role, "tls"}


def test_before_activation_nobody_is_trusted(home, capsys):
    assert told(capsys, "keys") == {"held": [], "schema_version": 1, "trusted": []}
    assert told(capsys, "privacy")["telemetry"] == "no service is configured"
    assert holdings.kept() == []
