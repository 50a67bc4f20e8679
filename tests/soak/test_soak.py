"""A short soak with reduced limits; `make soak` runs the long one."""

import pytest
from pyvorin_server.sandbox.detect import detect

from tests.soak.run import REDUCED, Report, Sample, as_text, soak

REACHED = detect().reached


@pytest.mark.slow
@pytest.mark.skipif(REACHED is None, reason="this host reaches no tier of isolation at all")
def test_600_jobs_leave_nothing_behind() -> None:
    assert REACHED is not None
    report = soak(600, REACHED, REDUCED, "import ctypes, threading", samples=6)
    problems = report.check()
    assert not problems, as_text(report, problems)
    assert sum(report.endings.values()) == 600


def _sample(jobs: int, **changed: float) -> Sample:
    usual = {
        "rss_bytes": 50 << 20,
        "descriptors": 30,
        "threads": 4,
        "children": 3,
        "groups": 3,
        "mounts": 40,
        "files": 0,
        "zygotes": 1,
        "ready": 2,
        "wall_s": jobs / 20,
        "cpu_s": jobs / 20,
    }
    return Sample(jobs=jobs, **{**usual, **changed})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"rss_bytes": 90 << 20}, "memory"),
        ({"descriptors": 31}, "descriptors"),
        ({"threads": 5}, "threads"),
        ({"children": 4}, "children"),
        ({"groups": 5}, "groups"),
        ({"mounts": 41}, "mounts"),
        ({"files": 1}, "files"),
        ({"ready": 1}, "ready"),
        ({"cpu_s": 40.0}, "throughput"),
    ],
)
def test_each_leak_is_found(changed: dict[str, float], told: str) -> None:
    samples = [_sample(0), _sample(100), _sample(200), _sample(300), _sample(400, **changed)]
    (problem,) = Report("native", 400, samples).check()
    assert problem.startswith(told)


def test_nothing_wrong_is_nothing_told() -> None:
    samples = [_sample(number * 100) for number in range(5)]
    assert Report("native", 400, samples).check() == []
