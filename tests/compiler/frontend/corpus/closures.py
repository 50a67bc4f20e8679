"""Functions that share variables with lambdas, generators and functions inside."""


def scaled(values, k):
    total = 0
    for v in values:
        total += v * k
    k += 1
    return total + sum(v * k for v in values)


def counted(n):
    count = 0

    def bump():
        nonlocal count
        count += 1
        return count

    total = 0
    for i in range(n):
        total += bump() * i
        count += 2
    return total, count


def sorted_by(values, key, n):
    order = sorted(values, key=lambda v: v % key)
    for i in range(n):
        key += i
    return order, [v + key for v in order], key


def unset(n):
    def get():
        return late

    for i in range(n):
        if i == 3:
            late = i
    return get(), late


def made(n):
    found = []
    for i in range(n):
        found.append(lambda k=i: k + i)  # noqa: B023
    return [f() for f in found]


def in_comprehension(rows):
    return [any(x > row[0] for x in row) for row in rows], [(lambda: row)() for row in rows]


def around_comprehension(rows, row):
    kept = lambda: row  # noqa: E731
    found = [(lambda: row)() for row in rows]
    for i in range(3):
        row += i
    return found, row, kept()


CASES = [
    ("in_comprehension", ([[1, 2], [3, 3]],)),
    ("in_comprehension", ([],)),
    ("around_comprehension", ([1, 2], 5)),
    ("scaled", ([1, 2, 3], 4)),
    ("scaled", ([1.5, 2], 4)),
    ("scaled", ([], 4)),
    ("scaled", ("ab", 2)),
    ("counted", (5,)),
    ("counted", (0,)),
    ("counted", ("a",)),
    ("sorted_by", ([5, 3, 8, 1], 3, 4)),
    ("sorted_by", ([5, 3], 0, 4)),
    ("unset", (5,)),
    ("unset", (2,)),
    ("made", (4,)),
]
