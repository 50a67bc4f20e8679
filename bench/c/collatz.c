/* Twin of bench/programs/collatz.py. */
#include <stdint.h>

void longest(int64_t limit, int64_t result[2])
{
    int64_t best = 0, best_start = 0;
    for (int64_t start = 1; start < limit; start++) {
        int64_t n = start, steps = 0;
        while (n != 1) {
            if (n % 2 == 0)
                n /= 2;
            else
                n = 3 * n + 1;
            steps++;
        }
        if (steps > best) {
            best = steps;
            best_start = start;
        }
    }
    result[0] = best_start;
    result[1] = best;
}
