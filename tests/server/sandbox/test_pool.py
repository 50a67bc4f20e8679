"""The pool alone, over jails that are only noted down; real jails are in test_jail.py."""

import threading
import time
from collections.abc import Callable

import pytest
from pyvorin_server.sandbox.model import (
    Ending,
    JailRefused,
    JobResult,
    Listener,
    PoolBusy,
    PoolClosed,
    SandboxError,
)
from pyvorin_server.sandbox.pool import Pool
from pyvorin_server.sandbox.tiers import Tier

TIMEOUT_S = 20.0


class FakeJail:
    """Answers with its input once `may_end` is set."""

    def __init__(self, may_end: threading.Event | None = None) -> None:
        self.started_at = time.monotonic()
        self.alive = True
        self.runs = 0
        self.destroyed = False
        self.may_end = may_end

    def is_alive(self) -> bool:
        return self.alive

    def destroy(self) -> None:
        self.destroyed = True

    def run(
        self,
        stdin: bytes,
        cancel: threading.Event | None = None,
        listener: Listener | None = None,
    ) -> JobResult:
        self.runs += 1
        if self.may_end is not None:
            self.may_end.wait(TIMEOUT_S)
        self.destroyed = True
        return JobResult(
            ending=Ending.OK,
            message="",
            signal=None,
            exit_code=0,
            stdout=stdin,
            stderr_tail="",
            tier=Tier.NATIVE,
            layers=frozenset(),
            wall_s=0.0,
            cpu_s=0.0,
            max_rss_bytes=0,
        )


class Workshop:
    """Makes fake jails and remembers them."""

    def __init__(self) -> None:
        self.jails: list[FakeJail] = []
        self.refusal: Exception | None = None
        self.may_end: threading.Event | None = None

    def make(self) -> FakeJail:
        if self.refusal is not None:
            raise self.refusal
        self.jails.append(FakeJail(self.may_end))
        return self.jails[-1]


@pytest.fixture
def workshop() -> Workshop:
    return Workshop()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_each_jail_serves_one_job_and_is_replaced(workshop: Workshop) -> None:
    with Pool(workshop.make, 2) as pool:
        assert [pool.run(bytes([i])).stdout for i in range(6)] == [bytes([i]) for i in range(6)]
        assert pool.wait_ready(TIMEOUT_S)
    assert all(jail.runs <= 1 for jail in workshop.jails)
    assert sum(jail.runs for jail in workshop.jails) == 6


def test_no_jail_is_left_when_closed(workshop: Workshop) -> None:
    with Pool(workshop.make, 3) as pool:
        pool.wait_ready(TIMEOUT_S)
    assert all(jail.destroyed for jail in workshop.jails)
    with pytest.raises(PoolClosed):
        pool.run(b"")


def test_one_more_than_may_wait_is_told_so_at_once(workshop: Workshop) -> None:
    workshop.may_end = threading.Event()
    with Pool(workshop.make, 1, max_waiting=1) as pool:
        threads = [threading.Thread(target=pool.run, args=(b"",)) for _ in range(2)]
        threads[0].start()
        wait_until(lambda: pool.health().running == 1)
        threads[1].start()
        wait_until(lambda: pool.health().waiting == 1)
        with pytest.raises(PoolBusy):
            pool.run(b"")
        assert pool.health().turned_away == 1
        workshop.may_end.set()
        for thread in threads:
            thread.join(TIMEOUT_S)


def test_at_most_size_jobs_run_at_once(workshop: Workshop) -> None:
    workshop.may_end = threading.Event()
    with Pool(workshop.make, 2) as pool:
        threads = [threading.Thread(target=pool.run, args=(b"",)) for _ in range(5)]
        for thread in threads:
            thread.start()
        wait_until(lambda: pool.health().running == 2 and pool.health().ready == 2)
        assert pool.health().waiting == 3
        workshop.may_end.set()
        for thread in threads:
            thread.join(TIMEOUT_S)


def test_a_jail_that_died_while_waiting_is_replaced(workshop: Workshop) -> None:
    with Pool(workshop.make, 1) as pool:
        pool.wait_ready(TIMEOUT_S)
        workshop.jails[0].alive = False
        assert pool.run(b"x").stdout == b"x"
        assert workshop.jails[0].runs == 0
        assert workshop.jails[0].destroyed
        assert pool.health().lost == 1


def test_an_old_jail_is_replaced(workshop: Workshop) -> None:
    with Pool(workshop.make, 1, max_age_s=0.01) as pool:
        wait_until(lambda: pool.health().made >= 2)
        assert workshop.jails[0].destroyed


def test_a_refusal_reaches_the_job_and_heals(workshop: Workshop) -> None:
    workshop.refusal = JailRefused("seccomp", "not here")
    with Pool(workshop.make, 1) as pool:
        with pytest.raises(JailRefused, match="not here"):
            pool.run(b"")
        assert not pool.health().is_healthy
        workshop.refusal = None
        assert pool.wait_ready(TIMEOUT_S)
        assert pool.run(b"x").stdout == b"x"
        assert pool.health().is_healthy


def test_endings_and_waiting_are_counted(workshop: Workshop) -> None:
    with Pool(workshop.make, 1) as pool:
        for _ in range(3):
            pool.run(b"")
        assert pool.health().endings == {Ending.OK: 3}
        assert pool.health().waited_s > 0


def test_an_unexpected_error_does_not_stop_the_filling(workshop: Workshop) -> None:
    workshop.refusal = OSError(24, "Too many open files")
    with Pool(workshop.make, 1) as pool:
        with pytest.raises(JailRefused, match="Too many open files"):
            pool.run(b"")
        workshop.refusal = None
        assert pool.wait_ready(TIMEOUT_S)
        assert pool.run(b"x").stdout == b"x"


def test_a_jail_that_cannot_be_removed_is_reported(workshop: Workshop) -> None:
    class Stuck(FakeJail):
        def run(
            self,
            stdin: bytes,
            cancel: threading.Event | None = None,
            listener: Listener | None = None,
        ) -> JobResult:
            raise OSError(16, "Device or resource busy")

    with Pool(lambda: Stuck(), 1) as pool, pytest.raises(SandboxError, match="busy"):
        pool.run(b"")
