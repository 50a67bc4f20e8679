/* Twin of bench/programs/knapsack.py. */
#include <stdint.h>

int64_t best_value(const int64_t *weights, const int64_t *values, int64_t items, int64_t *best,
                   int64_t capacity)
{
    for (int64_t i = 0; i < items; i++) {
        int64_t weight = weights[i], value = values[i];
        for (int64_t room = capacity; room >= weight; room--) {
            int64_t candidate = best[room - weight] + value;
            if (candidate > best[room])
                best[room] = candidate;
        }
    }
    return best[capacity];
}
