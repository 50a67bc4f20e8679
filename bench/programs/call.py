"""The smallest function: what one call costs."""


def add(a, b):
    return a + b
