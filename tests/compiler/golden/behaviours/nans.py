"""The bits of NaNs, wherever CPython's own answer does not depend on how warm its code is: that it
does for + and * of two NaNs alone, where 3.11 answers the second operand first and the first later.
"""

import math
import struct

HUGE = 1e308


def subtract(a, b):
    return a - b


def divide(a, b):
    return a / b


def remainder(a, b):
    return a % b


def floor(a, b):
    return a // b


def power(a, b):
    return a**b


def add(a, b):
    return a + b


def multiply(a, b):
    return a * b


def negate(a, b):
    return -a


def absolute(a, b):
    return abs(a)


def smaller(a, b):
    return min(a, b)


def larger(a, b):
    return max(a, b)


def root(a, b):
    return math.fabs(a) + 0.0


def made(a, b):
    """Made in the middle, of values known when it was compiled."""
    inf = HUGE * 10.0
    return inf - inf


def carried(a, b):
    total = 0.0
    for i in range(3):
        total = (total + a) - i * 0.5
    return total * 2.0


def bits(number):  # pyvorin: skip
    return struct.pack(">d", number).hex()


def scenario():  # pyvorin: skip
    texts = "7ff8000000000000", "fff8000000000000", "7ff8000000000001", "fff8000000000123"
    nans = [struct.unpack(">d", bytes.fromhex(text))[0] for text in texts]
    inf = float("inf")
    plain = [1.5, -0.0, inf, -inf]
    always = subtract, divide, remainder, floor, power, negate, absolute, smaller, larger, root
    for function in (*always, made, carried, add, multiply):
        for _ in range(40):
            function(1.5, 2.5)
        two = function in always
        pairs = [(a, b) for a in nans + plain for b in nans + plain if two or a == a or b == b]
        for a, b in pairs:
            try:
                print(function.__name__, bits(a), bits(b), bits(function(a, b)))
            except ArithmeticError as error:
                print(function.__name__, bits(a), bits(b), error)
