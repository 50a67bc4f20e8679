/* Twin of bench/programs/coin_change.py; the number of ways must fit 64 bits. */
#include <stdint.h>
#include <stdlib.h>

void pay(const int64_t *coins, int64_t kinds, int64_t amount, int64_t *answer)
{
    int64_t *table = calloc(amount + 1, sizeof *table), *best = calloc(amount + 1, sizeof *best);
    table[0] = 1;
    for (int64_t i = 0; i < kinds; i++)
        for (int64_t value = coins[i]; value <= amount; value++)
            table[value] += table[value - coins[i]];
    for (int64_t value = 1; value <= amount; value++) {
        best[value] = amount + 1;
        for (int64_t i = 0; i < kinds; i++)
            if (coins[i] <= value && best[value - coins[i]] + 1 < best[value])
                best[value] = best[value - coins[i]] + 1;
    }
    answer[0] = table[amount];
    answer[1] = best[amount];
    free(table);
    free(best);
}
