"""Activation on a real local socket: what crosses the wire, what is stored, what is refused before
a byte is sent."""

import os
import ssl
import stat
import sys

import pytest
from pyvorin_thin import activation, cli, keys, paths, recalls, service, trust
from pyvorin_thin.errors import LicenceProblem, ProvenanceError, ServiceError, ThinError
from pyvorin_wire import envelope, licence

from tests.thin import artifacts, simulator
from tests.thin.simulator import LICENCE_KEY, SECRET, Simulator, spki


def activate(server, **changes):
    return activation.activate(server.trust(**changes), server.url, LICENCE_KEY)


def test_activation_delivers_the_keys(service):
    done = activate(service)
    assert done.device.artifact_key("mac-1") == artifacts.MAC_KEY
    assert done.device.request_key.key == artifacts.REQUEST_KEY.hex()
    assert done.device.fingerprint_keys[0].epoch == 3
    assert keys.load_device() == done.device
    assert trust.load() == service.trust()
    assert recalls.load_recall().version == 1


def test_the_wire_shows_neither_the_key_nor_anything_derived_from_it(service):
    done = activate(service)
    seen = service.sent()
    secret = [SECRET, licence.activation_seed(SECRET), artifacts.MAC_KEY, artifacts.REQUEST_KEY]
    secret += [bytes.fromhex(done.device.sign_seed), bytes.fromhex(done.device.seal_seed)]
    for value in secret:
        for form in (value, value.hex().encode(), envelope.base64_text(value).encode()):
            assert form not in seen
    assert LICENCE_KEY.encode() not in seen
    assert licence.lookup_hash(SECRET).encode() in seen  # the search would have found it


def test_everything_stored_is_private_and_without_the_licence_key(service, home):
    activate(service)
    for folder, _, files in os.walk(home):
        assert stat.S_IMODE(os.lstat(folder).st_mode) == 0o700
        for name in files:
            path = os.path.join(folder, name)
            assert stat.S_IMODE(os.lstat(path).st_mode) == 0o600
            content = paths.read(path)
            assert LICENCE_KEY.encode() not in content
            assert SECRET.hex().encode() not in content


def test_activating_again_keeps_the_device(service):
    first = activate(service).device
    assert activate(service).device.sign_seed == first.sign_seed


def nothing_sent(server, code, **changes):
    with pytest.raises(ThinError) as caught:
        activate(server, **changes)
    assert caught.value.code == code
    assert server.wire == []
    assert keys.load_device() is None
    return caught.value


def test_another_pin_is_refused_before_the_first_byte(service):
    assert nothing_sent(service, "PYV831", pins=("1" * 64, "2" * 64)).exit_code == 5
    assert service.connections == 1


def test_the_backup_pin_is_enough(service):
    activate(service, pins=("1" * 64, spki(service.key)))


def test_another_authority_is_refused(service):
    other = simulator.Authority()
    nothing_sent(service, "PYV832", ca_pem=other.pem)


@pytest.mark.parametrize(
    "settings",
    [{"days": (-9, -1)}, {"host": "elsewhere.example"}, {"tls": ssl.TLSVersion.TLSv1_2}],
    ids=["expired", "wrong name", "TLS 1.2"],
)
def test_certificates_and_protocol_are_checked(tmp_path, authority, settings):
    server = Simulator(tmp_path, authority=authority, **settings)
    try:
        nothing_sent(server, "PYV832")
    finally:
        server.close()


def test_a_url_outside_the_trust_file_is_refused(service):
    with pytest.raises(ThinError) as caught:
        activation.activate(service.trust(), "https://evil.example", LICENCE_KEY)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("text", ["", "hello", LICENCE_KEY[:-1] + "x", LICENCE_KEY[:-1]])
def test_a_mistyped_key_is_not_sent(service, text):
    with pytest.raises(LicenceProblem) as caught:
        activation.activate(service.trust(), service.url, text)
    assert caught.value.code == "PYV820"
    assert service.connections == 0
    assert not text or text not in str(caught.value)


def test_an_unknown_key_is_refused_by_the_service(service):
    with pytest.raises(LicenceProblem) as caught:
        activation.activate(service.trust(), service.url, licence.format_key(bytes(32)))
    assert caught.value.exit_code == 6


def test_keys_sealed_to_another_device_do_not_open(service):
    activate(service)
    sealed = service.sealed("dev-1")
    with pytest.raises(ProvenanceError):
        activation.open_sealed(sealed, bytes(32), "org-1", "dev-1")
    seed = bytes.fromhex(keys.load_device().seal_seed)
    for organisation, device in (("org-2", "dev-1"), ("org-1", "dev-2")):
        with pytest.raises(ProvenanceError):
            activation.open_sealed(sealed, seed, organisation, device)


