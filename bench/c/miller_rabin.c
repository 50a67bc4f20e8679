/* Twin of bench/programs/miller_rabin.py. */
#include <stdbool.h>
#include <stdint.h>

static int64_t power(int64_t base, int64_t exponent, int64_t modulus)
{
    int64_t result = 1;
    base %= modulus;
    while (exponent > 0) {
        if (exponent & 1)
            result = result * base % modulus;
        base = base * base % modulus;
        exponent >>= 1;
    }
    return result;
}

static bool passes(int64_t n, int64_t odd, int64_t twos, int64_t base)
{
    int64_t x = power(base, odd, n);
    if (x == 1 || x == n - 1)
        return true;
    for (int64_t i = 0; i < twos - 1; i++) {
        x = x * x % n;
        if (x == n - 1)
            return true;
    }
    return false;
}

static bool is_prime(int64_t n)
{
    if (n < 2)
        return false;
    if (n % 2 == 0)
        return n == 2;
    int64_t odd = n - 1, twos = 0;
    while (odd % 2 == 0) {
        odd /= 2;
        twos++;
    }
    if (n % 3 == 0 || n % 5 == 0 || n % 7 == 0)
        return n == 3 || n == 5 || n == 7;
    return passes(n, odd, twos, 2) && passes(n, odd, twos, 3) && passes(n, odd, twos, 5);
}

int64_t count_primes(int64_t low, int64_t high)
{
    int64_t count = 0;
    for (int64_t n = low; n < high; n++)
        if (is_prime(n))
            count++;
    return count;
}
