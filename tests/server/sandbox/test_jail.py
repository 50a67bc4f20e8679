"""Real jails of the best tier this host reaches."""

import itertools
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from pyvorin_server.sandbox import policies
from pyvorin_server.sandbox.detect import detect
from pyvorin_server.sandbox.jail import Jail
from pyvorin_server.sandbox.model import Bind, Ending, JailRefused, JobResult, Limits
from pyvorin_server.sandbox.pool import Pool
from pyvorin_server.sandbox.runner import make_spec, run_job
from pyvorin_server.sandbox.tiers import Tier

from tests.attacks.ground import control_groups

LIMITS = Limits(wall_s=30.0, cpu_s=20.0, memory_bytes=256 << 20, output_bytes=8 << 20)
ECHO = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"
SYSTEM_PYTHON = Path("/usr/bin/python3")
SOURCES = [path for path in sys.path if path.endswith("src")]

pytestmark = pytest.mark.skipif(
    detect().reached is None, reason="this host reaches no tier of isolation at all"
)


def run(code: str, stdin: bytes = b"", **options: object) -> JobResult:
    command = [sys.executable, "-I", "-c", code]
    return run_job(
        command,
        stdin,
        LIMITS,
        policies.CHECK,
        tier_required=Tier.RESTRICTED,
        **options,  # type: ignore[arg-type]
    )


def test_megabytes_go_in_and_out_at_once() -> None:
    data = os.urandom(5 << 20)
    result = run(ECHO, data)
    assert result.stdout == data
    assert result.ending is Ending.OK
    assert result.exit_code == 0


def test_input_that_nobody_reads_is_no_error() -> None:
    assert run("print(1)", bytes(5 << 20)).stdout == b"1\n"


def test_module_file_and_code_run_as_main(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import sys; print(__name__, sys.argv[1:], sys.flags.isolated)")
    tmp_path.chmod(0o755)
    options = {"tier_required": Tier.RESTRICTED, "binds": [Bind(script)]}
    for command in (["-m", "platform"], [str(script), "a"], ["-c", "print(__name__)"]):
        argv = [sys.executable, "-I", *command]
        result = run_job(argv, b"", LIMITS, policies.CHECK, **options)  # type: ignore[arg-type]
        assert result.ending is Ending.OK, result.stderr_tail
    assert result.stdout == b"__main__\n"


def test_traceback_and_exit_code_come_back() -> None:
    result = run("import sys; sys.exit(7)")
    assert (result.ending, result.exit_code, result.signal) == (Ending.CRASHED, 7, None)
    assert "ZeroDivisionError" in run("1 / 0").stderr_tail


def test_threads_end_before_the_job_does() -> None:
    code = (
        "import threading, time;"
        "threading.Thread(target=lambda: (time.sleep(0.2), print('late'))).start(); print('early')"
    )
    assert run(code).stdout == b"early\nlate\n"


def test_usage_is_measured() -> None:
    result = run("x = bytearray(64 << 20)\nfor _ in range(10 ** 6): pass")
    assert 0 < result.cpu_s < 20
    assert 0 < result.wall_s < 30
    assert 64 << 20 < result.max_rss_bytes < 256 << 20


def test_cancelling_ends_a_running_job_within_moments() -> None:
    cancel = threading.Event()
    threading.Timer(0.5, cancel.set).start()
    begun = time.monotonic()
    assert run("import time; time.sleep(1000)", cancel=cancel).ending is Ending.CANCELLED
    assert time.monotonic() - begun < 15


def test_a_listener_hears_the_job_before_it_ends() -> None:
    heard, cancel = [b""], threading.Event()

    def listen(stdout: bytearray) -> None:
        heard.append(bytes(stdout))
        if b"second" in stdout:
            cancel.set()

    code = "import time; print('first', flush=True); print('second', flush=True); time.sleep(1000)"
    argv = (sys.executable, "-I", "-c", code)
    jail = Jail(make_spec(argv, LIMITS, policies.CHECK, tier_required=Tier.RESTRICTED))
    assert jail.run(b"", cancel, listen).ending is Ending.CANCELLED
    assert heard[-1] == b"first\nsecond\n"
    assert all(after.startswith(before) for before, after in itertools.pairwise(heard))


def test_a_memory_hog_does_not_take_its_neighbour_along() -> None:
    results: list[JobResult] = []
    hog = threading.Thread(target=lambda: results.append(run("x = bytearray(1 << 30)")))
    hog.start()
    neighbour = run("import time; time.sleep(0.5); print('fine')")
    hog.join()
    assert neighbour.stdout == b"fine\n"
    assert results[0].ending in (Ending.MEMORY, Ending.CRASHED)


def test_an_unknown_interpreter_is_refused() -> None:
    with pytest.raises(JailRefused):
        run_job(["/nonexistent", "-I", "-c", "1"], b"", LIMITS, policies.CHECK)


def test_pool_of_real_jails_answers_and_leaves_nothing() -> None:
    argv = (sys.executable, "-I", "-c", ECHO)
    spec = make_spec(argv, LIMITS, policies.COMPILE, tier_required=Tier.RESTRICTED)
    with Pool(lambda: Jail(spec), 2) as pool:
        assert [pool.run(b"%d" % i).stdout for i in range(5)] == [b"%d" % i for i in range(5)]
        assert pool.wait_ready(60)
    assert not control_groups(os.getpid())


def test_destroying_twice_and_before_use_is_fine() -> None:
    argv = (sys.executable, "-I", "-c", ECHO)
    jail = Jail(make_spec(argv, LIMITS, policies.CHECK, tier_required=Tier.RESTRICTED))
    assert jail.is_alive()
    jail.destroy()
    jail.destroy()


UNPRIVILEGED = """
import sys
from pyvorin_server.sandbox import policies
from pyvorin_server.sandbox.model import Limits
from pyvorin_server.sandbox.runner import run_job
from pyvorin_server.sandbox.tiers import Tier
argv = [sys.executable, "-I", "-c", "import os; print(os.getuid(), os.listdir('.'))"]
result = run_job(argv, b"", Limits(), policies.CHECK, tier_required=Tier(sys.argv[1]))
print(result.tier, result.stdout, result.ending)
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not SYSTEM_PYTHON.exists(),
    reason="needs root to become another user, and a system Python that user may run",
)
@pytest.mark.parametrize("required", [Tier.NATIVE_NOCGROUP, Tier.NATIVE])
def test_an_unprivileged_supervisor_reaches_namespaces_but_no_cgroups(required: Tier) -> None:
    done = subprocess.run(
        [SYSTEM_PYTHON, "-c", UNPRIVILEGED, required],
        env={"PYTHONPATH": os.pathsep.join(SOURCES), "PYTHONDONTWRITEBYTECODE": "1"},
        user=4321,
        group=4321,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=600,
    )
    if required is Tier.NATIVE:
        assert "JailRefused" in done.stderr
        assert "native is required" in done.stderr
    else:
        assert done.stdout == "native-nocgroup b'65534 []\\n' ok\n", done.stderr
