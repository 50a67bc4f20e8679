"""Off means: no connection, and not one queued byte."""

import os
import time

import pytest
from pyvorin_thin import cli, config, keys, service, telemetry
from pyvorin_wire import api


def emit(**numbers):
    telemetry.emit(config.load(), "compile", **numbers)


def flush(server):
    connected = service.connect(server.trust(), keys.load_device(), 5.0)
    return telemetry.flush(config.load(), connected)


def test_nothing_exists_without_a_service(home):
    emit()
    assert not os.path.exists(telemetry.queue_path())


def test_events_are_announced_once_queued_and_sent(joined, capsys):
    emit(subject="secret_function_name", code="PYV840")
    emit()
    announced = capsys.readouterr().err
    assert announced.count("telemetry off") == 1
    assert flush(joined) == 2
    assert len(joined.events) == 2
    assert b"secret_function_name" not in joined.sent()
    assert telemetry.load_queue() == []


SWITCHES = {
    "environment": {"PYVORIN_THIN_TELEMETRY_ENABLED": "false"},
    "unparsable": {"PYVORIN_THIN_TELEMETRY_ENABLED": "offf"},
    "empty": {"PYVORIN_THIN_TELEMETRY_ENABLED": ""},
    "do not track": {"DO_NOT_TRACK": "1"},
    "ci": {"CI": "true"},
}


@pytest.mark.parametrize("switch", SWITCHES.values(), ids=SWITCHES)
def test_each_switch_alone_is_enough(joined, monkeypatch, switch):
    emit()
    assert telemetry.load_queue()
    for name, value in switch.items():
        monkeypatch.setenv(name, value)
    connections = joined.connections
    assert flush(joined) == 0
    assert joined.connections == connections
    assert not os.path.exists(telemetry.queue_path())
    emit()
    assert not os.path.exists(telemetry.queue_path())


def test_the_command_turns_it_off_and_purges(joined, capsys):
    emit()
    assert cli.main(["telemetry", "off"]) == 0
    assert not os.path.exists(telemetry.queue_path())
    emit()
    assert not os.path.exists(telemetry.queue_path())
    assert flush(joined) == 0
    assert cli.main(["telemetry", "on"]) == 0
    emit()
    assert telemetry.load_queue()


def test_the_project_can_turn_it_off(joined, tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text("[tool.pyvorin.telemetry]\nenabled = false\n")
    monkeypatch.chdir(tmp_path)
    emit()
    assert not os.path.exists(telemetry.queue_path())


def test_a_running_process_looks_again_before_it_sends(joined, monkeypatch):
    settings = config.load()
    emit()
    connected = service.connect(joined.trust(), keys.load_device(), 5.0)
    monkeypatch.setenv("DO_NOT_TRACK", "1")  # the settings object is older than this
    connections = joined.connections
    assert telemetry.flush(settings, connected) == 0
    assert joined.connections == connections


def test_the_whole_command_line_makes_no_connection_when_off(joined, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("DO_NOT_TRACK", "1")
    file = tmp_path / "m.py"
    file.write_text("def f(): return 1\n")
    connections = joined.connections
    for words in (["status"], ["cache", "stats"], ["explain", "PYV801"], ["telemetry", "status"]):
        assert cli.main(words) == 0
    assert joined.connections == connections
    assert cli.main(["compile", str(file)]) == 1
    assert not any(b"/v1/usage/event" in part for part in joined.wire)


def test_old_events_are_dropped(joined, monkeypatch):
    emit()
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 29 * 86_400)
    emit()
    assert len(telemetry.load_queue()) == 2
    monkeypatch.setattr(time, "time", lambda: real() + 31 * 86_400)
    emit()
    assert len(telemetry.load_queue()) == 2  # the first is over 30 days old


def test_only_listed_fields_exist():
    names = {"event", "at", "subject", "code", "duration_us", "count", "exit_code"}
    assert set(api.TelemetryEvent.__match_args__) == names


def test_free_text_cannot_get_in(joined):
    emit(code="/home/someone/secret.py")
    assert telemetry.load_queue() == []
