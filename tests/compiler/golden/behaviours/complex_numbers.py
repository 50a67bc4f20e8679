"""Complex numbers: arithmetic, comparison, truth, formatting, cmath, as items, keys and results."""

import cmath
import math
from cmath import exp, pi, sqrt

VALUES = [
    0j,
    -0.0j,
    complex(-0.0, 0.0),
    1 + 2j,
    -3.5 - 0.25j,
    complex(math.inf, 1),
    complex(math.nan, -math.inf),
    1e308 + 1e308j,
    2,
    -7,
    2**70,
    0.5,
    -0.0,
    True,
]
OPERATIONS = {}


def operation(function):
    OPERATIONS[function.__name__] = function
    return function


@operation
def add(a, b):
    return a + b


@operation
def subtract(a, b):
    return a - b


@operation
def multiply(a, b):
    return a * b


@operation
def divide(a, b):
    return a / b


@operation
def power(a, b):
    return a**3, (1 + 1j) ** b, a**0.5


@operation
def floor_divide(a, b):
    return a // b


@operation
def remainder(a, b):
    return a % b


@operation
def equal(a, b):
    return (a == b, a != b)


@operation
def less(a, b):
    return a < b


@operation
def unary(a, b):
    return (-a, +a, abs(a), not b)


@operation
def invert(a, b):
    return ~a


@operation
def texts(a, b):
    return f"{a} {b!r} {a:.2f}", str(b)


@operation
def truth(a, b):
    return 1 if a and not b else 2


@operation
def functions(a, b):
    return exp(a / 1e300), cmath.phase(b), cmath.polar(a), cmath.isclose(a, b), sqrt(a)


@operation
def logarithm(a, b):
    return cmath.log(a), cmath.log(a, b)


@operation
def smallest(a, b):
    return min(a, b)


def transform(x):
    n = len(x)
    if n <= 1:
        return x
    even = transform(x[0::2])
    odd = transform(x[1::2])
    turned = [exp(-2j * pi * k / n) * odd[k] for k in range(n // 2)]
    return [even[k] + turned[k] for k in range(n // 2)] + [
        even[k] - turned[k] for k in range(n // 2)
    ]


def escape(c, most):
    z = 0j
    for step in range(most):
        if abs(z) > 2:
            return step
        z = z * z + c
    return most


def gathered(values):
    """As items that are overwritten, as keys, and added up."""
    kept = [0j] * 4
    seen = {}
    total = 0
    for i, z in enumerate(values):
        kept[i % 4] = z + 1
        seen[z] = i
        total += z
    return kept, list(seen.items()), total


def fails(z):
    steps = []
    for k in range(3):
        steps.append(z / (2 - k))
    return steps


def shown(call, *args):
    try:
        return repr(call(*args))
    except Exception as error:
        return f"{type(error).__name__}: {error} at {error.__traceback__.tb_next.tb_lineno}"


class Odd(complex):
    def __add__(self, other):
        return "odd"

    def __abs__(self):
        return 7.0


def scenario():
    for name, function in OPERATIONS.items():
        for _ in range(3):
            rows = [shown(function, a, b) for a in VALUES for b in VALUES]
        print(name, len(rows), *rows, sep="\n  ")
    print(shown(transform, [complex(math.sin(i), math.cos(i)) for i in range(64)]))
    print([escape(complex(x / 8 - 2, y / 8 - 1), 50) for x in range(24) for y in range(16)])
    print(shown(gathered, [1j, 2, 3.5, 1j, 4j, 2 + 0j, -0.0j]))
    print(shown(gathered, VALUES))
    print(shown(fails, 4 + 2j))
    print(shown(add, Odd(1), 2j), shown(unary, Odd(1), 0), shown(escape, Odd(1, 1), 20))
