/* Twin of bench/programs/sieve.py; `primes` has room for `limit` numbers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int64_t primes_below(int64_t limit, int64_t *primes)
{
    char *is_prime = malloc(limit);
    memset(is_prime, 1, limit);
    is_prime[0] = is_prime[1] = 0;
    for (int64_t number = 2; number * number < limit; number++)
        if (is_prime[number])
            for (int64_t multiple = number * number; multiple < limit; multiple += number)
                is_prime[multiple] = 0;
    int64_t found = 0;
    for (int64_t n = 0; n < limit; n++)
        if (is_prime[n])
            primes[found++] = n;
    free(is_prime);
    return found;
}
