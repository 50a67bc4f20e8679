import os
from pathlib import Path

import pytest
from pyvorin_server.sandbox import scratch
from pyvorin_server.sandbox.scratch import Scratch


@pytest.fixture(autouse=True)
def own_temporary_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.mark.slow
def test_nested_folders_of_any_depth_are_removed() -> None:
    made = Scratch.make(None)
    home = os.open(".", os.O_RDONLY)
    os.chdir(made.path)
    try:
        for _ in range(3000):
            os.mkdir("d")
            Path("f").write_bytes(b"x")
            os.chdir("d")
    finally:
        os.fchdir(home)
        os.close(home)
    assert made.size_bytes() > 4 << 20
    made.remove()
    assert not Path(made.path).exists()


def test_a_link_is_removed_and_not_followed(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.mkdir()
    (canary / "file").write_text("x")
    made = Scratch.make(None)
    Path(made.path, "link").symlink_to(canary)
    Path(made.path, "sub").mkdir()
    Path(made.path, "sub", "link").symlink_to(canary)
    made.remove()
    assert (canary / "file").read_text() == "x"


def test_folders_without_rights_are_removed() -> None:
    made = Scratch.make(None)
    Path(made.path, "sub").mkdir(mode=0)
    made.remove()
    assert not Path(made.path).exists()


def test_sweep_removes_what_a_dead_process_left(tmp_path: Path) -> None:
    dead = tmp_path / "pyvorin-scratch-4194999-abc"
    living = Scratch.make(None)
    dead.mkdir()
    assert scratch.sweep() == [str(dead)]
    assert Path(living.path).exists()
    living.remove()
