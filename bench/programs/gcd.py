"""How many pairs below a limit have no common divisor."""


def gcd(a, b):
    while b:
        a, b = b, a % b
    return a


def coprime_pairs(limit):
    count = 0
    for a in range(1, limit):
        for b in range(1, a):
            if gcd(a, b) == 1:
                count += 1
    return count
