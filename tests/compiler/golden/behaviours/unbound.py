"""An unbound local's error marks the instruction that CPython marks. On 3.11 that depends on how
often the function ran: once warm, the one that was joined with the load.
"""


def added(n, flag):
    total = 0
    for i in range(n):
        if flag > i:
            x = i
    total = total + n
    return total + x


def passed(n, flag):
    if flag:
        a = 1
        b = 2
    d = n * 2
    return max(d, a), b


def second(n, flag):
    if flag:
        b = 2.5
    a = n
    return (a, b, n)


def stored(n, flag):
    if flag:
        b = n
    a = n + 1
    c = b
    return a + c


def constant(n, flag):
    if flag:
        b = n
    return n - (3 - b)


def third(n, flag):
    if flag:
        c = n
    a = n
    b = n * 2
    return pair(a, b, c)


def pair(a, b, c):
    return a + b * c


def called(n, flag):
    if n < 0:
        return 0
    return third(n, flag) + called(n - 1, flag)


def deleted(n, flag):
    x = n
    if flag:
        del x
    del x
    return n


def looped(n, flag):
    while n > 0:
        if flag == n:
            x = n
        n -= 1
        if n == 3:
            return n + x
    return 0


def chosen(n, flag):
    for v in range(flag):
        w = v  # noqa: F841
    return (n if n % 2 else -3.5) <= (n // (v or 1))


def chosen_last(n, flag):
    if flag:
        w = n
    return max(n + (n if n > 2 else 2), w)


def after_loop(n, flag):
    for i in range(n):
        if flag:
            w = i
        v = i
    u = w
    return u + v


def report(function, *arguments):  # pyvorin: skip
    try:
        return function(*arguments)
    except UnboundLocalError as error:
        marks = []
        tb = error.__traceback__.tb_next
        while tb is not None:
            code = tb.tb_frame.f_code
            marks.append((code.co_name, *list(code.co_positions())[tb.tb_lasti // 2]))
            tb = tb.tb_next
        return str(error), marks


def opaque(*values):
    return values[0]


def behind(n, flag):
    a = opaque(n, flag)
    if flag > 1:
        b = n
    return (a % (b | 1)) - 3


def scenario():  # pyvorin: skip
    functions = (
        added,
        passed,
        second,
        stored,
        constant,
        third,
        called,
        deleted,
        looped,
        chosen,
        chosen_last,
        after_loop,
        behind,
    )
    for function in functions:
        print(function.__name__)
        for turn in range(14):
            print(turn, report(function, turn % 4 + 2, 7 * (turn % 3 != 2)))
        for turn in range(3):
            print(turn, report(function, 12, turn % 2))
