"""What a jail costs: `python bench/jails.py`, as root for the `native` tier.

dispatch    from handing a job to a pool of ready jails until the job has read its input, and until
            its answer is back and the jail is gone; an empty job
start       making one jail, cold (exec) and warm (fork of a zygote)
overhead    CPU of one small compile job, everything included (supervisor, zygote, making and
            destroying the jail), over CPU of the same work in a forked process without a jail;
            pairs alternate, the median of the ratios is reported

CPU times are a control group's own count, so they hold on a busy machine; wall times do not.
Writes `bench/results/jails.json`, for another tier than native `jails-TIER.json`.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyvorin_server.builds.jails import PRELOAD
from pyvorin_server.sandbox import inside, policies, zygote
from pyvorin_server.sandbox.cgroups import Group
from pyvorin_server.sandbox.jail import Jail
from pyvorin_server.sandbox.model import Ending, Limits
from pyvorin_server.sandbox.plan import JailSpec
from pyvorin_server.sandbox.pool import Pool
from pyvorin_server.sandbox.tiers import Tier
from pyvorin_server.sandbox.warm import Nursery
from pyvorin_wire import frames

RESULTS = Path(__file__).parent / "results"
GENEROUS = Limits(memory_bytes=8 << 30, pids=4000, cpus=64.0)
EMPTY = "import sys, time; sys.stdin.read(); print(time.time())"  # a clock all kernels share
PROGRAM = '''
def digits(number, base):
    """
    >>> digits(255, 16)
    30
    >>> digits(10 ** 6, 10)
    1
    """
    total = 0
    while number:
        total += number % base
        number //= base
    return total


def collatz(start):
    """
    >>> collatz(27)
    111
    """
    steps = 0
    while start != 1:
        start = start // 2 if start % 2 == 0 else 3 * start + 1
        steps += 1
    return steps
'''


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tier", type=Tier, default=Tier.NATIVE)
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--only", choices=("dispatch", "start", "overhead"))
    options = parser.parse_args()
    group = Group.create(GENEROUS)
    group.attach(os.getpid())  # everything started from here is counted below it
    try:
        parts: dict[str, Callable[[], Any]] = {
            "dispatch": lambda: dispatch(options.tier, options.jobs),
            "start": lambda: starts(options.tier),
            "overhead": lambda: overhead(options.tier, options.pairs, group),
        }
        result = {
            "machine": f"{os.cpu_count()} cores, {platform.platform()}, load {os.getloadavg()[0]}",
            "python": platform.python_version(),
            "tier": options.tier,
            **{name: run() for name, run in parts.items() if options.only in (None, name)},
        }
    finally:
        _leave(group)
    RESULTS.mkdir(exist_ok=True)
    name = "jails.json" if options.tier is Tier.NATIVE else f"jails-{options.tier}.json"
    (RESULTS / name).write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    return 0


def _leave(group: Group) -> None:
    for directory in set(group.directories.values()):
        (directory.parent / "cgroup.procs").write_text(str(os.getpid()))
    group.remove()


def dispatch(tier: Tier, jobs: int) -> dict[str, Any]:
    """Empty jobs one at a time, each when the pool is full again."""
    nursery = Nursery(sys.executable, PRELOAD)
    spec = JailSpec((sys.executable, "-I", "-c", EMPTY), Limits(), policies.COMPILE, tier)
    begun, back = [], []
    with Pool(lambda: Jail(spec, nursery), 2) as pool:
        for _ in range(jobs):
            pool.wait_ready(60.0)
            before = time.time()
            result = pool.run(b"x")
            back.append((time.time() - before) * 1000)
            begun.append((float(result.stdout) - before) * 1000)
    nursery.close()
    return {"jobs": jobs, "to_job_ms": _spread(begun), "to_answer_ms": _spread(back)}


def starts(tier: Tier) -> dict[str, Any]:
    nursery = Nursery(sys.executable, PRELOAD)
    argv = (sys.executable, "-I", "-m", "pyvorin", "worker")
    spec = JailSpec(argv, Limits(), policies.COMPILE, tier)
    Jail(spec, nursery).destroy()
    found = {}
    for name, starter in (("cold", None), ("warm", nursery)):
        times = []
        for _ in range(20):
            before = time.monotonic()
            jail = Jail(spec, starter)
            times.append((time.monotonic() - before) * 1000)
            jail.destroy()
        found[f"{name}_ms"] = _spread(times)
    nursery.close()
    return found


def overhead(tier: Tier, pairs: int, group: Group) -> dict[str, Any]:
    exec(PRELOAD, {})
    gc.collect()
    gc.freeze()  # as the zygote does, so that both sides fork from the same
    nursery = Nursery(sys.executable, PRELOAD)
    argv = (sys.executable, "-I", "-m", "pyvorin", "worker")
    spec = JailSpec(argv, Limits(), policies.COMPILE, tier)
    message = _request()

    def jailed() -> bytes:
        with Jail(spec, nursery) as jail:
            result = jail.run(message)
        assert result.ending is Ending.OK, result
        return result.stdout

    def plain() -> bytes:
        return _forked(list(argv[2:]), message)

    assert jailed() == plain(), "the two did not do the same work"
    one: list[float] = []
    other: list[float] = []
    for number in range(pairs):
        for run, into in ((plain, one), (jailed, other))[:: 1 if number % 2 else -1]:
            into.append(_cpu_of(run, group))
    nursery.close()
    ratios = [b / a for a, b in zip(one, other, strict=True)]
    return {
        "pairs": pairs,
        "plain_cpu_ms": _spread([each * 1000 for each in one]),
        "jailed_cpu_ms": _spread([each * 1000 for each in other]),
        "median_ratio": round(statistics.median(ratios), 3),
    }


def _cpu_of(run: Callable[[], bytes], group: Group) -> float:
    before = group.cpu_s()
    run()
    after = group.cpu_s()
    assert before is not None
    assert after is not None, "this host counts no CPU time per group"
    return after - before


def _forked(arguments: list[str], stdin: bytes) -> bytes:
    """The job in a fork of this process, which has the same modules loaded, without a jail."""
    (job_in, our_in), (our_out, job_out) = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(job_in, 0)
        os.dup2(job_out, 1)
        os.closerange(3, 256)
        zygote.open_streams()
        try:
            inside.run(arguments)
        except SystemExit:
            pass
        finally:
            inside.leave(0)
    for descriptor in (job_in, job_out):
        os.close(descriptor)
    with open(our_in, "wb") as writer:
        writer.write(stdin)
    with open(our_out, "rb") as reader:
        answer = reader.read()
    os.waitpid(child, 0)
    return answer


def _request() -> bytes:
    out = io.BytesIO()
    asked = {"op": "compile", "path": "small.py", "source": PROGRAM, "functions": None}
    frames.write_json(out, {**asked, "options": {}, "examples": None})
    frames.write_end(out)
    return out.getvalue()


def _spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "p50": round(statistics.median(ordered), 2),
        "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 2),
        "least": round(ordered[0], 2),
    }


if __name__ == "__main__":
    sys.exit(main())
