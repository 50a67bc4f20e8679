"""A function whose code object is replaced runs the new code; putting it back works too."""


def first(n):
    total = 0
    for i in range(n):
        total += i
    return total


def caller(n):
    return first(n) + 1


def second(n):  # pyvorin: skip
    return -n


def scenario():  # pyvorin: skip
    print(first(5), caller(5))
    original = first.__code__
    first.__code__ = second.__code__
    print(first(5), caller(5))
    first.__code__ = original
    print(first(5), caller(5))
