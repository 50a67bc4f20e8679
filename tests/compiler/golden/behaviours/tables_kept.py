"""Dicts, sets and strings made natively: nothing is kept after the call, native or not."""

import gc
import sys
from contextlib import suppress


def count(words):
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
        counts[word, "x"] = counts.setdefault(word, 7)
    for pair in counts.items():
        word, n = pair
        counts[word] = n
    counts.update({"a": 300})
    del counts["a"]
    return counts.pop("zz", None), list(counts), counts


def grid(n):
    seen = set()
    d = {}
    for i in range(n):
        for j in range(n):
            seen.add((i, j))
            d[i, j] = d.get((j, i), 1000) + 1
    while len(seen) > 2:
        seen.pop()
    for x in seen:
        if x in d:
            d[x] = 0.5
    seen |= {1, 2, 3, 4}
    seen.discard(1)
    return seen, d, seen & {2, 3}


def write(text, x):
    out = ""
    for ch in text:
        out += ch.upper() if ch.isalpha() else f"{x:>4}{ch!r}"
        out = out + str(x)
    return out.split("1"), out == text, "-".join([text, out]), out.find("7"), out.encode(), out * 2


def scenario():  # pyvorin: skip
    words, big, text = ["ab", "cd", "ab", "é"], 10**40, "a1\u0101-" * 3
    subjects = [words, big, text, None, *words]
    counts = []
    for calls in (300, 6000):
        for i in range(calls):
            count(words)
            grid(i % 5)
            write(text, i % 11)
            with suppress(TypeError):
                count([big, words])
            with suppress(TypeError):
                write(text, words)
            with suppress(TypeError):
                grid(None)
        gc.collect()
        counts.append((sys.getallocatedblocks(), [sys.getrefcount(x) for x in subjects]))
    (blocks, before), (more, after) = counts
    print(
        more - blocks < 100,
        [abs(one - other) < 50 for one, other in zip(before, after, strict=True)],
    )
    print(count(words), write(text, 3), grid(3))
