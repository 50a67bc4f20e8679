"""Lists and tuples made natively: nothing is kept after the call, whether it stays native."""

import gc
import sys
from contextlib import suppress


def build(items, n):
    out = [items, (items, n)] * 2
    push = out.append
    for i, x in enumerate(items):
        push([x, i])
        out += (x, [x])
    out[1:3] = [items]
    del out[0], out[-1]
    first, *rest = out
    return [*rest, first], out[::-1], list(reversed(out))


def search(items, x):
    return x in items, items.count(x), sorted(items), items.index(x), max(items), sum(items)


def shuffle(items, n):
    rows = [items[:], items.copy(), list(items)]
    for i in range(3):
        for j in range(n):
            rows[i][j] = rows[i - 1][j]
    rows.sort()
    for a, b in zip(rows, reversed(rows)):  # noqa: B905
        a.extend(b)
        b.pop()
        b.insert(1, a.pop(0))
    return rows


def scenario():  # pyvorin: skip
    items, big = [3, 1, 2], 10**40
    subjects = [items, big, None, ()]
    counts = []
    for calls in (500, 20000):
        for i in range(calls):
            build(items, i % 7)
            search(items, 2)
            shuffle(items, 3) if i % 3 else None
            with suppress(TypeError, ValueError):
                search([big, "x", items], i % 2)
            with suppress(IndexError, TypeError):
                shuffle([big, i], 5)
        gc.collect()
        counts.append((sys.getallocatedblocks(), [sys.getrefcount(x) for x in subjects]))
    (blocks, before), (more, after) = counts
    print(
        more - blocks < 100,
        [abs(one - other) < 50 for one, other in zip(before, after, strict=True)],
    )
