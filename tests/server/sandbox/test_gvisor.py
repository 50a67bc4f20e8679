"""What runsc is told, whether or not it is installed; real boots are in tests/attacks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pyvorin_server.sandbox import gvisor, policies
from pyvorin_server.sandbox.detect import TierChooser, boot
from pyvorin_server.sandbox.endings import seen_through_runtime
from pyvorin_server.sandbox.jail import Jail
from pyvorin_server.sandbox.model import Ending, JailRefused, JobResult, Limits
from pyvorin_server.sandbox.plan import JailSpec, make_plan, outer_limits
from pyvorin_server.sandbox.tiers import Tier

LIMITS = Limits(wall_s=60.0, memory_bytes=256 << 20, file_bytes=8 << 20)
RUNSC = gvisor.Runsc("/usr/bin/runsc", "0.0", "ptrace")


def spec(code: str, policy: policies.Policy = policies.CHECK) -> JailSpec:
    return JailSpec((sys.executable, "-I", "-c", code), LIMITS, policy, Tier.GVISOR)


def test_the_bundle_gives_the_job_nothing() -> None:
    bundle = gvisor.bundle(["python", "-c", "1"], {"LANG": "C.UTF-8"}, LIMITS)
    process = bundle["process"]
    assert process["capabilities"] == {}
    assert process["noNewPrivileges"] is True
    assert process["user"] == {"uid": 65534, "gid": 65534}
    assert process["env"] == ["LANG=C.UTF-8"]
    assert {"pid", "network", "ipc", "uts", "mount"} == {
        each["type"] for each in bundle["linux"]["namespaces"]
    }
    (scratch,) = bundle["mounts"]
    assert scratch["type"] == "tmpfs"
    assert f"size={LIMITS.file_bytes}" in scratch["options"]


def test_no_network_and_no_privilege_is_asked_for() -> None:
    told = gvisor.command(RUNSC)
    assert "-network=none" in told
    assert "-rootless" in told
    assert "-ignore-cgroups" in told
    assert "-platform=ptrace" in told
    assert not [word for word in told if "overlay" in word or "debug" in word or "host-uds" in word]


def test_the_plan_wraps_runsc_in_the_native_limits(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "runsc"  # what the host does not have is not bound
    path.touch()
    monkeypatch.setattr(gvisor, "find", lambda: gvisor.Runsc(str(path), "0.0", "ptrace"))
    plan = make_plan(spec("pass"), 7, "/jail-tmp", memory_held=True)
    assert plan["argv"][0] == str(path)
    assert str(path) in plan["binds"]
    assert {"cgroup_memory", "cgroup_pids", "cgroup_kill", "kuid", "gvisor"} <= {*plan["required"]}
    assert plan["rlimits"]["RLIMIT_CORE"] == 1
    args = plan["runtime"]["files"]["config.json"]["process"]["args"]
    sealing = args[4]
    assert sealing.startswith("1:")
    assert len(sealing.split(",")) == 2  # both filters, installed inside


def test_the_group_has_room_for_the_kernel_and_no_more() -> None:
    limits = outer_limits(spec("pass"))
    assert limits.memory_bytes == LIMITS.memory_bytes + gvisor.MEMORY_OVERHEAD_BYTES
    native = JailSpec((sys.executable, "-I", "-c", ""), LIMITS, policies.CHECK, Tier.NATIVE)
    assert outer_limits(native) == LIMITS


def test_exit_codes_of_a_runtime_stand_for_signals() -> None:
    assert seen_through_runtime((128 + 11) << 8) == 11
    assert seen_through_runtime(3 << 8) == 3 << 8
    assert seen_through_runtime(None) is None


def test_without_runsc_the_refusal_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    gvisor.find.cache_clear()
    try:
        with pytest.raises(JailRefused, match="apt-get install runsc"):
            TierChooser().choose(sys.executable, Tier.GVISOR)
    finally:
        gvisor.find.cache_clear()


def reason_not_to_boot() -> str:
    try:
        boot(Tier.GVISOR)
    except JailRefused as refused:
        return f"gVisor does not start here: {refused}"
    return ""


WHY_NOT = reason_not_to_boot()
boots = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


def run(code: str, stdin: bytes = b"") -> JobResult:
    with Jail(spec(code)) as jail:
        return jail.run(stdin)


@boots
def test_a_job_runs_on_another_kernel() -> None:
    code = "import os, sys; print(os.uname().release, os.getuid(), sys.stdin.read())"
    result = run(code, b"in")
    assert result.ending is Ending.OK, result
    release, uid, said = result.stdout.decode().split()
    assert release != os.uname().release
    assert (uid, said) == ("65534", "in")
    assert result.tier is Tier.GVISOR


@boots
@pytest.mark.parametrize(
    ("code", "ending"),
    [
        ("import os; os.abort()", Ending.CRASHED),
        ("import sys; sys.exit(3)", Ending.CRASHED),
        ("import ctypes; ctypes.CDLL(None).syscall(165, 0, 0, 0, 0, 0)", Ending.VIOLATION),
        ("x = bytearray(1 << 30)", Ending.MEMORY),
    ],
)
def test_endings_are_those_of_the_native_tier(code: str, ending: Ending) -> None:
    assert run(code).ending is ending


@boots
def test_nothing_is_left_of_a_killed_one() -> None:
    with Jail(spec("import time; time.sleep(1000)")) as jail:
        keeper = jail.keeper
        inside = jail.processes()
    assert len(inside) > 3
    left = subprocess.run(["ps", "-p", ",".join(map(str, [keeper, *inside]))], capture_output=True)
    assert left.returncode == 1, left.stdout
