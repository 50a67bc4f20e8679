"""Try every attack on this machine and print what happened. Exit 1 if one got through.

python -m tests.attacks                all rows
python -m tests.attacks S07            rows whose name holds "S07"
"""

import argparse
import sys
from collections import Counter

from tests.attacks.ground import Ground
from tests.attacks.table import Finding, Standing, carry_out_all


def main() -> int:
    parser = argparse.ArgumentParser(description="try every attack and print the outcome")
    parser.add_argument("wanted", nargs="?", default="", help="part of an id, place or title")
    wanted = parser.parse_args().wanted
    counts: Counter[Standing] = Counter()
    with Ground() as ground:
        for finding in carry_out_all(ground, wanted):
            counts[finding.standing] += 1
            print(_line(finding), flush=True)
    print(", ".join(f"{counts[standing]} {standing}" for standing in Standing))
    if not counts:
        print(f"no attack is named {wanted!r}")
    return 1 if counts[Standing.BREACHED] or not counts else 0


def _line(finding: Finding) -> str:
    row = finding.attack
    how = finding.how.replace("\n", " ")
    return f"{finding.standing:<9} {row.id:<4} {row.where:<24} {row.title:<48} {how}"


if __name__ == "__main__":
    sys.exit(main())
