import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyvorin_server.sandbox import policies
from pyvorin_server.sandbox.interpreter import python_binds
from pyvorin_server.sandbox.model import JailRefused, Limits
from pyvorin_server.sandbox.plan import JailSpec, job_uid, make_plan
from pyvorin_server.sandbox.tiers import CGROUP_LAYERS, TIER_LAYERS, Tier, best_tier

SPEC = JailSpec((sys.executable, "-I", "-c", "pass"), Limits(), policies.CHECK, Tier.NATIVE)
WHOLE_MACHINE = "         0          0 4294967295\n"
PIDS = st.integers(2, (1 << 22) - 1)


@given(PIDS, PIDS)
def test_job_uids_are_unique_among_live_launchers(one: int, other: int) -> None:
    assert (job_uid(one, WHOLE_MACHINE) == job_uid(other, WHOLE_MACHINE)) == (one == other)
    assert job_uid(one, WHOLE_MACHINE) > 1 << 30


@given(PIDS)
def test_job_uids_stay_inside_a_containers_map(process: int) -> None:
    assert 1000 < job_uid(process, "0 100000 65536\n") < 65530


def test_a_container_with_one_uid_is_refused() -> None:
    with pytest.raises(JailRefused, match="kuid"):
        job_uid(7, "0 1000 1\n")


@pytest.mark.parametrize("argv", [("-I",), ("-c", "pass"), ("-E", "-c", "pass"), ("-I", "x")])
def test_only_isolated_python_commands_run(argv: tuple[str, ...]) -> None:
    spec = replace(SPEC, argv=(sys.executable, *argv))
    if argv == ("-I", "x"):
        assert make_plan(spec, 7, "/tmp", memory_held=True)["argv"][-1] == "x"
        return
    with pytest.raises(JailRefused, match="python -I"):
        make_plan(spec, 7, "/tmp", memory_held=True)


def test_environment_holds_nothing_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "x")
    environment = make_plan(SPEC, 7, "/tmp", memory_held=True)["environment"]
    assert set(environment) == {"LANG", "HOME", "TMPDIR"}


def test_memory_falls_back_to_an_rlimit() -> None:
    limits = make_plan(SPEC, 7, "/tmp", memory_held=False)["rlimits"]
    assert limits["RLIMIT_DATA"] == SPEC.limits.memory_bytes
    assert "RLIMIT_DATA" not in make_plan(SPEC, 7, "/tmp", memory_held=True)["rlimits"]
    assert limits["RLIMIT_CORE"] == 1


def test_binds_are_the_interpreter_and_nothing_private() -> None:
    paths = {bind.path for bind in python_binds(sys.executable)}
    assert Path(sys.executable) in paths
    assert not paths & {Path("/"), Path("/etc"), Path("/root"), Path.home(), Path("/usr")}
    assert not any(str(path).startswith(("/etc", "/proc", "/sys", "/var")) for path in paths)


def test_an_interpreter_that_does_not_start_refuses_the_job() -> None:
    with pytest.raises(JailRefused, match="does not start"):
        python_binds("/nonexistent/python")


def test_tiers_are_reached_by_their_layers() -> None:
    everything = TIER_LAYERS[Tier.NATIVE]
    assert best_tier(everything) is Tier.NATIVE
    assert best_tier(everything - CGROUP_LAYERS) is Tier.NATIVE_NOCGROUP
    assert best_tier(TIER_LAYERS[Tier.RESTRICTED]) is Tier.RESTRICTED
    assert best_tier(frozenset()) is None


@pytest.mark.parametrize("layer", sorted(TIER_LAYERS[Tier.NATIVE]))
def test_losing_any_layer_loses_the_tier(layer: str) -> None:
    held = frozenset(known for known in TIER_LAYERS[Tier.NATIVE] if known != layer)
    assert best_tier(held) is not Tier.NATIVE
