"""What is verified is what is loaded: no file name lies between."""

import fcntl
import importlib.machinery
import os
import sysconfig
import threading
from pathlib import Path

import pytest
from pyvorin_thin import memfd, paths, store, verify
from pyvorin_thin.errors import ProvenanceError
from pyvorin_wire.platform import running

from tests.thin.artifacts import container, device, manifest


def test_the_memory_file_is_sealed():
    descriptor = memfd.sealed("x", b"abc")
    try:
        assert fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & memfd.SEALS == memfd.SEALS
        for attempt in (
            lambda: os.pwrite(descriptor, b"z", 0),
            lambda: os.ftruncate(descriptor, 1),
            lambda: os.ftruncate(descriptor, 99),
            lambda: fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, 0),
        ):
            with pytest.raises(OSError, match="not permitted"):
                attempt()
        assert os.pread(descriptor, 10, 0) == b"abc"
    finally:
        os.close(descriptor)


def _some_extension():
    folder = Path(sysconfig.get_path("stdlib"), "lib-dynload")
    suffix = importlib.machinery.EXTENSION_SUFFIXES[0]
    return "_bisect", (folder / f"_bisect{suffix}")


def test_an_extension_is_loaded_from_its_bytes():
    name, path = _some_extension()
    if not path.exists():
        pytest.skip(f"this Python has no {path.name} to load")
    module = memfd.load_extension(name, path.read_bytes())
    assert module.bisect_left([1, 2, 3], 2) == 1
    assert module.__spec__.origin.startswith("/proc/self/fd/")


def test_bytes_that_are_no_extension_are_refused():
    with pytest.raises(ProvenanceError):
        memfd.load_extension("x", b"not ELF")


def test_replacing_the_cached_file_never_changes_what_is_loaded():
    """TOCTOU: a thread swaps genuine and evil bytes while loads go on; evil ones never get
    through."""
    about = manifest()
    good = container(about)
    evil = bytearray(good)
    evil[-1] ^= 1
    entry = store.add(good, about)
    path = store.container_path(entry.container)
    around = verify.Circumstances(device(), None, running(), None, lambda found: -1)
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            paths.write(path, bytes(evil))
            paths.write(path, good)

    thread = threading.Thread(target=swap)
    thread.start()
    seen = {"loaded": 0, "refused": 0}
    try:
        for _ in range(1000):
            data = store.read_container(entry)
            try:
                payload = verify.check_load(data, verify.Expected(), around).payload
            except ProvenanceError:
                seen["refused"] += 1
                continue
            descriptor = memfd.sealed("x", payload)
            assert os.pread(descriptor, len(good), 0) == good[-len(payload) :]
            os.close(descriptor)
            seen["loaded"] += 1
    finally:
        stop.set()
        thread.join()
    assert seen["loaded"]
    assert seen["refused"]
