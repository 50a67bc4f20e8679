"""Operators on ints, floats, bools and strings, with the errors they raise."""


def every_operator(a, b):
    return (a + b, a - b, a * b, a & b, a | b, a ^ b, -a, +a, ~a, not a)


def divisions(a, b):
    return a / b, a // b, a % b, divmod(a, b)


def power(a, b):
    return a**b


def shifts(a, n):
    return a << n, a >> n


def in_place(a, b):
    a += b
    a -= 2
    a *= b
    a //= 3
    a %= 1000
    a **= 2
    a <<= 2
    a >>= 1
    a &= 0xFFFF
    a |= 1
    a ^= b
    return a


def in_place_list(items, more):
    items += more
    items *= 2
    return items


def matrix_product(a, b):
    return a @ b


def polynomial(x):
    return ((3.0 * x - 2.5) * x + 1) * x - 7 / 2


def collatz(n):
    steps = 0
    while n != 1:
        if n % 2 == 0:
            n //= 2
        else:
            n = 3 * n + 1
        steps += 1
    return steps


def big(n):
    total = 1
    for i in range(1, n):
        total *= i
    return total


CASES = [
    ("every_operator", (12, 5)),
    ("every_operator", (-(2**70), 2**63)),
    ("in_place", (True, True)),
    ("every_operator", (1.5, 2)),
    ("every_operator", ("a", 2)),
    ("divisions", (7, -2)),
    ("divisions", (-7.5, 2)),
    ("divisions", (1, 0)),
    ("divisions", (1.0, 0)),
    ("power", (2, 100)),
    ("power", (2, -1)),
    ("power", (-8.0, 1 / 3)),
    ("power", ("a", 2)),
    ("shifts", (5, 70)),
    ("shifts", (5, -1)),
    ("in_place", (10, 7)),
    ("in_place", (2.0, 7)),
    ("in_place_list", ([1, 2], [3])),
    ("matrix_product", (1, 2)),
    ("polynomial", (2,)),
    ("polynomial", (-0.0,)),
    ("collatz", (27,)),
    ("big", (30,)),
]
