"""Functions, ranges, methods and other values that native code never builds, used as objects."""

import traceback


def returned_range(n):
    return range(n)


def returned_builtin(x):
    return len


def returned_method(x):
    return x.append


def listed(x):
    t = len
    return [t, x], (t, x), {1: t}, {t: x}


def stored(x, y):
    y[0] = len
    y.append(max)
    return y


def compared(x):
    return x == len, x is len, len is len, len is not max, not len


def shown(x):
    return f"{len}{x}"


def swapped(x):
    a, b = len, x
    a, b = b, a
    return a, b([1])


def maybe(n):
    found = None
    for i in range(n):
        found = len if i % 2 else max
    return found


def either(n):
    found = 1
    if n:
        found = len
    return found


def comprehended(n):
    return [len for i in range(n)]


def added(x):
    return x + len


def passed(x, f=len):
    return f(x)


def passing(x):
    return passed(x, len), passed(x, f=max)


def tupled(n):
    pair = (range(n), n)
    total = 0
    for i in pair[0]:
        total += i
    return total, pair


def is_number(x):
    return isinstance(x, (int, float)), isinstance(x, (str, bytes))


def numbers(values):
    total = 0
    for v in values:
        if isinstance(v, (int, float)):
            total += v
    return total


def kept_method(x):
    m = x.append
    n = m
    n(1)
    return [m.__name__, n is m], x


def sliced(x):
    s = slice(1, 3)
    return x[s], s


def either_error(n):
    if n < 0:
        raise ValueError("few" if n > -10 else "very few", n if n > -5 else str(n))
    return n


def identities(a, b):
    return a is b, (a, b)[0] is a, (a is None) == (b is None)


def show(function, *args):
    for _ in range(3):
        try:
            print(function.__name__, function(*args))
        except Exception:
            traceback.print_exc()


def scenario():
    show(returned_range, 3)
    show(returned_builtin, 1)
    show(lambda: returned_method([1])(2))
    show(listed, 3)
    show(lambda: stored(1, [1, 2]))
    show(compared, 5)
    show(compared, len)
    show(shown, 1)
    show(swapped, 7)
    for n in range(3):
        show(maybe, n)
        show(either, n)
        show(comprehended, n)
    show(added, 1)
    show(passing, [3, 4])
    show(passing, 1)
    show(tupled, 5)
    for value in (1, 2.5, "x", b"y", None, True):
        show(is_number, value)
    show(numbers, [1, 2.5, "x", None, True, 10**30])
    show(lambda: kept_method([]))
    show(sliced, [1, 2, 3, 4])
    for n in (-20, -7, -2, 1):
        show(either_error, n)
    show(identities, 5, 5)
    show(identities, None, None)
    show(identities, "a", "b")
