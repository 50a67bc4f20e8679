"""Zygotes: what they give their jails, what they keep to themselves, and when they are replaced."""

import os
import signal
import sys
import time
from collections.abc import Iterator

import pytest
from pyvorin_server.sandbox import policies
from pyvorin_server.sandbox.detect import detect
from pyvorin_server.sandbox.jail import Jail
from pyvorin_server.sandbox.model import Ending, JailRefused, JobResult, Limits
from pyvorin_server.sandbox.runner import make_spec
from pyvorin_server.sandbox.tiers import Tier
from pyvorin_server.sandbox.warm import Nursery

pytestmark = pytest.mark.skipif(
    detect().reached is None, reason="this host reaches no tier of isolation at all"
)
PRELOAD = "import decimal; preloaded = 1"


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    made = Nursery(sys.executable, PRELOAD)
    yield made
    made.close()


def run(nursery: Nursery, code: str, stdin: bytes = b"") -> JobResult:
    spec = make_spec(
        (sys.executable, "-I", "-c", code, "one", "two"),
        Limits(wall_s=30.0),
        policies.COMPILE,
        tier_required=Tier.RESTRICTED,
    )
    with Jail(spec, nursery) as jail:
        return jail.run(stdin)


def test_a_forked_job_is_what_a_started_one_would_be(nursery: Nursery) -> None:
    code = (
        "import os, sys, tempfile; print(__name__, sys.argv, sys.flags.isolated, os.getcwd(),"
        "tempfile.gettempdir(), sorted(os.environ), sys.stdin.read(), globals().get('preloaded'))"
    )
    warm = run(nursery, code, b"in")
    cold_spec = make_spec(
        (sys.executable, "-I", "-c", code, "one", "two"),
        Limits(),
        policies.COMPILE,
        tier_required=Tier.RESTRICTED,
    )
    with Jail(cold_spec) as jail:
        cold = jail.run(b"in")
    assert warm.ending is Ending.OK, warm.stderr_tail
    assert warm.stdout == cold.stdout
    assert (warm.tier, warm.layers) == (cold.tier, cold.layers)


def test_a_forked_job_finds_its_streams_as_a_started_one_does(nursery: Nursery) -> None:
    """They were a device when the zygote started; now they are pipes, which cannot be sought in."""
    code = (
        "import sys\n"
        "for name in ('stdin', 'stdout', 'stderr', '__stdin__', '__stdout__', '__stderr__'):\n"
        "    s = getattr(sys, name)\n"
        "    s.reconfigure(errors='backslashreplace')\n"
        "    print(s.name, s.mode, s.encoding, s.seekable(), s.line_buffering, s.buffer.seekable())"
    )
    warm = run(nursery, code)
    spec = make_spec(
        (sys.executable, "-I", "-c", code),
        Limits(wall_s=30.0),
        policies.COMPILE,
        tier_required=Tier.RESTRICTED,
    )
    with Jail(spec) as jail:
        cold = jail.run(b"")
    assert warm.ending is Ending.OK, warm.stderr_tail
    assert (warm.stdout.count(b"\n"), warm.stdout) == (6, cold.stdout)


def test_modules_are_there_without_being_imported(nursery: Nursery) -> None:
    assert run(nursery, "import sys; print('decimal' in sys.modules)").stdout == b"True\n"


def test_jobs_of_one_zygote_see_nothing_of_each_other(nursery: Nursery) -> None:
    run(nursery, "import decimal; decimal.planted = 1; open('left', 'w').write('x')")
    code = "import decimal, os; print(hasattr(decimal, 'planted'), os.listdir('.'))"
    assert run(nursery, code).stdout == b"False []\n"


def test_forked_jobs_do_not_share_random_numbers(nursery: Nursery) -> None:
    code = "import random; print(random.random())"
    assert run(nursery, code).stdout != run(nursery, code).stdout


def test_exit_codes_tracebacks_and_messages_come_back(nursery: Nursery) -> None:
    assert run(nursery, "import sys; sys.exit(7)").exit_code == 7
    assert "ZeroDivisionError" in run(nursery, "1 / 0").stderr_tail
    told = run(nursery, "raise SystemExit('no more')")
    assert (told.exit_code, told.stderr_tail) == (1, "no more\n")


def test_a_used_up_zygote_is_replaced() -> None:
    nursery = Nursery(sys.executable, PRELOAD, max_forks=2)
    try:
        seeds = {run(nursery, "print(hash('x'))").stdout for _ in range(4)}
        assert nursery.zygotes == 2
        assert len(seeds) == 2
    finally:
        nursery.close()


def test_a_killed_zygote_is_replaced_and_its_jails_can_be_destroyed(nursery: Nursery) -> None:
    spec = make_spec(
        (sys.executable, "-I", "-c", "import sys; sys.stdin.read(); print(1)"),
        Limits(),
        policies.COMPILE,
        tier_required=Tier.RESTRICTED,
    )
    jail = Jail(spec, nursery)
    assert nursery.pid is not None
    os.kill(nursery.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while os.path.exists(f"/proc/{jail.keeper}") is False and time.monotonic() < deadline:
        time.sleep(0.01)
    assert jail.run(b"").stdout == b"1\n"
    assert run(nursery, "print(2)").stdout == b"2\n"
    assert nursery.zygotes == 2


def test_a_zygote_that_does_not_come_up_is_a_refusal() -> None:
    with pytest.raises(JailRefused, match="ZeroDivisionError"):
        run(Nursery(sys.executable, "1 / 0"), "pass")
    with pytest.raises(JailRefused, match="zygote"):
        run(Nursery("/nonexistent/python", ""), "pass")


def test_a_zygote_with_threads_is_refused() -> None:
    preload = "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()"
    with pytest.raises(JailRefused, match="started 1 threads"):
        run(Nursery(sys.executable, preload), "pass")


def test_no_process_stays_behind(nursery: Nursery) -> None:
    for _ in range(3):
        run(nursery, "pass")
    children = f"/proc/{nursery.pid}/task/{nursery.pid}/children"
    with open(children) as listed:
        assert listed.read() == ""
    pid = nursery.pid
    nursery.close()
    assert not os.path.exists(f"/proc/{pid}")
    with pytest.raises(JailRefused, match="closed"):
        run(nursery, "pass")
