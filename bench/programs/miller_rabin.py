"""Count primes with the Miller-Rabin test; squares of 31-bit residues stay within 64 bits."""


def power(base, exponent, modulus):
    result = 1
    base %= modulus
    while exponent > 0:
        if exponent & 1:
            result = result * base % modulus
        base = base * base % modulus
        exponent >>= 1
    return result


def passes(n, odd, twos, base):
    x = power(base, odd, n)
    if x == 1 or x == n - 1:
        return True
    for _ in range(twos - 1):
        x = x * x % n
        if x == n - 1:
            return True
    return False


def is_prime(n):
    if n < 2:
        return False
    if n % 2 == 0:
        return n == 2
    odd = n - 1
    twos = 0
    while odd % 2 == 0:
        odd //= 2
        twos += 1
    if n % 3 == 0 or n % 5 == 0 or n % 7 == 0:
        return n == 3 or n == 5 or n == 7
    return passes(n, odd, twos, 2) and passes(n, odd, twos, 3) and passes(n, odd, twos, 5)


def count_primes(low, high):
    count = 0
    for n in range(low, high):
        if is_prime(n):
            count += 1
    return count
