/* Twin of bench/programs/factorize.py. */
#include <stdint.h>

static int64_t largest_factor(int64_t n)
{
    int64_t factors[64], count = 0;
    for (; n % 2 == 0; n /= 2)
        factors[count++] = 2;
    for (int64_t divisor = 3; divisor * divisor <= n; divisor += 2)
        for (; n % divisor == 0; n /= divisor)
            factors[count++] = divisor;
    if (n > 1)
        factors[count++] = n;
    return factors[count - 1];
}

void largest_factors(int64_t start, int64_t stop, int64_t *largest)
{
    for (int64_t n = start; n < stop; n++)
        largest[n - start] = largest_factor(n);
}
