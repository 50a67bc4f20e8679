"""Calls with keywords among native functions, and leaving native code inside what they called."""

NAMES = ("one", "two", "three")


def total(items, start=0, scale=1):
    result = start
    for item in items:
        result = result + item * scale
    return result


def reordered(items):
    return total(scale=2, items=items, start=1)


def mixed(items, scale):
    return total(items, scale=scale) + total(items, 1, scale=scale)


def counted(n, step=1, *, more=0):
    if n <= 0:
        return step
    return counted(n - step, step=step) + n


def down(n, step=1):
    if n <= 0:
        return step
    return down(n - step, step=step) + n


def named(n):
    names = ("a", "bcd")
    first, second = names
    return names[n], first, second


def scenario():  # pyvorin: skip
    for _ in range(10):
        print(reordered([1, 2]), mixed([1, 2], 3), down(5), named(0))
    for items in ([1, 2.5], [2**62, 2**62, 2**62], [True], ["no"], [None], []):
        for call in (reordered, lambda items: mixed(items, 2), lambda items: mixed(items, 0.5)):
            try:
                print(call(items))
            except TypeError as error:
                print(error, line_of(error.__traceback__))
    print(down(900), down(9, step=2), down(3.5, 0.5), counted(5))
    for wrong in ({"scale": 2}, {"items": [1], "none": 2}):
        try:
            total(**wrong)
        except TypeError as error:
            print(error)


def line_of(tb):  # pyvorin: skip
    lines = []
    while tb is not None:
        lines.append((tb.tb_frame.f_code.co_name, tb.tb_lineno))
        tb = tb.tb_next
    return lines[1:]
