"""Generator expressions consumed in place, and others that look alike."""


def squares(n):
    return sum(i * i for i in range(n))


def scaled(values, factor, offset):
    offset += 1
    return sum(v * factor + offset for v in values if v != factor)


def decided(values, limit):
    return any(v > limit for v in values), all(v < limit for v in values)


def listed(values, n):
    return list(v // n for v in values), tuple(v + n for v in values)


def ordered(n):
    return sorted((y, x) for x in range(n) for y in range(x))


def joined(values, separator):
    return separator.join(str(v) for v in values)


def nested(rows):
    return sum(sum(x * x for x in row) for row in rows), [any(x for x in row) for row in rows]


def hidden(rows):
    return [any(x > row[0] for x in row) for row in rows]


def doubled(v):
    return v * 2


def called(values):
    return sum(doubled(v) for v in values)


def handled(values, n):
    try:
        return sum(n // v for v in values)
    except ZeroDivisionError as error:
        return str(error)


def repeated(values, n):
    total = 0
    for k in range(n):
        total += sum(v * k for v in values)
        if all(v != k for v in values):
            total += 1
    return total


def chosen(values, other, n):
    return sum(v * n for v in (values if n else other))


def stored(values, n):
    found = any((last := v) > n for v in values)
    return found, last


def kept(values, n):
    made = (v + n for v in values)
    n += 1
    return sum(made)


def with_start(values, n):
    return sum((v + n for v in values), n), max((v for v in values), default=n)


def own(values, sum):
    return sum(v for v in values)


def stops(values):
    return list(next(iter(())) for v in values)


def grows(values):
    return list(values.append(v) or v for v in values if len(values) < 5)


def best(values, n):
    return min(v * n for v in values), max(v - n for v in values if v != n)


def best_or(values, n):
    try:
        return max(v for v in values if v > n)
    except ValueError as error:
        return str(error)


CASES = [
    ("best", ([3, 1, 2], 2)),
    ("best", ([3, 1.5, 2], -1)),
    ("best", ([], 2)),
    ("best", ([2], 2)),
    ("best", ([3, "a"], 2)),
    ("best", (["b", "a"], 2)),
    ("best_or", ([1, 2, 3], 1)),
    ("best_or", ([1, 2, 3], 5)),
    ("best_or", ([float("nan"), 2.5, 1.5], 1)),
    ("squares", (0,)),
    ("squares", (7,)),
    ("squares", (2.5,)),
    ("scaled", ([1, 2, 3, 4], 3, 10)),
    ("scaled", ([1.5, 2, "a"], 2, 10)),
    ("scaled", ((1, 2), 3, 0.5)),
    ("scaled", ([2**62, 2**62, 1.5, 0.1, 0.2], 3, -1)),
    ("decided", ([1, 5, 9], 6)),
    ("decided", ([1, 5], 6)),
    ("decided", ([1, "b"], 6)),
    ("decided", ([], 6)),
    ("listed", ([5, 6, 7], 2)),
    ("listed", ([5, 6, "a"], 2)),
    ("listed", ([5, 6], 0)),
    ("ordered", (4,)),
    ("joined", ([1, 2.5, None], ", ")),
    ("joined", ([1, 2], b"-")),
    ("joined", ([1, 2], 3)),
    ("nested", ([[1, 2], [], [0]],)),
    ("nested", ([[1, 2], [None], [0]],)),
    ("hidden", ([[1, 2], [3, 3]],)),
    ("called", ([1, 2.5],)),
    ("called", ([1, "a"],)),
    ("handled", ([1, 2], 12)),
    ("handled", ([1, 0, 2], 12)),
    ("repeated", ([1, 2], 4)),
    ("repeated", ([1, 2.5], 4)),
    ("chosen", ([1, 2], (3,), 2)),
    ("chosen", ([1, 2], (3,), 0)),
    ("stored", ([1, 2, 3], 1)),
    ("kept", ([1, 2, 3], 1)),
    ("with_start", ([1, 2, 3], 1)),
    ("with_start", ([], 1)),
    ("own", ([1, 2, 3], list)),
    ("stops", ([1, 2],)),
    ("grows", ([1, 2],)),
]