def test_a_key_sealed_for_another_purpose_does_not_open(service):
    activate(service)
    sealed = service.sealed("dev-1")
    mixed = type(sealed)(sealed.request, sealed.artifact, sealed.fingerprint)
    seed = bytes.fromhex(keys.load_device().seal_seed)
    with pytest.raises(ProvenanceError):
        activation.open_sealed(mixed, seed, "org-1", "dev-1")


def connect(server):
    return service.connect(server.trust(), keys.load_device(), 5.0)


def test_a_clock_that_is_off_is_corrected_once_and_said(joined, capsys):
    joined.clock_offset_s = 300
    connect(joined).sync(joined.trust())
    assert "clock differs" in capsys.readouterr().err


def test_a_nonce_is_never_used_twice(joined):
    connected = connect(joined)
    for _ in range(5):
        connected.sync(joined.trust())
    assert len(joined.nonces) >= 7


BAD_ANSWERS = {
    "redirect": {"raw": lambda r: (302, b""), "headers": {"Location": "http://evil.example/"}},
    "compressed": {"raw": lambda r: (200, b"x"), "headers": {"Content-Encoding": "gzip"}},
    "not JSON": {"raw": lambda r: (200, b"<html>")},
    "deep": {"raw": lambda r: (200, b"[" * 100_000)},
    "huge number": {"raw": lambda r: (200, b'{"expires_in_s":' + b"9" * 5000 + b"}")},
    "wrong types": {
        "raw": lambda r: (200, b'{"access_token":1,"refresh_token":2,"expires_in_s":"3"}')
    },
    "too large": {"raw": lambda r: (200, b" " * (9 << 20))},
    "500": {"raw": lambda r: (500, b"")},
    "unknown problem": {"raw": lambda r: (418, b'{"type":"x"}')},
}


@pytest.mark.parametrize("behaviour", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_a_bad_answer_is_one_clean_error(joined, behaviour):
    joined.behaviour = behaviour
    with pytest.raises(ServiceError) as caught:
        connect(joined).sync(joined.trust())
    assert caught.value.code in ("PYV834", "PYV830")


def test_a_recall_list_never_goes_back(joined):
    joined.recall_version = 5
    connect(joined).sync(joined.trust())
    joined.recall_version = 4
    with pytest.raises(ProvenanceError) as caught:
        connect(joined).sync(joined.trust())
    assert caught.value.code == "PYV852"
    assert recalls.load_recall().version == 5


def test_an_older_trust_file_is_refused(joined):
    trust.save(joined.trust(version=3))
    with pytest.raises(ProvenanceError) as caught:
        trust.adopt(joined.trust(version=2).to_bytes(), None)
    assert caught.value.code == "PYV852"


def test_the_digest_decides_about_the_trust_file(service):
    data = service.trust().to_bytes()
    assert trust.adopt(data, service.trust().short_digest().lower())
    with pytest.raises(ProvenanceError) as caught:
        trust.adopt(data, "AAAA-" * 7 + "AAAA")
    assert caught.value.code == "PYV851"


def test_a_key_on_the_command_line_is_refused(capsys):
    assert cli.main(["activate", LICENCE_KEY, "--trust", "t"]) == 2
    captured = capsys.readouterr()
    assert "PYV824" in captured.err
    assert LICENCE_KEY not in captured.err + captured.out


def test_a_key_file_open_to_others_is_refused(service, tmp_path):
    path = tmp_path / "key"
    path.write_text(LICENCE_KEY)
    path.chmod(0o644)
    with pytest.raises(LicenceProblem) as caught:
        activation.read_key(str(path))
    assert caught.value.code == "PYV823"
    path.chmod(0o600)
    assert activation.read_key(str(path)) == LICENCE_KEY


def test_the_command_reads_the_key_from_standard_input(service, tmp_path, monkeypatch, capsys):
    import io

    file = tmp_path / "trust.json"
    file.write_bytes(service.trust().to_bytes())
    monkeypatch.setattr(sys, "stdin", io.StringIO(LICENCE_KEY + "\n"))
    assert cli.main(["activate", service.url, "--trust", str(file)]) == 0
    captured = capsys.readouterr()
    assert "activated for Example" in captured.out
    assert LICENCE_KEY not in captured.err + captured.out
