"""Which tier the service demands, and what happens below it."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pyvorin_server.builds import metrics
from pyvorin_server.builds.jails import (
    ENDINGS,
    Jails,
    Worker,
    ending_report,
    required_tier,
    tier_in_manifest,
)
from pyvorin_server.errors import ConfigError
from pyvorin_server.sandbox import gvisor
from pyvorin_server.sandbox.detect import detect
from pyvorin_server.sandbox.model import Ending, JailRefused, JobResult
from pyvorin_server.sandbox.pool import PoolHealth
from pyvorin_server.sandbox.tiers import Tier
from pyvorin_server.settings import load
from pyvorin_wire.diagnostic import Diagnostic


def test_several_organisations_need_gvisor_unless_configured_otherwise(tmp_path: Path) -> None:
    unset = load(tmp_path, {})
    assert required_tier(unset, 1) is Tier.RESTRICTED
    assert required_tier(unset, 2) is Tier.GVISOR
    chosen = load(tmp_path, {"PYVORIN_SERVER_REQUIRED_TIER": "native"})
    assert required_tier(chosen, 1) is required_tier(chosen, 5) is Tier.NATIVE


def test_names_in_manifests_are_those_of_the_format() -> None:
    names = {tier: tier_in_manifest(tier) for tier in Tier}
    assert names[Tier.NATIVE_NOCGROUP] == names[Tier.RESTRICTED] == "restricted"
    assert [names[t] for t in (Tier.NATIVE, Tier.GVISOR, Tier.MICROVM)] == [
        "native",
        "gvisor",
        "microvm",
    ]


def test_a_worker_below_the_required_tier_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(tmp_path, {"PYVORIN_SERVER_REQUIRED_TIER": "gvisor"})
    monkeypatch.setenv("PATH", "/nonexistent")
    gvisor.find.cache_clear()
    try:
        with pytest.raises(ConfigError, match="no runsc"):
            Jails(settings, Worker("cp311", sys.executable, "0"))
    finally:
        gvisor.find.cache_clear()


@pytest.mark.parametrize("ending", [ending for ending in Ending if ending is not Ending.OK])
def test_each_ending_tells_its_owner_what_happened_and_what_to_change(ending: Ending) -> None:
    result = JobResult(
        ending=ending,
        message="ran longer than 1 s",
        signal=None,
        exit_code=None,
        stdout=b"SECRET",
        stderr_tail="SECRET",
        tier=Tier.NATIVE,
        layers=frozenset(),
        wall_s=1.0,
        cpu_s=1.0,
        max_rss_bytes=1,
    )
    report = ending_report(result)
    (finding,) = (Diagnostic.from_json(item) for item in report["diagnostics"])
    assert finding.code == ENDINGS[ending][1]
    assert finding.message == "the build ran longer than 1 s"
    assert finding.help
    assert "SECRET" not in str(report)


@pytest.mark.skipif(detect().reached is None, reason="no jail can be made here")
def test_a_second_organisation_stops_jobs_on_a_shared_kernel(tmp_path: Path) -> None:
    settings = replace(load(tmp_path, {}), concurrency=1)
    jails = Jails(settings, Worker("cp311", sys.executable, "0"))
    try:
        assert jails.of("org-1", 1).tier is jails.tier
        with pytest.raises(JailRefused, match="2 organisations need gvisor"):
            jails.of("org-1", 2)
        assert jails.wait_ready(60.0)
        metrics.write(tmp_path, {"cp311": jails})
        said = (tmp_path / metrics.FILE).read_text()
        assert 'pyvorin_jails_ready{python="cp311",kind="compile"} 1' in said
        assert "org-1" not in said
    finally:
        jails.close()


def test_figures_of_all_pools_of_a_kind_are_added_up() -> None:
    one = PoolHealth(
        ready=1,
        running=2,
        waiting=3,
        made=4,
        lost=5,
        turned_away=6,
        endings={Ending.OK: 7, Ending.TIMEOUT: 1},
        waited_s=0.5,
        last_refusal="",
    )
    other = replace(one, endings={Ending.OK: 1}, last_refusal="no cgroup")
    said = metrics.text({("cp311", "check"): [one, other], ("cp312", "check"): [one]})
    assert 'pyvorin_jails_ready{python="cp311",kind="check"} 2' in said
    assert 'pyvorin_jails_waited_seconds_total{python="cp311",kind="check"} 1' in said
    assert 'pyvorin_jobs_total{python="cp311",kind="check",ending="ok"} 8' in said
    assert 'pyvorin_jobs_total{python="cp312",kind="check",ending="timeout"} 1' in said
    assert 'pyvorin_jails_healthy{python="cp311",kind="check"} 0' in said
    assert 'pyvorin_jails_healthy{python="cp312",kind="check"} 1' in said
    for line in said.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) pyvorin_\w+ .+|pyvorin_\w+\{[^{}]+\} [0-9.e+]+", line)
