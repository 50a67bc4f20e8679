"""Every way to tamper with an artifact is refused, each with its own code."""

import random
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pyvorin_thin import codes, trust, verify
from pyvorin_thin.errors import ProvenanceError
from pyvorin_wire import artifact, envelope
from pyvorin_wire.errors import WireError
from pyvorin_wire.jobs import ExitCode
from pyvorin_wire.platform import running
from pyvorin_wire.recall import Recall, RecallEntry

from tests.thin.artifacts import MAC_KEY, PAYLOAD, container, device, manifest, shared_object
from tests.thin.artifacts import trust as make_trust

ANYTHING = verify.Expected()
HERE = verify.Circumstances(device(), None, running(), None, lambda about: -1)


def accept(data, *, around=HERE, expected=ANYTHING, now=None, believed=None):
    now = int(time.time()) if now is None else now
    return verify.accept(
        data, expected, around, believed or make_trust(), trust.verify_ed25519, now
    )


def refused(code, data, **settings):
    with pytest.raises(ProvenanceError) as caught:
        accept(data, **settings)
    assert caught.value.code == code
    assert caught.value.exit_code == ExitCode.PROVENANCE
    assert code in codes.CODES


def test_a_genuine_artifact_is_accepted():
    assert accept(container()).payload == PAYLOAD


def test_bad_mac():
    refused("PYV801", container(key=bytes(32)))


def test_unknown_mac_key():
    refused("PYV801", container(manifest(mac_key_id="mac-9")))


def test_truncated_at_every_length():
    data = container()
    for size in (*range(0, 200), len(data) - 1):
        with pytest.raises(ProvenanceError) as caught:
            accept(data[:size])
        assert caught.value.code in ("PYV802", "PYV810")
    refused("PYV802", data[:-1])


def test_bytes_after_the_end():
    refused("PYV802", container() + b"\0")


def test_swapped_payload():
    """The genuine head of one artifact before the code of another of the same size."""
    other = bytearray(PAYLOAD)
    other[-1] ^= 1
    refused("PYV803", container()[: -len(PAYLOAD)] + bytes(other))


@pytest.mark.parametrize(
    "expected",
    [
        verify.Expected(module="other"),
        verify.Expected(fingerprint="pf1-1-" + "0" * 64),
        verify.Expected(options_sha256="0" * 64),
    ],
)
def test_genuine_but_for_something_else(expected):
    refused("PYV803", container(), expected=expected)


@pytest.mark.parametrize(
    "change",
    [
        {"python_tag": "cp310", "abi": "cp310"},
        {"abi": running().abi + "t"},
        {"arch": "aarch64"},
        {"os": "darwin"},
        {"libc": "musl-1.2"},
        {"libc": "glibc-9.9"},
        {"cpu_level": 4},
    ],
)
def test_wrong_target(change):
    target = manifest().target.replace(**change)
    tag = running().replace(cpu_level=1)
    refused("PYV804", container(manifest(target=target)), around=HERE.replace(running=tag))


def test_rollback():
    around = HERE.replace(highest_sequence=lambda about: 6)
    refused("PYV805", container(), around=around)
    same = HERE.replace(highest_sequence=lambda about: 5)
    accept(container(), around=same)


def test_freeze():
    about = manifest()
    accept(container(about), now=about.expires_at - 1)
    refused("PYV806", container(about), now=about.expires_at)


def test_expiry_never_stops_a_load():
    about = manifest(expires_at=1)
    assert verify.check_load(container(about), verify.Expected(), HERE).manifest == about


@pytest.mark.parametrize(
    "change", [{"device_id": "dev-2"}, {"licence_id": "lic-2"}, {"organisation_id": "org-2"}]
)
def test_foreign(change):
    refused("PYV807", container(manifest(**change)))


def test_a_service_artifact_on_a_machine_that_is_not_activated():
    refused("PYV807", container(), around=HERE.replace(device=None))


