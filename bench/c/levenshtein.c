/* Twin of bench/programs/levenshtein.py, on ASCII texts. */
#include <stdint.h>
#include <stdlib.h>

static int64_t least(int64_t a, int64_t b)
{
    return b < a ? b : a;
}

int64_t distance(const char *a, int64_t a_size, const char *b, int64_t b_size)
{
    int64_t *previous = malloc((b_size + 1) * sizeof *previous);
    int64_t *current = malloc((b_size + 1) * sizeof *current);
    for (int64_t j = 0; j <= b_size; j++)
        previous[j] = j;
    for (int64_t i = 1; i <= a_size; i++) {
        current[0] = i;
        for (int64_t j = 1; j <= b_size; j++)
            current[j] = least(least(current[j - 1] + 1, previous[j] + 1),
                               previous[j - 1] + (a[i - 1] != b[j - 1]));
        int64_t *row = previous;
        previous = current;
        current = row;
    }
    int64_t answer = previous[b_size];
    free(previous);
    free(current);
    return answer;
}
