"""Subscripts, tuples, unpacking, swapping, and what they raise."""


def read(items, i):
    return items[i]


def write(items, i, value):
    items[i] = value
    items[i] += 1
    return items


def swap(items, i, j):
    items[i], items[j] = items[j], items[i]
    return items


def rotate(a, b, c, d):
    a, b, c = b, c, a
    a, b, c, d = d, c, b, a
    return a, b, c, d


def unpack_two(pair):
    a, b = pair
    return b, a


def unpack_nested(value):
    (a, b), c = value
    return a + b + c


def unpack_none(value):
    [] = value
    return "empty"


def unpack_in_loop(pairs):
    total = 0
    for a, (b, c) in pairs:
        total += a * b - c
    return total


def insertion_sort(items):
    for i in range(1, len(items)):
        key = items[i]
        j = i - 1
        while j >= 0 and items[j] > key:
            items[j + 1] = items[j]
            j -= 1
        items[j + 1] = key
    return items


def matrix(rows, n):
    total = 0.0
    for i in range(n):
        row = rows[i]
        for j in range(n):
            total += row[j] * rows[j][i]
            rows[i][j] = total
    return total


def walrus(items):
    count = 0
    while (n := items[count]) > 0:
        count += 1
    return n, count


def multiple_targets(x):
    a = b = c = x
    a += (b,)
    return a, b, c


def slices(items):
    before = len(items)
    part = items[1:3]
    return part, before


CASES = [
    ("read", ([1, 2], -1)),
    ("read", ([1, 2], 2)),
    ("read", ("abc", 1)),
    ("read", ({"k": 1}, "x")),
    ("read", (5, 0)),
    ("write", ([1, 2], 1, 5)),
    ("write", ([1, 2], 5, 5)),
    ("write", ((1, 2), 0, 5)),
    ("write", ([1, 2], 0, "a")),
    ("swap", ([1, 2, 3], 0, 2)),
    ("swap", ([1, 2, 3], 0, 3)),
    ("rotate", (1, 2, 3, 4)),
    ("unpack_two", ((1, 2),)),
    ("unpack_two", ("ab",)),
    ("unpack_two", ((1, 2, 3),)),
    ("unpack_two", ((1,),)),
    ("unpack_two", (5,)),
    ("unpack_nested", (((1, 2), 3),)),
    ("unpack_none", ((),)),
    ("unpack_none", ((1,),)),
    ("unpack_in_loop", ([(1, (2, 3)), (4, (5, 6))],)),
    ("insertion_sort", ([5, 2, 9, 1, 5.5],)),
    ("insertion_sort", ([5, "a"],)),
    ("matrix", ([[1, 2], [3.5, 4]], 2)),
    ("walrus", ([3, 2, 0],)),
    ("walrus", ([3, 2],)),
    ("multiple_targets", ((1,),)),
    ("slices", ([1, 2, 3, 4],)),
]
