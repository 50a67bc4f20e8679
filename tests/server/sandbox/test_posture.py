import os

import pytest
from pyvorin_server.sandbox.posture import faults_of, runtime_faults


def test_an_ordinary_process_has_every_fault() -> None:
    found = faults_of(
        os.getpid(), job_uid=12345, namespaces=True, confined=True, group="pyvorin-jail-x"
    )
    told = "; ".join(found)
    for part in ("12345", "privileges", "seccomp", "namespace", "not in control group"):
        assert part in told


@pytest.mark.skipif(os.geteuid() != 0, reason="looks at a process with kernel uid 0")
def test_kernel_uid_0_is_a_fault() -> None:
    assert "kernel uid 0" in faults_of(
        os.getpid(), job_uid=None, namespaces=False, confined=True, group=None
    )


def test_a_process_that_is_gone_is_a_fault() -> None:
    assert (
        "cannot be read"
        in faults_of(4194999, job_uid=1, namespaces=True, confined=True, group=None)[0]
    )


def test_a_runtime_needs_the_jobs_user_and_a_filter() -> None:
    found = "; ".join(runtime_faults([os.getpid()], 12345))
    assert "12345" in found
    assert "filter" in found
