"""Variables of the module that functions assign to: read as they are now, whatever they are now."""

import traceback

COUNT = 0
SCALE = 0.5
CACHE = None
TABLE = [1, 2, 3]
LATER: object


def counted(n):
    global COUNT
    total = 0
    for i in range(n):
        total += i * COUNT
    COUNT += 1
    return total


def scaled(n):
    total = 0.0
    for i in range(n):
        total += i * SCALE
    return total


def looked_up(n):
    total = 0
    for i in range(n):
        total += TABLE[i % len(TABLE)]
    if CACHE is None:
        return total
    for i in range(n):
        total += CACHE.get(i, COUNT)
    return total


def absolute(n):
    total = 0
    for i in range(n):
        total += abs(i - 5)
    return total


def later(n):
    for _ in range(n):
        n += LATER
    return n


def assign(**names):
    global COUNT, SCALE, CACHE, TABLE, LATER, abs
    COUNT = names.get("count", COUNT)
    SCALE = names.get("scale", SCALE)
    CACHE = names.get("cache", CACHE)
    TABLE = names.get("table", TABLE)
    if "later" in names:
        LATER = names["later"]
    if "abs" in names:
        abs = names["abs"]


def forget():
    global LATER, abs
    del LATER, abs


def report():
    print(COUNT, SCALE, CACHE, TABLE)
    for function in (counted, scaled, looked_up, absolute, later):
        try:
            print(function.__name__, function(40), function(7))
        except Exception:
            print(traceback.format_exc())


def scenario():  # pyvorin: skip
    for names in (
        {},
        {"count": 3, "later": 2},
        {"scale": 2, "cache": {1: 5, 3: 2**70}},
        {"count": 2**63, "scale": 1.25, "later": 0.5},
        {"count": "x", "scale": None, "cache": [1], "table": (4, 5)},
        {"count": 2.5, "scale": True, "cache": {}, "table": [2.5] * 3, "later": None},
        {"count": 1, "abs": lambda x: x + 1, "scale": 2**64, "later": 1},
    ):
        assign(**names)
        report()
    forget()
    report()
