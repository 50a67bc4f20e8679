import contextlib
import random

import pytest
from pyvorin_wire import artifact, envelope
from pyvorin_wire.errors import ArtifactError, WireError
from pyvorin_wire.platform import PlatformTag, misfit, running, unsupported

from tests.wire.samples import KEY, PAYLOAD, TARGET, container, fake_signer, manifest

HEADER = 24 + 32


def opened(data):
    """What a loader does: take apart, check the MAC, check the payload."""
    parts = artifact.unpack(data)
    return parts.mac_is_good(KEY) and parts.payload_is_bound()


def test_the_container_opens():
    parts = artifact.unpack(container())
    assert opened(container())
    assert parts.manifest == manifest()
    assert parts.payload == PAYLOAD


def test_every_flipped_bit_is_noticed():
    good = container()
    for position in range(len(good)):
        bad = bytearray(good)
        bad[position] ^= 1 << random.Random(position).randrange(8)
        with contextlib.suppress(WireError):
            assert not opened(bytes(bad)), position


def test_every_truncation_and_extension_is_noticed():
    good = container()
    for size in range(len(good)):
        with pytest.raises(ArtifactError):
            artifact.unpack(good[:size])
    with pytest.raises(ArtifactError) as caught:
        artifact.unpack(good + b"\0")
    assert caught.value.code == "artifact_trailing"


def test_two_files_concatenated_are_refused():
    with pytest.raises(ArtifactError):
        artifact.unpack(container() + container())


def test_another_devices_key_does_not_open_it():
    assert not artifact.unpack(container()).mac_is_good(bytes(32))


def test_lengths_are_capped_before_anything_is_allocated():
    header = artifact._HEADER.pack(artifact.MAGIC, 0xFFFFFFFF, 1, 1) + bytes(64)
    with pytest.raises(ArtifactError) as caught:
        artifact.unpack(header)
    assert caught.value.code == "artifact_size"


def test_pack_refuses_another_payload():
    signed = artifact.sign_statement(manifest(), {"k": fake_signer("a")})
    with pytest.raises(ArtifactError):
        artifact.pack(manifest(), signed, PAYLOAD + b"x", KEY)


@pytest.mark.parametrize("field", artifact.Manifest.__match_args__)
def test_every_manifest_field_is_required(field):
    body = manifest().to_json()
    del body[field]
    with pytest.raises(WireError, match=field):
        artifact.Manifest.from_json(body)


def test_a_field_of_the_future_is_refused_by_name():
    with pytest.raises(WireError, match="unknown field `later`"):
        artifact.Manifest.from_json({**manifest().to_json(), "later": 1})


def test_the_statement_binds_the_build_but_names_no_device():
    body = envelope.verify(
        artifact.sign_statement(manifest(), {"k": fake_signer("a")}),
        artifact.STATEMENT_TYPE,
        {"k": lambda signature, message: fake_signer("a")(message) == signature},
    )
    other_device = manifest().replace(device_id="dev-2", licence_id="lic-2")
    assert artifact.statement_agrees(body, other_device)
    assert not artifact.statement_agrees(body, manifest().replace(seq=8))
    assert not artifact.statement_agrees(body, manifest().replace(sha256="1" * 64))
    assert b"dev-1" not in body


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"python_tag": "cp312"}, "python_tag"),
        ({"abi": "cp311d"}, "abi"),
        ({"arch": "aarch64"}, "arch"),
        ({"os": "darwin"}, "os"),
        ({"libc": "musl-1.2"}, "musl"),
        ({"libc": "glibc-2.99"}, "glibc-2.99"),
        ({"cpu_level": 4}, "x86-64-v4"),
    ],
)
def test_misfit_names_what_differs(change, words):
    here = PlatformTag("linux", "x86_64", "glibc-2.36", "cp311", "cp311", 3)
    assert misfit(TARGET, here) is None
    assert words in misfit(TARGET.replace(**change), here)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"os": "darwin"}, "Linux"),
        ({"arch": "aarch64"}, "x86-64"),
        ({"python_tag": "cp310", "abi": "cp310"}, "3.11, 3.12 or 3.13"),
        ({"python_tag": "pypy3"}, "pypy3"),
        ({"abi": "cp311t"}, "free-threaded"),
        ({"abi": "cp311d"}, "debug"),
        ({"libc": "musl-1.2"}, "glibc"),
    ],
)
def test_unsupported_platforms_get_one_sentence(change, words):
    assert unsupported(TARGET) is None
    sentence = unsupported(TARGET.replace(**change))
    assert words in sentence
    assert "\n" not in sentence


def test_the_running_interpreter_has_a_tag():
    assert PlatformTag.from_json(running().to_json()) == running()
