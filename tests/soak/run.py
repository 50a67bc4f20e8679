"""Run many jobs through one pool, one in five hostile, and watch what piles up.

Nothing may: memory, descriptors, threads and children of the supervisor, control groups, mounts,
temporary files, places of the pool. Throughput, in jobs a second of CPU time so that a busy machine
does not show, must be as good at the end as at the start.
"""

import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyvorin_server.sandbox import cgroups, policies
from pyvorin_server.sandbox.jail import Jail
from pyvorin_server.sandbox.model import Ending, Limits
from pyvorin_server.sandbox.plan import JailSpec
from pyvorin_server.sandbox.pool import Pool
from pyvorin_server.sandbox.tiers import Tier
from pyvorin_server.sandbox.warm import Nursery

from tests.attacks.ground import control_groups
from tests.soak.jobs import STARTER, Job, honest, hostile

LIMITS = Limits(
    wall_s=2.0,
    cpu_s=1.0,
    memory_bytes=128 << 20,
    pids=8,
    output_bytes=1 << 20,
    file_bytes=4 << 20,
)
REDUCED = Limits(
    wall_s=1.5,
    cpu_s=0.2,
    memory_bytes=64 << 20,
    pids=6,
    output_bytes=1 << 18,
    file_bytes=1 << 20,
)
AT_ONCE = 2
HOSTILE_EACH = 5
_SETTLE_S = 30.0
_ROOM_BYTES = 8 << 20  # allocators and caches breathe
_FLAT = 0.7  # throughput at the end, as a share of that at the start


@dataclass(frozen=True, slots=True)
class Sample:
    """What there is after `jobs` jobs, with no job running."""

    jobs: int
    rss_bytes: int
    descriptors: int
    threads: int
    children: int
    groups: int
    mounts: int
    files: int
    zygotes: int
    ready: int
    wall_s: float
    cpu_s: float | None


@dataclass(slots=True)
class Report:
    tier: str
    jobs: int
    samples: list[Sample] = field(default_factory=list)
    endings: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def check(self) -> list[str]:
        """What is wrong, in words; empty when nothing is."""
        first, last = self.samples[1], self.samples[-1]
        found = list(self.faults)
        for name in ("descriptors", "threads", "mounts", "files", "ready"):
            before, after = getattr(first, name), getattr(last, name)
            if after != before:
                found.append(f"{name}: {before} after {first.jobs} jobs, {after} after {last.jobs}")
        for name in ("children", "groups"):
            if getattr(last, name) > getattr(first, name):
                found.append(f"{name}: {getattr(first, name)} became {getattr(last, name)}")
        if last.rss_bytes > first.rss_bytes + _ROOM_BYTES:
            found.append(f"memory: {first.rss_bytes >> 20} MiB became {last.rss_bytes >> 20} MiB")
        early, late = self._throughput(1), self._throughput(-1)
        if early and late and late < _FLAT * early:
            found.append(f"throughput: {early:.1f} became {late:.1f} jobs per second of CPU time")
        return found

    def _throughput(self, place: int) -> float | None:
        """Jobs a second of CPU time in the window that begins, or for -1 ends, at a sample."""
        pairs = list(zip(self.samples, self.samples[1:], strict=False))
        one, other = pairs[place] if len(pairs) > 2 else pairs[-1]
        if one.cpu_s is None or other.cpu_s is None or other.cpu_s == one.cpu_s:
            return None
        return (other.jobs - one.jobs) / (other.cpu_s - one.cpu_s)


