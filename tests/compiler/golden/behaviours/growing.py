"""Accumulators that leave 64 and 128 bits in the middle of a loop, and come back."""


def factorial(n):
    r = 1
    for i in range(1, n + 1):
        r *= i
    return r


def fibonacci(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


def hashed(xs):
    h = 5381
    for x in xs:
        h = (h * 33 + x) & 0xFFFFFFFFFFFFFFFF
    return h


def up_and_down(n):
    x = 1
    for i in range(n):
        x = x << 3 if i % 50 < 25 else x >> 3
    return x


def mixed(n):
    x = 1
    for i in range(n):
        x = x * 3 + 0.5 if i == 30 else x * 3
    return x


def scenario():  # pyvorin: skip
    for n in (0, 1, 20, 21, 33, 34, 35, 60):
        print(factorial(n), fibonacci(n * 3), hashed(list(range(n))), up_and_down(n), mixed(n))
    print(up_and_down(1000), factorial(200) % 10007, fibonacci(2000) % 10007)
