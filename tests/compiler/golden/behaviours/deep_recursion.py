"""RecursionError comes where CPython's own comes, however frames were entered, left and resumed: at
every limit, in calls that native code declines, in calls that leave it, and in a small stack.
"""

import sys
import threading
import traceback


def down(n):
    if n == 0:
        return 0
    return 1 + down(n - 1)


def named(n, step=1):
    if n == 0:
        return step
    return named(n - step, step=step) + n


def defaulted(n, step=1):
    if n == 0:
        return step
    return defaulted(n - step) + n


def stepped(n):
    """The call of a leaf comes first, so that is where the limit is met."""
    if n == 0:
        return 0
    return 1 + stepped(n - one(n))


def one(n):
    return 1 if n else 2


def left(n, items):
    """Recorded with ints: each level leaves at the addition, before and after the call."""
    before = items[0] + n
    if n == 0:
        return before
    after = left(n - 1, items)
    return after + items[0]


def looped(n, items):
    """Each level enters native code again at its loop's header, and leaves inside."""
    total = 0
    for i in range(3):
        total += items[i]
    if n == 0:
        return total
    return looped(n - 1, items) + total


def compared(n, text):
    """On 3.11 a comparison inside a builtin needs a level of its own."""
    if n <= 0:
        return text[0]
    return compared(n - 1, text[n % max(1, len(text))])


def ping(n, x):
    if n == 0:
        return x
    return pong(n - 1, x) + 1


def pong(n, x):
    if n == 0:
        return x
    return ping(n - 1, x) + 2


def leaf(x):
    return x % 2


def leafed(n, x):
    """At the limit it is the call of a function without calls of its own that finds no frame."""
    if n == 0:
        return 0
    return leafed(n - 1, leaf(x)) + leaf(x)


def kinds():  # pyvorin: skip
    """Every kind of call at a limit, as functions of the depth."""
    found = {
        "down": down,
        "down, a bool below": lambda n: down(n - 1 + True),
        "named": named,
        "a star": lambda n: named(*[n]),
        "left, ints": lambda n: left(n, [1]),
        "left, floats": lambda n: left(n, [0.5]),
        "looped, ints": lambda n: looped(n, [1, 2, 3]),
        "looped, floats": lambda n: looped(n, [1, 2.5, 3]),
        "compared": lambda n: compared(n, "abc"),
        "leafed": lambda n: leafed(n, 3),
        "leafed, floats": lambda n: leafed(n, 1.5),
        "ping": lambda n: ping(n, 1),
        "ping, floats": lambda n: ping(n, 1.5),
    }
    if sys.version_info < (3, 13):  # 3.13.0 itself has no limit for calls with defaults, once warm
        found["defaulted"] = defaulted
    return found


def depth_of(call):  # pyvorin: skip
    """How the call ends when it goes too deep: the message and the frames in the traceback."""
    try:
        return repr(call(10**7))
    except RecursionError as error:
        return f"{error} {places(error.__traceback__)}"


def places(tb):  # pyvorin: skip
    """How many frames a traceback has, and where it ends. Keeps no frame alive."""
    count = 1
    while tb.tb_next is not None:
        count, tb = count + 1, tb.tb_next
    code = tb.tb_frame.f_code
    return f"{count} frames, {list(code.co_positions())[tb.tb_lasti // 2]} of {code.co_name}"


def largest(call, limit):  # pyvorin: skip
    """The largest depth below the limit that does not raise."""
    for depth in range(limit - 1, 0, -1):
        try:
            call(depth)
            return depth
        except RecursionError:
            pass


def innermost(function, n):  # pyvorin: skip
    """Where a call that is too deep fails: function, line and columns, and how deep that is."""
    try:
        function(n)
    except RecursionError as error:
        frames = traceback.extract_tb(error.__traceback__)
        last = frames[-1]
        return last.name, last.lineno, last.colno, last.end_colno, len(frames)


def recorded():  # pyvorin: skip
    """Calls of all kinds, none of them deep: the compiler sees no others."""
    for _ in range(10):
        print(down(5), named(5), defaulted(5), left(3, [1]), looped(3, [1, 2, 3]))
        print(compared(4, "ab"), ping(5, 1), leafed(4, 3), stepped(8))
    print([call(5) for call in kinds().values()])


def scenario():  # pyvorin: skip
    recorded()
    for limit in (200, 1000, 3000):
        sys.setrecursionlimit(limit)
        print(limit, innermost(stepped, stepped(8) * limit))
        for name, call in kinds().items():
            print(limit, name, depth_of(call), largest(call, limit))
    sys.setrecursionlimit(250_000)  # more frames than a C stack of 8 MB could have
    print("left, floats", depth_of(kinds()["left, floats"]))
    print(down(250_000 - 100), named(10**5), ping(10**5, 1.5))
    sys.setrecursionlimit(1000)
    in_small_stack()
    print(down(900))


def in_small_stack():  # pyvorin: skip
    """Python code needs no C stack to recurse, so neither must native code. Only at a low limit do
    calls fail here: where a long traceback is freed, CPython 3.13 itself needs much C stack.
    """
    threading.stack_size(256 * 1024)
    results = []

    def fail():
        results.extend((name, depth_of(call)) for name, call in kinds().items())

    def succeed():
        results.extend((name, call(49_000)) for name, call in kinds().items())

    for limit, work in ((1000, fail), (50_000, succeed)):
        sys.setrecursionlimit(limit)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    print(*results, sep="\n")
    threading.stack_size(0)