def test_recalled():
    listed = Recall(1, "org-1", 1, (RecallEntry("artifact_id", "art-1", "bad build"),))
    refused("PYV808", container(), around=HERE.replace(recall=listed))
    with pytest.raises(ProvenanceError, match="bad build"):
        accept(container(), around=HERE.replace(recall=listed))


def test_provenance_by_another_key():
    refused("PYV809", container(signer=Ed25519PrivateKey.generate()))


def test_provenance_by_a_key_of_another_role():
    from tests.thin.artifacts import KEYS, Role

    for role in Role:
        if role is not Role.ARTIFACT:
            refused("PYV809", container(signer=KEYS[role]))


def test_provenance_of_another_build():
    refused("PYV809", container(signed_manifest=manifest(seq=4)))


def test_provenance_missing():
    empty = envelope.Envelope(artifact.STATEMENT_TYPE, "", ())
    refused("PYV809", artifact.pack(manifest(), empty, PAYLOAD, MAC_KEY))


def test_not_an_artifact():
    refused("PYV810", b"\x7fELF" + bytes(500))
    refused("PYV802", b"")


def test_a_local_artifact_needs_this_machines_local_key():
    local = dict(organisation_id="local", licence_id="local", device_id="local", mac_key_id="local")
    about = manifest(sandbox_tier="local", **local)
    data = container(about, key=b"k" * 32)
    refused("PYV801", data)
    refused("PYV801", data, around=HERE.replace(local_key=bytes(32)))
    around = HERE.replace(device=None, local_key=b"k" * 32)
    assert verify.check_load(data, verify.Expected(), around).manifest == about
    refused("PYV807", container(manifest(sandbox_tier="local"), key=b"k" * 32), around=around)


def test_the_service_tier_cannot_be_claimed_with_the_local_key():
    around = HERE.replace(local_key=b"k" * 32)
    refused("PYV801", container(key=b"k" * 32), around=around)


def test_flipping_any_bit_is_refused():
    good = container()
    chosen = random.Random(1)
    positions = {*range(300), *(chosen.randrange(len(good)) for _ in range(1000))}
    for position in positions:
        bad = bytearray(good)
        bad[position] ^= 1 << chosen.randrange(8)
        with pytest.raises(ProvenanceError):
            verify.check_load(bytes(bad), verify.Expected(), HERE)


@pytest.mark.parametrize(
    ("dynamic", "words"),
    [
        ([(1, "libevil.so")], "libevil.so"),
        ([(1, "/tmp/libc.so.6")], "/tmp"),
        ([(15, "/tmp")], "DT_RPATH"),
        ([(29, "/tmp")], "DT_RUNPATH"),
        ([(12, 0)], "DT_INIT"),
        ([(25, 0)], "DT_INIT_ARRAY"),
        ([(26, 0)], "DT_FINI_ARRAY"),
        ([(0x6FFFFEFC, "x")], "DT_DEPAUDIT"),
        ([(0x7FFFFFFF, "x")], "DT_FILTER"),
    ],
)
def test_what_the_dynamic_linker_would_run_is_refused(dynamic, words):
    payload = shared_object(dynamic)
    with pytest.raises(ProvenanceError, match=words) as caught:
        accept(container(manifest(payload), payload))
    assert caught.value.code == "PYV815"


def test_indirect_functions_and_writable_code_are_refused():
    for payload in (shared_object(relocation=37), shared_object(flags=7)):
        refused("PYV815", container(manifest(payload), payload))


@pytest.mark.parametrize("payload", [b"x", b"\x7fELF" + bytes(100), PAYLOAD[:100], PAYLOAD[:-40]])
def test_malformed_objects_are_refused(payload):
    refused("PYV815", container(manifest(payload), payload))


def test_every_low_level_error_is_converted():
    chosen = random.Random(2)
    for _ in range(300):
        data = bytes(chosen.randrange(256) for _ in range(chosen.randrange(400)))
        with pytest.raises(ProvenanceError):
            accept(artifact.MAGIC + data)
    assert not issubclass(ProvenanceError, WireError)