def soak(jobs: int, tier: Tier, limits: Limits, preload: str, samples: int = 20) -> Report:
    """Run `jobs` jobs, two at a time, and look around `samples` times."""
    report = Report(str(tier), jobs)
    begun = time.monotonic()
    earlier = set(_children(os.getpid()))  # of whatever else this process does
    with _counted() as group:
        nursery = Nursery(sys.executable, preload)
        spec = JailSpec((sys.executable, "-I", "-c", STARTER), limits, policies.CHECK, tier)
        with (
            Pool(lambda: Jail(spec, nursery), AT_ONCE) as pool,
            ThreadPoolExecutor(AT_ONCE) as executor,
        ):
            step = max(1, jobs // samples)
            for start in range(0, jobs, step):
                report.samples.append(_look(start, pool, nursery, group, begun))
                window = range(start, min(start + step, jobs))
                for job, problem, ending in executor.map(lambda n: _run(n, pool), window):
                    report.endings[f"{job.name}: {ending}"] += 1
                    if problem:
                        report.faults.append(problem)
            report.samples.append(_look(jobs, pool, nursery, group, begun))
        nursery.close()
    report.faults += _left_behind(earlier)
    return report


def _run(number: int, pool: Pool) -> tuple[Job, str, Ending]:
    is_hostile = number % HOSTILE_EACH == HOSTILE_EACH - 1
    job = hostile(number // HOSTILE_EACH) if is_hostile else honest(number)
    result = pool.run(job.code.encode())
    problem = ""
    if result.ending not in job.endings:
        problem = f"job {number}, {job.name}: ended as {result.ending}: {result.message}"
    elif job.answer is not None and result.stdout != job.answer:
        problem = f"job {number}, {job.name}: answered {result.stdout[:80]!r}"
    return job, problem, result.ending


@contextmanager
def _counted() -> Iterator[cgroups.Group]:
    """Move this process into a control group that counts CPU time of all it starts."""
    group = cgroups.Group.create(Limits(memory_bytes=1 << 40, pids=8000, cpus=256.0))
    try:
        group.attach(os.getpid())
    except OSError:
        group.reasons.clear()
    try:
        yield group
    finally:
        for directory in set(group.directories.values()):
            (directory.parent / "cgroup.procs").write_text(str(os.getpid()))
        group.remove()


def _look(jobs: int, pool: Pool, nursery: Nursery, group: cgroups.Group, begun: float) -> Sample:
    pool.wait_ready(_SETTLE_S)
    return Sample(
        jobs=jobs,
        rss_bytes=int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"),
        descriptors=len(os.listdir("/proc/self/fd")),
        threads=threading.active_count(),
        children=len(_children(os.getpid())) + len(_children(nursery.pid or 0)),
        groups=len(control_groups(os.getpid())),
        mounts=len(Path("/proc/self/mountinfo").read_text().splitlines()),
        files=len(list(Path(tempfile.gettempdir()).glob(f"pyvorin-scratch-{os.getpid()}-*"))),
        zygotes=nursery.zygotes,
        ready=pool.health().ready,
        wall_s=round(time.monotonic() - begun, 2),
        cpu_s=group.cpu_s(),
    )


def _children(process: int) -> list[str]:
    found: list[str] = []
    tasks = Path(f"/proc/{process}/task")
    for task in tasks.iterdir() if tasks.exists() else ():
        found += (task / "children").read_text().split()
    return found


def _left_behind(earlier: set[str]) -> list[str]:
    groups, children = control_groups(os.getpid()), set(_children(os.getpid())) - earlier
    found = [f"control groups left behind: {sorted(groups)}"] if groups else []
    return found + ([f"processes left behind: {sorted(children)}"] if children else [])


def as_json(report: Report, problems: list[str]) -> dict[str, Any]:
    names = Sample.__dataclass_fields__
    return {
        "tier": report.tier,
        "jobs": report.jobs,
        "problems": problems,
        "endings": dict(sorted(report.endings.items())),
        "samples": [{name: getattr(each, name) for name in names} for each in report.samples],
    }


def as_text(report: Report, problems: list[str]) -> str:
    head = "  jobs   MiB  fds  threads  children  groups  mounts  zygotes   wall s    CPU s"
    lines = [head + "  jobs/CPU s"]
    before: Sample | None = None
    for each in report.samples:
        rate = ""
        if before is not None and each.cpu_s is not None and before.cpu_s is not None:
            rate = f"{(each.jobs - before.jobs) / max(each.cpu_s - before.cpu_s, 1e-9):.1f}"
        lines.append(
            f"{each.jobs:>6}  {each.rss_bytes >> 20:>4}  {each.descriptors:>3}  {each.threads:>7}"
            f"  {each.children:>8}  {each.groups:>6}  {each.mounts:>6}  {each.zygotes:>7}"
            f"  {each.wall_s:>7.1f}  {each.cpu_s or 0:>7.1f}  {rate:>10}"
        )
        before = each
    lines += ["", *(f"{count:>6}  {name}" for name, count in sorted(report.endings.items()))]
    lines += ["", *(problems or ["nothing piled up"])]
    return "\n".join(lines) + "\n"
