import sys

import pytest
from pyvorin_server.sandbox import detect as detection
from pyvorin_server.sandbox import policies
from pyvorin_server.sandbox.detect import HostReport, TierChooser, detect
from pyvorin_server.sandbox.jail import Jail
from pyvorin_server.sandbox.model import JailRefused, Limits
from pyvorin_server.sandbox.plan import JailSpec
from pyvorin_server.sandbox.tiers import CGROUP_LAYERS, TIER_LAYERS, Layer, Tier


def test_report_names_every_layer_with_a_reason() -> None:
    report = detect()
    assert set(report.reasons) == set(Layer)
    if report.reached is not None:
        assert all(not report.reasons[layer] for layer in TIER_LAYERS[report.reached])


def test_without_cgroups_the_lower_tier_is_reported() -> None:
    report = detect(faults=CGROUP_LAYERS)
    assert report.reached in (Tier.NATIVE_NOCGROUP, None)
    assert report.reasons[Layer.CGROUP_MEMORY]
    assert report.explain(Tier.NATIVE) == (Layer.CGROUP_MEMORY, "fault injected")


def test_what_depends_on_a_lost_layer_says_so() -> None:
    report = detect(faults={Layer.MOUNT_NS})
    assert report.reasons[Layer.MOUNT_NS] == "fault injected"
    assert "mount_ns" in report.reasons[Layer.ROOT]
    assert report.reached in (Tier.RESTRICTED, None)


def test_a_tier_below_the_required_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    weak = HostReport(Tier.RESTRICTED, dict.fromkeys(Layer, "not here"))
    monkeypatch.setattr(detection, "detect", lambda interpreter: weak)
    chooser = TierChooser()
    assert chooser.choose(sys.executable, Tier.RESTRICTED) is Tier.RESTRICTED
    with pytest.raises(JailRefused, match="native is required"):
        chooser.choose(sys.executable, Tier.NATIVE)


def test_posture_is_checked_before_the_command_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "pyvorin_server.sandbox.posture.faults_of", lambda *_, **__: ["looks wrong"]
    )
    reached = detect().reached
    if reached is None:
        pytest.skip("this host reaches no tier")
    argv = (sys.executable, "-I", "-c", "print('ran')")
    with pytest.raises(JailRefused, match="looks wrong"):
        Jail(JailSpec(argv, Limits(), policies.CHECK, reached))
