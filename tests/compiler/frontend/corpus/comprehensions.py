"""Comprehensions: functions of their own up to 3.11, loops with a hidden variable since 3.12."""


def squares(n):
    return [x * x for x in range(n)]


def scaled(values, factor, offset):
    offset += 1
    return [v * factor + offset for v in values if v != factor]


def table(rows, columns):
    return [[i * columns + j for j in range(columns)] for i in range(rows)]


def crossed(a, b):
    return [x + y for x in a for y in b if x < y]


def hidden(values):
    x = 5
    first = [x for x in values]
    for x in first:
        x += 1
    second = [x + 1 for x in first]
    return first, second, x


def unbound_after(values):
    found = [v for v in values]
    if not found:
        found = [w for w in (1, 2)]
    return found, v  # noqa: F821


def maybe(values, flag):
    if flag:
        x = 7
    found = [x for x in values]
    return found, x


def reassigned(values, k):
    first = [v + k for v in values]
    k = first[0] if first else k * 2
    second = [v - k for v in first]
    for i in range(3):
        k += i
        second.append(len([v for v in second if v > k]))
    return first, second, k


def of_kinds(values):
    return sorted({v % 3 for v in values}), {v: v * v for v in values}


def in_call(values, n):
    return max([v * n for v in values]), len([1 for v in values if v > n])


def raising(values, n):
    return [v // n for v in values]


def handled(values, n):
    try:
        return [n // v for v in values]
    except ZeroDivisionError:
        return [n for v in values]


def characters(text, other):
    return [c for c in text if c in "aeiou"], [c == d for c in text for d in other]


CASES = [
    ("squares", (0,)),
    ("squares", (7,)),
    ("squares", (2.5,)),
    ("scaled", ([1, 2, 3, 4], 3, 10)),
    ("scaled", ([1.5, 2, "a"], 2, 10)),
    ("scaled", ((1, 2), 3, 0.5)),
    ("table", (3, 4)),
    ("table", (0, 4)),
    ("crossed", ([1, 2, 3], (2, 3, 4))),
    ("crossed", ([1, 2, 3], 5)),
    ("hidden", ([3, 4],)),
    ("hidden", ([],)),
    ("unbound_after", ([1],)),
    ("unbound_after", ([],)),
    ("maybe", ([1, 2], True)),
    ("maybe", ([1, 2], False)),
    ("reassigned", ([1, 2, 3], 4)),
    ("reassigned", ([], 4)),
    ("of_kinds", ([1, 2, 3, 4],)),
    ("in_call", ([1, 2, 3], 2)),
    ("in_call", ([], 2)),
    ("raising", ([1, 2, 3], 2)),
    ("raising", ([1, 2, 3], 0)),
    ("handled", ([1, 2, 0, 3], 12)),
    ("handled", ([1, 2], 12)),
    ("characters", ("hello", "lo")),
]
