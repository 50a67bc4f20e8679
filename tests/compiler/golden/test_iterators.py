"""enumerate, zip, reversed: nested, over what changes meanwhile, in variables, guards forced."""

from __future__ import annotations

from itertools import product

import pytest

from tests.compiler.golden.tables import compare, turns

pytestmark = pytest.mark.slow

SOURCE = """
class Loud(list):
    def __iter__(self):
        print("iter")
        return list.__iter__(self)
    def __reversed__(self):
        print("reversed")
        return list.__reversed__(self)

def counted(a):
    out = []
    for i, x in enumerate(a):
        out.append((i, x))
    return out

def counted_from(a, n):
    total = 0
    for i, x in enumerate(a, n):
        total += i
    for i, x in enumerate(a, start=n):
        total += i
    return total

def weighted(a):
    total = 0
    for i, x in enumerate(a):
        total += i * x
    return total

def both(a, b):
    total = 0
    for x, y in zip(a, b):
        total += x * y
    return total

def three(a, b, s):
    out = []
    for x, y, z in zip(a, b, s):
        out.append([x, y, z])
    return out

def nested(a, b):
    total = 0
    for i, (x, y) in enumerate(zip(a, reversed(b))):
        total += i + x - y
    return total

def tuples(a, b):
    out = []
    for pair in zip(a, b):
        out.append(pair)
    for pair in enumerate(b):
        out.append(pair)
    return out

def backwards(a):
    out = []
    for x in reversed(a):
        out.append(x)
    return out

def ranges(n, m):
    out = []
    for i in reversed(range(n, m)):
        out.append(i)
    for i in reversed(range(n, m, 3)):
        out.append(i)
    for i in reversed(range(m, n, -2)):
        out.append(i)
    for i, j in zip(range(n, m, 2), range(m)):
        out.append(i - j)
    return out

def growing(a):
    n = 0
    for i, x in enumerate(a):
        if i < 5:
            a.append(x)
        n += 1
    return n, a

def shrinking(a):
    seen = []
    for x in reversed(a):
        seen.append(x)
        if len(a) > 2:
            a.pop()
            a.pop()
    return seen

def uneven(a, b):
    for i, (x, y) in enumerate(zip(a, b)):
        if x == y:
            break
        if len(b) < 4:
            b.append(x)
    else:
        return a, b
    return i, b

def held(a):
    pairs = enumerate(a)
    total = 0
    for i, x in pairs:
        total += i
        if i == 2:
            break
    for i, x in pairs:
        total += 10 * i
    return total

def aliased(a):
    again = back = reversed(a)
    total = 0
    for x in back:
        total += x
        for y in again:
            total += 10 * y
            break
    return total
"""

THINGS = ["[]", "[1]", "[1, 2, 3]", "[1.5, 2.5]", "[1, 'x', None]", "(1, 2)", "'abc'", "range(4)",
          "Loud([1, 2])", "None", "{1: 2}", "list(range(40))", "[2**63 - 1, 2**70]"]  # fmt: skip
NUMBERS = ["0", "1", "-3", "7", "2**63 - 1", "2**63", "True", "1.5"]
CALLS: dict[str, tuple[list[str], ...]] = {
    "counted": (THINGS,),
    "counted_from": (THINGS, NUMBERS),
    "weighted": (THINGS,),
    "both": (THINGS, THINGS),
    "three": (THINGS[:6], THINGS[:6], ["'ab'", "''", "(1,)"]),
    "nested": (THINGS, THINGS),
    "tuples": (THINGS, THINGS),
    "backwards": (THINGS,),
    "ranges": (["0", "3", "-5", "True", "-2**63"], ["0", "4", "-3", "9", "-2**63 + 2"]),
    "growing": (THINGS,),
    "shrinking": (THINGS,),
    "uneven": (THINGS[:6], THINGS[:6]),
    "held": (THINGS,),
    "aliased": (THINGS,),
}
RECORDED = {"ints": ("[1, 2, 3]", "[3, 2, 2]", "2"), "floats": ("[1.5, 2.5]", "[0.5]", "0"),
            "tuples": ("(1, 2)", "(3, 4)", "-1")}  # fmt: skip


def wanted(recorded: str) -> list[str]:
    """A recorded call of each function."""
    a, b, n = RECORDED[recorded]
    given = {"counted_from": (a, n), "ranges": ("2", "9"), "three": (a, b, "'xyz'")}
    calls = []
    for name, lists in CALLS.items():
        if recorded != "tuples" or name not in ("growing", "shrinking", "uneven"):
            calls.append(f"{name}({', '.join(given.get(name, (a, b)[: len(lists)]))})")
    return calls


@pytest.mark.parametrize(("recorded", "force"), turns(RECORDED, ["once", "every:1", "every:3"]))
def test_iterators(recorded: str, force: str) -> None:
    first = wanted(recorded)
    names = [call.partition("(")[0] for call in first]
    calls = [f"{n}({', '.join(args)})" for n in names for args in product(*CALLS[n])]
    compare(SOURCE, first, calls, 1 / 2, [force])
