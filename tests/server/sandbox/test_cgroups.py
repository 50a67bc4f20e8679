"""The v2 layout is tried on a folder of plain files: this machine's kernel may have v1 only."""

from pathlib import Path

import pytest
from pyvorin_server.sandbox import cgroups
from pyvorin_server.sandbox.cgroups import Group, Trees
from pyvorin_server.sandbox.model import Limits
from pyvorin_server.sandbox.tiers import CGROUP_LAYERS, Layer

LIMITS = Limits(memory_bytes=1 << 20, pids=5, cpus=0.5)
V2 = frozenset({"memory", "pids", "cpu"})


@pytest.fixture
def v2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trees:
    """A tree whose new groups show the files that the kernel would put there."""
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids")
    (tmp_path / "cgroup.subtree_control").write_text("cpu memory pids")
    make = Path.mkdir

    def make_with_files(path: Path, *arguments: int, **options: bool) -> None:
        make(path, *arguments, **options)  # type: ignore[arg-type]
        (path / "cgroup.controllers").write_text("cpu memory pids")
        (path / "memory.swap.max").write_text("max")
        (path / "cgroup.procs").write_text("")
        (path / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
        (path / "memory.peak").write_text("4096\n")
        (path / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1\n")

    monkeypatch.setattr(Path, "mkdir", make_with_files)
    return Trees({}, tmp_path, V2)


def test_v2_limits_are_written_in_the_kernels_units(v2: Trees) -> None:
    group = Group.create(LIMITS, trees=v2)
    files = {file.name: file.read_text() for file in group.directories["unified"].iterdir()}
    assert set(group.reasons.values()) == {""}
    assert files["memory.max"] == str(1 << 20)
    assert files["memory.swap.max"] == "0"
    assert files["memory.oom.group"] == "1"
    assert files["pids.max"] == "7"
    assert files["cpu.max"] == "50000 100000"


def test_v2_counters_are_read(v2: Trees) -> None:
    group = Group.create(LIMITS, trees=v2)
    assert group.cpu_s() == 1.5
    assert group.was_out_of_memory()
    assert group.peak_memory_bytes() == 4096


def test_v2_kill_writes_the_kill_file(v2: Trees) -> None:
    group = Group.create(LIMITS, trees=v2)
    group.kill()
    directory = group.directories["unified"]
    assert (directory / "cgroup.kill").read_text() == "1"
    assert (directory / "pids.max").read_text() == "0"


def test_a_host_without_controllers_says_so_for_each_layer() -> None:
    group = Group.create(LIMITS, trees=Trees({}, None))
    assert set(group.reasons) == CGROUP_LAYERS
    assert all(group.reasons.values())
    assert group.cpu_s() is None
    assert not group.was_out_of_memory()


def test_a_read_only_tree_gives_the_reason(tmp_path: Path) -> None:
    group = Group.create(LIMITS, trees=Trees({"memory": tmp_path / "absent"}, None))
    assert "No such file" in group.reasons[Layer.CGROUP_MEMORY]


def test_own_group_is_found_in_v1_and_hybrid_layouts(tmp_path: Path) -> None:
    (tmp_path / "mountinfo").write_text(
        "32 31 0:29 / /c/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        "35 31 0:32 /outer /c/memory rw - cgroup cgroup rw,memory\n"
        "41 31 0:38 / /c/unified rw,relatime - cgroup2 cgroup2 rw\n"
    )
    (tmp_path / "cgroup").write_text("4:memory:/outer/a\n2:cpu,cpuacct:/\n0::/b\n")
    trees = cgroups.discover(tmp_path)
    assert trees.v1 == {
        "memory": Path("/c/memory/a"),
        "cpu": Path("/c/cpu,cpuacct"),
        "cpuacct": Path("/c/cpu,cpuacct"),
    }
    assert trees.v2 == Path("/c/unified/b")


def test_sweep_removes_groups_of_dead_supervisors_only(tmp_path: Path) -> None:
    dead = tmp_path / f"{cgroups.PREFIX}4194999-77-0"
    living = tmp_path / Group.create(LIMITS, trees=Trees({}, None)).name
    for folder in (dead, living):
        folder.mkdir()
    assert cgroups.sweep(Trees({}, tmp_path)) == [dead.name]
    assert living.exists()
    assert not dead.exists()
