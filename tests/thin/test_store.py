import os
import stat

import pytest
from pyvorin_thin import events, keys, paths, store
from pyvorin_thin.errors import LicenceProblem, ProvenanceError
from pyvorin_wire.artifact import unpack

from tests.thin.artifacts import container, device, manifest


def add(**changes):
    about = manifest(**changes)
    data = container(about)
    return store.add(data, about), data


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def test_what_is_added_is_found_and_private(home):
    entry, data = add()
    assert store.entries("sample") == [entry]
    assert store.read_container(entry) == data
    assert store.modules() == ["sample"]
    for folder, _, files in os.walk(home):
        assert mode(folder) == 0o700
        assert all(mode(os.path.join(folder, name)) == 0o600 for name in files)


def test_a_newer_build_of_the_same_code_replaces_the_older():
    add(seq=5)
    entry, _ = add(seq=6)
    assert store.entries("sample") == [entry]


def test_the_sequence_never_goes_back():
    about = manifest(seq=9)
    store.add(container(about), about)
    add(seq=3)
    assert store.highest_sequence(manifest()) == 9
    assert store.highest_sequence(manifest(licence_id="lic-2")) == -1


def test_a_missing_container_is_no_cache_miss():
    entry, _ = add()
    os.unlink(store.container_path(entry.container))
    with pytest.raises(ProvenanceError):
        store.read_container(entry)


def test_links_are_not_followed(tmp_path):
    entry, data = add()
    path = store.container_path(entry.container)
    os.unlink(path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(data)
    os.symlink(elsewhere, path)
    with pytest.raises(ProvenanceError):
        store.read_container(entry)
    os.symlink(tmp_path, tmp_path / "link")
    with pytest.raises(ProvenanceError):
        paths.private_folder(str(tmp_path / "link"))


def test_a_pipe_in_place_of_a_file_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ProvenanceError):
        paths.read(str(tmp_path / "fifo"))


@pytest.mark.parametrize("path", ["/dev/zero", "/tmp"])
def test_a_device_or_folder_in_place_of_a_file_is_refused(path):
    with pytest.raises(ProvenanceError):
        paths.read(path)


def test_damaged_state_is_refused(home):
    add()
    for path in (store.index_path("sample"), os.path.join(paths.state(), "sequence.json")):
        paths.write(path, b'{"x":"y"}')
    with pytest.raises(ProvenanceError):
        store.entries("sample")
    with pytest.raises(ProvenanceError):
        store.highest_sequence(manifest())


def test_an_open_folder_is_closed(tmp_path):
    folder = tmp_path / "open"
    folder.mkdir(mode=0o777)
    paths.private_folder(str(folder))
    assert mode(folder) == 0o700


def test_a_write_leaves_the_old_or_the_new(tmp_path, monkeypatch):
    path = str(tmp_path / "file")
    paths.write(path, b"old")
    monkeypatch.setattr(os, "replace", lambda *names: (_ for _ in ()).throw(OSError("no")))
    with pytest.raises(OSError, match="no"):
        paths.write(path, b"new")
    assert paths.read(path) == b"old"
    assert os.listdir(tmp_path) == ["file"] or "home" in os.listdir(tmp_path)


def test_keys_that_others_can_read_are_refused(home):
    keys.save_device(device())
    assert keys.load_device() == device()
    os.chmod(keys.device_path(), 0o644)
    with pytest.raises(LicenceProblem) as caught:
        keys.load_device()
    assert caught.value.code == "PYV823"


def test_a_device_is_never_printed_with_its_keys():
    text = repr(device())
    assert "5" * 64 not in text
    assert device().request_key.key not in text


def test_the_local_key_is_made_once():
    assert keys.local_key() is None
    first = keys.local_key(create=True)
    assert len(first) == 32
    assert keys.local_key(create=True) == first


def test_quarantine_keeps_what_was_refused():
    kept = store.quarantine(b"bytes", "PYV801 sample")
    assert paths.read(kept) == b"bytes"


def test_the_event_log_is_private_and_readable():
    events.record("refused", module="m", code="PYV801")
    assert events.recent()[-1]["code"] == "PYV801"
    assert mode(events.log_path()) == 0o600


def test_add_and_unpack_agree():
    entry, data = add()
    assert unpack(data).manifest.artifact_id == entry.artifact_id
