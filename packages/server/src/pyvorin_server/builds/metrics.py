"""Figures of the pools for whoever watches the service, as a Prometheus text file.

Written anew every few seconds to `run/worker.prom`, for node_exporter's textfile collector or for
reading: a worker opens no port. Figures of all organisations are added up, so that none is named.
Ref: prometheus.io/docs/instrumenting/exposition_formats.
"""

import asyncio
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import structlog

from pyvorin_server.builds.jails import Jails
from pyvorin_server.sandbox.model import Ending
from pyvorin_server.sandbox.pool import PoolHealth

FILE: Final = "worker.prom"
_EACH_S: Final = 5.0
_FIGURES: Final = (
    ("ready", "gauge", "jails that wait for a job"),
    ("running", "gauge", "jobs in a jail"),
    ("waiting", "gauge", "jobs that wait for a jail"),
    ("made", "counter", "jails made"),
    ("lost", "counter", "jails that died while they waited"),
    ("turned_away", "counter", "jobs that found too many waiting"),
    ("waited_s", "counter", "seconds that jobs waited for a jail, all together"),
)
_NAMES: Final = {"waited_s": "waited_seconds"}
_log = structlog.get_logger("worker")

Pools = Mapping[tuple[str, str], list[PoolHealth]]  # by Python tag and kind of job


def text(pools: Pools) -> str:
    """The exposition; the same figures in the same order for the same pools."""
    lines: list[str] = []
    for field, kind, says in _FIGURES:
        name = f"pyvorin_jails_{_NAMES.get(field, field)}" + "_total" * (kind == "counter")
        sums = (
            (labels, sum(getattr(one, field) for one in all_)) for labels, all_ in pools.items()
        )
        lines += _family(name, kind, says, ((_labels(*labels), value) for labels, value in sums))
    healthy = ((_labels(*key), all(one.is_healthy for one in all_)) for key, all_ in pools.items())
    lines += _family("pyvorin_jails_healthy", "gauge", "whether jails can be made", healthy)
    lines += _family("pyvorin_jobs_total", "counter", "jobs by how they ended", _endings(pools))
    return "\n".join(lines) + "\n"


def _endings(pools: Pools) -> Iterator[tuple[str, float]]:
    for (target, kind), all_ in pools.items():
        found: Counter[Ending] = Counter()
        for one in all_:
            found.update(one.endings)
        for ending in Ending:
            yield _labels(target, kind, ending=ending.value), found[ending]


def _family(name: str, kind: str, says: str, samples: Iterable[tuple[str, float]]) -> Iterator[str]:
    yield f"# HELP {name} {says}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        yield f"{name}{{{labels}}} {value:g}"


def _labels(target: str, kind: str, **more: str) -> str:
    pairs = {"python": target, "kind": kind, **more}
    return ",".join(f'{name}="{value}"' for name, value in pairs.items())


def write(folder: Path, jails: Mapping[str, Jails]) -> None:
    """Replace the file in one step, so that nobody reads half of it."""
    pools = {
        (tag, kind): all_ for tag, each in jails.items() for kind, all_ in each.health().items()
    }
    part = folder / f".{FILE}"
    part.write_text(text(pools))
    os.replace(part, folder / FILE)


async def keep_writing(folder: Path, jails: Mapping[str, Jails]) -> None:
    """Write for ever; a full disk is logged and must end nothing."""
    while True:
        try:
            await asyncio.to_thread(write, folder, jails)
        except OSError as error:
            _log.error("metrics not written", error=type(error).__name__)
        await asyncio.sleep(_EACH_S)
