"""Keyword calls, defaults, and defaults changed while the program runs."""


def scale(x, factor=3, *, offset=1):
    total = offset
    for i in range(4):
        total += x * factor + i
    return total


def scenario():  # pyvorin: skip
    print(scale(1), scale(1, 2), scale(x=1, factor=5), scale(1, offset=7), scale(2.5))
    scale.__defaults__ = (10,)
    print(scale(1), scale(1, 2))
    scale.__kwdefaults__ = {"offset": 100}
    print(scale(1), scale(1, offset=2))
    scale.__defaults__ = None
    for call in (lambda: scale(), lambda: scale(1), lambda: scale(1, 2, 3), lambda: scale(1, z=2)):
        try:
            print(call())
        except TypeError as error:
            print(error)
