"""Calls: positional, keyword, defaults, recursion, builtins, module attributes, methods."""

import math

LIMIT = 10
TABLE = (1, 2, 3)


def helper(a, b=2, *, scale=1.0, shift=0):
    return (a + b) * scale + shift


def positional_only(a, /, b):
    return a - b


def uses_helper(x):
    return (
        helper(x),
        helper(x, 5),
        helper(x, scale=2),
        helper(b=x, a=1, shift=3),
        positional_only(x, b=1),
    )


def missing_argument(x):
    return helper(scale=x)


def surplus_argument(x):
    return helper(x, x, x)


def unknown_keyword(x):
    return helper(x, factor=2)


def twice_given(x):
    return helper(x, a=1)


def fibonacci(n):
    if n < 2:
        return n
    return fibonacci(n - 1) + fibonacci(n - 2)


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


def builtins_used(items):
    print("items:", len(items), sep=" ", end="!\n")
    return min(items), max(items), abs(items[0]), sum(items), round(items[0] / 3, 2)


def math_used(x):
    return math.sqrt(x), math.sin(x) + math.pi, math.floor(x), math.hypot(x, LIMIT)


def conditional_argument(a, b):
    return helper(a if a else b, b or 7, scale=1 if a is None else 2)


def methods(text, items):
    items.append(text.upper())
    return items, text.split(",", maxsplit=1)


def undefined_name(x):
    return x + no_such_name  # noqa: F821


def missing_attribute(x):
    return math.no_such_function(x)


def module_constants(i):
    return TABLE[i] * LIMIT


def call_number(x):
    return x(1)


def argument_order(x):
    return helper(note("a", x), note("b", 1), shift=note("c", 2), scale=note("d", 3))


def note(name, value):
    print(name)
    return value


def raises_below(x):
    y = x * 2
    return checked(y, x) + 1


def checked(y, x):
    if y > 10:
        raise ValueError(f"{y} is too big for {x}")
    assert y >= 0, "negative"
    return y


def inner_error(n):
    total = 1
    for i in range(n):
        total += 10 // divide_by(3 - i)
    return total


def divide_by(n):
    return 6 // n


CASES = [
    ("uses_helper", (3,)),
    ("uses_helper", ("a",)),
    ("missing_argument", (1,)),
    ("surplus_argument", (1,)),
    ("unknown_keyword", (1,)),
    ("twice_given", (1,)),
    ("fibonacci", (11,)),
    ("even", (9,)),
    ("builtins_used", ([3, 1, 2],)),
    ("builtins_used", ([],)),
    ("math_used", (2,)),
    ("math_used", (-2,)),
    ("conditional_argument", (0, 4)),
    ("conditional_argument", (None, 0)),
    ("methods", ("a,b,c", [1])),
    ("undefined_name", (1,)),
    ("missing_attribute", (1,)),
    ("module_constants", (1,)),
    ("module_constants", (3,)),
    ("call_number", (1,)),
    ("argument_order", (1,)),
    ("raises_below", (1,)),
    ("raises_below", (6,)),
    ("raises_below", (-1,)),
    ("inner_error", (5,)),
    ("inner_error", (3,)),
]
