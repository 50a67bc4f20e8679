/* Twin of bench/programs/gcd.py. */
#include <stdint.h>

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

int64_t coprime_pairs(int64_t limit)
{
    int64_t count = 0;
    for (int64_t a = 1; a < limit; a++)
        for (int64_t b = 1; b < a; b++)
            if (gcd(a, b) == 1)
                count++;
    return count;
}
