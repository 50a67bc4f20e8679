"""Loops with else, break, continue, nesting, and locals that may be unbound."""

# ruff: noqa: B007, E741 (programs are kept as people write them)


def total(n):
    s = 0
    for i in range(n):
        s += i
    return s


def stepped(a, b, c):
    found = []
    for i in range(a, b, c):
        found += (i,)
    return found


def with_else(items, wanted):
    for position, item in ((0, items[0]), (1, items[1])):
        if item == wanted:
            break
    else:
        return "missing"
    return position


def while_else(n):
    while n > 0:
        n -= 3
        if n == 1:
            break
    else:
        n = -n
    return n


def nested(n):
    count = 0
    for i in range(n):
        for j in range(i):
            if (i + j) % 3 == 0:
                continue
            if j > 5:
                break
            count += i * j
        else:
            count += 1000
    return count


def forever(n):
    k = 0
    while True:
        k += 1
        if k * k > n:
            return k


def forever_with_break(n):
    while 1:
        n -= 1
        if n < 0:
            break
        if n % 2:
            continue
        n -= 1
    return n


def last_seen(items):
    for item in items:
        seen = item
    return seen


def loop_variable_after(n):
    for i in range(n):
        pass
    return i


def maybe_bound(flag, n):
    if flag:
        value = 1
    for i in range(n):
        if i == 2:
            value = i
    return value


def deleted(n):
    x = n
    if n > 3:
        del x
    y = 2
    for i in range(2):
        if n > 1:
            y = x
    del y
    return x


def deleted_twice(n):
    x = n
    if n:
        del x
    del x
    return n


def returns_inside(items, wanted):
    for i in range(len(items)):
        for j in range(len(items)):
            if items[i] + items[j] == wanted:
                return i, j
    return None


def string_walk(text):
    count = 0
    for c in text:
        if c == "a":
            count += 1
        elif c > "m":
            count += ord(c)
    return count


def sieve(flags):
    n = len(flags)
    for i in range(2, n):
        if flags[i]:
            for j in range(i * i, n, i):
                flags[j] = False
    count = 0
    for flag in flags[2:] if n > 100 else flags:
        if flag:
            count += 1
    return count


def two_iterators(a, b):
    result = 0
    for x in a:
        for y in b:
            result = result * 3 + x * y
            if result > 1000:
                break
        if result > 2000:
            break
    return result


def many_locals(n):
    a = b = c = d = e = f = g = h = i = j = k = l = m = o = p = q = n
    while n:
        a, b, c, d = b, c, d, a + 1
        e, f = f, e - 1
        g = h = a + e
        i, j, k = k, j, i
        l += m
        o = p + q
        n -= 1
    return a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q


CASES = [
    ("total", (10,)),
    ("total", (0,)),
    ("total", ("x",)),
    ("stepped", (10, 0, -3)),
    ("stepped", (0, 10, 0)),
    ("with_else", ([1, 2], 2)),
    ("with_else", ([1, 2], 3)),
    ("while_else", (10,)),
    ("while_else", (9,)),
    ("nested", (12,)),
    ("forever", (50,)),
    ("forever_with_break", (21,)),
    ("last_seen", ([1, 2],)),
    ("last_seen", ([],)),
    ("last_seen", (5,)),
    ("loop_variable_after", (3,)),
    ("loop_variable_after", (0,)),
    ("maybe_bound", (True, 1)),
    ("maybe_bound", (False, 5)),
    ("maybe_bound", (False, 1)),
    ("deleted", (1,)),
    ("deleted", (2,)),
    ("deleted", (5,)),
    ("deleted_twice", (1,)),
    ("deleted_twice", (0,)),
    ("returns_inside", ([1, 5, 9], 14)),
    ("returns_inside", ([1, 5, 9], 0)),
    ("string_walk", ("banana zoo",)),
    ("sieve", ([True] * 30,)),
    ("two_iterators", ([1, 2, 3], (4, 5.5, 6))),
    ("many_locals", (7,)),
]
