"""Number theory with integers of any size: powers, primes, factors, Fibonacci numbers."""

WITNESSES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)


def power(base, exponent, modulus):
    """Return base ** exponent % modulus by repeated squaring.

    >>> power(3, 200, 1000007)
    959082
    >>> power(2, 2 ** 80, 2 ** 89 - 1) == pow(2, 2 ** 80, 2 ** 89 - 1)
    True
    """
    result = 1 % modulus
    base %= modulus
    while exponent > 0:
        if exponent & 1:
            result = result * base % modulus
        base = base * base % modulus
        exponent >>= 1
    return result


def witnesses_composite(a, odd, twos, n):
    """Tell whether a proves that n = odd * 2**twos + 1 is composite."""
    x = power(a, odd, n)
    if x == 1 or x == n - 1:
        return False
    for _ in range(twos - 1):
        x = x * x % n
        if x == n - 1:
            return False
    return True


def is_prime(n):
    """Miller–Rabin; certain below 3.3e24, overwhelmingly likely above.

    >>> [n for n in range(30) if is_prime(n)]
    [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]
    >>> is_prime(2 ** 89 - 1), is_prime(2 ** 83 - 1)
    (True, False)
    """
    if n < 2:
        return False
    for p in WITNESSES:
        if n % p == 0:
            return n == p
    odd = n - 1
    twos = 0
    while odd % 2 == 0:
        odd //= 2
        twos += 1
    for a in WITNESSES:
        if witnesses_composite(a, odd, twos, n):
            return False
    return True


def greatest_common_divisor(a, b):
    """Euclid's algorithm.

    >>> greatest_common_divisor(462, 1071)
    21
    """
    while b:
        a, b = b, a % b
    return a


def find_factor(n):
    """Return a factor of a composite n by Pollard's rho.

    >>> sorted((find_factor(8051), 8051 // find_factor(8051)))
    [83, 97]
    """
    step = 1
    while True:
        slow = fast = 2
        factor = 1
        while factor == 1:
            slow = (slow * slow + step) % n
            fast = (fast * fast + step) % n
            fast = (fast * fast + step) % n
            factor = greatest_common_divisor(abs(slow - fast), n)
        if factor != n:
            return factor
        step += 1


def fibonacci_modulo(n, modulus):
    """Return the n-th Fibonacci number modulo a modulus, by doubling from n's highest bit down.

    >>> [fibonacci_modulo(n, 1000) for n in (1, 2, 10, 100)]
    [1, 1, 55, 75]
    """
    a, b = 0, 1
    for bit in range(n.bit_length() - 1, -1, -1):
        a, b = a * (2 * b - a) % modulus, (a * a + b * b) % modulus
        if n >> bit & 1:
            a, b = b, (a + b) % modulus
    return a


if __name__ == "__main__":
    count = 0
    for n in range(1, 20000):
        count += is_prime(n)
    print(f"{count} primes below 20000")
    mersenne = [p for p in range(2, 200) if is_prime(p) and is_prime(2**p - 1)]
    print("Mersenne exponents", *mersenne)
    print("a factor of 1000000016000000063:", find_factor(1000000016000000063))
    print("F(10**18) mod 10**30 =", fibonacci_modulo(10**18, 10**30))
