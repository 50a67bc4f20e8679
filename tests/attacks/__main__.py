"""Try every attack on this machine and print what happened. Exit 1 if one got through.

python -m tests.attacks                all rows
python -m tests.attacks S07            rows whose name holds "S07"
python -m tests.attacks --jobs 4       in so many processes, each with canaries of its own
python -m tests.attacks --microvm      one row of each id in a micro-VM, which takes minutes
"""

import argparse
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Iterator
from multiprocessing.queues import SimpleQueue

from tests.attacks.ground import Ground
from tests.attacks.table import MICROVM_VARIABLE, Standing, carry_out, rows

Line = tuple[Standing, str, str, str]  # standing, id, place, what to print
Matrix = dict[str, dict[str, Counter[Standing]]]  # id → place → how many


def main() -> int:
    parser = argparse.ArgumentParser(description="try every attack and print the outcome")
    parser.add_argument("wanted", nargs="?", default="", help="part of an id, place or title")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--microvm", action="store_true")
    options = parser.parse_args()
    if options.microvm:
        os.environ[MICROVM_VARIABLE] = "1"
        firsts = {row.id: index for index, row in enumerate(rows()) if "check/microvm" in row.name}
        wanted = [index for index in firsts.values() if options.wanted in rows()[index].name]
    else:
        wanted = [index for index, row in enumerate(rows()) if options.wanted in row.name]
    counts: Counter[Standing] = Counter()
    breaches: list[str] = []
    matrix: Matrix = {}
    for standing, id, where, line in _findings(wanted, options.jobs):
        counts[standing] += 1
        matrix.setdefault(id, {}).setdefault(where, Counter())[standing] += 1
        print(line, flush=True)
        if standing is Standing.BREACHED:
            breaches.append(line)
    print(
        "\n".join(
            ["", *_table(matrix), "", *breaches, ", ".join(f"{counts[s]} {s}" for s in Standing)]
        )
    )
    if counts.total() != len(wanted) or not wanted:
        print(f"{len(wanted)} rows were wanted")
        return 1
    return 1 if breaches else 0


def _table(matrix: Matrix) -> Iterator[str]:
    """Attack × place: how many rows held, or what else happened."""
    places = sorted({where for row in matrix.values() for where in row})
    widths = [max(len(place), 8) for place in places]
    head = [f"{place:>{width}}" for place, width in zip(places, widths, strict=True)]
    yield "      " + "  ".join(head)
    for id, row in sorted(matrix.items()):
        cells = [_cell(row.get(place, Counter())) for place in places]
        columns = [f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)]
        yield f"{id:<6}" + "  ".join(columns)


def _cell(counts: Counter[Standing]) -> str:
    for worst in (Standing.BREACHED, Standing.NOT_TRIED):
        if counts[worst]:
            return f"{counts[worst]} {worst}"
    return f"{counts[Standing.HELD]} held" if counts else "-"


def _findings(wanted: list[int], jobs: int) -> Iterator[Line]:
    """Findings as they come, from `jobs` processes that share the rows out evenly."""
    queue: SimpleQueue[Line | None] = multiprocessing.SimpleQueue()
    shares = [wanted[start::jobs] for start in range(jobs)]
    workers = [multiprocessing.Process(target=_work, args=(share, queue)) for share in shares]
    for worker in workers:
        worker.start()
    for _ in workers:
        yield from iter(queue.get, None)
    for worker in workers:
        worker.join()


def _work(share: list[int], queue: "SimpleQueue[Line | None]") -> None:
    try:
        with Ground() as ground:
            for index in share:
                finding = carry_out(rows()[index], ground)
                row, how = finding.attack, finding.how.replace("\n", " ")
                line = f"{finding.standing:<9} {row.id:<4} {row.where:<20} {row.title:<52} {how}"
                queue.put((finding.standing, row.id, row.where, line))
    finally:
        queue.put(None)


if __name__ == "__main__":
    sys.exit(main())
